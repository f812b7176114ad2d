"""Data frames in and out: pandas, Polars, PyArrow and DuckDB, through Narwhals and Arrow.

Polars stays on Polars; everything else goes to the engine of our own. A missing value of pandas, `NaN` or `None` or `NaT`, is
a null; a `NaN` of Polars, Arrow or DuckDB is a number and stays one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import duckdb
import narwhals as nw

from jalousie.errors import TableError, library_boundary
from jalousie.tables.border import Own, arrow_own, enter, refused
from jalousie.tables.engine import Engine, EngineOptions
from jalousie.tables.raw import RawTable

KINDS = ("pandas", "polars", "polars-lazy", "arrow", "duckdb")


def check_names(columns: Iterable[Any], known: Container[str] | None = None) -> None:
    """T204 for no column, T202 for names that are equal (capitals apart, which SQL engines do not tell apart) or empty.

    `known` are names that a message may say; others are then told by their number. None: all of them. (The first line of a
    CSV file that has no header holds a row.)
    """
    seen: dict[str, tuple[int, str]] = {}
    for name in columns:
        if not isinstance(name, str):
            raise TableError("T202", "a column's name is not text", hint="give every column a name of text")
        if not name.strip():
            raise TableError("T202", f"column {len(seen) + 1} has no name", hint="give every column a name of its own")
        if name == "*":
            raise TableError("T202", 'a column is named "*", which means all columns', hint="give it another name")
        if name.lower() in seen:
            raise _twice(seen[name.lower()], (len(seen) + 1, name), known)
        seen[name.lower()] = (len(seen) + 1, name)
    if not seen:
        raise TableError("T204", "the table has no columns", hint="check that the right table was given")


def _twice(first: tuple[int, str], second: tuple[int, str], known: Container[str] | None) -> TableError:
    hint = "give every column a name of its own"
    if known is not None and not (first[1] in known and second[1] in known):
        hint += "; if the first line is a row, say csv: {header: false}"
        apart = "" if first[1] == second[1] else ", capitals apart"
        return TableError("T202", f"columns {first[0]} and {second[0]} have the same name{apart}", hint=hint)
    if first[1] == second[1]:
        return TableError("T202", f'column "{first[1]}" occurs twice', hint=hint)
    return TableError("T202", f'columns "{first[1]}" and "{second[1]}" differ in capitals only', hint=hint)


def check_rows(rows: int) -> None:
    """T204 for a table without rows."""
    if not rows:
        raise TableError("T204", "the table has no rows", hint="check that the right table was given")


def from_frame(data: Any, *, options: EngineOptions | None = None) -> RawTable:
    """A raw table from a data frame of pandas, Polars (eager or lazy), PyArrow or DuckDB; the data frame is not changed.

    Raises T202 (names), T204 (no rows or columns), T211 (unknown kind, mixed types in a column, a type that is not supported).
    """
    if isinstance(data, duckdb.DuckDBPyRelation):
        check_names(data.columns)
        return _copied(data, options)
    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        check_names(data.columns)  # before Narwhals, which says it in words of its own
    with library_boundary(
        TableError, "T211", "this is not a data frame", hint="give a pandas, Polars, PyArrow or DuckDB table"
    ):
        frame = nw.from_native(data)
    implementation = frame.implementation
    with library_boundary(TableError, "T211", "the data frame's columns cannot be told"):
        names = frame.collect_schema().names()
    check_names(names)
    if implementation is nw.Implementation.POLARS:
        return _polars(frame, names, options)
    if implementation is nw.Implementation.PANDAS:
        table = _pandas_to_arrow(data)
        own = {
            name: Own(
                dtype, table.schema.field(name).type, dtype.categories if getattr(dtype, "ordered", False) else None
            )
            for name, dtype in data.dtypes.items()
        }
        return _arrow(table, "pandas", options, own)
    if implementation is nw.Implementation.PYARROW:
        return _arrow(nw.to_native(frame), "arrow", options, arrow_own(nw.to_native(frame)))
    if implementation is nw.Implementation.DUCKDB:  # a Narwhals frame around a relation
        return _copied(nw.to_native(frame), options)
    raise TableError(
        "T211", "this kind of data frame is not supported", hint="give a pandas, Polars, PyArrow or DuckDB table"
    )


def _polars(frame: Any, names: list[str], options: EngineOptions | None) -> RawTable:
    import polars as pl

    lazy: nw.LazyFrame[Any] = frame.lazy()
    kind = "polars-lazy" if isinstance(frame, nw.LazyFrame) else "polars"
    with library_boundary(TableError, "T211", "the lazy frame could not be computed"):
        # collected once: a lazy query may read a file that changes, or draw at random
        if kind == "polars-lazy":
            lazy = lazy.collect().lazy()
        rows = int(lazy.select(nw.len()).collect().item())
        schema = lazy.to_native().collect_schema()
    check_rows(rows)
    for name, dtype in schema.items():
        if dtype.base_type() in (pl.Object, pl.Unknown):
            raise refused(name, str(dtype))
    own = {
        name: Own(dtype, order=getattr(dtype, "categories", None) if dtype == pl.Enum else None)
        for name, dtype in schema.items()
    }
    spans = [name for name, dtype in schema.items() if dtype.base_type() == pl.Duration]
    if spans:  # as the other kinds of frame: the whole number of their unit
        lazy = nw.from_native(lazy.to_native().with_columns(pl.col(name).to_physical() for name in spans))
    if any(name.startswith("^") and name.endswith("$") for name in names):
        # Polars reads such names as patterns of names
        return _arrow(lazy.collect("polars").to_native().to_arrow(), kind, options, own)
    return RawTable(lazy, rows=rows, kind=kind, origin=own)


def _pandas_to_arrow(data: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    for name, dtype in data.dtypes.items():
        inner = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
        if isinstance(inner, pd.IntervalDtype | pd.PeriodDtype):
            raise refused(name, str(inner) if inner is dtype else f"category of {inner}")
    for name in data.columns:
        # one column at a time, since the error must name it and the library's own text quotes cells
        with library_boundary(
            TableError, "T211", f'column "{name}" mixes types', hint="turn it into one type, such as text"
        ):
            pa.Array.from_pandas(data[name])
    with library_boundary(TableError, "T211", "the data frame cannot be read"):
        table = pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
        fields = [
            # Arrow counts the digits of the numbers it sees; 99.99 could then not be rounded to 100
            field.with_type(pa.decimal128(38, field.type.scale))
            if pa.types.is_decimal128(field.type) and data[field.name].dtype == object
            else field
            for field in table.schema
        ]
        return table.cast(pa.schema(fields))


def _arrow(table: Any, kind: str, options: EngineOptions | None, origin: dict[str, Own]) -> RawTable:
    check_rows(table.num_rows)
    engine = Engine(options)
    return scan_arrow(engine, table, kind=kind, origin=origin)


def scan_arrow(engine: Engine, table: Any, *, kind: str, origin: dict[str, Own]) -> RawTable:
    """Arrow data in place, without a copy."""
    with library_boundary(TableError, "T211", "the Arrow table has types that the engine does not know"):
        table = enter(table)
        view = engine.name()
        engine.connection.register(view, table)
        engine.sources.append(table)
        engine.fit(table.num_rows)
        return RawTable(engine.frame(view), rows=table.num_rows, keep=engine, kind=kind, origin=origin)


def _copied(relation: duckdb.DuckDBPyRelation, options: EngineOptions | None) -> RawTable:
    """Another connection's rows, copied batch by batch: they stay what they are while we work on them."""
    engine = Engine(options)
    with library_boundary(TableError, "T211", "the relation could not be computed"):
        reader = relation.to_arrow_reader(100_000)
        view = engine.name()
        engine.connection.register(view, reader)
        table = engine.create(f"SELECT * FROM {view}")
        engine.connection.unregister(view)
        rows = count_rows(engine, table)
    check_rows(rows)
    return RawTable(engine.frame(table), rows=rows, keep=engine, kind="duckdb", origin=_duckdb_own(relation))


def _duckdb_own(relation: duckdb.DuckDBPyRelation) -> dict[str, Own]:
    """Types that do not come back from Arrow by themselves. Raises T211 for those that do not come back at all."""
    with library_boundary(TableError, "T211", "the relation has types that are not supported"):
        back = duckdb.from_arrow(relation.limit(0).to_arrow_table()).types
    own = {}
    for name, kind, other in zip(relation.columns, relation.types, back, strict=True):
        if kind == other:
            continue
        if kind.id not in ("enum", "uuid", "hugeint", "uhugeint"):
            raise refused(name, str(kind.id))
        own[name] = Own(kind, order=dict(kind.children)["values"] if kind.id == "enum" else None)
    return own


def count_rows(engine: Engine, table: str) -> int:
    """Number of rows of one of the engine's tables."""
    ((rows,),) = engine.run(f"SELECT count(*) FROM {table}")
    return int(rows)
