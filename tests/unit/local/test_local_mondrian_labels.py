"""What Mondrian writes: values, intervals, labels of the hierarchy, small sets, and `*` where nothing else would be honest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_local_recoding import granularity, hierarchy, labels_of, privacy, read_adult, table_of

from jalousie.errors import PrivacyError
from jalousie.privacy.models import DistinctLDiversity, KAnonymity
from jalousie.privacy.search.intervals import number_line, round_between
from jalousie.privacy.search.mondrian import mondrian
from jalousie.privacy.search.problem import Problem, build_problem
from jalousie.tables.labels import parse_label
from jalousie.tables.types import FrequencyTable


def one_column(cells: Sequence[str], levels: list[list[str]]) -> Problem:
    return build_problem(table_of({"q": list(cells)}), [hierarchy("q", levels)])


def flat(values: Sequence[str]) -> list[list[str]]:
    return [[value, "*"] for value in values]


def written(problem: Problem, k: int) -> dict[str | None, str | None]:
    return labels_of(problem, mondrian(problem, [KAnonymity(k)], privacy(suppression=0.0)))


def test_adult_keeps_its_granularity(reference_adult: Path) -> None:
    """Reached when written: 0.9532."""
    table, hierarchies = read_adult(reference_adult)
    problem = build_problem(table, [hierarchies[n] for n in table.names])
    found = mondrian(problem, [KAnonymity(5)], privacy())
    assert granularity(problem, found) > 0.953
    assert not found.suppressed.any()
    assert np.bincount(found.classes, weights=problem.counts).min() >= 5


def test_numbers_end_at_the_roundest_number_before_the_next() -> None:
    cells = ["3", "3", "5", "6", "18", "21", "30", "30"]
    problem = one_column(cells, flat(["3", "5", "6", "18", "21", "30", "40"]))
    pairs = {"5": "[5, 10)", "6": "[5, 10)", "18": "[10, 30)", "21": "[10, 30)"}
    assert written(problem, 2) == {"3": "3", **pairs, "30": "30"}


def test_first_and_last_interval_are_open() -> None:
    problem = one_column(["0.517", "1.25", "2.3", "9.5"], flat(["0.517", "1.25", "2.3", "9.5"]))
    assert written(problem, 2) == {"0.517": "< 2", "1.25": "< 2", "2.3": ">= 2", "9.5": ">= 2"}


def test_every_number_but_a_null() -> None:
    problem = one_column(["17", "18", "19", "20"], flat(["17", "18", "19", "20"]))
    tree = problem.axes[0].hierarchy
    with_null = replace(
        tree, labels=((*tree.labels[0], None), ("*",)), maps=(np.arange(5, dtype=np.int32), np.zeros(5, np.int32))
    )
    codes = np.array([[0, 1, 2, 3, 4]], np.int32)
    table = FrequencyTable(("q",), (("17", "18", "19", "20", None),), codes, np.array([1, 1, 1, 1, 4]))
    found = written(build_problem(table, [with_null]), 4)
    assert found == {"17": ">= 10", "18": ">= 10", "19": ">= 10", "20": ">= 10", None: None}


def test_no_end_of_an_interval_is_a_value_that_only_a_suppressed_row_has() -> None:
    """Two men of 31.4159 years fit nowhere, since sex may not be generalised."""
    sex = ["f"] * 8 + ["m"] * 2
    table = table_of({"age": ["10.5", "11", "12", "30.25", "42.5", "50", "60", "70", "31.4159", "31.4159"], "sex": sex})
    trees = [hierarchy("age", flat(sorted(set(table.values[0]), key=float))), hierarchy("sex", flat("fm"))]  # type: ignore[arg-type]
    problem = build_problem(table, trees, high=[None, 0])
    found = mondrian(problem, [KAnonymity(4)], privacy(suppression=0.5))
    assert int(problem.counts[found.suppressed].sum()) == 2
    assert set(labels_of(problem, found).values()) == {"< 31", ">= 40", None}


@pytest.mark.parametrize("start", [1_700_000_000_000.0, 52.37, -114.93950717340348])
def test_long_numbers_lie_within_their_label(start: float) -> None:
    numbers = [repr(start + i * abs(start) * 1e-15 * 7) for i in range(40)]
    labels = written(one_column(numbers, flat(sorted(set(numbers), key=float))), 5)
    assert len(set(labels.values())) > 3
    for number, label in labels.items():
        bounds = parse_label(str(label))
        assert bounds is not None
        assert bounds[0] <= float(str(number)) < bounds[1]


@given(one=st.floats(allow_nan=False, allow_infinity=False), two=st.floats(allow_nan=False, allow_infinity=False))
def test_the_roundest_number_lies_between(one: float, two: float) -> None:
    below, above = sorted((one, two))
    if below < above:
        assert below < round_between(below, above) <= above


def test_the_roundest_number_by_hand() -> None:
    pairs = {(6, 20): 20, (93450.1, 93458.41): 93458, (-250, -3): -100, (-1, 1): 0, (0.12, 0.137): 0.13}
    assert {pair: round_between(*map(float, pair)) for pair in pairs} == pairs


def test_share_of_an_interval_counts_the_domain_not_the_table() -> None:
    problem = one_column(["10", "12", "40", "41"], flat([str(n) for n in range(10, 50)]))
    found = mondrian(problem, [KAnonymity(2)], privacy(suppression=0.0))
    assert found.cell_loss[0, 0] == pytest.approx(3 / 40)


def test_a_null_among_numbers_leaves_only_the_star() -> None:
    levels = flat(["1", "2", "3"])
    base = one_column(["1", "2", "2", "3"], levels)
    tree = base.axes[0].hierarchy
    with_null = replace(
        tree,
        labels=(("1", "2", "3", None), ("*",)),
        maps=(np.arange(4, dtype=np.int32), np.zeros(4, np.int32)),
    )
    table = FrequencyTable(("q",), (("1", "2", None),), np.array([[0, 1, 2]], np.int32), np.array([3, 1, 1]))
    problem = build_problem(table, [with_null])
    assert number_line(problem.axes[0]) is not None
    assert written(problem, 2) == {"1": "1", "2": "*", None: "*"}


def test_numbers_whose_hierarchy_jumps_are_no_line() -> None:
    """A hierarchy that joins 1 with 3 but not with 2 says that these are codes, not amounts."""
    codes = [["1", "odd", "*"], ["2", "even", "*"], ["3", "odd", "*"], ["4", "even", "*"]]
    assert number_line(one_column("1234", codes).axes[0]) is None
    assert number_line(one_column("1234", flat("1234")).axes[0]) is not None


def test_labels_of_the_hierarchy_come_before_sets() -> None:
    levels = [["a", "north", "*"], ["b", "north", "*"], ["c", "south", "*"], ["d", "south", "*"], ["e", "south", "*"]]
    problem = one_column("abcde", levels)
    assert written(problem, 2) == {"a": "north", "b": "north", "c": "south", "d": "south", "e": "south"}


def test_small_sets_where_only_the_star_would_cover() -> None:
    problem = one_column("aabbcd", flat("abcde"))
    assert set(written(problem, 4).values()) == {"{a, b, c, d}"}
    assert set(written(one_column("aabbcd", flat("abcd")), 4).values()) == {"*"}, "the whole domain is no set"


@pytest.mark.parametrize("odd", ["b,c", "{b", " b"])
def test_sets_that_could_not_be_read_back_are_not_written(odd: str) -> None:
    problem = one_column(["a", odd], flat(["a", odd, "z"]))
    assert set(written(problem, 2).values()) == {"*"}


def test_level_limits_are_kept() -> None:
    levels = [["1", "low", "*"], ["2", "low", "*"], ["3", "high", "*"], ["4", "high", "*"]]
    problem = one_column("11223344", levels)
    from_one = replace(problem, axes=(replace(problem.axes[0], low=1),))
    assert set(written(from_one, 2).values()) == {"low", "high"}
    up_to_one = replace(problem, axes=(replace(problem.axes[0], high=1),))
    assert set(written(up_to_one, 3).values()) == {"low", "high"}


def test_where_no_cut_is_possible_the_whole_table_is_one_class() -> None:
    table = table_of({"q": list("abab"), "s": list("xxyy")}, "s")
    problem = build_problem(table, [hierarchy("q", flat("ab"))])
    found = mondrian(problem, [DistinctLDiversity("s", 2), KAnonymity(3)], privacy(suppression=0.0))
    assert found.classes.tolist() == [0, 0]


def test_unsatisfiable_is_an_error() -> None:
    with pytest.raises(PrivacyError):
        mondrian(one_column("abc", flat("abc")), [KAnonymity(4)], privacy(suppression=0.0))
