"""The learning report in a real browser: its chart is there, nothing is asked of anybody, it fits and prints."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from browser_page import Browser, asked_for, measured_page

from jalousie.report import render_feedback_html

pytestmark = pytest.mark.browser


def test_the_chart_is_shown_and_no_request_leaves(browser: Browser, feedback_cards: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_feedback_html(feedback_cards.feedback_card()), encoding="utf-8")
    asked, done = asked_for(browser, page)
    assert asked == set()
    assert "CONSOLE" not in done.stderr
    assert "What was learnt from answers" in done.stdout
    assert len(re.findall(r'<line class="curve"', done.stdout)) == 2

    # the policy is what keeps it so: a picture from elsewhere is asked for only without it
    bare = tmp_path / "bare.html"
    spoiled = page.read_text(encoding="utf-8").replace("</main>", '<img src="http://nowhere.invalid/x.png"></main>')
    page.write_text(spoiled, encoding="utf-8")
    bare.write_text(re.sub(r"<meta http-equiv[^>]*>", "", spoiled), encoding="utf-8")
    assert asked_for(browser, page)[0] == set()
    assert asked_for(browser, bare)[0] == {"http://nowhere.invalid/x.png"}


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_its_window(browser: Browser, feedback_cards: ModuleType, tmp_path: Path, width: int) -> None:
    measured = measured_page(browser, tmp_path, render_feedback_html(feedback_cards.feedback_card()), width)
    assert measured["page"] <= width
    assert measured["wide"] == []
    assert measured["small"] == []
    assert all(spare <= 0 for spare in measured["tables"])
    assert len(measured["charts"]) == 2
    assert measured["charts"][0] > 300


def test_the_figures_of_the_chart_do_not_cover_each_other(
    browser: Browser, feedback_cards: ModuleType, tmp_path: Path
) -> None:
    for width in (320, 1280):
        measured = measured_page(browser, tmp_path, render_feedback_html(feedback_cards.feedback_card()), width)
        assert measured["covered"] == []


def test_it_prints_with_its_figures(browser: Browser, feedback_cards: ModuleType, tmp_path: Path) -> None:
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext is absent: apt-get install poppler-utils")
    page, paper = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(render_feedback_html(feedback_cards.feedback_card()), encoding="utf-8")
    browser(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    text = subprocess.run([reader, "-layout", str(paper), "-"], capture_output=True, text=True, check=True).stdout
    for words in ("all labels in one place, 0.927", "without a question, 0.884", "epsilon spent", "+0.024"):
        assert words in text
    assert 2 <= text.count("\f") <= 8
