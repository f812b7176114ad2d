"""Checks that several steps share, and counting on a lazy table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import narwhals as nw

from jalousie.errors import JalousieError, PrivacyError, TableError, did_you_mean
from jalousie.tables.engine import memory_boundary
from jalousie.tables.raw import RawTable

NUMBERS = "integer or decimal"


def require_columns(raw: RawTable, names: Iterable[str], step: str) -> None:
    """Raise T260 for the first name that the table lacks."""
    for name in names:
        if name not in raw.columns:
            raise TableError(
                "T260", f'step {step}: the table has no column "{name}"', hint=did_you_mean(name, raw.columns)
            )


def dtype_of(raw: RawTable, name: str) -> nw.dtypes.DType:
    return raw.schema[name]


def unlike(name: str, step: str, other: str, hint: str) -> TableError:
    """T261: a value or column that the step compares the column with is of another type."""
    return TableError("T261", f'step {step}: column "{name}" and {other} are not of one type', hint=hint)


def wrong_type(name: str, step: str, wanted: str, hint: str = "") -> TableError:
    """T261: the step does not fit the column's type."""
    advice = hint or f'declare the column\'s type in the contract (`type:` under "{name}"), or leave the step out'
    return TableError("T261", f'step {step}: column "{name}" is not of type {wanted}', hint=advice)


def require_number(raw: RawTable, name: str, step: str) -> nw.dtypes.DType:
    """The column's type if it is a number's; raises T260, T261."""
    require_columns(raw, (name,), step)
    dtype = dtype_of(raw, name)
    if not dtype.is_numeric():
        raise wrong_type(name, step, NUMBERS)
    return dtype


def count(frame: nw.LazyFrame[Any], step: str, **expressions: nw.Expr) -> dict[str, int]:
    """Evaluate boolean expressions over all rows: how many rows each holds for (null does not hold)."""
    sums = [e.fill_null(False).cast(nw.Int64).sum().alias(name) for name, e in expressions.items()]
    with boundary(step):
        row = frame.select(nw.len().alias("rows"), *sums).collect("pyarrow").to_native().to_pylist()[0]
    return {name: int(value or 0) for name, value in row.items()}


@contextmanager
def boundary(step: str) -> Iterator[None]:
    """Library errors inside become P421, without their text or chain: both can quote cells."""
    try:
        with memory_boundary():
            yield
    except JalousieError:
        raise
    except Exception as error:
        # asked only now: libraries that are imported late may have been loaded meanwhile
        if not isinstance(error, _library_errors()):
            raise
        raise PrivacyError(
            "P421",
            f"step {step} could not be carried out on this table",
            hint="check that the column's values, and what becomes of them, fit its type",
        ) from None


def _library_errors() -> tuple[type[Exception], ...]:
    import sys

    import pyarrow as pa

    errors: list[type[Exception]] = [duckdb.Error, pa.ArrowException, nw.exceptions.NarwhalsError, OverflowError]
    # these two can only fail where they are loaded
    if "polars" in sys.modules:
        errors.append(sys.modules["polars"].exceptions.PolarsError)
    if "opendp.mod" in sys.modules:
        errors.append(sys.modules["opendp.mod"].OpenDPException)
    return tuple(errors)
