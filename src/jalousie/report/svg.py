"""Charts as SVG, drawn by hand: no script, no outside request, text stays text.

Places along the x axis are percentages of the width and there is no view box, so a chart fills a phone as well as a
page while its letters keep the size that the style sheet gives them. What a mark stands for is told by its shape
(hollow for the raw table, solid for the release), never by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from jalousie.report.curve import draw_curve
from jalousie.report.marks import SHAPES, anchor, nice, short, text
from jalousie.report.parts import Bars, Chart, Curve, Dot, Dots, Scatter, Series
from jalousie.report.words import number, one_in, percent

_BAR_ROOM = 80.0
"""Percent of the width that the longest bar takes; the rest is for its figure."""
_POINTS = 400
"""Points drawn in a scatter; more could not be told apart."""
_PLOT = 260

_ON_TOP: tuple[Series, ...] = ("guess", "raw", "bound", "release")


def draw(chart: Chart, key: str, title: str, description: str) -> str:
    """One `<svg role="img">` with its title and description; `key` makes the ids unique within a page."""
    match chart:
        case Bars():
            height, body = _bars(chart)
        case Dots():
            height, body = _dots(chart)
        case Scatter():
            height, body = _scatter(chart)
        case Curve():
            height, body = draw_curve(chart)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="100%" height="{height}" '
        f'aria-labelledby="{text(key)}-t {text(key)}-d">'
        f'<title id="{text(key)}-t">{text(title)}</title><desc id="{text(key)}-d">{text(description)}</desc>'
        f"{''.join(body)}</svg>"
    )


def swatch(series: Series) -> str:
    """The mark of a series, for a legend."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="swatch" width="20" height="20" aria-hidden="true">'
        f'<path class="{series}" transform="translate(10 10)" d="{SHAPES[series]}"/></svg>'
    )


def _bars(chart: Bars) -> tuple[int, list[str]]:
    body: list[str] = []
    longest = max((bar.value for _, bars in chart.groups for bar in bars if math.isfinite(bar.value)), default=0) or 1
    y = 0
    for name, bars in chart.groups:
        body.append(f'<text class="name" x="0" y="{y + 15}">{text(short(name, 44))}</text>')
        y += 22
        start = y
        for bar in bars:
            width = _BAR_ROOM * max(bar.value, 0) / longest if math.isfinite(bar.value) else 0
            body.append(f'<rect class="{bar.series}" x="0" y="{y + 1}" width="{width:.2f}%" height="12"/>')
            body.append(f'<text class="figure" x="{width:.2f}%" dx="8" y="{y + 12}">{text(bar.label)}</text>')
            y += 17
        body.append(f'<line class="axis" x1="0" x2="0" y1="{start - 2}" y2="{y - 1}"/>')
        y += 8
    return max(y, 20), body


def _dots(chart: Dots) -> tuple[int, list[str]]:
    step, foot = 46, 26
    height = step * len(chart.rows) + foot
    body = []
    for value, label in chart.ticks:
        x = _place(value, chart)
        body.append(f'<line class="grid" x1="{x:.2f}%" x2="{x:.2f}%" y1="22" y2="{height - foot + 4}"/>')
        body.append(f'<text class="tick" x="{x:.2f}%" y="{height - 6}" text-anchor="{anchor(x)}">{text(label)}</text>')
    for index, (name, dots) in enumerate(chart.rows):
        y = step * index
        body.append(f'<text class="name halo" x="0" y="{y + 15}">{text(short(name, 38))}</text>')
        body.append(f'<text class="figure halo" x="100%" y="{y + 15}" text-anchor="end">{text(_change(dots))}</text>')
        body.append(f'<line class="axis" x1="0" x2="100%" y1="{y + 32}" y2="{y + 32}"/>')
        for dot in sorted(dots, key=lambda dot: _ON_TOP.index(dot.series)):
            body.extend(_dot(dot, chart, y + 32))
    return height, body


