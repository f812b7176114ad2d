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
from jalousie.tables.csvlines import leading_lines

_HEAD = 256 * 1024
_LINES = 200
_FEW_LINES = 3
_DELIMITERS = ",;\t|"
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
    """From the first bytes of a file. Where nothing speaks against it: comma, UTF-8, decimal point, header.

    Raises TableError T205 where a line of another form stands above the header.
    """
    encoding = _encoding(head)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    if len(head) >= _HEAD:
        text = text.rpartition("\n")[0]
    lines = io.StringIO(text, newline="").readlines()
    leading, named = leading_lines(lines, header=True)
    text = "".join(lines[leading:])
    marks = named if named and named.isascii() else _DELIMITERS
    delimiter, rows = max(((mark, _rows(text, mark)) for mark in marks), key=lambda guess: _regularity(guess[1]))
    if len(rows[0] if rows else ()) == 1:
        _refuse_title(text, leading + 1)
    cells = [cell for row in rows[1:] for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
    points = sum(re.fullmatch(r"-?\d+\.\d+", cell) is not None for cell in cells)
    return Csv(
        delimiter=delimiter,
        encoding=encoding,
        decimal="," if delimiter != "," and commas > points else ".",
        header=_has_header(rows),
    )


def _refuse_title(text: str, line: int) -> None:
    """A comment or a title above the header would be taken for the name of the one column."""
    for mark in _DELIMITERS:
        below = _rows(text, mark)[1:]
        cells = [len(row) for row in below if not _COMMA_NUMBER.fullmatch(mark.join(row).strip())]
        usual = max(set(cells), key=cells.count, default=1)
        if usual > 1 and cells.count(usual) >= max(_FEW_LINES, 0.9 * len(below)):
            raise TableError(
                "T205",
                f"line {line} has 1 cell, the lines below it have {usual}",
                hint="the first line names the columns: remove a title or comment above it; if there is one column, quote"
                " the cells that hold a delimiter",
            )


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Latin letters, digits and delimiters are every second byte of UTF-16; without its mark that tells which way round
    even, odd = head[0::2].count(0) / max(1, len(head[0::2])), head[1::2].count(0) / max(1, len(head[1::2]))
    if max(even, odd) > 0.5 and min(even, odd) < 0.05:
        return "utf-16-le" if odd > even else "utf-16-be"
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
    """A first row of texts none of which is a number.

    Names that occur twice are the header's fault, which reading it tells, unless the same cells come again below them.
    """
    if not rows:
        return True
    first = [cell.strip() for cell in rows[0]]
    if any(_NUMBER.fullmatch(cell) for cell in first):
        return False
    twice = [place for place, cell in enumerate(first) if cell and first.count(cell) > 1]
    below = [{row[place].strip() for row in rows[1:] if place < len(row)} for place in twice]
    return not twice or any(first[place] not in cells for place, cells in zip(twice, below, strict=True))
