"""The report in a real browser: alone, without an error, on any width, in both colour schemes, and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from browser_page import Browser, asked_for, measured_page

from jalousie.privacy.card import Card
from jalousie.report import render_html

pytestmark = pytest.mark.browser


def _written(folder: Path, card: Card) -> Path:
    page = folder / "report.html"
    page.write_text(render_html(card), encoding="utf-8")
    return page


def test_no_request_leaves_and_nothing_is_reported(browser: Browser, cards: ModuleType, tmp_path: Path) -> None:
    page = _written(tmp_path, cards.adult_card())
    asked, done = asked_for(browser, page)
    assert asked == set()
    assert "Does the release keep the contract?" in done.stdout
    assert "CONSOLE" not in done.stderr

    # The same page with a picture from elsewhere: its policy stops the request; without the policy it leaves and is seen.
    guarded, bare = tmp_path / "guarded.html", tmp_path / "bare.html"
    text = page.read_text(encoding="utf-8").replace("</main>", '<img src="http://nowhere.invalid/x.png"></main>')
    guarded.write_text(text, encoding="utf-8")
    bare.write_text(re.sub(r"<meta http-equiv[^>]*>", "", text), encoding="utf-8")
    assert asked_for(browser, guarded)[0] == set()
    assert asked_for(browser, bare)[0] == {"http://nowhere.invalid/x.png"}


def test_the_policy_stops_a_script_that_got_in(browser: Browser, cards: ModuleType, tmp_path: Path) -> None:
    """What the escaping should never let through would still not run."""
    page = _written(tmp_path, cards.adult_card())
    text = page.read_text(encoding="utf-8")
    page.write_text(
        text.replace("</main>", "<p id='x'>safe</p><script>x.textContent = 'ran'</script></main>"), encoding="utf-8"
    )
    done = browser(page, "--dump-dom")
    assert 'id="x">safe<' in done.stdout
    assert "CONSOLE" in done.stderr
    open_page = page.with_name("open.html")
    open_page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8")), encoding="utf-8")
    assert 'id="x">ran<' in browser(open_page, "--dump-dom").stdout


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_its_window(browser: Browser, cards: ModuleType, tmp_path: Path, width: int) -> None:
    measured = measured_page(browser, tmp_path, render_html(cards.adult_card()), width)
    assert measured["page"] <= width
    assert measured["wide"] == []
    assert measured["small"] == []
    assert all(spare <= 0 for spare in measured["tables"])
    assert len(measured["charts"]) == 8
    assert all(height > 20 for height in measured["charts"])


def test_long_names_do_not_break_a_phone(browser: Browser, cards: ModuleType, tmp_path: Path) -> None:
    card = cards.adult_card()
    columns = tuple(msgspec.structs.replace(column, name=column.name + "x" * 80) for column in card.columns)
    contract = msgspec.structs.replace(card.contract, name="n" * 120, provider="p" * 120)
    measured = measured_page(
        browser, tmp_path, render_html(msgspec.structs.replace(card, columns=columns, contract=contract)), 390
    )
    assert measured["page"] <= 390


def test_it_follows_the_colour_scheme(browser: Browser, cards: ModuleType, tmp_path: Path) -> None:
    page, flag = render_html(cards.bare_card()), "--blink-settings=preferredColorScheme=0"
    light = measured_page(browser, tmp_path, page, 800)["background"]
    dark = measured_page(browser, tmp_path, page, 800, flag)["background"]
    assert light == "rgb(251, 250, 247)"
    assert dark == "rgb(21, 24, 27)"


def test_print_opens_the_folded_tables(browser: Browser, cards: ModuleType, tmp_path: Path) -> None:
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext is absent: apt-get install poppler-utils")
    page, paper = _written(tmp_path, cards.adult_card()), tmp_path / "report.pdf"
    browser(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    text = subprocess.run([reader, "-layout", str(paper), "-"], capture_output=True, text=True, check=True).stdout
    assert "Classes, release" in text
    assert "Log-loss, release" in text
    assert "The figures as a table" not in text
    assert 5 <= text.count("\f") <= 15
