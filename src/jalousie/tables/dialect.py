"""Guess how a file is written down: format, and for CSV the delimiter, encoding, decimal sign and header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path
from typing import Literal, cast

from jalousie.contract.model import Csv, Table
from jalousie.errors import TableError

_HEAD = 256 * 1024
_LINES = 200
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMMA_NUMBER = re.compile(r"-?\d+,\d+")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


def guess_table(path: Path) -> Table:
    """The `table` part of a contract for a file; `file` is the path as given. Raises TableError T200."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError:
        raise TableError("T200", "there is no such table file", hint="check its path") from None
    except OSError:
        raise TableError(
            "T200", "the table file cannot be opened", hint="check that it is a file and its rights"
        ) from None
    kind = (
        "parquet"
        if head[:4] == b"PAR1"
        else "arrow"
        if head[:6] == b"ARROW1"
        else _FORMATS.get(path.suffix.lower(), "csv")
    )
    form = cast(Literal["csv", "parquet", "arrow"], kind)
    return Table(file=str(path), format=form, csv=guess_csv(head) if kind == "csv" else Csv())


def guess_csv(head: bytes) -> Csv:
    """From the first bytes of a file. Where nothing speaks against it: comma, UTF-8, decimal point, header."""
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    if len(head) >= _HEAD:
        text = text.rpartition("\n")[0]
    delimiter, rows = max(((mark, _rows(text, mark)) for mark in ",;\t|"), key=lambda guess: _regularity(guess[1]))
    cells = [cell for row in rows[1:] for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
    points = sum(re.fullmatch(r"-?\d+\.\d+", cell) is not None for cell in cells)
    return Csv(
        delimiter=delimiter,
        encoding=encoding,
        decimal="," if delimiter != "," and commas > points else ".",
        header=_has_header(rows),
    )


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # the last character of a cut-off head may be incomplete
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < _HEAD)
    except UnicodeDecodeError:
        return "cp1252" if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", head) else "latin-1"
    return "utf-8"


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) >= _LINES:
                break
    except csv.Error:
        return rows
    return rows


def _regularity(rows: list[list[str]]) -> tuple[float, int]:
    """Share of rows as long as the first, for a delimiter that splits at all; then the number of fields."""
    if not rows or len(rows[0]) < 2:
        return 0.0, 0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])


def _has_header(rows: list[list[str]]) -> bool:
    """A first row of distinct texts none of which is a number."""
    if not rows:
        return True
    first = [cell.strip() for cell in rows[0]]
    return len(set(first)) == len(first) and not any(_NUMBER.fullmatch(cell) for cell in first)
