"""The card for a terminal: the same chapters and sentences as the page, with the short tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from jalousie.privacy.card import Card, Verdict
from jalousie.report.parts import Cell, Facts, Figure, Points, Section, Story, Table
from jalousie.report.sections import tell

_WIDTH = 88
_MARKS: dict[Verdict, str] = {"PASS": "✓ pass", "WARN": "! warn", "FAIL": "✗ FAIL", "INFO": "· info"}
_COLOURS: dict[Verdict, str] = {"PASS": "32", "WARN": "33", "FAIL": "31;1", "INFO": "36"}
_LEFT_OUT = frozenset({"limits", "steps"})
"""Chapters for which the page has the room."""


def render_text(card: Card, colour: bool) -> str:
    """The card as text of at most 88 columns (long names apart), ending with a newline; ANSI colours if `colour`."""
    return "\n".join(_lines(tell(card), _Pen(colour))) + "\n"


class _Pen:
    """Puts on colours, or does not."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def put(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text

    def verdict(self, verdict: Verdict) -> str:
        return self.put(_MARKS[verdict], _COLOURS[verdict])


def _lines(story: Story, pen: _Pen) -> Iterator[str]:
    yield f"{pen.put(story.name, '1')}  {story.parties}"
    yield f"{pen.verdict(story.verdict)}  {story.headline}"
    for section in story.sections:
        if section.key not in _LEFT_OUT:
            yield ""
            yield from _section(section, pen)


def _section(section: Section, pen: _Pen) -> Iterator[str]:
    yield pen.put(section.title, "1")
    for paragraph in section.paragraphs if section.key != "verdict" else ():
        yield from _wrap(paragraph, "  ")
    for block in section.blocks:
        match block:
            case Table():
                yield from _table(block, pen) if block.brief else ()
            case Figure():
                yield from _table(block.table, pen) if block.table.brief else ()
            case Points():
                for sentence in block.sentences:
                    yield from _wrap(f"- {sentence}", "  ")
            case Facts() if section.key == "origin":
                width = max((len(name) for name, _ in block.entries), default=0)
                for name, value in block.entries:
                    lines = _wrap(value, " " * (width + 4)) or [""]
                    yield f"  {pen.put(name.ljust(width), '2')}  {lines[0].lstrip()}"
                    yield from lines[1:]


def _table(table: Table, pen: _Pen) -> Iterator[str]:
    """Columns as wide as their longest text; a cell's sentence goes on lines of its own under the row."""
    judged = table.row_head == 1
    if judged and len(table.heads) == 2:
        yield from _verdicts(table, pen)
        return
    plain = [[_plain(cell) for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(table.heads, *plain, strict=True)]
    heads = (
        _pad(text, width, i in table.numbers) for i, (text, width) in enumerate(zip(table.heads, widths, strict=True))
    )
    yield pen.put("  " + "  ".join(heads).rstrip(), "2")
    indent = " " * (2 + (widths[0] + 2 if judged else 2))
    for row, texts in zip(table.rows, plain, strict=True):
        padded = [
            _pad(text, width, i in table.numbers) for i, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]
        verdict = row[0].verdict
        if verdict is not None:
            padded[0] = pen.verdict(verdict) + " " * (widths[0] - len(texts[0]))
        yield "  " + "  ".join(padded).rstrip()
        if judged and row[1].detail:
            yield from _wrap(row[1].detail, indent)


def _verdicts(table: Table, pen: _Pen) -> Iterator[str]:
    """A verdict and its check in one paragraph each."""
    for judged, check in table.rows:
        if judged.verdict is not None:
            indent = " " * (len(_MARKS[judged.verdict]) + 4)
            lines = _wrap(": ".join(filter(None, [check.text, check.detail])), indent) or [""]
            lines[0] = f"  {pen.verdict(judged.verdict)}  {lines[0].lstrip()}"
            yield from lines


def _plain(cell: Cell) -> str:
    return _MARKS[cell.verdict] if cell.verdict is not None else cell.text


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _wrap(text: str, indent: str) -> list[str]:
    # A no-break space is only broken at by textwrap's default; percentages must keep their sign.
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
