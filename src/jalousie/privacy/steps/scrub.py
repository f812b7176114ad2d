"""Scrub: drop columns, drop rows by a rule."""

from __future__ import annotations

import datetime
from typing import Any

import narwhals as nw

from jalousie.contract.model import DropColumns, DropRows, Scalar
from jalousie.errors import PrivacyError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import count, dtype_of, require_columns, unlike, wrong_type
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Mask

_WORDS = {
    "is-null": "is null",
    "not-null": "is not null",
    "equals": "equals the contract's value",
    "not-equals": "differs from the contract's value",
    "in": "is one of the contract's values",
    "not-in": "is none of the contract's values",
    "below": "is below the contract's value",
    "above": "is above the contract's value",
}


def drop_columns(raw: RawTable, step: DropColumns) -> tuple[RawTable, StepFacts]:
    """Remove columns; at least one must remain (T260, P424)."""
    require_columns(raw, step.columns, "drop-columns")
    if set(step.columns) >= set(raw.columns):
        raise PrivacyError("P424", "step drop-columns: no column would be left", hint="keep at least one column")
    facts = StepFacts(
        step="drop-columns",
        columns=step.columns,
        sentence=f"Dropped {len(step.columns)} column{'s' if len(step.columns) > 1 else ''}.",
        rows_before=raw.rows,
        rows_after=raw.rows,
    )
    return raw.derive(raw.frame.drop(*step.columns)), facts


def drop_rows(raw: RawTable, step: DropRows) -> tuple[RawTable, StepFacts]:
    """Remove the rows for which the rule holds.

    A null is neither equal to, different from, below nor above a value: only `is-null`, `not-null`, and `in` and `not-in`
    with a null among their values see it.
    """
    require_columns(raw, (step.column,), "drop-rows")
    holds = _rule(raw, step)
    dropped = count(raw.frame, "drop-rows", dropped=holds)["dropped"]
    facts = StepFacts(
        step="drop-rows",
        columns=(step.column,),
        sentence=f"Dropped {dropped:,} of {raw.rows:,} rows in which {step.column} {_WORDS[step.when]}.",
        rows_before=raw.rows,
        rows_after=raw.rows - dropped,
        facts={"rows-dropped": dropped},
        caveat="Rows dropped by a rule tell that nobody in the table meets it.",
    )
    if not dropped:
        return raw, facts
    left = ~holds.fill_null(False)
    return raw.derive(raw.frame.filter(left), rows=raw.rows - dropped, kept=lambda: _left(raw, left)), facts


def _left(raw: RawTable, rule: nw.Expr) -> Mask:
    from jalousie.tables.rows import rows_for_which  # only measuring asks for it

    return rows_for_which(raw, rule)


def _rule(raw: RawTable, step: DropRows) -> nw.Expr:
    dtype = dtype_of(raw, step.column)
    column = nw.col(step.column)
    null = column.is_null() | column.is_nan() if dtype.is_float() else column.is_null()
    if isinstance(dtype, nw.Categorical | nw.Enum):
        column = column.cast(nw.String)
    if step.when in ("is-null", "not-null"):
        return null if step.when == "is-null" else ~null
    if step.when in ("in", "not-in"):
        return _membership(column, null, dtype, step)
    if step.value is None:
        raise PrivacyError(
            "P424", f"step drop-rows: `when: {step.when}` needs a value", hint="add `value:`, or use is-null"
        )
    value = _literal(dtype, step.value, step)
    if step.when in ("equals", "not-equals"):
        same: nw.Expr = column == value if step.when == "equals" else column != value
        return same & ~null
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Boolean):
        raise wrong_type(step.column, "drop-rows", "integer, decimal, date or datetime")
    beyond: nw.Expr = column < value if step.when == "below" else column > value
    return beyond & ~null


def _membership(column: nw.Expr, null: nw.Expr, dtype: nw.dtypes.DType, step: DropRows) -> nw.Expr:
    if not step.values:
        raise PrivacyError("P424", f"step drop-rows: `when: {step.when}` needs values", hint="add `values: [...]`")
    known = [_literal(dtype, v, step) for v in step.values if v is not None]
    if dtype.is_numeric() and not (dtype.is_integer() and all(isinstance(v, int) for v in known)):
        column, known = column.cast(nw.Float64), [float(v) for v in known]
    inside = (column.is_in(known) & ~null) if known else null & ~null
    if step.when == "in":
        return inside | null if None in step.values else inside
    # not-in: a null row is outside the list unless the list names null; without one, nothing is said about nulls
    return ~inside & ~null


def _literal(dtype: nw.dtypes.DType, value: Scalar, step: DropRows) -> Any:
    """The contract's value in the column's type; raises T261 (never showing the value)."""
    if dtype.is_numeric() and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(dtype, nw.Boolean) and isinstance(value, bool):
        return value
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum) and isinstance(value, str):
        return value
    if isinstance(dtype, nw.Date | nw.Datetime) and isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value) if isinstance(dtype, nw.Date) else _moment(dtype, value)
        except ValueError:
            pass  # not a date: falls through to the error below, which does not quote it
    raise unlike(
        step.column, "drop-rows", "the rule's value", hint="write the value in the column's type (dates as YYYY-MM-DD)"
    )


def _moment(dtype: nw.Datetime, value: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(value)
    if (moment.tzinfo is None) != (dtype.time_zone is None):
        raise ValueError("one has a time zone and the other has none")
    return moment
