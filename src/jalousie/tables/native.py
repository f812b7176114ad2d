"""The released rows as the caller's own kind of data frame, each untouched column in the caller's own type.

Of a type that lists its categories the released column has those alone that it shows, in their order: the others may be of rows
that were suppressed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import duckdb
import narwhals as nw
import numpy as np

from jalousie.errors import ReleaseError, library_boundary
from jalousie.randomness import random_words
from jalousie.tables.apply import RecodedFrame
from jalousie.tables.border import Own, leave, to_pandas
from jalousie.tables.engine import engine_boundary, is_duckdb, literal, quoted
from jalousie.tables.order import OutOfOrder
from jalousie.tables.write import Order, check_rows, numbered_batches, ordered_view


def to_frame(recoded: RecodedFrame, kind: str = "", *, order: Order = "keep") -> Any:
    """The released rows as a data frame: `pandas`, `polars`, `polars-lazy`, `arrow` or `duckdb`; empty: the kind that
    came in. A pandas frame gets a new index, since the old one may identify.

    Raises R500, R501, T213, T214.
    """
    kind = kind or recoded.kind
    own = recoded.origin if kind.partition("-")[0] == recoded.kind.partition("-")[0] else {}
    with library_boundary(
        ReleaseError, "R500", "the release cannot be given as a data frame", hint="write it to a file"
    ):
        if kind in ("polars", "polars-lazy"):
            frame = _polars(recoded, own, order)
            check_rows(recoded, frame.height)
            return frame.lazy() if kind == "polars-lazy" else frame
        table = _arrow_table(recoded, order)
        check_rows(recoded, table.num_rows)
        if kind == "pandas":
            return _pandas(table, own)
        return _duckdb(table, own) if kind == "duckdb" else leave(table, own)


def _arrow_table(recoded: RecodedFrame, order: Order) -> Any:
    numbered = recoded.streamable()
    if numbered is not None and order == "keep" and is_duckdb(numbered.source):
        import pyarrow as pa

        try:
            with numbered_batches(numbered) as (schema, batches), engine_boundary(numbered.source):
                return pa.Table.from_batches(batches, schema)
        except OutOfOrder:
            pass
    with ordered_view(recoded, order) as (engine, view), engine_boundary(engine.frame(view)):
        return engine.connection.table(view).to_arrow_table()


def _given_back(name: str) -> Any:
    return library_boundary(
        ReleaseError,
        "R500",
        f'column "{name}" cannot be given back in its own type',
        hint="turn it into another type before",
    )


def _polars(recoded: RecodedFrame, own: dict[str, Own], order: Order) -> Any:
    import polars as pl

    if recoded.frame.implementation is nw.Implementation.POLARS:
        with engine_boundary(recoded.frame):
            frame = recoded.frame.to_native().collect()
        if order == "shuffle":
            frame = frame[np.argsort(random_words(frame.height))]
    else:
        frame = pl.from_arrow(_arrow_table(recoded, order))
    for name, one in own.items():
        kind = one.kind
        if name not in frame.columns:
            continue
        if isinstance(kind, pl.Enum):
            shown = set(frame[name].cast(pl.String).unique().to_list())
            if not shown - {None, *kind.categories}:
                kind = pl.Enum([category for category in kind.categories if category in shown])
        if frame.schema[name] != kind:
            with _given_back(name):
                frame = frame.with_columns(
                    frame[name].cast(pl.String).cast(kind) if kind == pl.Enum else frame[name].cast(kind)
                )
    return frame


def _pandas(table: Any, own: dict[str, Own]) -> Any:
    import pandas as pd
    import pyarrow as pa

    plain = {name: one for name, one in own.items() if pa.types.is_duration(one.arrow)}
    table = leave(table, plain)
    frame = to_pandas(table, [name for name, one in own.items() if one.kind == np.dtype(object)])
    for name, one in own.items():
        if name not in table.column_names:
            continue
        with _given_back(name):
            if isinstance(one.kind, pd.ArrowDtype):  # as it is: pandas would go through its own types
                column = leave(table.select([name]), own)[name]
                frame[name] = pd.Series(pd.arrays.ArrowExtensionArray(column))
            elif isinstance(one.kind, pd.CategoricalDtype):
                frame[name] = _categories(frame[name], one.kind)
            elif frame[name].dtype != one.kind:
                frame[name] = frame[name].astype(one.kind)
    return frame


def _categories(column: Any, dtype: Any) -> Any:
    """A column in the caller's categories, those alone that are released; as it is where a step has put others there."""
    if not column.dropna().isin(dtype.categories).all():
        return column
    return column.astype(dtype).cat.remove_unused_categories()


def _duckdb(table: Any, own: dict[str, Own]) -> Any:
    relation = duckdb.from_arrow(table)
    casts = {name: cast for name, one in own.items() if (cast := _duckdb_type(table, name, one))}
    if not casts:
        return relation
    return relation.project(
        ", ".join(
            f"CAST({quoted(name)} AS {casts[name]}) AS {quoted(name)}" if name in casts else quoted(name)
            for name in relation.columns
        )
    )


def _duckdb_type(table: Any, name: str, own: Own) -> str:
    """The type to cast to, as the engine writes it; empty: none."""
    if name not in table.column_names:
        return ""
    if own.order is None:
        return str(own.kind)
    shown: Collection[str] = set(table[name].unique().to_pylist()) - {None}
    if not shown or not set(shown) <= set(own.order):
        return ""
    return f"ENUM({', '.join(literal(value) for value in own.order if value in shown)})"
