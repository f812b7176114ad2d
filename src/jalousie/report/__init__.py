"""What people see of a release: its card as a page, as text, as JSON and as JUnit.

Everything is made from `privacy.card.Card` alone, so a report can be made again by anybody who has the card, and
can show nothing that the card does not hold.
"""

from __future__ import annotations

from jalousie.report.cardfile import card_json, load_card
from jalousie.report.html import render_html, render_snippet
from jalousie.report.inspection import render_inspection
from jalousie.report.junit import render_junit
from jalousie.report.text import render_attacks, render_text

__all__ = [
    "card_json",
    "load_card",
    "render_attacks",
    "render_html",
    "render_inspection",
    "render_junit",
    "render_snippet",
    "render_text",
]
