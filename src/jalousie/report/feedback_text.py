"""A feedback card for a terminal. Apart from `text`, so that a release is told without loading anything about answers."""

from __future__ import annotations

from collections.abc import Sequence

from jalousie.report.sections.answers import ADVANTAGE, attack_table
from jalousie.report.sections.feedback import tell_feedback
from jalousie.report.terminal import Pen, judged, table, wrapped
from jalousie.report.text import story_lines
from jalousie.report.words import sentence
from jalousie.validator.card import FeedbackAttackFacts, FeedbackCard, GuessFacts


def render_feedback_text(card: FeedbackCard, colour: bool) -> str:
    """A feedback card as `render_text` writes a release's."""
    return "\n".join(story_lines(tell_feedback(card), Pen(colour)))


def render_feedback_attacks(
    attacks: Sequence[FeedbackAttackFacts], colour: bool, guesses: Sequence[GuessFacts] = ()
) -> str:
    """What attacks on answers achieved, as `render_attacks` writes it."""
    pen = Pen(colour)
    lines = [pen.strong("What attacks on answers achieved")]
    told = [(fact.verdict, fact.sentence) for fact in attacks] + [(fact.verdict, fact.sentence) for fact in guesses]
    for verdict, words in told:
        lines += judged(verdict, sentence(words), pen)
    lines += ["", *table(attack_table(attacks, "Advantage of each attack", labels=True), pen, details=False)]
    return "\n".join([*lines, *wrapped(ADVANTAGE, "")])
