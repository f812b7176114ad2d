"""Read order, kept through the engine's joins.

DuckDB's joins promise no order: with several threads whole batches overtake each other, and with one thread a few rows of a
batch do (rows that match nothing, small chunks held back). So rows are numbered before the joins, by a counter that costs
nothing. A small result is then sorted by number. A large one is not, since a sort of all columns costs as much as everything
else together: with one thread rows are late by a few thousand places at most, so they are put right in a window while they
stream by. The window also proves the order; a row that comes too late for it makes the writer sort after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from msgspec import Struct

from jalousie.tables.engine import Engine, engine_boundary, is_duckdb, quoted

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 122_880
WINDOW = 65_536
"""Rows held back; DuckDB is late by less than a vector of 2,048 a join."""

SORT_UP_TO = 250_000
"""Rows up to which a sort is cheaper than loading Arrow."""


class OutOfOrder(Exception):
    """A row came later than the window allows."""


class Numbered(Struct, frozen=True, eq=False):
    """`frame` sorts the rows of `source` by its column `row` of growing numbers, and selects `columns`."""

    frame: nw.LazyFrame[Any]
    source: nw.LazyFrame[Any]
    columns: tuple[nw.Expr, ...]
    row: str
    engine: Any

    def rows(self) -> nw.LazyFrame[Any]:
        """The rows of `frame` with their numbers, in nearly read order."""
        return self.source.select(*self.columns, self.row)


def number_rows(frame: nw.LazyFrame[Any], engine: Any, row: str) -> nw.LazyFrame[Any]:
    """The rows with a column `row` of growing numbers, in read order."""
    if is_duckdb(frame) and isinstance(engine, Engine):
        with engine_boundary(frame):
            rows = engine.name()
            frame.to_native().create_view(rows)
            # without a partition or an order, DuckDB counts rows as they come
            return engine.frame(engine.view(f"SELECT *, row_number() OVER () AS {quoted(row)} FROM {rows}"))
    lazy: nw.LazyFrame[Any] = nw.from_native(frame.to_native().with_row_index(row))
    return lazy


def settled(batches: Iterator[pa.RecordBatch], row: str, window: int = WINDOW) -> Iterator[pa.RecordBatch]:
    """The batches in the order of their column `row`, without it. Raises OutOfOrder."""
    import pyarrow as pa

    held: pa.RecordBatch | None = None
    last = -1
    for batch in batches:
        if held is not None:
            batch = pa.concat_batches([held, batch])
        numbers = batch.column(row).to_numpy()
        if not (numbers[1:] > numbers[:-1]).all():
            order = np.argsort(numbers, kind="stable")
            batch, numbers = batch.take(pa.array(order)), numbers[order]
        ready = max(0, batch.num_rows - window)
        if ready:
            last = _follows(last, numbers[:ready])
            yield batch.slice(0, ready).drop_columns([row])
        held = batch.slice(ready)
    if held is not None and held.num_rows:
        _follows(last, held.column(row).to_numpy())
        yield held.drop_columns([row])


def _follows(last: int, numbers: np.ndarray) -> int:
    if numbers[0] <= last or not (numbers[1:] > numbers[:-1]).all():
        raise OutOfOrder
    return int(numbers[-1])
