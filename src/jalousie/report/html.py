"""The report as one HTML file that needs nothing else: no script, no font, no request.

The style sheet is allowed by its digest in the content security policy, so that even text that found a way past the
escaping could neither run nor restyle the page.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jalousie.privacy.card import Card
from jalousie.report import svg
from jalousie.report.parts import Figure
from jalousie.report.sections import tell
from jalousie.report.sections.feedback import tell_feedback

if TYPE_CHECKING:
    from jinja2 import Template

    from jalousie.validator.card import FeedbackCard


def render_html(card: Card) -> str:
    """The whole report as one page."""
    return _template("report.html").render(story=tell(card), style=_style(), policy=_policy())


def render_feedback_html(card: FeedbackCard) -> str:
    """The learning report of a collaboration by questions and answers, as one page."""
    return _template("report.html").render(story=tell_feedback(card), style=_style(), policy=_policy())


def render_snippet(card: Card) -> str:
    """The headline, the figures at the top and the verdicts, for a notebook's cell; takes on the notebook's colours."""
    return _template("snippet.html").render(story=tell(card))


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("jalousie.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def draw(figure: Figure, key: str) -> Markup:
        return Markup(svg.draw(figure.chart, key, figure.title, figure.description))  # svg escapes all its text

    environment.globals["draw"] = draw
    environment.globals["swatch"] = lambda series: Markup(svg.swatch(series))
    environment.tests["kind"] = lambda block, kind: type(block).__name__ == kind
    return environment.get_template(name)


@cache
def _style() -> str:
    from markupsafe import Markup

    return Markup((files("jalousie.report") / "templates" / "report.css").read_text(encoding="utf-8"))


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
