"""Attack: how long does a provider take to match a population? The ML party hands over many and looks at the clock.

Off, matching that works on what was found alone: to select takes time for each record that is there, and most for a half of
them, which no processor foresees. On: the same steps on as many places of memory, whoever is in the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.canonical import half
from jalousie.validator.match import LabelColumn, align, encode_label, match_rows
from jalousie.validator.rows import RowIndex, index_rows

N = 50_000
TRIES = 60
LABEL = Label(column="y", classes=("0", "1"))
FEEDBACK = Feedback(identifier="id", labels={"y": LABEL})
RNG = np.random.default_rng(8)
Match = Callable[[np.ndarray, RowIndex, LabelColumn], object]


def by_what_is_found(population: np.ndarray, index: RowIndex, column: LabelColumn) -> object:
    first = half(index.pseudonyms, 0)
    at = np.searchsorted(first, half(population, 0))
    left = np.flatnonzero(at < len(first))
    found = first[at[left]] == half(population[left], 0)
    rows = np.full(len(population), -1)
    rows[left[found]] = index.rows[at[left][found]]
    return np.where(rows >= 0, column.values[rows], -1)


def by_the_same_steps(population: np.ndarray, index: RowIndex, column: LabelColumn) -> object:
    return align(match_rows(population, index), column)


def told_apart(match: Match) -> float:
    """How often a population with more of the table takes longer: of none against half, or all; 0.5 is a guess."""
    own, strangers = (RNG.integers(0, 256, (N, 16), dtype=np.uint8) for _ in range(2))
    index = index_rows(own, FEEDBACK)
    column = encode_label(RNG.integers(0, 2, N).astype(str), LABEL, FEEDBACK)
    kinds = {"none": strangers, "half": np.concatenate([own[: N // 2], strangers[N // 2 :]]), "all": own}
    taken: dict[str, list[int]] = {kind: [] for kind in kinds}
    for _ in range(TRIES):
        for kind, names in kinds.items():
            population = names[RNG.permutation(N)].copy()
            began = time.thread_time_ns()
            match(population, index, column)
            taken[kind].append(time.thread_time_ns() - began)
    none = np.array(taken["none"])[:, None]
    return max((none < np.array(taken[kind])[None, :]).mean() for kind in ("half", "all"))


def test_off_what_is_found_takes_time() -> None:
    assert max(told_apart(by_what_is_found) for _ in range(3)) > 0.75


def test_on_everybody_takes_as_long() -> None:
    # of three tries the best: others work on the same processors
    assert min(told_apart(by_the_same_steps) for _ in range(3)) < 0.65
