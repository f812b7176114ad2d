"""Sensitivity against brute force: every small table, and every table that differs from it in one unit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.answer import exact_cells
from jalousie.validator.canonical import canonical_partition, know
from jalousie.validator.match import align, encode_label, match_rows
from jalousie.validator.rows import index_rows
from jalousie.validator.sensitivity import Sensitivity, sensitivity
from jalousie.validator.types import Partition, Population

RECORDS = 3
PSEUDONYMS = np.arange(RECORDS * 16, dtype=np.uint8).reshape(RECORDS, 16)
CLASSES = {2: ("a", "b"), 3: ("a", "b", "c"), 4: ("a", "b", "c", "d")}
NUMBER = Label(column="x", kind="number", low=-1.0, high=2.5, unit=0.5)
VALUES = (-7.0, -1.0, -0.3, 0.0, 0.74, 2.5, 9.0)
PARTITIONS = [
    [Partition(np.array(groups, dtype=np.int32), 2) for groups in chosen]
    for chosen in [[(0, 0, 1)], [(0, 1, 1), (0, 0, 1)], [(0, 1, -1), (0, 1, 0), (1, 0, 1)]]
]


def feedback(label: Label, neighbours: str, most: int = 1) -> Feedback:
    return Feedback(
        identifier="id",
        labels={"y": label},
        neighbours=neighbours,  # type: ignore[arg-type]
        unit="subject" if most > 1 else "record",
        subject="who" if most > 1 else "",
        records_per_subject=most,
    )


def noised(contract: Feedback, table: tuple[object, ...], partitions: list[Partition], subjects: str) -> np.ndarray:
    """All cells that are noised, in one vector; None in the table: the provider does not have the record."""
    rows = [number for number, value in enumerate(table) if value is not None]
    column = encode_label(np.array([table[number] for number in rows], dtype=object), contract.labels["y"], contract)
    index = index_rows(PSEUDONYMS[rows], contract, [subjects[number] for number in rows])
    aligned = align(match_rows(PSEUDONYMS, index), column)
    known = know(Population(PSEUDONYMS))
    cells = []
    for partition in partitions:
        exact, _ = exact_cells(
            partition, canonical_partition(known, partition), aligned, contract.labels["y"], contract
        )
        cells.append(exact.ravel())
    return np.concatenate(cells)


def neighbours_of(contract: Feedback, table: tuple[object, ...], subjects: str, values: tuple[object, ...]) -> list:
    """Tables that differ in one subject (or record): absent in one of the two, or with other labels."""
    found = []
    for subject in set(subjects):
        own = [number for number, name in enumerate(subjects) if name == subject]
        if contract.neighbours == "add-or-remove":
            if all(table[number] is not None for number in own):
                found.append(tuple(None if number in own else value for number, value in enumerate(table)))
        else:
            for other in product(values, repeat=len(own)):
                changed = list(table)
                for number, value in zip(own, other, strict=True):
                    changed[number] = value if table[number] is not None else None
                found.append(tuple(changed))
    return found


def worst(
    contract: Feedback, values: tuple[object, ...], partitions: list[Partition], subjects: str = "abc"
) -> Sensitivity:
    """The largest change over all tables and all their neighbours."""
    l1, l2 = 0, 0
    for table in product((*values, None), repeat=RECORDS):
        cells = noised(contract, table, partitions, subjects)
        for other in neighbours_of(contract, table, subjects, values):
            change = cells - noised(contract, other, partitions, subjects)
            l1, l2 = max(l1, int(np.abs(change).sum())), max(l2, int((change * change).sum()))
    return Sensitivity(l1, l2)


@pytest.mark.parametrize("partitions", PARTITIONS, ids=lambda parts: f"{len(parts)}-partitions")
@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_of_classes(classes: int, relation: str, partitions: list[Partition]) -> None:
    contract = feedback(Label(column="x", classes=CLASSES[classes]), relation)
    claimed = sensitivity(contract.labels["y"], contract).of_partitions(len(partitions))
    assert worst(contract, CLASSES[classes], partitions) == claimed


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_of_a_number(relation: str) -> None:
    contract = feedback(NUMBER, relation)
    claimed = sensitivity(NUMBER, contract).of_partitions(2)
    assert worst(contract, VALUES, PARTITIONS[1]) == claimed


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_of_a_subject_with_two_records(relation: str) -> None:
    contract = feedback(Label(column="x", classes=CLASSES[2]), relation, most=2)
    claimed = sensitivity(contract.labels["y"], contract)
    # both of its records in one group: the worst case is met
    assert worst(contract, CLASSES[2], [Partition(np.zeros(3, dtype=np.int32), 1)], "aab") == claimed
    assert claimed == Sensitivity(2, 4)


def test_a_subject_with_more_records_than_count_is_still_bounded() -> None:
    contract = feedback(Label(column="x", classes=CLASSES[2]), "add-or-remove", most=2)
    found = worst(contract, CLASSES[2], [Partition(np.zeros(3, dtype=np.int32), 1)], "aaa")
    assert found == sensitivity(contract.labels["y"], contract)


def cells_of(contract: Feedback, rows: list[tuple[int, str, str]]) -> np.ndarray:
    """Counts of a table of (identifier, subject, class) in which identifiers and subjects may recur."""
    names = PSEUDONYMS[[row[0] for row in rows]]
    index = index_rows(names, contract, [row[1] for row in rows])
    column = encode_label(np.array([row[2] for row in rows], dtype=object), contract.labels["y"], contract)
    aligned = align(match_rows(PSEUDONYMS, index), column)
    groups = Partition(np.arange(RECORDS, dtype=np.int32), RECORDS)
    form = canonical_partition(know(Population(PSEUDONYMS)), groups)
    return exact_cells(groups, form, aligned, contract.labels["y"], contract)[0]


def all_tables(most: int) -> list[list[tuple[int, str, str]]]:
    rows = list(product(range(RECORDS), "AB", CLASSES[2]))
    return [list(table) for size in range(1, most + 1) for table in product(rows, repeat=size)]


def test_with_the_record_as_unit_all_rows_of_an_identifier_are_one() -> None:
    contract = feedback(Label(column="x", classes=CLASSES[2]), "add-or-remove")
    largest = 0
    for table in all_tables(3):
        cells = cells_of(contract, table)
        for name in {row[0] for row in table}:
            change = cells - cells_of(contract, [row for row in table if row[0] != name])
            largest = max(largest, int((change * change).sum()))
    assert largest == sensitivity(contract.labels["y"], contract).l2_squared == 1


def test_an_identifier_of_several_subjects_is_refused_and_elsewhere_a_subject_moves_no_more_than_its_rows() -> None:
    label = Label(column="x", classes=CLASSES[2])
    contract = Feedback(identifier="id", labels={"y": label}, unit="subject", subject="who", records_per_subject=1)
    largest, refused = 0, 0
    for table in all_tables(3):
        if len({row[:2] for row in table}) > len({row[0] for row in table}):
            with pytest.raises(ValidatorError) as caught:
                cells_of(contract, table)
            assert caught.value.code == "V216"
            refused += 1
            continue
        cells = cells_of(contract, table)
        for subject in "AB":
            change = cells - cells_of(contract, [row for row in table if row[1] != subject])
            largest = max(largest, int((change * change).sum()))
    assert refused
    assert largest == sensitivity(label, contract).l2_squared == 1


def test_the_root_is_never_rounded_down() -> None:
    for squared in [*range(1, 2000), 10**15 + 1, 2 * 7**20]:
        numerator, denominator = Sensitivity(1, squared).l2.as_integer_ratio()
        assert numerator * numerator >= squared * denominator * denominator


@pytest.mark.parametrize(
    "label",
    [
        Label(column="x"),
        Label(column="x", classes=("a",)),
        Label(column="x", classes=("a", "a")),
        Label(column="x", classes=tuple(map(str, range(2**15)))),
        Label(column="x", kind="number"),
        Label(column="x", kind="number", low=2.0, high=1.0),
        Label(column="x", kind="number", low=0.0, high=1.0, unit=1e-12),
        Label(column="x", kind="number", low=0.0, high=1.0, unit=1e9),
        Label(column="x", kind="number", low=float("-inf"), high=1.0),
    ],
)
def test_a_label_that_has_no_sensitivity_is_refused(label: Label) -> None:
    with pytest.raises(ValidatorError) as caught:
        sensitivity(label, feedback(label, "add-or-remove"))
    assert caught.value.code == "V212"
