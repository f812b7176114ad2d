"""Dates in periods of the calendar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from jalousie.contract import model
from jalousie.errors import Where
from jalousie.tables.built import Built, Level, misfit
from jalousie.tables.types import Counts

Days = NDArray[np.datetime64]


def build_dates(column: str, spec: model.DateHierarchy, values: Sequence[str], where: Where | None) -> Built:
    """Dates, or times cut to their date, in periods of the calendar. Weeks are ISO weeks."""
    days = _days(column, values, where)
    order = (
        np.lexsort((np.array(values, dtype=object), days.astype(np.int64))) if len(values) else np.array([], np.int64)
    )
    days, texts = days[order], [values[place] for place in order]
    number = days.astype(np.int64).astype(np.float64)
    raw = np.column_stack((number, number))
    return Built(texts, [_date_level(days, period) for period in spec.levels], "dates", raw)


def _days(column: str, values: Sequence[str], where: Where | None) -> Days:
    try:
        ordinals = [date.fromisoformat(_date_part(value)).toordinal() for value in values]
    except ValueError:
        wrong = sum(not _is_date(value) for value in values)
        hint = "dates are written 2024-02-29, times 2024-02-29 13:45:00; make others null or take another hierarchy"
        raise misfit(column, wrong, "are no dates", hint, where) from None
    days: Days = (np.array(ordinals, dtype=np.int64) - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
    return days


def _date_part(value: str) -> str:
    """The date of an ISO date or time; anything else fails `fromisoformat`."""
    if len(value) > 10 and value[10] in " T" and value[11:13].isdigit():
        value = value[:10]
    if len(value) != 10:
        raise ValueError
    return value


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(_date_part(value))
    except ValueError:
        return False
    return True


def _date_level(days: Days, period: str) -> Level:
    """Number the period of each day, then name each distinct period once."""
    number = _PERIODS[period](days)
    distinct, codes = np.unique(number, return_inverse=True)
    labels, bounds = [], np.empty((len(distinct), 2))
    for place, value in enumerate(distinct.tolist()):
        label, low, high = _period(period, value)
        labels.append(label)
        bounds[place] = low, high
    return Level(labels, codes.astype(np.int32), bounds)


def _months(days: Days) -> Counts:
    return days.astype("datetime64[M]").astype(np.int64) + 1970 * 12


_PERIODS: dict[str, Callable[[Days], Counts]] = {
    "day": lambda days: days.astype(np.int64),
    # 1970-01-01 was a Thursday: weeks start three days before it
    "week": lambda days: (days.astype(np.int64) + 3) // 7,
    "month": _months,
    "quarter": lambda days: _months(days) // 3,
    "year": lambda days: _months(days) // 12,
    "5-years": lambda days: _months(days) // 60,
    "decade": lambda days: _months(days) // 120,
    "century": lambda days: _months(days) // 1200,
}
_YEARS = {"year": 1, "5-years": 5, "decade": 10, "century": 100}


def _period(period: str, number: int) -> tuple[str, float, float]:
    """Label and bounds (days since 1970-01-01) of the period with that number."""
    epoch = date(1970, 1, 1).toordinal()
    if period == "day":
        return date.fromordinal(number + epoch).isoformat(), number, number + 1
    if period == "week":
        monday = 7 * number - 3
        year, week, _ = date.fromordinal(monday + epoch).isocalendar()
        return f"{year:04d}-W{week:02d}", monday, monday + 7
    months = {"month": 1, "quarter": 3}.get(period) or 12 * _YEARS[period]
    low, high = _month_start(number * months), _month_start((number + 1) * months)
    year, month = divmod(number * months, 12)
    if period == "month":
        return f"{year:04d}-{month + 1:02d}", low, high
    if period == "quarter":
        return f"{year:04d}-Q{month // 3 + 1}", low, high
    years = _YEARS[period]
    return (f"{year:04d}" if years == 1 else f"{year:04d}-{year + years - 1:04d}"), low, high


def _month_start(months: int) -> float:
    """Days since 1970-01-01 of the first day of a month counted from year 0."""
    return float(np.datetime64(months - 1970 * 12, "M").astype("datetime64[D]").astype(np.int64))
