"""Hierarchies from a line of the contract: labels, domains, nulls, bounds, and values that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jalousie.contract import model
from jalousie.errors import HierarchyError, Where
from jalousie.tables.hierarchies import compile_hierarchies, compile_hierarchy
from jalousie.tables.types import FrequencyTable, Hierarchy

SECRET = "CANARY-7731"


def build(spec: model.Hierarchy, values: list[str | None], counts: list[int] | None = None) -> Hierarchy:
    return compile_hierarchy("x", spec, values, counts or [1] * len(values), Path(), Where("c.yaml", 5, 1, "columns.x"))


def row(h: Hierarchy, value: str | None) -> list[str | None]:
    """What a value becomes, level by level."""
    place = h.labels[0].index(value)
    return [labels[codes[place]] for labels, codes in zip(h.labels, h.maps, strict=True)]


def test_none() -> None:
    h = build(model.NoHierarchy(), ["b", None, "a"])
    assert h.labels == (("a", "b", None), ("*",))


def test_intervals() -> None:
    h = build(model.IntervalHierarchy(widths=(5, 10)), ["39", "-1", "40", "0", None])
    assert h.labels[0] == ("-1", "0", "39", "40", None), "in the order of the numbers, the null last"
    assert row(h, "39") == ["39", "[35, 40)", "[30, 40)", "*"]
    assert row(h, "40") == ["40", "[40, 45)", "[40, 50)", "*"]
    assert row(h, "-1") == ["-1", "[-5, 0)", "[-10, 0)", "*"]
    assert row(h, None) == [None, None, None, "*"]
    assert h.kind == "intervals"
    assert h.bounds[0][:4].tolist() == [[-1, -1], [0, 0], [39, 39], [40, 40]]
    assert h.bounds[1][0].tolist() == [-5, 0]
    assert np.isnan(h.bounds[1][-1]).all()
    assert np.isnan(h.bounds[-1]).all()


def test_interval_bounds_are_exact_for_decimal_fractions() -> None:
    values = [f"0.{digit}" for digit in range(10)] + ["1.0"]
    h = build(model.IntervalHierarchy(widths=(0.1, 0.2)), [*values])
    for digit in range(10):
        assert row(h, f"0.{digit}")[1].startswith(f"[0.{digit}," if digit else "[0,")  # type: ignore[union-attr]
    assert row(h, "0.7")[2] == "[0.6, 0.8)"


def test_interval_ends() -> None:
    h = build(model.IntervalHierarchy(widths=(10, 20), low=25, high=60), ["3", "25", "29", "30", "59", "60", "99"])
    assert row(h, "3") == ["3", "< 25", "< 25", "*"]
    assert row(h, "25") == ["25", "[25, 30)", "[25, 40)", "*"]
    assert row(h, "59") == ["59", "[50, 60)", "[40, 60)", "*"]
    assert row(h, "60") == ["60", ">= 60", ">= 60", "*"]
    assert row(h, "99")[1] == ">= 60"


def test_the_domain_of_whole_numbers_between_low_and_high_is_fixed_by_the_contract() -> None:
    spec = model.IntervalHierarchy(widths=(10,), low=20, high=40)
    few, many = build(spec, ["20", "35"]), build(spec, [str(n) for n in range(20, 40)])
    assert few.size == many.size == 20
    assert few.shares(1).tolist() == [0.5] * 20
    outside = build(spec, ["20", "45", "3"])
    assert outside.size == 22
    assert build(spec, ["20.5", "35"]).size == 2, "other numbers: what was observed"


def test_an_interval_origin() -> None:
    h = build(model.IntervalHierarchy(widths=(10,), origin=5), ["4", "5", "14", "15"])
    assert [row(h, v)[1] for v in ("4", "5", "14", "15")] == ["[-5, 5)", "[5, 15)", "[5, 15)", "[15, 25)"]


def test_ordered_sets() -> None:
    spec = model.OrderedHierarchy(values=("none", "school", "college", "master", "phd"), sizes=(2, 2))
    h = build(spec, ["school", None])
    assert h.labels[0] == ("none", "school", "college", "master", "phd", None)
    assert h.labels[1] == ("none .. school", "college .. master", "phd", None)
    assert h.labels[2] == ("none .. master", "phd", None)
    assert row(h, None) == [None, None, None, "*"]


def test_named_sets() -> None:
    spec = model.SetHierarchy(levels=({"low": ("a", "b"), "mid": ("c",), "high": ("d",)}, {"some": ("low", "mid")}))
    h = build(spec, ["a", "d"])
    assert [row(h, v) for v in "abcd"] == [
        ["a", "low", "some", "*"],
        ["b", "low", "some", "*"],
        ["c", "mid", "some", "*"],
        ["d", "high", "high", "*"],
    ]


def test_masks() -> None:
    h = build(model.MaskHierarchy(), ["9021", "902", "1000", None])
    assert row(h, "9021") == ["9021", "902*", "90**", "9***", "*"]
    assert row(h, "902") == ["902", "902*", "90**", "9***", "*"]
    assert row(h, None) == [None] * 4 + ["*"]
    left = build(model.MaskHierarchy(side="left", character="#", steps=(2, 3)), ["12345", "45"])
    assert row(left, "12345") == ["12345", "##345", "###45", "*"]
    assert row(left, "45") == ["45", "###45"[:2] + "#45", "###45", "*"]
    assert build(model.MaskHierarchy(length=6, steps=(2,)), ["abcd"]).labels[1] == ("abcd**",)


def test_prefixes() -> None:
    h = build(model.PrefixHierarchy(lengths=(3, 2), ignore="."), ["62.01", "62.09", "62", "01.1"])
    assert row(h, "62.01") == ["62.01", "620", "62", "*"]
    assert row(h, "62") == ["62", "62", "62", "*"]
    assert row(h, "01.1") == ["01.1", "011", "01", "*"]


def test_dates() -> None:
    levels = ("day", "month", "quarter", "year", "5-years", "decade", "century")
    h = build(model.DateHierarchy(levels=levels), ["2024-02-29", "1969-12-31T23:59:00", "2000-01-01 00:00:00", None])
    assert row(h, "2024-02-29") == [
        "2024-02-29", "2024-02-29", "2024-02", "2024-Q1", "2024", "2020-2024", "2020-2029", "2000-2099", "*",
    ]  # fmt: skip
    assert row(h, "1969-12-31T23:59:00")[1:5] == ["1969-12-31", "1969-12", "1969-Q4", "1969"]
    assert h.labels[0][-2:] == ("2024-02-29", None), "in the order of the calendar"
    assert h.kind == "dates"
    assert h.bounds[2][0].tolist() == [-31, 0], "December 1969, in days since 1970"
    week = build(model.DateHierarchy(levels=("week",)), ["2024-12-30", "2025-01-05", "2025-01-06"])
    assert [row(week, v)[1] for v in week.labels[0]] == ["2025-W01", "2025-W01", "2025-W02"]


def test_frequency() -> None:
    h = build(model.FrequencyHierarchy(thresholds=(0.1, 0.5)), ["a", "b", "c", None], [60, 25, 5, 10])
    assert row(h, "a") == ["a", "a", "a", "*"]
    assert row(h, "b") == ["b", "b", "other", "*"]
    assert row(h, "c") == ["c", "other", "other", "*"]
    assert row(h, None) == [None, None, None, "*"]


@pytest.mark.parametrize(
    "spec",
    [
        model.NoHierarchy(),
        model.IntervalHierarchy(widths=(1, 2)),
        model.DateHierarchy(levels=("month",)),
        model.MaskHierarchy(),
        model.PrefixHierarchy(lengths=(2,)),
        model.FrequencyHierarchy(thresholds=(0.5,)),
    ],
)
def test_a_column_of_nulls_alone(spec: model.Hierarchy) -> None:
    h = build(spec, [None], [7])
    assert h.labels[0] == (None,)
    assert h.labels[-1] == ("*",)
    assert all(codes.tolist() == [0] for codes in h.maps)


MISFITS: list[tuple[model.Hierarchy, list[str | None], str]] = [
    (model.IntervalHierarchy(widths=(1,)), ["1", SECRET, "x"], "values that are no numbers: 2"),
    (model.IntervalHierarchy(widths=(1,)), ["1", "nan"], "no finite numbers: 1"),
    (model.IntervalHierarchy(widths=(1,)), ["inf", "1"], "no finite"),
    (model.IntervalHierarchy(widths=(1,)), ["1e300"], "too large"),
    (model.DateHierarchy(levels=("month",)), ["2024-01-01", SECRET], "no dates: 1"),
    (model.DateHierarchy(levels=("month",)), ["2023-02-29"], "no dates"),
    (model.DateHierarchy(levels=("month",)), ["20240101"], "no dates"),
    (model.MaskHierarchy(length=3), ["1234"], "more than 3 characters: 1"),
    (model.MaskHierarchy(), ["x" * 40], "40 characters"),
]


@pytest.mark.parametrize(("spec", "values", "words"), MISFITS)
def test_values_that_do_not_fit(spec: model.Hierarchy, values: list[str | None], words: str) -> None:
    with pytest.raises(HierarchyError) as caught:
        build(spec, values)
    error = caught.value
    assert error.code == "H305"
    assert words in error.message
    assert 'column "x"' in error.message
    assert error.hint
    assert SECRET not in str(error)
    assert error.__cause__ is None


def test_values_that_a_list_lacks() -> None:
    for spec in (
        model.OrderedHierarchy(values=("a", "b"), sizes=(2,)),
        model.SetHierarchy(levels=({"x": ("a", "b")},)),
    ):
        with pytest.raises(HierarchyError, match="H302") as caught:
            build(spec, ["a", SECRET])
        assert SECRET not in str(caught.value)
        assert "1 value" in caught.value.message


SPECS: list[tuple[model.Hierarchy, str]] = [
    (model.IntervalHierarchy(widths=(5, 12)), "level 2"),
    (model.IntervalHierarchy(widths=(10, 5)), "level 2"),
    (model.IntervalHierarchy(widths=(5,), low=9, high=1), "low must be below high"),
    (model.DateHierarchy(levels=("week", "month")), "level 2"),
    (model.DateHierarchy(levels=("year", "month")), "level 2"),
    (model.PrefixHierarchy(lengths=(2, 2)), "level 2"),
    (model.FrequencyHierarchy(thresholds=(0.2, 0.1)), "level 2"),
    (model.OrderedHierarchy(values=("a", "a"), sizes=(2,)), "twice"),
    (model.OrderedHierarchy(values=("a", "b"), sizes=(1,)), "level 1"),
    (model.MaskHierarchy(steps=(3, 2)), "level 2"),
    (model.SetHierarchy(levels=({"x": ("a",), "y": ("a",)},)), "level 1"),
]


@pytest.mark.parametrize(("spec", "words"), SPECS)
def test_definitions_that_contradict_themselves(spec: model.Hierarchy, words: str) -> None:
    with pytest.raises(HierarchyError, match="H306") as caught:
        build(spec, ["a"])
    assert words in caught.value.message


def test_the_hierarchies_of_a_frequency_table() -> None:
    table = FrequencyTable(
        ("age", "job"),
        (("20", "31"), ("a", "b", None)),
        np.array([[0, 1, 1], [0, 1, 2]], dtype=np.int32),
        np.array([90, 5, 5]),
    )
    columns = {
        "job": model.Column(role="quasi-identifier", hierarchy=model.FrequencyHierarchy(thresholds=(0.5,))),
        "age": model.Column(role="quasi-identifier", hierarchy=model.IntervalHierarchy(widths=(10,))),
    }
    age, job = compile_hierarchies(columns, table, Path())
    assert (age.column, job.column) == ("age", "job")
    assert job.labels[1] == ("a", "other", None), "counts of rows, not of groups"
