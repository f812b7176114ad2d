"""Columns out of any data frame, as distinct cells and codes: what is read of a cell is its text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from jalousie.errors import TableError, UsageError, did_you_mean, library_boundary
from jalousie.tables.types import Codes, Counts, Floats


def as_frame(table: Any) -> nw.DataFrame[Any] | None:
    """Any eager or lazy data frame as a narwhals frame; None where `table` is no data frame (an array, a list)."""
    frame = nw.from_native(table, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        return frame.collect()
    return frame if isinstance(frame, nw.DataFrame) else None


def need_columns(frame: nw.DataFrame[Any], names: Sequence[str]) -> None:
    """Raise U150 where a column is missing."""
    for name in names:
        if name not in frame.columns:
            raise UsageError(
                "U150", f'the table lacks the column "{name}"', hint=did_you_mean(name, frame.columns), effect=""
            )


def is_number(series: nw.Series[Any]) -> bool:
    return series.dtype.is_numeric() or series.dtype == nw.Boolean


def numbers(series: nw.Series[Any]) -> Floats:
    """(n,) the column as float64, nulls as NaN."""
    with library_boundary(TableError, "T200", f'column "{series.name}" cannot be read as numbers'):
        values: Floats = series.cast(nw.Float64()).to_numpy().astype(np.float64)
    return values


def distinct_cells(series: nw.Series[Any]) -> tuple[list[str | None], Codes]:
    """The distinct cells as text (None is the null) and, (n,), the code of each row."""
    import pyarrow as pa

    try:
        array = series.to_arrow()
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        encoded = array.dictionary_encode(null_encoding="encode")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return _distinct_objects(series.to_list())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    cells = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return _merge([cell_text(cell) for cell in cells], codes)


def _distinct_objects(cells: list[Any]) -> tuple[list[str | None], Codes]:
    """The slow way, for columns of mixed types."""
    seen: dict[str | None, int] = {}
    codes = np.fromiter((seen.setdefault(cell_text(cell), len(seen)) for cell in cells), np.int32, len(cells))
    return list(seen), codes


def _merge(texts: list[str | None], codes: Codes) -> tuple[list[str | None], Codes]:
    """One code per text: a NaN and a null are the same text."""
    seen: dict[str | None, int] = {}
    renamed = np.array([seen.setdefault(text, len(seen)) for text in texts], np.int32)
    return list(seen), renamed[codes] if len(renamed) else codes


def cell_text(cell: Any) -> str | None:
    """The canonical text of a cell: whole numbers without `.0`, dates as ISO 8601, `true` and `false`; NaN is a null."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, (bool, np.bool_)):
        return "true" if cell else "false"
    if isinstance(cell, (float, np.floating)):
        number = float(cell)
        if np.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if isinstance(cell, dt.datetime):
        return _moment_text(cell)
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)


def _moment_text(moment: dt.datetime) -> str:
    """As releases write it: a fraction without trailing zeros, with a time zone in UTC."""
    zone = "" if moment.tzinfo is None else "Z"
    moment = _naive(moment)
    text = moment.isoformat()
    return (text.rstrip("0") if moment.microsecond else text) + zone


def _naive(moment: dt.datetime) -> dt.datetime:
    """Without a time zone; one that has it is put into UTC first."""
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


def as_number(text: str | None, kind: str) -> float:
    """A number, or a date as days since 1970-01-01; NaN where the text is neither."""
    if text is None:
        return np.nan
    try:
        if kind == "date":
            moment = _naive(dt.datetime.fromisoformat(text))
            return (moment - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1)
        return float(text)
    except ValueError:
        return np.nan


def single(values: Floats) -> NDArray[np.float32]:
    """In single precision; a number beyond its range becomes the last one, not an infinity that learners refuse."""
    most = float(np.finfo(np.float32).max)
    return np.clip(values, -most, most).astype(np.float32)


def counts_of(codes: Codes, size: int) -> Counts:
    return np.bincount(codes, minlength=size).astype(np.int64)
