"""Hierarchies in CSV files as ARX writes them: no header, column 0 the raw value, then its text at level 1, 2, ..."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from jalousie.contract.files import check_sha256
from jalousie.contract.model import FileHierarchy
from jalousie.errors import HierarchyError, Where
from jalousie.tables.built import Built, level_of


def read_hierarchy_file(
    column: str, spec: FileHierarchy, folder: Path, where: Where | None, *, empty_is_null: bool = True
) -> Built:
    """Read a hierarchy file; the domain is every line of it, observed or not.

    A line whose raw value is empty says how nulls are generalised; without one a null stays a null up to `*`. Where the
    column has empty texts (`empty_is_null` False) the line is theirs.
    Raises HierarchyError H300 (cannot be read), H301 (empty, ragged, unclosed quote) and H304 (a raw value twice).
    """
    rows, lines = _rows(column, _text(column, spec, folder, where), spec.delimiter, where)
    width = len(rows[0])
    seen: dict[str, int] = {}
    for row, line in zip(rows, lines, strict=True):
        if len(row) != width:
            message = (
                f'column "{column}", line {line} of its hierarchy file: {len(row)} fields, {width} on the first line'
            )
            raise HierarchyError("H301", message, hint="every line needs a field for every level", where=where)
        first = seen.setdefault(row[0], line)
        if first != line:
            message = (
                f'column "{column}", level 0: lines {first} and {line} of its hierarchy file have the same raw value'
            )
            raise HierarchyError("H304", message, hint="keep one of them", where=where)
        if "" in row[1:]:
            level = row.index("", 1)
            message = f'column "{column}", level {level}: line {line} of its hierarchy file is empty there'
            raise HierarchyError("H301", message, hint="repeat the label of the level below, or write *", where=where)
    levels = list(zip(*rows, strict=True))
    domain: list[str | None] = [value or None for value in levels[0]] if empty_is_null else list(levels[0])
    return Built(domain, [level_of(labels) for labels in levels[1:]], lines=lines)


def _text(column: str, spec: FileHierarchy, folder: Path, where: Where | None) -> str:
    name = Path(spec.file).name
    check_sha256(folder / spec.file, spec.sha256, f'the hierarchy file of column "{column}"', where)
    encoding = "utf-8-sig" if spec.encoding.lower() in ("utf-8", "utf8") else spec.encoding
    try:
        return (folder / spec.file).read_bytes().decode(encoding)
    except LookupError:
        message = f'column "{column}": the encoding of its hierarchy file is unknown'
        raise HierarchyError("H300", message, hint="utf-8, latin-1 and cp1252 are usual", where=where) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f'column "{column}": line {line} of its hierarchy file is not {spec.encoding} text'
        raise HierarchyError("H300", message, hint="give its encoding: `encoding: latin-1`", where=where) from None
    except FileNotFoundError:
        message = f'column "{column}": there is no hierarchy file "{name}"'
        raise HierarchyError("H300", message, hint="its path is relative to the contract", where=where) from None
    except (OSError, ValueError):
        message = f'column "{column}": the hierarchy file "{name}" cannot be opened'
        raise HierarchyError("H300", message, hint="check that it is a file and its rights", where=where) from None


def _rows(column: str, text: str, delimiter: str, where: Where | None) -> tuple[list[list[str]], list[int]]:
    """The lines that are not blank, with their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error:
        message = f'column "{column}": line {reader.line_num} of its hierarchy file is not CSV (a quote, most often)'
        raise HierarchyError(
            "H301", message, hint="close the quotes, or double those inside a value", where=where
        ) from None
    if not rows:
        message = f'column "{column}": its hierarchy file is empty'
        raise HierarchyError("H301", message, hint="a line for each value: raw;level 1;...;*", where=where)
    return rows, lines
