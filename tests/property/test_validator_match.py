"""Matching, encoding and summing against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.match import ABSENT, Aligned, align, encode_label, find_pseudonyms, match_rows
from jalousie.validator.rows import index_rows
from jalousie.validator.sums import class_counts, step_sums

CLASSES = ("a", "b", "c")
NUMBER = Label(column="x", kind="number", low=-2.0, high=3.0, unit=0.25)


def contract(most: int, subject: str) -> Feedback:
    return Feedback(
        identifier="id",
        labels={"y": Label(column="x", classes=CLASSES), "z": NUMBER},
        unit="subject" if most > 1 else "record",
        subject=subject,
        records_per_subject=most,
    )


# few names, most of which share their first half
names = st.sampled_from([bytes([0] * 15 + [n]) for n in range(5)] + [bytes([n] + [7] * 15) for n in range(4)])
rows = st.lists(
    # an identifier is of one subject, if the row says so
    st.tuples(names, st.booleans(), st.sampled_from([*CLASSES, "z", None])).map(
        lambda row: (row[0], "pq"[row[0][-1] % 2] if row[1] else None, row[2])
    ),
    max_size=14,
)
populations = st.lists(names, min_size=1, max_size=9, unique=True)


def array(values: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 16)


def counted(table: list[tuple[bytes, str | None, str | None]], most: int, subject: str) -> list[int]:
    """Rows that count, row by row."""
    taken: dict[object, int] = {}
    kept, seen = [], set()
    for number in sorted(range(len(table)), key=lambda row: (table[row][0], row)):
        name, who, _ = table[number]
        if most > 1 and not subject:
            who_counts: object = name
        elif name in seen:
            continue
        else:
            who_counts = who if most > 1 else name
        seen.add(name)
        if most > 1 and subject and who is None:
            continue
        taken[who_counts] = taken.get(who_counts, 0) + 1
        if taken[who_counts] <= most:
            kept.append(number)
    return sorted(kept)


@given(rows, populations, st.sampled_from([(1, ""), (2, "who"), (2, "")]), st.integers(0, 3), st.data())
def test_counts_agree_with_plain_loops(
    table: list, population: list[bytes], unit: tuple[int, str], count: int, data: st.DataObject
) -> None:
    feedback = contract(*unit)
    groups = data.draw(st.lists(st.integers(-1, count), min_size=len(population), max_size=len(population)))
    index = index_rows(array([row[0] for row in table]), feedback, [row[1] for row in table] if unit[1] else None)
    matched = match_rows(array(population), index)
    column = encode_label(np.array([row[2] for row in table], dtype=object), feedback.labels["y"], feedback)
    found = class_counts(np.array(groups, dtype=np.int32), count + 1, align(matched, column), 3)
    wanted = np.zeros((count + 1, 3), dtype=int)
    kept = counted(table, *unit)
    for row in kept:
        name, _, value = table[row]
        if name in population and value in CLASSES and groups[population.index(name)] >= 0:
            wanted[groups[population.index(name)], CLASSES.index(value)] += 1
    assert found.tolist() == wanted.tolist()
    assert sorted(index.rows.tolist()) == kept


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), min_size=1, max_size=12),
    st.sampled_from(["add-or-remove", "change-label"]),
)
def test_sums_agree_with_plain_loops(values: list[float | None], relation: str) -> None:
    feedback = Feedback(identifier="id", labels={"z": NUMBER}, neighbours=relation)  # type: ignore[arg-type]
    pseudonyms = array([bytes([n] * 16) for n in range(len(values))])
    aligned = align(
        match_rows(pseudonyms, index_rows(pseudonyms, feedback)),
        encode_label(np.array(values, dtype=object), NUMBER, feedback),
    )
    groups = np.arange(len(values), dtype=np.int32) % 3 - 1
    sums, records = step_sums(groups, 2, aligned)
    wanted, present = [0, 0], [0, 0]
    origin = -2.0 if relation == "change-label" else 0.0
    for group, value in zip(groups.tolist(), values, strict=True):
        if group >= 0 and value is not None and value == value:
            wanted[group] += round((min(max(value, -2.0), 3.0) - origin) / 0.25)
            present[group] += 1
    assert sums.tolist() == wanted
    assert records.tolist() == present


@given(populations, st.lists(names, unique=True, max_size=9))
def test_every_record_is_found_where_it_is(population: list[bytes], table: list[bytes]) -> None:
    feedback = contract(1, "")
    found = match_rows(array(population), index_rows(array(table), feedback))
    places = np.where(found.has, found.rows, ABSENT)
    assert places.tolist() == [[table.index(name) if name in table else ABSENT for name in population]]


def test_values_are_compared_as_text() -> None:
    label = Label(column="x", classes=("0", "1"))
    feedback = Feedback(identifier="id", labels={"y": label})
    for values in (
        np.array([1, 0, 1]),
        np.array([1.0, 0.0, 1.0]),
        np.array([True, False, True]),
        np.array(["1", "0", "1"]),
        np.array([1.0, False, "1"], dtype=object),
    ):
        assert encode_label(values, label, feedback).values.tolist() == [1, 0, 1]
    truth = Label(column="x", classes=("false", "true"))
    assert encode_label(np.array([True, False]), truth, feedback).values.tolist() == [1, 0]
    assert encode_label(np.array([0.5, np.nan, 1.0]), label, feedback).values.tolist() == [-1, -1, 1]
    assert encode_label(np.array([None, "x", "1"], dtype=object), label, feedback).present.tolist() == [
        False,
        False,
        True,
    ]


@given(st.sets(st.integers(0, 300), max_size=60), st.sets(st.integers(0, 300), min_size=1, max_size=60))
def test_pseudonyms_chosen_to_share_their_first_half_are_found(table: set[int], population: set[int]) -> None:
    # an ML party chooses its pseudonyms freely; 0 ends in zeros, which NumPy does not store
    known = [bytes(8) + n.to_bytes(8, "big") for n in sorted(table)]
    wanted = [bytes(8) + n.to_bytes(8, "big") for n in population]
    place = find_pseudonyms(array(wanted), array(known))
    assert place.tolist() == [known.index(name) if name in known else ABSENT for name in wanted]


def test_a_text_among_numbers_is_refused_and_not_quoted() -> None:
    feedback = contract(1, "")
    with pytest.raises(ValidatorError) as caught:
        encode_label(np.array([1.0, "canary"], dtype=object), NUMBER, feedback)
    assert caught.value.code == "V212"
    assert "canary" not in caught.value.local_text()
    assert caught.value.__cause__ is None


@given(
    st.integers(1, 4),
    st.sampled_from([1, 2, 3, 127, 6552, 6553, 8190, 8191, 10921, 16382, 16383, 40000]),
    st.integers(0, 2**32 - 1),
)
def test_counts_are_the_same_whatever_numbers_hold_the_keys(classes: int, count: int, seed: int) -> None:
    """Around 2^15 keys the counting changes to wider numbers."""
    drawn = np.random.default_rng(seed)
    groups = drawn.integers(-1, count, 300, dtype=np.int32)
    groups[:2] = (count - 1, -1)
    layers = drawn.integers(-1, classes, (2, 300)).astype(np.int16)
    layers[:, 0] = classes - 1
    plain = np.zeros((count, classes), dtype=np.int64)
    for layer in layers:
        for group, code in zip(groups.tolist(), layer.tolist(), strict=True):
            if group >= 0 and code >= 0:
                plain[group, code] += 1
    assert (class_counts(groups, count, Aligned(layers), classes) == plain).all()


visits = st.lists(st.tuples(names, st.sampled_from("pqr")), max_size=9)


@given(st.lists(visits.map(lambda rows: list(dict(rows).items())), min_size=1, max_size=6), st.integers(1, 3))
def test_over_all_tables_no_subject_has_more_records_than_count(tables: list, most: int) -> None:
    """Rows come, go, and move to other subjects; against sets, chosen one record after another."""
    labels = contract(1, "").labels
    feedback = Feedback(identifier="id", labels=labels, unit="subject", subject="who", records_per_subject=most)
    remembered, ever = np.empty((0, 32), dtype=np.uint8), set()
    for table in tables:
        subjects = array([who.encode() * 16 for _, who in table])
        index = index_rows(array([name for name, _ in table]), feedback, subjects, remembered)
        for name, who in sorted(table):
            if (who, name) not in ever and sum(other == who for other, _ in ever) < most:
                ever.add((who, name))
        wanted = [number for number, (name, who) in enumerate(table) if (who, name) in ever]
        assert sorted(index.rows.tolist()) == wanted
        assert index.chosen is not None
        remembered = np.concatenate([remembered, index.chosen])
        assert sorted(remembered.tolist()) == sorted([*who.encode() * 16, *name] for who, name in ever)
