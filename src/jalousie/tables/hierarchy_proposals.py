"""A first hierarchy for a quasi-identifier. It holds no cell value: widths and lengths only, rounded to usual steps."""

from __future__ import annotations

from math import floor, log10

from jalousie.contract import model
from jalousie.tables.column_words import POSTCODE, named
from jalousie.tables.profile import Profile
from jalousie.tables.recognise import Recognised

_FINEST_INTERVALS = 20
_FREQUENT = 12  # different values from which gathering the rare ones says more than `*`


def propose_hierarchy(facts: Profile, recognised: Recognised | None) -> model.Hierarchy:
    """Intervals for numbers, periods for dates, masks for postcodes, rare values gathered for long lists, else none."""
    if is_postcode(facts, recognised):
        return _postcode(facts)
    if facts.is_number:
        return _intervals(facts)
    if facts.type in ("date", "datetime"):
        return model.DateHierarchy(levels=("month", "quarter", "year", "decade"))
    if facts.distinct > _FREQUENT:
        return model.FrequencyHierarchy(thresholds=(0.005, 0.02, 0.1))
    return model.NoHierarchy()


def is_postcode(facts: Profile, recognised: Recognised | None) -> bool:
    """By its values, or by a name that says so and values of a postcode's length."""
    if recognised is not None:
        return recognised.kind == "postcode"
    return bool(named(facts.name, POSTCODE)) and all(3 <= len(value) <= 10 for value in facts.values)


def _postcode(facts: Profile) -> model.Hierarchy:
    longest = max(map(len, facts.values), default=0)
    return model.MaskHierarchy(steps=tuple(range(1, longest))) if longest > 1 else model.NoHierarchy()


def _intervals(facts: Profile) -> model.Hierarchy:
    """Four widths, each twice the one before, the first about a twentieth of the middle 90 % of the values."""
    numbers = facts.numbers()
    if len(numbers) < len(facts.values) or not numbers:
        return model.NoHierarchy()  # NaN and infinities lie in no interval
    low, high = numbers[len(numbers) // 20], numbers[-1 - len(numbers) // 20]
    span = (high - low) or (numbers[-1] - numbers[0])
    if span <= 0:
        return model.NoHierarchy()
    finest = _usual(span / _FINEST_INTERVALS)
    if facts.type == "integer":
        finest = max(2.0 if span > 4 else 1.0, round(finest))
    return model.IntervalHierarchy(widths=tuple(finest * factor for factor in (1, 2, 4, 8)))


def _usual(width: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, ... from `width` up."""
    unit = 10.0 ** floor(log10(width))
    step = next(factor for factor in (1, 2, 5, 10) if factor * unit >= width * (1 - 1e-9))
    return float(f"{step * unit:.12g}")
