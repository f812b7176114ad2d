"""Generalised numbers and dates as text, and back. The only place that knows how such labels look.

    [20, 40)      numbers from 20 up to, not including, 40        < 20, >= 80   the open ends
    2024-02-29    a day          2024-W09   an ISO week            2024-02       a month
    2024-Q1       a quarter      2024       a year                 2020-2029     years from first to last

A label is short, sorts sensibly, and says exactly which values it covers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import inf, isfinite

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_INTERVAL = re.compile(rf"\[({_NUMBER}), ?({_NUMBER})\)")
_OPEN = re.compile(rf"(<|>=) ?({_NUMBER})")
_PLAIN = re.compile(_NUMBER)
_YEARS = re.compile(r"(\d{4})(?:-(\d{4}))?")
_PART = re.compile(r"(\d{4})-(?:Q([1-4])|W(\d{2})|(\d{2})(?:-(\d{2}))?)")
_EPOCH = date(1970, 1, 1).toordinal()


def number_text(value: float) -> str:
    """A bound as a person writes it: 12 significant digits, no exponent below 10^15."""
    rounded = float(f"{value:.12g}")
    if rounded.is_integer() and abs(rounded) < 1e15:
        return str(int(rounded))
    return repr(rounded)


def decimal_text(value: Decimal) -> str:
    """A bound as it is, without an exponent up to 10^21; else as a float is written, if that is the same number."""
    if value == value.to_integral_value() and abs(value) < Decimal(10) ** 21:
        return str(int(value))
    text = repr(float(value))
    return text if Decimal(text) == value else format(value.normalize(), "f")


def exact_text(value: float) -> str:
    """A bound that must not be rounded, as short as that allows."""
    text = number_text(value)
    return text if float(text) == value else repr(value).removesuffix(".0")


def interval_label(low: float, high: float, text: Callable[[float], str] = number_text) -> str:
    """`[low, high)`; with an infinite bound `< high` or `>= low`."""
    if low == -inf:
        return f"< {text(high)}"
    if high == inf:
        return f">= {text(low)}"
    return f"[{text(low)}, {text(high)})"


def parse_label(label: str) -> tuple[float, float] | None:
    """(low, high) of a number's label, or None if it is no interval.

    A half-open interval gives its bounds, an open end an infinity, a plain number v gives (v, v).
    """
    if match := _INTERVAL.fullmatch(label):
        return float(match[1]), float(match[2])
    if match := _OPEN.fullmatch(label):
        edge = float(match[2])
        return (-inf, edge) if match[1] == "<" else (edge, inf)
    if _PLAIN.fullmatch(label):
        value = float(label)
        return (value, value) if isfinite(value) else None
    return None


def parse_date_label(label: str) -> tuple[float, float] | None:
    """(first day, day after the last) of a date's label, in days since 1970-01-01, or None if it is no date."""
    try:
        if match := _YEARS.fullmatch(label):
            first, last = int(match[1]), int(match[2] or match[1])
            return (_days(first, 1, 1), _days(last + 1, 1, 1)) if last >= first else None
        match = _PART.fullmatch(label)
        if match is None:
            return None
        year = int(match[1])
        if match[2]:
            month = 3 * int(match[2]) - 2
            return _days(year, month, 1), _month_end(year, month + 2)
        if match[3]:
            monday = date.fromisocalendar(year, int(match[3]), 1).toordinal() - _EPOCH
            return float(monday), float(monday + 7)
        month = int(match[4])
        if match[5]:
            day = _days(year, month, int(match[5]))
            return day, day + 1
        return _days(year, month, 1), _month_end(year, month)
    except ValueError:
        return None


def _month_end(year: int, month: int) -> float:
    return _days(year + month // 12, month % 12 + 1, 1)


def _days(year: int, month: int, day: int) -> float:
    # the year after the last that `date` knows, as the end of its last period
    ordinal = date.max.toordinal() + 1 if year == date.max.year + 1 else date(year, month, day).toordinal()
    return float(ordinal - _EPOCH)
