"""Round numbers, and clip them (bottom and top coding)."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

import narwhals as nw

from jalousie.contract.model import Clip, Round
from jalousie.errors import PrivacyError, TableError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import count, require_number, wrong_type
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.tables.raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa


def round_numbers(raw: RawTable, step: Round) -> tuple[RawTable, StepFacts]:
    """Round to the nearest multiple of `to`, halves upwards: floor(x / to + 1/2) * to. The type is kept.

    An integer column takes a whole `to` only (T261), and so does a decimal column a `to` of no more digits than its own.
    T263 where a multiple does not fit the column's type.
    """
    dtype = require_number(raw, step.column, "round")
    column = nw.col(step.column)
    if isinstance(dtype, nw.Decimal):
        done, changed = _round_decimals(raw, step)
    else:
        rounded, beyond = _whole(column, dtype, step) if dtype.is_integer() else (_rounded(column, dtype, step), None)
        counted = {"changed": rounded != column} | ({} if beyond is None else {"beyond": beyond})
        seen = count(raw.frame, "round", **counted)
        changed = seen["changed"]
        if seen.get("beyond"):
            raise TableError(
                "T263",
                f'step round: column "{step.column}" has {seen["beyond"]} numbers whose multiple of {step.to:g} its type'
                " cannot hold",
                hint="clip the column before, or round to a finer multiple",
            )
        done = raw.derive(raw.frame.with_columns(rounded.alias(step.column)))
    return done, StepFacts(
        step="round",
        columns=(step.column,),
        sentence=f"Rounded {step.column} to multiples of {step.to:g}; {changed:,} values changed.",
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts={"values-changed": changed},
        rule=step,
        caveat="Rounding alone keeps rare values rare: the largest and smallest still stand out.",
    )


def clip(raw: RawTable, step: Clip) -> tuple[RawTable, StepFacts]:
    """Replace values below `low` by it and values above `high` by it. Nulls stay, the type is kept.

    In an integer or decimal column the bounds move inwards to numbers that it can hold.
    """
    dtype = require_number(raw, step.column, "clip")
    if step.low is None and step.high is None:
        raise PrivacyError("P424", "step clip: neither `low` nor `high` is given", hint="give one of them, or both")
    if step.low is not None and step.high is not None and step.low > step.high:
        raise PrivacyError("P424", "step clip: `low` is above `high`", hint="exchange them")
    low, high = _bounds(dtype, step)
    column = nw.col(step.column)
    beyond: dict[str, nw.Expr] = {}
    clipped = column
    if low is not None:
        beyond["under"] = column < low
        clipped = nw.when(beyond["under"]).then(nw.lit(low).cast(dtype)).otherwise(clipped)
    if high is not None:
        beyond["over"] = column > high
        clipped = nw.when(beyond["over"]).then(nw.lit(high).cast(dtype)).otherwise(clipped)
    seen = {"under": 0, "over": 0} | count(raw.frame, "clip", **beyond)
    done = raw.derive(raw.frame.with_columns(clipped.cast(dtype).alias(step.column)))
    return done, StepFacts(
        step="clip",
        columns=(step.column,),
        sentence=f"Clipped {step.column}; {seen['under']:,} values were below and {seen['over']:,} above the bounds.",
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts={"values-below": seen["under"], "values-above": seen["over"]},
        rule=Clip(column=step.column, low=low, high=high),
        caveat="A clipped value still says that the person is at or beyond the bound.",
    )


def _whole(column: nw.Expr, dtype: nw.dtypes.DType, step: Round) -> tuple[nw.Expr, nw.Expr]:
    """Whole numbers rounded, and where the result is beyond the type (there they stay as they are).

    Remainders and no division, hence exact; nothing on the way leaves 64 bits, where one engine wraps and another fails.
    """
    least, most = _range(dtype)
    if step.to != int(step.to):
        raise wrong_type(step.column, "round", "decimal", hint="an integer column is rounded to a whole number")
    kind = dtype if most >= 2**63 else nw.Int64()
    if step.to > _range(kind)[1]:
        raise wrong_type(step.column, "round", "a type that can hold the multiple", hint="round to a finer multiple")
    to = nw.lit(int(step.to), dtype=kind)
    wide = column.cast(kind)
    rest = wide % to
    if least < 0:  # engines differ in the sign of a remainder
        rest = nw.when(rest < 0).then(rest + to).otherwise(rest)
    up = rest >= nw.lit((int(step.to) + 1) // 2, dtype=kind)
    over = up & (wide > nw.lit(most, dtype=kind) - (to - rest))
    if least < 0:
        over = over | (~up & (wide < nw.lit(least, dtype=kind) + rest))
    rounded = nw.when(over).then(wide).otherwise(nw.when(up).then(wide + (to - rest)).otherwise(wide - rest))
    return rounded.cast(dtype), over


def _rounded(column: nw.Expr, dtype: nw.dtypes.DType, step: Round) -> nw.Expr:
    inverse = round(1 / step.to)
    if step.to < 1 and math.isclose(inverse * step.to, 1, rel_tol=1e-12):
        # 0.1 is not a double: dividing by 10 gives the double nearest to the decimal, multiplying by 0.1 does not. The 10
        # is given as a column, since Polars turns a division by a number into a multiplication.
        divisor = column.is_null().cast(nw.Float64) * 0 + float(inverse)
        return ((column * inverse + 0.5).floor() / divisor).cast(dtype)
    return ((column / step.to + 0.5).floor() * step.to).cast(dtype)


def _round_decimals(raw: RawTable, step: Round) -> tuple[RawTable, int]:
    """Decimal columns in Python's decimals: doubles would lose digits."""
    import pyarrow as pa

    to, changed = Decimal(str(step.to)), 0

    def change(batch: pa.RecordBatch) -> Change:
        nonlocal changed
        array = batch.column(step.column)
        if -int(to.as_tuple().exponent) > array.type.scale:
            raise wrong_type(step.column, "round", "decimal with that many digits", hint="round to a coarser multiple")
        old = array.to_pylist()
        new = [None if v is None else (v / to + Decimal("0.5")).to_integral_value(ROUND_FLOOR) * to for v in old]
        changed += sum(a != b for a, b in zip(old, new, strict=True))
        return Change({step.column: pa.array(new, array.type)})

    return rewrite(raw, change, "round"), changed


