"""Noise on the numbers of a column, drawn by OpenDP: discrete for whole numbers, and free of floating-point traces."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals as nw

from jalousie.contract.model import Noise
from jalousie.errors import TableError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import require_number
from jalousie.privacy.steps.context import StepContext
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.tables.raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa

_NO_PROMISE = (
    "Each value is blurred by itself and nothing is promised formally: clip the column on both sides first, and the promise "
    "per value is computed. A value repeated in several rows can be averaged out."
)
_PROMISE = (
    "Holds for one value; a person with several rows or several noisy columns is protected less. Nulls stay visible."
)


def add_noise(raw: RawTable, step: Noise, context: StepContext) -> tuple[RawTable, StepFacts]:
    """Add independent noise of `scale` to each number; nulls stay null.

    Whole numbers become 64-bit whole numbers (discrete Laplace or Gaussian: Canonne, Kamath & Steinke 2020); decimals keep
    their scale and get discrete noise in units of their last digit; floating-point numbers get noise whose possible
    outcomes do not depend on the value (Mironov 2012 shows why that matters).

    Raises
    ------
    TableError
        T260, T261, T263 where a number is infinite or not a number, or has too many digits
    """
    dtype = require_number(raw, step.column, "noise")
    values = 0

    def change(batch: pa.RecordBatch) -> Change:
        nonlocal values
        column = batch.column(step.column)
        values += len(column) - column.null_count
        return Change({step.column: _noisy(column, step)})

    done = rewrite(raw, change, "noise")
    facts: dict[str, float] = {"values": values, "scale": step.scale}
    promise = _promise(dtype, step, context)
    facts.update(promise)
    sentence = (
        f"Added {step.distribution.capitalize()} noise of scale {step.scale:g} to {values:,} values of {step.column}."
    )
    if "epsilon-per-value" in promise:
        sentence += f" Each value is {promise['epsilon-per-value']:.3g}-locally differentially private."
    elif "rho-per-value" in promise:
        sentence += f" Each value has {promise['rho-per-value']:.3g}-zCDP by itself."
    return done, StepFacts(
        step="noise",
        columns=(step.column,),
        sentence=sentence,
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts=facts,
        caveat=_PROMISE if promise else _NO_PROMISE,
    )


def _noisy(column: pa.Array, step: Noise) -> pa.Array:
    """The column with noise on what is not null."""
    import pyarrow as pa

    known = column.drop_null()
    if pa.types.is_integer(column.type):
        kind, numbers = pa.int64(), known.to_pylist()
        if any(value >= 2**63 for value in numbers):
            raise _unusable(step, "too large: noise gives whole numbers below 2^63")
        noisy: list[Any] = _measurement(int, step, step.scale, len(numbers))(numbers) if numbers else []
    elif pa.types.is_decimal(column.type):
        # as wide as can be: noise may need more digits before the point than any of the numbers has
        kind, unit = pa.decimal128(38, column.type.scale), Decimal(1).scaleb(-column.type.scale)
        numbers = [_unscaled(v, unit, step) for v in known.to_pylist()]
        drawn = _measurement(int, step, step.scale / float(unit), len(numbers))(numbers) if numbers else []
        noisy = [v * unit for v in drawn]
    else:
        kind, numbers = column.type, known.cast(pa.float64()).to_pylist()
        if any(v != v or v in (float("inf"), float("-inf")) for v in numbers):
            raise _unusable(step, "infinite or not a number")
        noisy = _measurement(float, step, step.scale, len(numbers))(numbers) if numbers else []
    drawn_values = iter(noisy)
    return pa.array([next(drawn_values) if ok else None for ok in column.is_valid().to_pylist()], kind)


def _measurement(kind: type, step: Noise, scale: float, size: int) -> Any:
    """OpenDP's noise on a vector of `size` numbers."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    atom = dp.atom_domain(T="i64") if kind is int else dp.atom_domain(T=float, nan=False)
    domain = dp.vector_domain(atom, size=size)
    if step.distribution == "laplace":
        return dp.m.make_laplace(domain, dp.l1_distance(T="i64" if kind is int else float), scale=scale)
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)


def _promise(dtype: nw.dtypes.DType, step: Noise, context: StepContext) -> dict[str, float]:
    """What one value is promised, by OpenDP's own map, where an earlier step bounded the column."""
    if step.column not in context.bounds:
        return {}
    low, high = context.bounds[step.column]
    # in units of the last digit, as the noise itself is drawn
    unit = 10.0**-dtype.scale if isinstance(dtype, nw.Decimal) else 1.0
    kind = int if dtype.is_integer() or isinstance(dtype, nw.Decimal) else float
    width = (high - low) / unit
    if isinstance(dtype, nw.Float32):
        width *= 1 + 2**-22  # a bound may have been rounded outwards when it was stored
    measurement = _measurement(kind, step, step.scale / unit, 1)
    if step.distribution == "gaussian":
        return {"rho-per-value": float(measurement.map(float(width)))}
    return {"epsilon-per-value": float(measurement.map(math.ceil(width) if kind is int else width))}


def _unscaled(value: Decimal, unit: Decimal, step: Noise) -> int:
    number = int(value / unit)
    if abs(number) >= 2**62:
        raise _unusable(step, "too long: at most 18 digits")
    return number


def _unusable(step: Noise, why: str) -> TableError:
    return TableError(
        "T263",
        f'step noise: column "{step.column}" has numbers that are {why}',
        hint="drop those rows before, by a step",
    )
