"""The chart of a score against what was spent: points joined by lines, and levels to compare them with.

Places along the x axis are percentages of the width, as in all charts, so lines are single segments: paths know no percentages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from jalousie.report.marks import SHAPES, anchor, text
from jalousie.report.parts import Curve, Level
from jalousie.report.words import score

_TOP, _PLOT, _FOOT = 34, 270, 44
_LEFT, _RIGHT = 17.0, 92.0
"""Percent of the width between which points lie; scores of the y axis stand to the left."""
_ROOM = 11.0
"""Percent of the width that a point's figures need, on a phone too."""
_STEPS = (1, 2, 2.5, 5, 10, 20)
_MOST_STEPS = 6
_DOUBLING = 4
"""Where the largest x is this many times the smallest, steps to the right are factors and not amounts."""


def draw_curve(chart: Curve) -> tuple[int, list[str]]:
    """Height and elements. Points and levels that are no scores (not finite, or beyond a million) are left out."""
    points = [point for point in chart.points if _drawable(point[0]) and _drawable(point[1])]
    levels = [level for level in chart.levels if _drawable(level.value)]
    ticks = scale([y for _, y, _ in points] + [level.value for level in levels])

    def down(value: float) -> float:
        return _TOP + _PLOT * (1 - (value - ticks[0]) / (ticks[-1] - ticks[0]))

    across = places([x for x, _, _ in points])
    body = [f'<text class="tick" x="0" y="12">{text(chart.y_title)} ↑</text>', *_grid(ticks, down(ticks[0]))]
    for level in levels:
        body += _level(level, down(level.value), above=level.value >= max((y for _, y, _ in points), default=0))
    spots = [(x, down(y)) for x, (_, y, _) in zip(across, points, strict=True)]
    for (x1, y1), (x2, y2) in pairwise(spots):
        body.append(f'<line class="curve" x1="{x1:.2f}%" y1="{y1:.1f}" x2="{x2:.2f}%" y2="{y2:.1f}"/>')
    shown = _apart(across)
    for at, ((x, y), (_, value, label)) in enumerate(zip(spots, points, strict=True)):
        figures = ""
        if at in shown:
            figures = f'<text class="figure halo" y="25" text-anchor="middle">{score(value)}</text>'
            foot = _TOP + _PLOT
            body.append(f'<line class="axis" x1="{x:.2f}%" x2="{x:.2f}%" y1="{foot}" y2="{foot + 5}"/>')
            body.append(
                f'<text class="tick" x="{x:.2f}%" y="{foot + 18}" text-anchor="{anchor(x)}">{text(label)}</text>'
            )
        body.append(_mark("release", x, y, figures))
    body.append(f'<text class="tick" x="100%" y="{_TOP + _PLOT + 38}" text-anchor="end">{text(chart.x_title)} →</text>')
    return _TOP + _PLOT + _FOOT, body


def _drawable(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= 1e6


def scale(values: Sequence[float]) -> list[float]:
    """Round figures that hold all values, with room below the lowest for its label."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    spread = max(high - low, 0.01)
    low -= 0.12 * spread  # a point's figure stands under it
    power = 10.0 ** math.floor(math.log10(spread / _MOST_STEPS))
    for step in (factor * power for factor in _STEPS):
        first, last = math.floor(low / step), math.ceil((high - 1e-12) / step)
        if last - first <= _MOST_STEPS:
            break
    return [step * at for at in range(first, max(last, first + 1) + 1)]


def places(xs: Sequence[float]) -> list[float]:
    """Percent of the width for each x. Equal factors are equal distances where the range is wide, equal amounts elsewhere."""
    if not xs:
        return []
    doubling = min(xs) > 0 and max(xs) >= _DOUBLING * min(xs)
    seen = [math.log(x) for x in xs] if doubling else list(xs)
    low, high = min(seen), max(seen)
    if high == low:
        return [(_LEFT + _RIGHT) / 2] * len(xs)
    return [_LEFT + (_RIGHT - _LEFT) * (x - low) / (high - low) for x in seen]


def _apart(across: Sequence[float]) -> set[int]:
    """Points that have room for their figures: from the right, since the last says most."""
    shown: set[int] = set()
    free = math.inf
    for at in range(len(across) - 1, -1, -1):
        if across[at] <= free:
            shown.add(at)
            free = across[at] - _ROOM
    return shown


def _grid(ticks: Sequence[float], foot: float) -> Iterator[str]:
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    digits += any(abs(round(tick, digits) - tick) > 1e-9 for tick in ticks)
    for tick in ticks:
        y = foot - _PLOT * (tick - ticks[0]) / (ticks[-1] - ticks[0])
        kind = "axis" if tick == ticks[0] else "grid"
        yield f'<line class="{kind}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick halo" x="0" y="{y - 4:.1f}">{tick:.{digits}f}</text>'


def _level(level: Level, y: float, *, above: bool) -> Iterator[str]:
    """A line through the whole chart, named where the curve is not."""
    yield f'<line class="level {level.series}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
    yield _mark(level.series, 98, y)
    place = y - 10 if above else y + 20
    yield (
        f'<text class="figure halo" x="100%" y="{place:.1f}" text-anchor="end">'
        f"{text(level.label)}, {score(level.value)}</text>"
    )


def _mark(series: str, x: float, y: float, figures: str = "") -> str:
    return (
        f'<svg class="mark" x="{x:.2f}%" y="{y:.1f}" overflow="visible" width="1" height="1">'
        f'<path class="{series}" d="{SHAPES[series]}"/>{figures}</svg>'  # type: ignore[index]
    )
