"""CSV files. A cell is text, byte for byte, unless the contract declares a type; then it must fit that type exactly."""

from __future__ import annotations

import codecs
import csv
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import msgspec

from jalousie.contract.dialect import ENCODINGS, is_encoding
from jalousie.contract.model import Column, Csv
from jalousie.errors import TableError, did_you_mean
from jalousie.tables.count import free_prefix
from jalousie.tables.csvlines import line_of, records, skipped_lines
from jalousie.tables.engine import Engine, file_list, literal, out_of_memory, quoted
from jalousie.tables.frames import check_names, check_rows, count_rows
from jalousie.tables.raw import RawTable

CHUNK = 1 << 20
MAX_LINE = 2 << 20
"""Bytes in a record; longer ones come from a quote that is never closed. The engine's buffers are 16 times as large."""

BYTES_A_ROW = 100
"""A guess, to choose the number of threads by."""

TYPES = {"integer": "BIGINT", "decimal": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP"}

# What a cell of a declared type looks like (spaces around it are allowed). DuckDB's own casts are laxer: 7.5 would
# become the integer 8.
SHAPES = {
    "integer": r"[+-]?[0-9]+",
    "decimal": r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?",
    "boolean": r"(?i:true|false|t|f|yes|no|1|0)",
    "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "datetime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?",
}
EXAMPLES = {
    "integer": "42",
    "decimal": '4.2 (or 4,2 with decimal: ",")',
    "boolean": "true or false",
    "date": "2024-02-29",
    "datetime": "2024-02-29T12:30:00",
}


def read_csv(engine: Engine, path: Path, form: Csv, columns: Mapping[str, Column] | None) -> RawTable:
    """Parse the file once into a table of the engine.

    A cell equal to one of `form.nulls` is a null, whether it is quoted or not. Blank lines are skipped, except in a file of
    one column, where they are a cell; so are blank lines above the header, and a first line `sep=;`. Raises T201, T202, T204
    to T207.
    """
    utf8, temporary = _as_utf8(engine, path, form.encoding)
    try:
        skip, names = _header(utf8, form, columns)
        check_names(names, known=columns or ())
        engine.fit(utf8.stat().st_size // BYTES_A_ROW)
        table = _parse(engine, utf8, form, names, skip=skip)
        rows = count_rows(engine, table)
        check_rows(rows)
        engine.fit(rows)
        declared = {n: c.type for n, c in (columns or {}).items() if n in names and c.type != "text"}
        if declared:
            table = _typed(engine, table, names, declared, utf8, form, skip)
        return RawTable(engine.frame(table), rows=rows, keep=engine)
    finally:
        if temporary:
            utf8.unlink(missing_ok=True)


def read_back(engine: Engine, path: Path, form: Csv, names: Sequence[str], *, once: bool = False) -> str:
    """A CSV file as a release writes it, parsed into a table of texts in which null and empty text stay apart.

    Only the first of `form.nulls`, unquoted, is a null there. What is read `once` is not stored: it may be a view, whose errors
    are the engine's and come when it is read. Raises T205, T206.
    """
    written = msgspec.structs.replace(form, nulls=form.nulls[:1] or ("",))
    utf8, temporary = _as_utf8(engine, path, form.encoding)
    try:
        return _parse(engine, utf8, written, list(names), quoted_nulls=False, stored=temporary or not once)
    finally:
        if temporary:
            utf8.unlink(missing_ok=True)


def header_names(engine: Engine, path: Path, form: Csv) -> list[str]:
    """The columns that a CSV file names itself."""
    utf8, temporary = _as_utf8(engine, path, form.encoding)
    try:
        return _header(utf8, form, None)[1]
    finally:
        if temporary:
            utf8.unlink(missing_ok=True)


def _as_utf8(engine: Engine, path: Path, encoding: str) -> tuple[Path, bool]:
    """The file in UTF-8: itself, or a copy in the engine's private folder (DuckDB knows few encodings)."""
    if not is_encoding(encoding):
        raise TableError("T206", "the declared encoding is unknown", hint=did_you_mean(encoding, ENCODINGS))
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "ascii", "utf-8-sig"):
        return path, False
    decoder = codecs.getincrementaldecoder(name)()
    line = 1
    with (
        path.open("rb") as source,
        tempfile.NamedTemporaryFile("wb", dir=engine.spill_folder, suffix=".csv", delete=False) as copy,
    ):
        while True:
            block = source.read(CHUNK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError:
                raise TableError(
                    "T206",
                    f"the file is not {encoding}: a character after line {line} cannot be read",
                    hint="say the encoding that it was written in",
                ) from None
            copy.write(text.encode("utf-8", errors="strict"))
            line += text.count("\n")
            if not block:
                return Path(copy.name), True


def _header(path: Path, form: Csv, columns: Mapping[str, Column] | None) -> tuple[int, list[str]]:
    """Lines above the first record, and the columns' names."""
    skip = 0
    try:
        skip = skipped_lines(path, form)
        first = next((record.cells for record in records(path, form, skip) if record.cells), [])
    except UnicodeError:
        raise _not_utf8(path) from None
    except csv.Error:
        raise TableError(
            "T205", f"the header, line {skip + 1}, cannot be parsed", hint="check delimiter and quote"
        ) from None
    if form.header:
        return skip, first
    if columns is None:
        return skip, [f"column_{i}" for i in range(1, len(first) + 1)]
    if len(columns) != len(first):
        raise TableError(
            "T201",
            f"the file has no header and {len(first)} columns, the contract names {len(columns)}",
            hint="name the columns in the order of the file",
        )
    return skip, list(columns)


def _parse(
    engine: Engine,
    path: Path,
    form: Csv,
    names: list[str],
    *,
    skip: int = 0,
    quoted_nulls: bool = True,
    stored: bool = True,
) -> str:
    options = {
        "auto_detect": "false",
        "header": "true" if form.header else "false",
        "skip": str(skip),
        "delim": literal(form.delimiter),
        "quote": literal(form.quote),
        "escape": literal(form.quote),
        "strict_mode": "true",
        "null_padding": "false",
        "nullstr": "[" + ", ".join(literal(null) for null in form.nulls) + "]",
        "allow_quoted_nulls": "true" if quoted_nulls else "false",
        "max_line_size": str(MAX_LINE),
        "buffer_size": str(4 * MAX_LINE),  # the engine's own 16 lines want 70 MiB, and are no faster
        "columns": "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names) + "}",
    }
    if not form.nulls:
        # DuckDB takes the empty cell for a null if nothing is said
        options["force_not_null"] = "[" + ", ".join(literal(name) for name in names) + "]"
        del options["nullstr"]
    settings = ", ".join(f"{key} = {value}" for key, value in options.items())
    failed = ""
    try:
        keep = engine.create if stored else engine.view
        return keep(f"SELECT * FROM read_csv({file_list(path)}, {settings})")
    except duckdb.OutOfMemoryException as error:
        raise out_of_memory(error) from None
    except duckdb.IOException:
        raise TableError(
            "T214",
            "the disk did not suffice to read the file",
            hint="free some of the disk that the engine spills to, or name another (--temp-folder)",
        ) from None
    except duckdb.Error as error:
        failed = str(error)  # quotes the line: only its shape is looked at
    raise _broken(failed, path, form, len(names), skip)


def _not_utf8(path: Path) -> TableError:
    number = 0
    with path.open("rb") as file:
        for line in file:
            number += 1
            try:
                line.decode("utf-8")
            except UnicodeError:
                break
    return TableError(
        "T206", f"line {number} is not UTF-8", hint="say csv: {encoding: ...}; older files are often cp1252"
    )


def _broken(failed: str, path: Path, form: Csv, width: int, skip: int) -> TableError:
    """What is wrong with the file, and on which line of it. The engine counts records; lines are counted here."""
    if "not utf-8 encoded" in failed or "Invalid unicode" in failed:
        return _not_utf8(path)
    found = re.search(r"CSV Error on Line: (\d+)", failed)
    record = int(found.group(1)) if found else 0
    line, cells = skip + 1, width
    try:
        for row in records(path, form, skip):
            cells = len(row.cells)
            if cells and cells != width:
                line = row.line
                break
            line = row.after
        else:
            line, cells = record or line, width
    except UnicodeError:
        return _not_utf8(path)
    except csv.Error:
        cells = width
    if cells != width:
        return TableError(
            "T205",
            f"line {line} has {cells} cell{'s' if cells != 1 else ''}, the header has {width}",
            hint="check the delimiter, and that cells with a delimiter in them are quoted",
        )
    if "unterminated quote" in failed:
        return TableError(
            "T205",
            f"a quote that begins on line {line} is not closed, or text follows it",
            hint='write a quote inside a cell twice, or say csv: {quote: ""}',
        )
    if "aximum line size" in failed:
        return TableError(
            "T205",
            f"a line after line {max(record - 1, 1)} is longer than {MAX_LINE >> 20} MiB",
            hint="check that a quote is closed, or split the text",
        )
    if _mixed_ends(path):
        return TableError(
            "T205", "the CSV file's lines end in different ways", hint="end all lines with LF, or all with CR LF"
        )
    return TableError(
        "T205", f"the CSV file cannot be parsed from line {line} on", hint="check delimiter, quote and line ends"
    )


def _mixed_ends(path: Path) -> bool:
    with path.open("rb") as file:
        ends = {line[-2:] == b"\r\n" for line in file if line.endswith(b"\n")}
    return len(ends) > 1


def _typed(
    engine: Engine, table: str, names: list[str], declared: Mapping[str, str], path: Path, form: Csv, skip: int
) -> str:
    """The table with its declared types; every cell must fit."""
    converted, unfit = {}, {}
    for name, kind in declared.items():
        cell = f"trim({quoted(name)})"
        if kind == "decimal" and form.decimal == ",":
            # a dot in such a file groups thousands, or is a mistake: neither is guessed at
            cell = f"replace(replace({cell}, '.', '?'), ',', '.')"
        if kind == "datetime":
            cell = f"replace({cell}, 'T', ' ')"
        shape = SHAPES[kind].replace("[T ]", " ")
        value = f"CASE WHEN regexp_full_match({cell}, {literal(shape)}) THEN TRY_CAST({cell} AS {TYPES[kind]}) END"
        converted[name] = value
        unfit[name] = f"{quoted(name)} IS NOT NULL AND ({value}) IS NULL"
    select = ", ".join(f"{converted[n]} AS {quoted(n)}" if n in converted else quoted(n) for n in names)
    number, source = "rowid", table
    if any(name.lower() == "rowid" for name in names):  # it hides the engine's own numbers
        number = f"{free_prefix(names)}row"
        source = f"(SELECT *, row_number() OVER () - 1 AS {number} FROM {table})"
    checks = ", ".join(f"min(CASE WHEN {condition} THEN {number} END)" for condition in unfit.values())
    (first,) = engine.run(f"SELECT {checks} FROM {source}")
    for name, row in zip(declared, first, strict=True):
        if row is not None:
            line = line_of(records(path, form, skip), int(row), header=form.header, width=len(names))
            raise TableError(
                "T207",
                f'column "{name}", line {line}: the cell is not of type {declared[name]}',
                hint=f"such as {EXAMPLES[declared[name]]}; other cells are text, or nulls if csv: {{nulls: ...}} lists them",
            )
    typed = engine.create(f"SELECT {select} FROM {table}")
    engine.run(f"DROP TABLE {table}")
    return typed
