"""Scales of the learning curve hold whatever is drawn on them."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.report.curve import draw_curve, places, scale
from jalousie.report.parts import Curve, Level

scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@given(scores)
def test_a_scale_holds_all_values_in_a_few_round_steps(values: list[float]) -> None:
    ticks = scale(values)
    room = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] <= min(values) + room
    assert max(values) <= ticks[-1] + room
    assert 2 <= len(ticks) <= 7
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert max(steps) == pytest.approx(min(steps))
    mantissa = steps[0] / 10 ** math.floor(math.log10(steps[0] * 1.0000001))
    assert any(mantissa == pytest.approx(nice, rel=1e-5) for nice in (1, 2, 2.5, 5))


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20, unique=True))
def test_places_keep_the_order_and_stay_inside(xs: list[float]) -> None:
    ordered = sorted(xs)
    across = places(ordered)
    assert across == sorted(across)
    assert min(across) >= 17
    assert max(across) <= 92 + 1e-9


def test_wide_ranges_are_in_factors_and_narrow_ones_in_amounts() -> None:
    assert places([1, 2, 4]) == pytest.approx([17, 54.5, 92])
    assert places([1, 2, 3]) == pytest.approx([17, 54.5, 92])
    assert places([0.0, 5, 10]) == pytest.approx([17, 54.5, 92])  # nothing spent has no logarithm
    assert places([3]) == [54.5]
    assert places([]) == []


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(allow_nan=True), st.text(max_size=5)), max_size=8),
    st.lists(st.floats(allow_nan=True), max_size=2),
)
def test_anything_is_well_formed_and_stays_in_the_chart(
    points: list[tuple[float, float, str]], levels: list[float]
) -> None:
    drawn = Curve(tuple(points), tuple(Level("guess", value, "a & b") for value in levels), "x", "y")
    height, body = draw_curve(drawn)
    svg = ET.fromstring(f"<svg>{''.join(body)}</svg>")
    for mark in svg.findall("svg"):
        assert 33 <= float(mark.attrib["y"]) <= height
    assert "nan" not in "".join(part for part in body if "<text" not in part)
