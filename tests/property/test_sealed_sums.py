"""Sealed sums against whole numbers, and sealed answers without noise against what each provider would answer alone."""

from __future__ import annotations

from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jalousie.contract.feedback import Feedback, Sealed
from jalousie.sealed.sums import group_sums
from jalousie.validator.local import Simulated
from jalousie.validator.noise import Noise
from jalousie.validator.types import Partition, Question
from sealed_ground import NUMBER, THREE, TWO, pseudonyms, validator

WORD = 2**64
words = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, WORD - 1]) | st.integers(0, WORD - 1)


@given(st.integers(1, 4), st.data())
def test_sums_go_round_at_two_to_the_64_and_are_exact(width: int, data: st.DataObject) -> None:
    table = data.draw(st.lists(st.lists(words, min_size=width, max_size=width), min_size=1, max_size=30))
    groups = data.draw(st.lists(st.integers(-1, 3), min_size=len(table), max_size=len(table)))
    found = group_sums(np.array(table, dtype=np.uint64), np.array(groups, dtype=np.int32), 4)
    for group in range(4):
        for word in range(width):
            wanted = sum(row[word] for row, at in zip(table, groups, strict=True) if at == group) % WORD
            assert int(found[group, word]) == wanted


def test_sums_of_more_records_than_are_summed_at_a_time_are_exact() -> None:
    size = 400_000
    rng = np.random.default_rng(1)
    table = np.full((size, 2), WORD - 1, dtype=np.uint64)  # the largest halves there are
    table[::3, 1] = rng.integers(0, WORD, len(table[::3]), dtype=np.uint64)
    groups = rng.integers(-1, 3, size).astype(np.int32)
    found = group_sums(table, groups, 3)
    for group in range(3):
        for word in range(2):
            assert int(found[group, word]) == sum(table[groups == group, word].tolist()) % WORD


N = 9
LABELS = {"y": TWO, "w": THREE, "z": NUMBER}
cells = st.tuples(
    st.sampled_from(["0", "1", "x", None]),
    st.sampled_from(["a", "b", "c", "x", None]),
    st.sampled_from([-9.0, -3.0, -0.4, 0.0, 1.3, 5.0, 70.0, float("nan")]),
    st.booleans(),
)
tables = st.lists(st.lists(cells, min_size=N, max_size=N), min_size=1, max_size=3)
partitions = st.lists(
    st.lists(st.integers(-1, 3), min_size=N, max_size=N).filter(lambda groups: max(groups) >= 0), min_size=1, max_size=3
)


def dense(groups: list[int]) -> Partition:
    """Groups numbered without gaps, since a group without records is refused."""
    names = sorted({group for group in groups if group >= 0})
    return Partition(np.array([names.index(g) if g >= 0 else -1 for g in groups], dtype=np.int32), len(names))


@given(tables, partitions, st.sampled_from(["y", "w", "z"]), st.sampled_from(["add-or-remove", "change-label"]))
def test_a_sealed_answer_is_the_sum_of_what_each_provider_would_answer(
    rows: list, asked: list, label: str, relation: str
) -> None:
    names = tuple(f"provider {number}" for number in range(len(rows)))
    columns = {
        name: dict(zip("ywz", (np.array(values, dtype=object) for values in zip(*table, strict=True)), strict=False))
        for name, table in zip(names, rows, strict=True)
    }
    present = {name: np.array([row[3] for row in table]) for name, table in zip(names, rows, strict=True)}
    sealed = Feedback(
        identifier="id",
        labels=LABELS,
        min_group=1,
        neighbours=relation,
        sealed=Sealed(providers=names),  # type: ignore[arg-type]
    )
    parts = tuple(dense(groups) for groups in asked)
    with mock.patch.object(Noise, "add", lambda self, exact: exact):
        made = validator(columns, sealed, present)
        answer = made.ask(Question(made.population.digest(), label, parts, made.budget(label).left.value))
        alone = []
        for name in names:
            clear = Simulated.from_arrays(
                columns[name], replace(sealed, sealed=None), pseudonyms(N), present=present[name]
            )
            alone.append(clear.ask(Question(clear.population.digest(), label, parts, clear.budget(label).left.value)))
    for number in range(len(parts)):
        assert (answer.counts[number] == sum(one.counts[number] for one in alone)).all()
        if relation == "change-label":
            assert (answer.totals[number] == sum(one.totals[number] for one in alone)).all()
    assert bool(answer.totals) == (relation == "change-label")
    assert (answer.unit, answer.origin, answer.classes) == (alone[0].unit, alone[0].origin, alone[0].classes)
