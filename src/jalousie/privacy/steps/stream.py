"""Rewriting a raw table batch by batch, for steps that an engine's expression cannot do.

Rows keep their order. The result is stored once, inside the engine: a step with randomness must give the same values
however often its table is read afterwards. Memory: DuckDB holds one batch beside its own storage (which goes to its
temporary folder past its limit); Polars holds the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import narwhals as nw

from jalousie.errors import InternalError
from jalousie.privacy.steps.check import boundary
from jalousie.tables.engine import Engine, quoted
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Mask

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 122_880
"""Rows in a batch: one row group of DuckDB."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a batch: columns that replace those of the same name or are added, and rows to keep (None: all)."""

    columns: dict[str, pa.Array] = field(default_factory=dict)
    keep: Mask | None = None


Rewrite = Callable[["pa.RecordBatch"], Change]


def rewrite(raw: RawTable, change: Rewrite, step: str) -> RawTable:
    """Apply `change` to every batch in row order. It must give the same columns and types for each, empty ones included.

    Raises
    ------
    PrivacyError
        P421 where a library fails
    InternalError
        X900 where rows were lost or gained on the way
    """
    with boundary(step):
        if raw.frame.implementation.is_polars():
            return _rewrite_polars(raw, change)
        if isinstance(raw.engine, Engine):
            return _rewrite_duckdb(raw, raw.engine, change)
        raise InternalError("X900", "this engine is not supported")


def _rewrite_polars(raw: RawTable, change: Rewrite) -> RawTable:
    import polars as pl

    frame = raw.frame.to_native().collect()
    _check_rows(raw.rows, frame.height)
    parts = []
    # one empty batch where there are no rows, so that new columns exist
    for start in range(0, max(frame.height, 1), BATCH):
        part = frame.slice(start, BATCH)
        table = nw.from_native(part, eager_only=True).to_arrow()
        made = change(table.combine_chunks().to_batches()[0] if table.num_rows else _empty(table.schema))
        part = part.with_columns(pl.Series(name, pl.from_arrow(array)) for name, array in made.columns.items())
        parts.append(part if made.keep is None else part.filter(pl.Series(made.keep, dtype=pl.Boolean)))
    done = pl.concat(parts)
    return raw.derive(nw.from_native(done.lazy()), rows=done.height)


def _rewrite_duckdb(raw: RawTable, engine: Engine, change: Rewrite) -> RawTable:
    # The new table lives in the engine of the old one, so that both can be joined with the same small tables. It is
    # written through a second connection to it: the first is busy with reading. (Hence no TEMP: those have one owner.)
    relation = raw.frame.to_native()
    writer, name = engine.connection.cursor(), engine.name()
    reader = relation.to_arrow_reader(BATCH)
    try:
        first = change(_empty(reader.schema))
        made = _table(_changed(_empty(reader.schema), first))
        types = dict(zip(made.column_names, writer.from_arrow(made).types, strict=True))
        # untouched columns keep the engine's own type, which Arrow may not have (an enum, a UUID)
        old = zip(relation.columns, relation.types, strict=True)
        types.update({column: kind for column, kind in old if column not in first.columns})
        writer.begin()
        writer.execute(f"CREATE TABLE {name} ({', '.join(f'{quoted(c)} {kind}' for c, kind in types.items())})")
        rows_in = rows_out = 0
        for batch in reader:
            out = _changed(batch, change(batch))
            rows_in, rows_out = rows_in + batch.num_rows, rows_out + out.num_rows
            writer.from_arrow(_table(out)).insert_into(name)
        _check_rows(raw.rows, rows_in)
        writer.commit()
    finally:
        # without a commit this also undoes what was written
        writer.close()
        reader.close()
    return raw.derive(engine.frame(name), rows=rows_out)


def _changed(batch: pa.RecordBatch, change: Change) -> pa.RecordBatch:
    import pyarrow as pa

    columns = dict(zip(batch.schema.names, batch.columns, strict=True)) | change.columns
    out = pa.RecordBatch.from_pydict(columns)
    return out if change.keep is None else out.filter(pa.array(change.keep))


def _table(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({f.name: pa.array([], f.type) for f in schema}, schema=schema)


def _check_rows(expected: int, seen: int) -> None:
    if seen != expected:
        raise InternalError("X900", f"a step read {seen:,} rows where the table has {expected:,}")
