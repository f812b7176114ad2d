"""The lines of a CSV file as a person counts them, and what some programs put above the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from jalousie.contract.model import Csv
from jalousie.errors import TableError

_DELIMITER_LINE = re.compile(r'"?sep=(.)"?', re.DOTALL)


def leading_lines(lines: Iterable[str], *, header: bool) -> tuple[int, str]:
    """How many lines stand above the first record, and the delimiter that one of them names (Excel's `sep=;`), or nothing.

    Those are blank lines, but where there is no `header`, since a blank line is a null in a file of one column.
    """
    count, named = 0, ""
    for line in lines:
        text = line.rstrip("\r\n")
        found = None if named else _DELIMITER_LINE.fullmatch(text)
        if found is not None:
            named = found[1]
        elif text.strip() or not header:
            break
        count += 1
    return count, named


def skipped_lines(path: Path, form: Csv) -> int:
    """Lines above the first record. Raises TableError T205 where one of them names another delimiter than `form`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        count, named = leading_lines(file, header=form.header)
    if named and named != form.delimiter:
        raise TableError(
            "T205",
            "a line above the header (sep=...) names another delimiter than the contract",
            hint="say that one in table: {csv: {delimiter: ...}}, or remove the line",
        )
    return count


def reader_options(form: Csv) -> dict[str, object]:
    if form.quote:
        return {"delimiter": form.delimiter, "quotechar": form.quote, "doublequote": True, "strict": True}
    return {"delimiter": form.delimiter, "quoting": csv.QUOTE_NONE, "strict": True}


class Record(NamedTuple):
    """Cells (none of a blank line), the line that they begin on, and the one after them."""

    cells: list[str]
    line: int
    after: int


def records(path: Path, form: Csv, skip: int) -> Iterator[Record]:
    """Every record below the `skip` leading lines. Raises csv.Error and UnicodeError as they come."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for _ in range(skip):
            next(file, "")
        reader = csv.reader(file, **reader_options(form))  # type: ignore[arg-type]
        line = skip + 1
        for cells in reader:
            after = skip + reader.line_num + 1
            yield Record(cells, line, after)
            line = after


def line_of(found: Iterable[Record], row: int, *, header: bool, width: int) -> int:
    """First line of the data row `row` (from 0)."""
    line, seen = 1, -1 if header else 0
    for record in found:
        if record.cells or width == 1:  # the engine skips blank lines, but for a single column
            if seen == row:
                return record.line
            seen += 1
        line = record.after
    return line
