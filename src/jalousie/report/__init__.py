"""What people see of a release or of a collaboration by answers: its card as a page, as text, as JSON and as JUnit.

Everything is made from `privacy.card.Card` or `validator.card.FeedbackCard` alone, so a report can be made again by anybody
who has the card, and can show nothing that the card does not hold. Names load when they are first used: writing a card
needs no template engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jalousie.report.cardfile import card_json, feedback_card_json, load_card, load_feedback_card
    from jalousie.report.feedback_text import render_feedback_attacks, render_feedback_text
    from jalousie.report.html import render_feedback_html, render_html, render_snippet
    from jalousie.report.inspection import render_inspection
    from jalousie.report.junit import render_junit
    from jalousie.report.text import render_attacks, render_text

_HOME = {
    "card_json": "cardfile",
    "feedback_card_json": "cardfile",
    "load_card": "cardfile",
    "load_feedback_card": "cardfile",
    "render_attacks": "text",
    "render_feedback_attacks": "feedback_text",
    "render_feedback_html": "html",
    "render_feedback_text": "feedback_text",
    "render_html": "html",
    "render_inspection": "inspection",
    "render_junit": "junit",
    "render_snippet": "html",
    "render_text": "text",
}

__all__ = [
    "card_json",
    "feedback_card_json",
    "load_card",
    "load_feedback_card",
    "render_attacks",
    "render_feedback_attacks",
    "render_feedback_html",
    "render_feedback_text",
    "render_html",
    "render_inspection",
    "render_junit",
    "render_snippet",
    "render_text",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"jalousie.report.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
