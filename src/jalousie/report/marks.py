"""What all charts are drawn with: the mark of each series, scales, and text that is safe in SVG."""

from __future__ import annotations

import math
from html import escape

from jalousie.report.parts import Series
from jalousie.report.words import clean

SHAPES: dict[Series, str] = {
    "raw": "M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0z",
    "release": "M0,-8L8,0L0,8L-8,0z",
    "bound": "M0,-10V10",
    "guess": "M0,-6L6,5H-6z",
}


def nice(top: float) -> float:
    """The next of 1, 2, 4, 6, 8 times a power of ten: four steps of it are easy to read."""
    if not math.isfinite(top) or top <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(top))
    return next((factor * power for factor in (1, 2, 4, 6, 8) if top <= factor * power * (1 + 1e-9)), 10 * power)


def anchor(percentage: float) -> str:
    """How a text is aligned at a place along the width, so that it stays inside."""
    return "start" if percentage < 1 else "end" if percentage > 99 else "middle"


def short(name: str, most: int) -> str:
    """At most so many letters."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def text(words: str) -> str:
    """Foreign text made safe for SVG."""
    return escape(clean(words))
