"""Reading back the labels that a cell of a release may carry beyond those of its hierarchy: intervals and sets `{a, b}`."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nextafter

from jalousie.tables.labels import parse_date_label, parse_label


def interval_of(text: str | None, kind: str) -> tuple[float, float] | None:
    """[low, high) of an interval, infinite where open; (v, v) for a single number or day; None for anything else."""
    if text is None:
        return None
    if kind != "date":
        return parse_label(text)
    found = parse_date_label(text)
    if found is not None and found[1] - found[0] == 1:
        return found[0], found[0]
    return found


def is_inside(number: float, low: float, high: float) -> bool:
    """Whether [low, high) has the number; a single number (low = high) has itself."""
    return low <= number < (nextafter(low, inf) if high == low else high)


def codes_inside(text: str | None, values: Sequence[str | None]) -> tuple[int, ...]:
    """Codes of the values that are numbers inside an interval label: a search may cut codes that look like numbers."""
    found = interval_of(text, "number")
    if found is None:
        return ()
    numbers = (interval_of(value, "number") for value in values)
    return tuple(i for i, pair in enumerate(numbers) if pair and pair[0] == pair[1] and is_inside(pair[0], *found))


def members_of(text: str | None) -> tuple[str, ...] | None:
    """The members of a set label `{a, b}`; None where the text is no set."""
    if text is None or len(text) < 3 or text[0] != "{" or text[-1] != "}":
        return None
    return tuple(part.strip() for part in text[1:-1].split(","))
