"""Cut dates and times to the start of their period."""

from __future__ import annotations

import narwhals as nw

from jalousie.contract.model import TruncateDate
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import count, dtype_of, require_columns, wrong_type
from jalousie.tables.raw import RawTable

_EVERY = {"hour": "1h", "day": "1d", "month": "1mo", "quarter": "1q", "year": "1y"}


def truncate_date(raw: RawTable, step: TruncateDate) -> tuple[RawTable, StepFacts]:
    """Replace each date or time by the first of its period (weeks begin on Monday, ISO 8601). The type is kept."""
    require_columns(raw, (step.column,), "truncate-date")
    dtype = dtype_of(raw, step.column)
    if not isinstance(dtype, nw.Date | nw.Datetime):
        raise wrong_type(step.column, "truncate-date", "date or datetime")
    if step.to == "hour" and isinstance(dtype, nw.Date):
        raise wrong_type(step.column, "truncate-date", "datetime", hint="a date has no hours: cut it to day or longer")
    cut = _cut_anywhere(step, dtype)
    changed = count(raw.frame, "truncate-date", changed=cut != nw.col(step.column))["changed"]
    done = raw.derive(raw.frame.with_columns(cut.alias(step.column)))
    return done, StepFacts(
        step="truncate-date",
        columns=(step.column,),
        sentence=f"Cut {step.column} to the {step.to}; {changed:,} values changed.",
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts={"values-changed": changed},
        rule=step,
        caveat="A rare period stays rare; the order of events within it is gone, between periods it is not.",
    )


def _cut_anywhere(step: TruncateDate, dtype: nw.dtypes.DType) -> nw.Expr:
    """Periods of UTC where the column has a time zone: an engine may know the zone or only the instant."""
    column, zone = nw.col(step.column), getattr(dtype, "time_zone", None)
    if zone in (None, "UTC"):
        return _cut(column, step.to).cast(dtype)
    return _cut(column.dt.convert_time_zone("UTC"), step.to).dt.convert_time_zone(zone)


def _cut(column: nw.Expr, to: str) -> nw.Expr:
    if to != "week":
        return column.dt.truncate(_EVERY[to])
    # no engine-independent week: go back to Monday by the number of the weekday (1 to 7)
    day = column.dt.truncate("1d")
    monday = day
    for weekday in range(2, 8):
        monday = nw.when(column.dt.weekday() == weekday).then(day.dt.offset_by(f"-{weekday - 1}d")).otherwise(monday)
    return monday
