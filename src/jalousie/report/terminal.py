"""Text for a terminal: colours, wrapped sentences and tables of plain characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from jalousie.privacy.card import Verdict
from jalousie.report.parts import Cell, Table

WIDTH = 88
_MARKS: dict[Verdict, str] = {"PASS": "✓ pass", "WARN": "! warn", "FAIL": "✗ FAIL", "INFO": "· info"}
_COLOURS: dict[Verdict, str] = {"PASS": "32", "WARN": "33", "FAIL": "31;1", "INFO": "36"}


class Pen:
    """Puts on colours, or does not."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def put(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text

    def strong(self, text: str) -> str:
        return self.put(text, "1")

    def quiet(self, text: str) -> str:
        return self.put(text, "2")

    def verdict(self, verdict: Verdict) -> str:
        """Sign and word, so that the colour is not needed."""
        return self.put(_MARKS[verdict], _COLOURS[verdict])


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Lines of at most `WIDTH` columns; only a longer single word is longer. At least one line."""
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return lines or [""]


def judged(verdict: Verdict, text: str, pen: Pen) -> Iterator[str]:
    """A verdict, and a sentence hanging beside it."""
    lines = wrapped(text, " " * (len(_MARKS[verdict]) + 4))
    yield f"  {pen.verdict(verdict)}  {lines[0].lstrip()}".rstrip()
    yield from lines[1:]


def entries(pairs: tuple[tuple[str, str], ...], pen: Pen) -> Iterator[str]:
    """Names and values in two columns."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        lines = wrapped(value, " " * (width + 4))
        yield f"  {pen.quiet(name.ljust(width))}  {lines[0].lstrip()}".rstrip()
        yield from lines[1:]


def table(part: Table, pen: Pen, *, details: bool) -> Iterator[str]:
    """Columns as wide as their longest text; with `details`, the sentence of the cell that heads a row stands under it."""
    head = part.row_head
    if head == 1 and len(part.heads) == 2:
        for sign, check in part.rows:
            if sign.verdict is not None:
                yield from judged(sign.verdict, ": ".join(filter(None, [check.text, check.detail])), pen)
        return
    plain = [[_plain(cell) for cell in row] for row in part.rows]
    widths = [max(map(len, column)) for column in zip(part.heads, *plain, strict=True)]
    yield pen.quiet(_line(list(part.heads), widths, part.numbers))
    for row, texts in zip(part.rows, plain, strict=True):
        line = _line(texts, widths, part.numbers)
        if row[0].verdict is not None:
            line = line.replace(texts[0], pen.verdict(row[0].verdict), 1)
        yield line
        if details and row[head].detail:
            indent = " " * (widths[0] + 4 if head else 4)
            yield from (indent + pen.quiet(line.strip()) for line in wrapped(row[head].detail, indent))


def _plain(cell: Cell) -> str:
    return _MARKS[cell.verdict] if cell.verdict is not None else cell.text


def _line(texts: list[str], widths: list[int], numbers: frozenset[int]) -> str:
    cells = (
        text.rjust(width) if index in numbers else text.ljust(width)
        for index, (text, width) in enumerate(zip(texts, widths, strict=True))
    )
    return ("  " + "  ".join(cells)).rstrip()
