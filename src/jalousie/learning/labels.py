"""Reading back the labels that recodings make by themselves: intervals `[20, 40)` and sets `{a, b}`."""

from __future__ import annotations

import re

import numpy as np

from jalousie.learning.frames import as_number

_INTERVAL = re.compile(r"^([\[(])\s*([^,]*?)\s*,\s*([^,]*?)\s*([\])])$")
_DASHED = re.compile(r"^(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)$")
_OPEN = {"", "-inf", "inf", "+inf", "-∞", "∞", "-oo", "oo"}


def interval_of(text: str | None, kind: str, *, whole: bool) -> tuple[float, float] | None:
    """[low, high) that an interval label stands for, infinite where open; None where the text is no interval.

    `[20, 40)` and `20-39` are read; a closed upper end of a whole number becomes the next whole number.
    """
    if text is None:
        return None
    match = _INTERVAL.match(text)
    if match is None:
        dashed = _DASHED.match(text) if kind != "date" else None
        if dashed is None:
            return None
        low, high = float(dashed[1]), float(dashed[2])
        return (low, high + (1.0 if whole else 0.0)) if low <= high else None
    start = -np.inf if match[2] in _OPEN else as_number(match[2], kind)
    end = np.inf if match[3] in _OPEN else as_number(match[3], kind)
    if np.isnan(start) or np.isnan(end):
        return None
    if match[4] == "]":
        end = end + 1.0 if whole else float(np.nextafter(end, np.inf))
    if match[1] == "(" and np.isfinite(start):
        start = start + 1.0 if whole else float(np.nextafter(start, np.inf))
    return start, end


def members_of(text: str | None) -> tuple[str, ...] | None:
    """The members of a set label `{a, b}`; None where the text is no set."""
    if text is None or len(text) < 3 or text[0] != "{" or text[-1] != "}":
        return None
    return tuple(part.strip() for part in text[1:-1].split(","))
