"""What a class gives away: nulls count, positions count, labels do not."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jalousie.privacy.risk import class_sizes, disclosure, disclosures
from jalousie.tables.types import FrequencyTable, Histogram


def test_shares_by_hand() -> None:
    # class 0: 9 a, 1 b; class 1: 5 b; class 2: 2 a, 3 b; class -1: 4 a that are suppressed
    facts = disclosure("s", [0, 0, 1, 2, 2, -1], [0, 1, 1, 0, 1, 0], [9, 1, 5, 2, 3, 4], ("a", "b"))
    assert facts.certain_share == pytest.approx(5 / 20)
    assert facts.almost_certain_share == pytest.approx(15 / 20)  # 9 of 10 is 90 %
    assert facts.best_guess == pytest.approx((9 + 5 + 3) / 20)
    # "a" is the commonest in the whole table (15 of 24) and right for 11 of the 20 released rows
    assert facts.baseline_guess == pytest.approx(11 / 20)


def test_a_null_is_a_value() -> None:
    """A class in which nobody has anything recorded is as telling as one with a single diagnosis."""
    only_null = disclosure("s", [0, 1, 1], [1, 0, 2], [5, 3, 3], ("flu", None, "cold"))
    assert only_null.certain_share == pytest.approx(5 / 11)
    # a null beside one value makes a class of two values: not certain
    mixed = disclosure("s", [0, 0], [0, 1], [4, 4], ("flu", None))
    assert mixed.certain_share == 0.0
    assert mixed.best_guess == 0.5


def test_row_labels_are_never_positions() -> None:
    """Columns of a shuffled pandas frame: the same answer as in order, though every label points elsewhere."""
    frame = pd.DataFrame({"group": [0, 0, 1, 1, 2, 2], "code": [0, 0, 0, 1, 1, 1], "count": [4, 1, 2, 6, 3, 5]})
    expected = disclosure("s", frame["group"], frame["code"], frame["count"], ("a", "b"))
    shuffled = frame.sample(frac=1, random_state=3)
    assert list(shuffled.index) != list(frame.index)
    assert disclosure("s", shuffled["group"], shuffled["code"], shuffled["count"], ("a", "b")) == expected
    assert expected.certain_share == pytest.approx((5 + 8) / 21)
    relabelled = frame.set_index(pd.Index([5, 4, 3, 2, 1, 0]))
    assert disclosure("s", relabelled["group"], relabelled["code"], relabelled["count"], ("a", "b")) == expected


def test_cells_of_one_class_and_value_are_added() -> None:
    split = disclosure("s", [0, 0, 0], [0, 1, 0], [5, 1, 4], ("a", "b"))
    joined = disclosure("s", [0, 0], [0, 1], [9, 1], ("a", "b"))
    assert split == joined


def test_nothing_released_gives_nothing_away() -> None:
    facts = disclosure("s", [-1, -1], [0, 1], [3, 4], ("a", "b"))
    assert (facts.certain_share, facts.best_guess, facts.baseline_guess) == (0.0, 0.0, 0.0)


def test_codes_outside_the_values_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        disclosure("s", [0], [2], [1], ("a", "b"))
    with pytest.raises(ValueError, match="one length"):
        disclosure("s", [0, 1], [0], [1], ("a", "b"))


def test_every_sensitive_column_of_a_table() -> None:
    histogram = Histogram("s", ("a", None), np.array([0, 1, 2]), np.array([0, 0, 1], np.int32), np.array([2, 3, 4]))
    table = FrequencyTable(
        ("q",), (("x", "y", "z"),), np.array([[0, 1, 2]], np.int32), np.array([2, 3, 4]), (histogram,)
    )
    classes = np.array([0, 0, 1])
    (facts,) = disclosures(table, classes)
    assert facts.column == "s"
    assert facts.certain_share == 1.0
    assert class_sizes(table, classes).tolist() == [5, 4]
    assert class_sizes(table, np.array([-1, 1, 0])).tolist() == [4, 3]
    assert class_sizes(table, np.array([-1, -1, -1])).tolist() == []


def test_k_alone_leaves_rows_certain(reference_adult: Path) -> None:
    """Adult, salary class sensitive, optimum of k = 5 at 5 % suppression: five rows in every class, and a tenth are certain."""
    scheme = {
        "sex": 0,
        "age": 3,
        "race": 0,
        "marital-status": 0,
        "education": 1,
        "native-country": 1,
        "workclass": 1,
        "occupation": 2,
    }
    with (reference_adult / "adult.csv").open(newline="", encoding="utf-8") as file:
        people = list(csv.DictReader(file, delimiter=";"))
    trees = {}
    for name, level in scheme.items():
        with (reference_adult / f"hierarchy_{name}.csv").open(newline="", encoding="utf-8") as file:
            trees[name] = {line[0]: line[level] for line in csv.reader(file, delimiter=";")}
    cells = Counter((tuple(tree[p[name]] for name, tree in trees.items()), p["salary-class"]) for p in people)
    sizes: Counter[tuple[str, ...]] = Counter()
    for (group, _), count in cells.items():
        sizes[group] += count
    position = {group: i for i, group in enumerate(sizes)}
    salaries = tuple(sorted({salary for _, salary in cells}))
    facts = disclosure(
        "salary-class",
        [position[group] if sizes[group] >= 5 else -1 for group, _ in cells],
        [salaries.index(salary) for _, salary in cells],
        list(cells.values()),
        salaries,
    )
    assert sum(s for s in sizes.values() if s < 5) == 1458
    assert facts.certain_share == pytest.approx(0.10316, abs=1e-5)
    assert facts.almost_certain_share == pytest.approx(0.44750, abs=1e-5)
    assert facts.baseline_guess == pytest.approx(0.74777, abs=1e-5)
