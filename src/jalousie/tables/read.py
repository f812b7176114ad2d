"""Read a table file: CSV, Parquet or Arrow IPC.

A CSV file is parsed once into the engine's own storage (which spills to disk past its memory limit), Parquet is scanned where
it lies, Arrow is mapped into memory. Read order is row order.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import duckdb
import narwhals as nw

from jalousie.contract.files import check_sha256
from jalousie.contract.model import Column, Table
from jalousie.errors import TableError, did_you_mean, library_boundary
from jalousie.tables.border import arrow_own
from jalousie.tables.csvfile import read_csv
from jalousie.tables.engine import Engine, EngineOptions, file_list, fingerprint, memory_boundary
from jalousie.tables.frames import check_names, check_rows, count_rows, scan_arrow
from jalousie.tables.raw import RawTable
from jalousie.tables.text import type_name

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}

Others = Literal["refuse", "leave-out"]


def read_table(
    spec: Table,
    columns: Mapping[str, Column] | None = None,
    folder: Path | str = ".",
    *,
    others: Others = "refuse",
    options: EngineOptions | None = None,
) -> RawTable:
    """The rows of `spec.file`, relative to `folder`.

    `columns` says which columns are expected and, for CSV, their types; None takes what is there, CSV as text. A column that
    `columns` does not name is refused, since nobody said what may become of it, or left out.

    Raises T201 (a column is missing), T202 (names), T203 (a column nobody named), T204 (no rows or columns), T205 (broken CSV,
    with its line), T206 (encoding), T207 (a cell is not of its type, with its line), T208 (damaged file), T209 (no such file),
    T210 (another type than expected), T211 (a type that is not supported).
    """
    path = Path(folder) / spec.file
    form = spec.format or FORMATS.get(path.suffix.lower(), "")
    _check_file(path, spec.file)
    check_sha256(path, spec.sha256, "the table")
    if not form:
        raise TableError(
            "T208", "the table's format cannot be told from its file name", hint="say format: csv, parquet or arrow"
        )
    engine = Engine(options)
    try:
        if form != "csv":
            engine.files.append((path.resolve(), fingerprint(path)))
        if form == "csv":
            raw = read_csv(engine, path, spec.csv, columns)
        elif form == "parquet":
            raw = _read_parquet(engine, path)
        else:
            raw = _read_arrow(engine, path)
        return _expected(raw, columns, others, csv=form == "csv")
    except BaseException:
        engine.close()
        raise


def _check_file(path: Path, given: str) -> None:
    if not given:
        raise TableError(
            "T209", "the contract names no table file", hint="say table: {file: ...}, or name the file with --table"
        )
    if path.is_dir():
        raise TableError("T209", "the table's file is a folder", hint="name the file inside it")
    if not path.exists():
        raise TableError(
            "T209", "the table's file does not exist", hint="the path is relative to the contract's folder"
        )
    if not os.access(path, os.R_OK):
        raise TableError("T209", "the table's file may not be read", hint="check its permissions")
    if path.stat().st_size == 0:
        raise TableError("T204", "the table's file is empty", hint="check that the right file was given")


def _read_parquet(engine: Engine, path: Path) -> RawTable:
    file = file_list(path)
    with (
        library_boundary(
            TableError,
            "T208",
            "the file is not a Parquet file, or it is damaged",
            duckdb.Error,
            hint="write or copy it again",
        ),
        memory_boundary(),
    ):
        view = engine.name()
        engine.run(f"CREATE TEMP VIEW {view} AS SELECT * FROM read_parquet({file})")
        # from the file itself, since the engine renames columns whose names are equal
        schema = engine.run(f"SELECT name, num_children FROM parquet_schema({file})")
        rows = count_rows(engine, view)
    check_names(_top_level(schema))
    check_rows(rows)
    engine.fit(rows)
    return RawTable(engine.frame(view), rows=rows, keep=engine)


def _top_level(schema: list[tuple[str, int | None]]) -> list[str]:
    """Names of the columns from a Parquet schema, which lists its tree depth first."""
    names: list[str] = []
    left = [schema[0][1] or 0] if schema else []
    for name, children in schema[1:]:
        while left and left[-1] == 0:
            left.pop()
        if len(left) == 1:
            names.append(name)
        left[-1] -= 1
        if children:
            left.append(children)
    return names


def _read_arrow(engine: Engine, path: Path) -> RawTable:
    import pyarrow as pa

    with library_boundary(
        TableError, "T208", "the file is not an Arrow file, or it is damaged", hint="write or copy it again"
    ):
        source = pa.memory_map(str(path))
        try:
            table = pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            table = pa.ipc.open_stream(source).read_all()
        table.validate()
    check_names(table.column_names)
    check_rows(table.num_rows)
    return scan_arrow(engine, table, kind="arrow", origin=arrow_own(table))


def _expected(raw: RawTable, columns: Mapping[str, Column] | None, others: Others, *, csv: bool) -> RawTable:
    if columns is None:
        return raw
    if csv and not any(name in columns for name in raw.columns):
        raise TableError(  # without a word of it: it may be a row
            "T201",
            "the file's first line has none of the contract's column names",
            hint="if it is a row, say csv: {header: false}; if cells are not divided, check the delimiter",
        )
    require_expected(raw.columns, columns, others)
    if not csv:
        for name, column in columns.items():
            if column.type != "text" and not _fits(raw.schema[name], column.type):
                raise TableError(
                    "T210",
                    f'column "{name}" has type {type_name(raw.schema[name])}, the contract says {column.type}',
                    hint="change the type in the contract, or leave it out",
                )
    kept = [name for name in raw.columns if name in columns]
    return raw if len(kept) == len(raw.columns) else raw.derive(raw.frame.select(*kept))


def require_expected(found: Iterable[str], columns: Mapping[str, Column], others: Others) -> None:
    """T201 for a column that is missing, T203 for one that nobody named."""
    found = list(found)
    for name in columns:
        if name not in found:
            raise TableError("T201", f'the table has no column "{name}"', hint=did_you_mean(name, found))
    surplus = [name for name in found if name not in columns]
    if surplus and others == "refuse":
        more = f" and {len(surplus) - 1} more" if len(surplus) > 1 else ""
        raise TableError(
            "T203",
            f'the contract does not name column "{surplus[0]}"{more} of the table',
            hint="give it a role under columns, and a drop-columns step if nobody needs it",
        )


def _fits(dtype: nw.dtypes.DType, declared: str) -> bool:
    if declared == "integer":
        return dtype.is_integer()
    if declared == "decimal":
        return dtype.is_numeric()
    if declared == "boolean":
        return dtype == nw.Boolean
    if declared == "date":
        return dtype == nw.Date
    return isinstance(dtype, nw.Datetime)
