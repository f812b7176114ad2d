"""Every builder, for any values: a valid hierarchy, equal to the plain reading of its definition."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract import model
from jalousie.tables.hierarchies import compile_hierarchy
from jalousie.tables.labels import parse_date_label, parse_label
from jalousie.tables.types import Hierarchy


def distinct(values: st.SearchStrategy[str], *, least: int = 1) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.none() | values, min_size=least, max_size=25, unique=True)


def build(spec: model.Hierarchy, values: list[str | None], counts: list[int] | None = None) -> Hierarchy:
    return compile_hierarchy("x", spec, values, counts or [1] * len(values), Path())


def check_valid(h: Hierarchy, values: list[str | None]) -> None:
    """What every compiled hierarchy promises, said as plainly as possible."""
    assert set(values) <= set(h.labels[0])
    assert h.labels[-1] == ("*",)
    assert h.maps[0].tolist() == list(range(h.size))
    for labels, codes in zip(h.labels, h.maps, strict=True):
        assert len(set(labels)) == len(labels), "distinct labels"
        assert codes.dtype == np.int32
        assert set(codes.tolist()) == set(range(len(labels))), "every label is used"
    for below, above in zip(h.maps, h.maps[1:], strict=False):
        for one in range(h.size):
            for other in range(one):
                assert below[one] != below[other] or above[one] == above[other], "nested"
    if None in values:
        null = h.labels[0].index(None)
        for labels, codes in zip(h.labels[:-1], h.maps[:-1], strict=True):
            assert labels[codes[null]] is None
            assert (codes == codes[null]).sum() == 1, "a null is in a class of its own"
    for labels, bounds in zip(h.labels, h.bounds, strict=False):
        assert bounds.shape == (len(labels), 2)


def label(h: Hierarchy, level: int, value: str | None) -> str | None:
    return h.labels[level][h.maps[level][h.labels[0].index(value)]]


decimals = st.decimals(-1000, 1000, places=2).map(str)


@given(
    distinct(decimals),
    st.sampled_from([("0.1", 2, 5), ("0.25", 4, 2), ("1", 5, 2), ("3", 2, 3), ("20", 2, 2)]),
    st.sampled_from(["0", "0.05", "-7"]),
    st.none() | st.sampled_from(["-100", "0", "12.5"]),
    st.none() | st.sampled_from(["13", "99.5", "500"]),
)
def test_intervals(
    values: list[str | None], widths: tuple[str, int, int], origin: str, low: str | None, high: str | None
) -> None:
    first, *factors = widths
    exact = [Decimal(first)]
    for factor in factors:
        exact.append(exact[-1] * factor)
    spec = model.IntervalHierarchy(
        widths=tuple(map(float, exact)),
        origin=float(origin),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
    )
    h = build(spec, values)
    check_valid(h, values)
    for value in values:
        if value is None:
            continue
        number = Decimal(value)
        for level, width in enumerate(exact, start=1):
            found = parse_label(label(h, level, value) or "")
            assert found is not None
            if low is not None and number < Decimal(low):
                expected = (-np.inf, float(low))
            elif high is not None and number >= Decimal(high):
                expected = (float(high), np.inf)
            else:
                start = Decimal(origin) + (number - Decimal(origin)) // width * width
                if start > number:  # Decimal divides towards zero
                    start -= width
                ends = start, start + width
                expected = (
                    float(max(ends[0], Decimal(low)) if low is not None else ends[0]),
                    float(min(ends[1], Decimal(high)) if high is not None else ends[1]),
                )
            assert found == expected
            assert found[0] <= float(value) < found[1]
            shown = h.bounds[level][h.maps[level][h.labels[0].index(value)]]
            assert np.array_equal(shown, [x if np.isfinite(x) else np.nan for x in found], equal_nan=True)


whole = st.integers(-(2**63), 2**64 - 1) | st.integers(2**53 - 20, 2**53 + 20) | st.integers(-50, 50)


@given(distinct(whole.map(str)), st.sampled_from([(3, 4), (5, 2), (1000, 10)]), st.sampled_from([0, 7]))
def test_intervals_of_large_whole_numbers_are_exact(
    values: list[str | None], widths: tuple[int, int], origin: int
) -> None:
    exact = [widths[0], widths[0] * widths[1]]
    h = build(model.IntervalHierarchy(widths=tuple(map(float, exact)), origin=float(origin)), values)
    check_valid(h, values)
    for value in values:
        for level, width in enumerate(exact, start=1):
            if value is not None:
                start = origin + (int(value) - origin) // width * width
                assert label(h, level, value) == f"[{start}, {start + width})"


days = st.dates(date(1000, 1, 1), date(9989, 12, 31))


def plain_period(day: date, period: str) -> str:
    year, quarter = day.year, (day.month + 2) // 3
    week = day.isocalendar()
    return {
        "day": day.isoformat(),
        "week": f"{week.year:04d}-W{week.week:02d}",
        "month": day.isoformat()[:7],
        "quarter": f"{year:04d}-Q{quarter}",
        "year": f"{year:04d}",
        "5-years": f"{year // 5 * 5:04d}-{year // 5 * 5 + 4:04d}",
        "decade": f"{year // 10 * 10:04d}-{year // 10 * 10 + 9:04d}",
        "century": f"{year // 100 * 100:04d}-{year // 100 * 100 + 99:04d}",
    }[period]


@given(
    distinct(days.map(date.isoformat)),
    st.sampled_from(
        [
            ("day", "week"),
            ("week",),
            ("month", "quarter", "year", "5-years", "decade", "century"),
            ("day", "year"),
            ("quarter", "century"),
        ]
    ),
)
def test_dates(values: list[str | None], levels: tuple[str, ...]) -> None:
    h = build(model.DateHierarchy(levels=levels), values)  # type: ignore[arg-type]
    check_valid(h, values)
    for value in values:
        if value is None:
            continue
        day = date.fromisoformat(value)
        for level, period in enumerate(levels, start=1):
            found = label(h, level, value)
            assert found == plain_period(day, period)
            bounds = parse_date_label(found or "")
            assert bounds is not None
            assert bounds == tuple(h.bounds[level][h.labels[level].index(found)])
            since = (day - date(1970, 1, 1)).days
            assert bounds[0] <= since < bounds[1]
            first, last = (date(1970, 1, 1) + timedelta(days=edge) for edge in (bounds[0], bounds[1] - 1))
            assert plain_period(first, period) == plain_period(last, period) == found, "the bounds are the whole period"


words = st.text(st.sampled_from("ab*.1é"), max_size=6)


@given(distinct(words), st.sampled_from(["left", "right"]), st.sampled_from(["*", "#"]))
def test_masks(values: list[str | None], side: str, character: str) -> None:
    h = build(model.MaskHierarchy(side=side, character=character), values)  # type: ignore[arg-type]
    check_valid(h, values)
    length = max((len(v) for v in values if v is not None), default=0)
    for value in values:
        if value is None:
            continue
        for hidden in range(1, length):
            padded = (
                value + character * (length - len(value))
                if side == "right"
                else character * (length - len(value)) + value
            )
            kept = padded[: length - hidden] if side == "right" else padded[hidden:]
            expected = kept + character * hidden if side == "right" else character * hidden + kept
            assert label(h, hidden, value) == expected


@given(distinct(words), st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True), st.sampled_from(["", "."]))
def test_prefixes(values: list[str | None], lengths: list[int], ignore: str) -> None:
    lengths = sorted(lengths, reverse=True)
    h = build(model.PrefixHierarchy(lengths=tuple(lengths), ignore=ignore), values)
    check_valid(h, values)
    for value in values:
        if value is not None:
            for level, length in enumerate(lengths, start=1):
                kept = "".join(character for character in value if character not in ignore)
                assert label(h, level, value) == kept[:length]


@given(distinct(words), st.data())
def test_frequency(values: list[str | None], data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(1, 50), min_size=len(values), max_size=len(values)))
    thresholds = data.draw(st.lists(st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5]), min_size=1, max_size=4, unique=True))
    thresholds.sort()
    h = build(model.FrequencyHierarchy(thresholds=tuple(thresholds), other="a"), values, counts)
    check_valid(h, values)
    for value, count in zip(values, counts, strict=True):
        if value is not None:
            for level, threshold in enumerate(thresholds, start=1):
                assert label(h, level, value) == (value if count / sum(counts) >= threshold else "a")


@given(
    st.lists(words, min_size=1, max_size=25, unique=True),
    st.lists(st.integers(2, 4), min_size=1, max_size=4),
    st.data(),
)
def test_ordered(order: list[str], sizes: list[int], data: st.DataObject) -> None:
    observed: list[str | None] = [*data.draw(st.lists(st.sampled_from(order), unique=True)), None]
    h = build(model.OrderedHierarchy(values=tuple(order), sizes=tuple(sizes)), observed)
    check_valid(h, observed)
    assert h.labels[0][:-1] == tuple(order)
    groups = [[value] for value in order]
    for level, size in enumerate(sizes, start=1):
        groups = [list(chain.from_iterable(groups[start : start + size])) for start in range(0, len(groups), size)]
        for group in groups:
            assert len({label(h, level, value) for value in group}) == 1
            assert label(h, level, group[0]) == (group[0] if len(group) == 1 else f"{group[0]} .. {group[-1]}")


@given(distinct(words))
def test_none(values: list[str | None]) -> None:
    h = build(model.NoHierarchy(), values)
    check_valid(h, values)
    assert h.levels == 2


@given(st.data())
def test_files_and_sets_agree(data: st.DataObject) -> None:
    """The same groups, once as named sets and once as an ARX file."""
    raw = data.draw(
        st.lists(st.text(st.sampled_from("abcd1"), min_size=1, max_size=4), min_size=1, max_size=12, unique=True)
    )
    names = data.draw(st.lists(st.integers(0, 3), min_size=len(raw), max_size=len(raw)))
    above = data.draw(st.lists(st.integers(0, 1), min_size=4, max_size=4))
    first = {f"g{n}": tuple(v for v, m in zip(raw, names, strict=True) if m == n) for n in sorted(set(names))}
    second = {
        f"t{a}": tuple(f"g{n}" for n in sorted(set(names)) if above[n] == a) for a in sorted({above[n] for n in names})
    }
    sets = build(model.SetHierarchy(levels=(first, second)), [*raw])
    text = "".join(f"{v};g{n};t{above[n]};*\n" for v, n in zip(raw, names, strict=True))
    with TemporaryDirectory() as folder:
        (Path(folder) / "h.csv").write_text(text, encoding="utf-8")
        file = compile_hierarchy("x", model.FileHierarchy(file="h.csv"), [*raw], [1] * len(raw), Path(folder))
    check_valid(sets, [*raw])
    check_valid(file, [*raw])
    for value in raw:
        assert [label(sets, level, value) for level in range(4)] == [label(file, level, value) for level in range(4)]
