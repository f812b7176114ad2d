"""The two places where engines differ: bringing small tables to the rows, and listing distinct values.

Everything else in `count` and `apply` is Narwhals. Both functions here are written in Narwhals too, which is what every other
engine runs and what the tests hold the DuckDB wording against: that one says the same in a single statement, since each step
of a DuckDB relation is bound anew with all steps before it (nine joins cost 0.2 s, one statement 0.02 s).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from jalousie.errors import InternalError
from jalousie.tables.engine import Engine, SmallColumn, engine_boundary, is_duckdb, quoted

IN_PLACE = 2048
"""Rows up to which the engine reads a small table from numpy itself; larger ones are copied once."""


class Lookup(Struct, frozen=True, eq=False):
    """A small table: `keys` are columns of the rows, `by` the columns that they equal, `adds` the columns to be added.

    `by` has each combination once. A row that has none of them, or a null in a key, gets nulls.
    """

    keys: tuple[str, ...]
    by: tuple[SmallColumn, ...]
    adds: Mapping[str, SmallColumn]


def look_up(frame: nw.LazyFrame[Any], engine: Any, lookups: Sequence[Lookup]) -> nw.LazyFrame[Any]:
    """The rows with the columns that the lookups add. In DuckDB rows keep their order while one thread runs."""
    if not lookups:
        return frame
    if is_duckdb(frame) and isinstance(engine, Engine):
        return _look_up_duckdb(frame, engine, lookups)
    return look_up_anywhere(frame, engine, lookups)


def look_up_anywhere(frame: nw.LazyFrame[Any], engine: Any, lookups: Sequence[Lookup]) -> nw.LazyFrame[Any]:
    """`look_up` in Narwhals alone."""
    taken = set(frame.collect_schema().names())
    for number, lookup in enumerate(lookups):
        by = [f"by{number}_{i}" for i in range(len(lookup.by))]
        while taken.intersection(by):
            by = [f"_{name}" for name in by]
        small = small_table(frame, engine, {**dict(zip(by, lookup.by, strict=True)), **lookup.adds})
        frame = frame.join(small, left_on=list(lookup.keys), right_on=by, how="left")
    return frame


def _look_up_duckdb(frame: nw.LazyFrame[Any], engine: Engine, lookups: Sequence[Lookup]) -> nw.LazyFrame[Any]:
    with engine_boundary(frame):
        rows = engine.name()
        frame.to_native().create_view(rows)
        joins, added = [], []
        for i, lookup in enumerate(lookups):
            by = [f"by{j}" for j in range(len(lookup.by))]
            adds = [f"add{j}" for j in range(len(lookup.adds))]
            columns = dict(zip([*by, *adds], [*lookup.by, *lookup.adds.values()], strict=True))
            small = _register(engine, columns)
            on = " AND ".join(f"r.{quoted(key)} = s{i}.{b}" for key, b in zip(lookup.keys, by, strict=True))
            joins.append(f"LEFT JOIN {small} s{i} ON {on}")
            added += [f"s{i}.{a} AS {quoted(name)}" for a, name in zip(adds, lookup.adds, strict=True)]
        return engine.query(f"SELECT {', '.join(['r.*', *added])} FROM {rows} r {' '.join(joins)}")


def small_table(frame: nw.LazyFrame[Any], engine: Any, columns: Mapping[str, SmallColumn]) -> nw.LazyFrame[Any]:
    """A small table in the engine of `frame`, to be joined to it."""
    if is_duckdb(frame) and isinstance(engine, Engine):
        names = [f"c{i}" for i in range(len(columns))]
        small = engine.view(f"FROM {_register(engine, dict(zip(names, columns.values(), strict=True)))}")
        return engine.frame(small).rename(dict(zip(names, columns, strict=True)))
    if frame.implementation is nw.Implementation.POLARS:
        import polars as pl

        series = [
            pl.Series(name, column)
            if isinstance(column, np.ndarray) and column.dtype != object
            else pl.Series(name, list(column), dtype=pl.String)
            for name, column in columns.items()
        ]
        lazy: nw.LazyFrame[Any] = nw.from_native(pl.DataFrame(series).lazy())
        return lazy
    raise InternalError("X900", "this engine is not supported")


def _register(engine: Engine, columns: Mapping[str, SmallColumn]) -> str:
    """A small table of numbers and texts in DuckDB, without pandas or pyarrow: what a statement has to select from."""
    arrays = {name: _array(column) for name, column in columns.items()}
    view = engine.name()
    engine.connection.register(view, arrays)
    # the type is said: a column of nulls alone, or of no rows, would become integers
    select = ", ".join(f"{n}::VARCHAR AS {n}" if a.dtype == object else n for n, a in arrays.items())
    if len(next(iter(arrays.values()))) <= IN_PLACE:
        return f"(SELECT {select} FROM {view})" if any(a.dtype == object for a in arrays.values()) else view
    table = engine.create(f"SELECT {select} FROM {view}")
    engine.connection.unregister(view)
    return table


def _array(column: SmallColumn) -> NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    array = np.empty(len(column), dtype=object)
    array[:] = column
    return array


def distinct(frame: nw.LazyFrame[Any], engine: Any, columns: Sequence[str]) -> list[list[str | None]]:
    """The distinct values of each of these text columns, in no order."""
    if not columns:
        return []
    if is_duckdb(frame) and isinstance(engine, Engine):
        with engine_boundary(frame):
            rows = engine.name()
            frame.to_native().create_view(rows)
            parts = [
                f"SELECT {i}, {quoted(name)} FROM {rows} GROUP BY {quoted(name)}" for i, name in enumerate(columns)
            ]
            found: list[list[str | None]] = [[] for _ in columns]
            for i, value in engine.run(" UNION ALL ".join(parts)):
                found[i].append(value)
            return found
    return distinct_anywhere(frame, columns)


def distinct_anywhere(frame: nw.LazyFrame[Any], columns: Sequence[str]) -> list[list[str | None]]:
    """`distinct` in Narwhals alone."""
    with engine_boundary(frame):
        grouped = [frame.select(name).group_by(name).agg().collect("pyarrow") for name in columns]
        return [part[name].to_list() for part, name in zip(grouped, columns, strict=True)]
