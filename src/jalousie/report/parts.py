"""What a report is made of: sections with sentences, tables and charts, as data. HTML and text are drawn from these.

msgspec makes a class ten times as fast as dataclasses do, and every command that tells of a card makes these.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from jalousie.privacy.card import Verdict

Series = Literal["raw", "release", "bound", "guess"]
"""Raw table, release, what was promised, a guess without the data. Each has its own shape in every chart."""

VERDICT_ORDER: tuple[Verdict, ...] = ("FAIL", "WARN", "PASS", "INFO")


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of the whole; INFO where nothing was judged."""
    return min(verdicts, key=VERDICT_ORDER.index, default="INFO")


class Cell(Struct, frozen=True):
    """A table's cell: a short text, and a sentence under it where there is more to say."""

    text: str
    detail: str = ""
    verdict: Verdict | None = None


class Table(Struct, frozen=True):
    """`rows` hold one cell a head; the first cell heads its row (the second where the first is a verdict)."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()
    """Columns set flush right."""
    brief: bool = False
    """Shown in the terminal too."""

    @property
    def stacks(self) -> bool:
        """Too wide for a phone, where each row becomes a small list."""
        return len(self.heads) > 3 or (len(self.heads) == 3 and len(self.numbers) < 2)

    @property
    def row_head(self) -> int:
        """Index of the column that heads the rows."""
        return 1 if self.rows and self.rows[0][0].verdict is not None else 0


class Bar(Struct, frozen=True):
    series: Series
    value: float
    label: str


class Bars(Struct, frozen=True):
    """Groups of horizontal bars from zero, each with its figure at its end."""

    groups: tuple[tuple[str, tuple[Bar, ...]], ...]


class Dot(Struct, frozen=True):
    series: Series
    value: float
    label: str
    interval: tuple[float, float] | None = None


class Dots(Struct, frozen=True):
    """Rows of marks on one scale from `low` to `high`; `ticks` are (value, label)."""

    rows: tuple[tuple[str, tuple[Dot, ...]], ...]
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


class Scatter(Struct, frozen=True):
    """Points (x, y, share suppressed) and the one chosen; scales start at zero."""

    points: tuple[tuple[float, float, float], ...]
    chosen: tuple[float, float]
    x_title: str
    y_title: str


class Level(Struct, frozen=True):
    """A horizontal line to compare a curve with."""

    series: Series
    value: float
    label: str


class Curve(Struct, frozen=True):
    """Points (x, y, label of x) from left to right, joined, and levels beside them; larger y is better."""

    points: tuple[tuple[float, float, str], ...]
    levels: tuple[Level, ...]
    x_title: str
    y_title: str


Chart = Bars | Dots | Scatter | Curve


class Figure(Struct, frozen=True):
    """A chart, what it shows in one sentence, and the same figures as a table."""

    title: str
    description: str
    chart: Chart
    legend: tuple[tuple[Series, str], ...]
    table: Table
    folded: bool = True
    """The table is folded away on the screen (never in print)."""


class Facts(Struct, frozen=True):
    """Names and values."""

    entries: tuple[tuple[str, str], ...]


class Points(Struct, frozen=True):
    """A list of sentences."""

    sentences: tuple[str, ...]


Block = Table | Figure | Facts | Points


class Section(Struct, frozen=True):
    """A chapter of the report. `paragraphs` come first and say it all; the blocks are the evidence."""

    key: str
    title: str
    paragraphs: tuple[str, ...]
    blocks: tuple[Block, ...] = ()
    note: str = ""
    """How to read the figures: definitions and sources."""


class Tile(Struct, frozen=True):
    """One of the few figures at the top."""

    figure: str
    sentence: str


class Story(Struct, frozen=True):
    """The whole report."""

    name: str
    verdict: Verdict
    headline: str
    parties: str
    dated: str
    software: str
    sections: tuple[Section, ...]
    tiles: tuple[Tile, ...] = ()
    kind: str = "Release report"
    source: str = "release card"
    """What it was made from."""
