"""The two optima published with Grassberger's estimate of entropy: where they come from, to nine digits.

ARX decides a class by adding the terms of its values in the order of a hash table, and refuses as soon as the sum is over the
bound, although terms of single rows (G(1) < 0) are still to come. So its verdict hangs on the order, and the order on the
table that the class was counted from. Ours refuses no class that satisfies the published formula, and finds a lower loss in
both cases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from search_adult import COLUMNS, adult_rows
from test_search_published import build, published

from jalousie.privacy.models.base import Classes
from jalousie.privacy.models.diversity import EntropyLDiversity, grassberger_terms
from jalousie.privacy.search import Problem, exact_search
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS
from jalousie.tables.types import Codes, Counts, Floats, Mask


def cases(folder: Path) -> list[dict[str, Any]]:
    return [case for case in published(folder) if any("GRASSBERGER" in text for text in case["models"])]


class LeavesEarly(EntropyLDiversity):
    """Grassberger's estimate as the program of the published optima decides it.

    It adds the terms of a class's values in the order of its hash table and refuses as soon as the sum is over the bound,
    although terms of single rows (G(1) < 0) are still to come.
    """

    def satisfied(self, classes: Classes) -> Mask:
        cells = classes.cells[self.column]
        terms = grassberger_terms(int(classes.sizes.max(initial=1)))
        bound = classes.sizes * (terms[classes.sizes] - math.log(self.l))
        kept = self.possible(classes)
        order = np.lexsort((_slots(cells.group, cells.code), cells.group))
        sums = np.cumsum(cells.count[order] * terms[cells.count[order]])
        starts = np.searchsorted(cells.group, np.arange(len(classes)))
        before = np.concatenate(([0.0], sums))[starts]
        over = sums - before[cells.group] > bound[cells.group]
        kept[cells.group[over]] = False
        return kept

    def native(self) -> None:
        return None


def _slots(group: Counts, code: Codes) -> Counts:
    """Slots of open addressing: 8 of them hold up to 6 values; a larger table has a slot for each code."""
    slots = code.astype(np.int64)
    for start, end in pairwise([*np.flatnonzero(np.diff(group, prepend=-1)).tolist(), len(group)]):
        if end - start <= 6:
            table = [-1] * 8
            for value in code[start:end].tolist():
                slot = value % 8
                while table[slot] >= 0:
                    slot = (slot + 1) % 8
                table[slot] = value
            slots[start:end] = [table.index(value) for value in code[start:end].tolist()]
    return slots


class Slots:
    """Open addressing with linear probing: a value's home is its last bits; over three quarters full, a table doubles."""

    def __init__(self, capacity: int) -> None:
        self.values: list[int | None] = [None] * capacity
        self.known: dict[int, int] = {}

    def add(self, value: int, count: int) -> None:
        if value not in self.known:
            self._place(value)
            if len(self.known) + 1 > int(0.75 * len(self.values)):
                old, self.values = self.values, [None] * (2 * len(self.values))
                for other in old:
                    if other is not None:
                        self._place(other)
        self.known[value] = self.known.get(value, 0) + count

    def _place(self, value: int) -> None:
        slot = value % len(self.values)
        while self.values[slot] is not None:
            slot = (slot + 1) % len(self.values)
        self.values[slot] = value

    @property
    def counts(self) -> dict[int, int]:
        """In the order of the slots."""
        return {value: self.known[value] for value in self.values if value is not None}


def counted_by_way_of(
    problem: Problem, rows: Counts, sensitive: Sequence[int], way: Sequence[int], levels: Sequence[int]
) -> list[dict[int, int]]:
    """Per class of a scheme its counts, in the order of a table that was made of the packed tables of another scheme.

    `rows` are the distinct rows, and `sensitive` the values, of the raw rows in their order.
    """
    first, upper = problem.classes(way)[0], problem.classes(levels)[0]
    snapshot: dict[int, Slots] = {}
    above: dict[int, int] = {}
    for row, value in zip(rows.tolist(), sensitive, strict=True):
        snapshot.setdefault(int(first[row]), Slots(8)).add(value, 1)
        above[int(first[row])] = int(upper[row])
    merged: dict[int, Slots] = {}
    for at, table in snapshot.items():
        packed = table.counts
        into = merged.setdefault(above[at], Slots(1 << (len(packed) - 1).bit_length()))
        for value, count in packed.items():
            into.add(value, count)
    return [merged[number].counts for number in range(len(merged))]


def stays_under(counts: Sequence[int], l: float, terms: Floats) -> bool:  # noqa: E741 (the field's own name)
    """Whether a class has l values, and no partial sum in this order is over the bound."""
    rows = sum(counts)
    partial = np.cumsum([count * terms[count] for count in counts])
    return len(counts) >= l and bool((partial <= rows * (terms[rows] - math.log(l))).all())


def test_published_grassberger_schemes_are_reproduced_with_their_early_exit(reference_adult: Path) -> None:
    """With one order of the tables for the whole search the schemes are the published ones, and the losses within 0.2 %."""
    found_cases = cases(reference_adult)
    assert len(found_cases) == 2
    for case in found_cases:
        problem, (model,) = build(reference_adult, case)
        assert isinstance(model, EntropyLDiversity)
        found = exact_search(problem, [model], metric="entropy", suppression=case["suppression"])
        assert found.loss <= case["expected_loss"]
        early = LeavesEarly(model.column, model.l, "grassberger")
        found = exact_search(problem, [early], metric="entropy", suppression=case["suppression"], kernel="numpy")
        assert list(found.levels or ()) == case["expected_levels"]
        assert found.loss == pytest.approx(case["expected_loss"], rel=2e-3)


@pytest.mark.parametrize(
    ("number", "way", "within"),
    [(0, (0, 0, 0, 1, 2, 2, 1, 0), 3e-6), (1, (0, 0, 0, 0, 2, 0, 2, 0), 1e-12)],
)
def test_published_grassberger_losses_are_those_of_tables_counted_from_another_scheme(
    reference_adult: Path, number: int, way: tuple[int, ...], within: float
) -> None:
    """That program counts a scheme from a snapshot of a less general one. Which one it was is not published: of the 108 and 144
    there are, the one given comes nearest; from the second a loss follows that is the published one to its last digit but two."""
    case = cases(reference_adult)[number]
    problem, (model,) = build(reference_adult, case)
    assert isinstance(model, EntropyLDiversity)
    names = [name for name in COLUMNS if name != "occupation"]
    rows, sensitive = adult_rows(reference_adult, names, "occupation")
    look = look_at(problem, [model], case["expected_levels"])
    counted = counted_by_way_of(problem, rows, sensitive, way, case["expected_levels"])
    terms = grassberger_terms(problem.rows)
    released = np.array([stays_under(list(counts.values()), model.l, terms) for counts in counted])
    loss = METRICS["entropy"](problem).score(replace(look, released=released))
    assert loss == pytest.approx(case["expected_loss"], rel=within)