def _dot(dot: Dot, chart: Dots, y: int) -> Iterable[str]:
    if not math.isfinite(dot.value):
        return
    if dot.interval is not None and all(map(math.isfinite, dot.interval)):
        low, high = (_place(end, chart) for end in dot.interval)
        yield f'<line class="interval" x1="{low:.2f}%" x2="{high:.2f}%" y1="{y}" y2="{y}"/>'
        for end in (low, high):
            yield f'<line class="interval" x1="{end:.2f}%" x2="{end:.2f}%" y1="{y - 4}" y2="{y + 4}"/>'
    yield (
        f'<svg class="mark" x="{_place(dot.value, chart):.2f}%" y="{y}" overflow="visible" width="1" height="1">'
        f'<path class="{dot.series}" d="{SHAPES[dot.series]}"/></svg>'
    )


def _change(dots: Iterable[Dot]) -> str:
    labels = {dot.series: dot.label for dot in dots}
    return " → ".join(labels[series] for series in ("raw", "release") if series in labels)


def _scatter(chart: Scatter) -> tuple[int, list[str]]:
    finite = [point for point in chart.points if all(map(math.isfinite, point))]
    x_top = nice(max([x for x, _, _ in finite] + [chart.chosen[0]]))
    y_top = nice(max([y for _, y, _ in finite] + [chart.chosen[1]]))
    top = 30

    def place(x: float, y: float) -> tuple[float, float]:
        return 100 * min(max(x / x_top, 0), 1), top + _PLOT * (1 - min(max(y / y_top, 0), 1))

    body = [f'<text class="tick" x="0" y="12">{text(chart.y_title)} ↑</text>']
    for tick in range(5):
        x, y = 25.0 * tick, top + _PLOT * (1 - tick / 4)
        line = "axis" if tick == 0 else "grid"
        body.append(f'<line class="{line}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(f'<line class="{line}" x1="{x}%" x2="{x}%" y1="{top}" y2="{top + _PLOT}"/>')
        label = percent(x_top * tick / 4)
        body.append(
            f'<text class="tick" x="{x}%" y="{top + _PLOT + 17}" text-anchor="{anchor(x)}">{text(label)}</text>'
        )
    body.append(f'<text class="tick" x="100%" y="{top + _PLOT + 36}" text-anchor="end">{text(chart.x_title)} →</text>')

    marks = {
        (round(2 * x) / 2, round(y / 2) * 2, _size(s)) for x, y, s in ((*place(px, py), s) for px, py, s in finite)
    }
    drawn = sorted(marks)
    for x, y, radius in drawn[:: max(1, math.ceil(len(drawn) / _POINTS))]:
        body.append(f'<circle class="raw" cx="{x:g}%" cy="{y:g}" r="{radius}"/>')
    for tick in range(1, 5):  # over the circles, which would hide them
        y = top + _PLOT * (1 - tick / 4)
        body.append(f'<text class="tick halo" x="4" y="{y + 14:.1f}">{number(y_top * tick / 4)}</text>')
    x, y = place(*chart.chosen)
    offset, side = (-14, "end") if x > 60 else (14, "start")
    body.append(f'<svg class="mark" x="{x:.2f}%" y="{y:.1f}" overflow="visible" width="1" height="1">')
    body.append('<path class="release" d="M0,-10L10,0L0,10L-10,0z"/>')
    label = f"this release, {one_in(chart.chosen[0])}"
    body.append(f'<text class="figure halo" x="{offset}" y="4" text-anchor="{side}">{label}</text></svg>')
    return top + _PLOT + 44, body


def _size(suppressed: float) -> int:
    return 2 if suppressed <= 0.01 else 3 if suppressed <= 0.05 else 5 if suppressed <= 0.25 else 7


def _place(value: float, chart: Dots) -> float:
    return float(100 * min(max((value - chart.low) / (chart.high - chart.low), 0), 1))