def _bounds(dtype: nw.dtypes.DType, step: Clip) -> tuple[int | float | None, int | float | None]:
    if isinstance(dtype, nw.Decimal):
        return _digits(step.low, dtype.scale, ROUND_CEILING), _digits(step.high, dtype.scale, ROUND_FLOOR)
    if not dtype.is_integer():
        return step.low, step.high
    low = None if step.low is None else math.ceil(step.low)
    high = None if step.high is None else math.floor(step.high)
    if low is not None and high is not None and low > high:
        raise PrivacyError("P424", "step clip: no whole number lies between `low` and `high`", hint="widen the bounds")
    least, most = _range(dtype)
    if (low is not None and low > most) or (high is not None and high < least):
        raise wrong_type(
            step.column, "clip", "a type that can hold the bounds", hint="choose bounds within the column's type"
        )
    # a bound that the type cannot exceed changes nothing
    return None if low is None or low <= least else low, None if high is None or high >= most else high


def _digits(bound: float | None, scale: int, rounding: str) -> float | None:
    """The bound moved inwards to the digits of a decimal column, so that what is replaced by it lies within."""
    if bound is None:
        return None
    return float(Decimal(str(bound)).quantize(Decimal(1).scaleb(-scale), rounding))


def _range(dtype: nw.dtypes.DType) -> tuple[int, int]:
    """Smallest and largest number of an integer type, by its name (`Int32`, `UInt8`)."""
    bits = int("".join(c for c in str(dtype) if c.isdigit()))
    return (0, 2**bits - 1) if dtype.is_unsigned_integer() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
