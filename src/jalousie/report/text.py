"""The card for a terminal: the same chapters and sentences as the page, with the short tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jalousie.privacy.card import AttackFacts, Card
from jalousie.report.parts import Facts, Figure, Section, Story, Table
from jalousie.report.sections import tell
from jalousie.report.sections.risk import attack_section
from jalousie.report.terminal import Pen, entries, judged, table, wrapped
from jalousie.report.words import sentence

_LEFT_OUT = frozenset({"limits", "steps"})
"""Chapters for which the page has the room."""


def render_text(card: Card, colour: bool) -> str:
    """The card as lines of about 88 columns, without a newline at the end; ANSI colours if `colour`."""
    return "\n".join(story_lines(tell(card), Pen(colour)))


def render_attacks(attacks: Sequence[AttackFacts], colour: bool) -> str:
    """What attacks achieved, as `render_text` writes it."""
    pen = Pen(colour)
    section = attack_section(tuple(attacks))
    lines = [pen.strong(section.title)]
    for attack in attacks:
        lines += judged(attack.verdict, sentence(attack.sentence), pen)
    for block in section.blocks:
        if isinstance(block, Figure):
            lines += ["", *table(block.table, pen, details=True)]
    return "\n".join(lines)


def story_lines(story: Story, pen: Pen) -> Iterator[str]:
    """A card's chapters, line by line."""
    yield f"{pen.strong(story.name)}  {story.parties}"
    yield from _headline(story, pen)
    # The terminal says a sentence once: an attack's, say, is a check's too.
    said = {story.headline}
    for section in story.sections:
        if section.key not in _LEFT_OUT:
            yield ""
            yield from _section(section, pen, said)
        if section.key == "verdict":
            checks = (block for block in section.blocks if isinstance(block, Table))
            said.update(row[1].detail for block in checks for row in block.rows)


def _headline(story: Story, pen: Pen) -> Iterator[str]:
    """The verdict of the whole, flush left."""
    first, *rest = judged(story.verdict, story.headline, pen)
    yield first.removeprefix("  ")
    yield from (line.removeprefix("  ") for line in rest)


def _section(section: Section, pen: Pen, said: set[str]) -> Iterator[str]:
    yield pen.strong(section.title)
    for paragraph in section.paragraphs:
        if paragraph not in said:
            yield from wrapped(paragraph)
    for block in section.blocks:
        match block:
            case Table() if block.brief:
                yield from table(block, pen, details=block.row_head == 1)
            case Figure() if block.table.brief:
                yield from table(block.table, pen, details=block.table.row_head == 1)
            case Facts() if section.key == "origin":
                yield from entries(block.entries, pen)
