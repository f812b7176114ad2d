"""The page: complete, safe, readable without colour, and alone."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from card_fixture import adult_card, bare_card
from page_reader import drawings, read_page

from jalousie import report
from jalousie.privacy.card import Card, ColumnFacts
from jalousie.report import card_json, load_card, render_html, render_snippet

CARDS = [pytest.param(adult_card(), id="full"), pytest.param(bare_card(), id="bare")]


def _optimal() -> Card:
    card = adult_card()
    assert card.search is not None
    return msgspec.structs.replace(card, search=msgspec.structs.replace(card.search, recoding="optimal", exact=False))


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    elif isinstance(value, list) and path[-1:] != ("candidates",):
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    elif value not in (None, "", []) and path[-1:] not in (("format",), ("candidates",)):
        yield path


def _others(value: Any) -> list[Any]:
    """Other values that the field may take."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 7]
    if isinstance(value, float):
        return [value / 2 + 0.015]
    return [
        value + "x",
        *(
            w
            for w in (".", "|", "PASS", "WARN", "r2", "auc", "lower", "higher", "linkability", "singling-out")
            if w != value
        ),
    ]


def test_every_figure_of_the_card_is_shown() -> None:
    """Whatever leaf of the card is changed, the page changes."""
    plain = json.loads(card_json(_optimal()))
    page = render_html(_optimal())
    unseen = []
    for path in _leaves(plain):
        changed = json.loads(json.dumps(plain))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        for other in _others(holder[path[-1]]):
            holder[path[-1]] = other
            try:
                card = msgspec.convert(changed, Card)
            except msgspec.ValidationError:
                continue
            if render_html(card) == page:
                unseen.append(path)
            break
        else:
            pytest.fail(f"no other value for {path}")
    assert unseen == []


def test_candidates_are_drawn_and_the_best_are_listed() -> None:
    card = adult_card()
    assert card.search is not None
    points = ((0.1, 0.0, 0.4), (0.2, 0.0, 0.3), (0.2, 0.3, 0.35))
    card = msgspec.structs.replace(card, search=msgspec.structs.replace(card.search, candidates=points))
    page = read_page(render_html(card))
    chart = page.where(id="search")[0].where(class_="chart")[0]
    assert len(chart.all("circle")) == 3
    # The scales reach to 0.2 (risk) and 0.4 (loss); a circle is larger the more rows are suppressed.
    places = {(c.attributes["cx"], c.attributes["cy"], c.attributes["r"]) for c in chart.all("circle")}
    assert places == {("50%", "30", "2"), ("100%", "96", "2"), ("100%", "62", "7")}
    table = page.where(id="search")[0].all("tbody")[0]
    assert [row.all("th")[0].text for row in table.all("tr")] == ["1 in 10", "1 in 5"]


@pytest.mark.parametrize("card", CARDS)
def test_the_card_as_a_file_gives_the_same_page(card: Card) -> None:
    assert render_html(load_card(card_json(card))) == render_html(card)


@pytest.mark.parametrize("card", CARDS)
def test_the_page_needs_nothing_and_runs_nothing(card: Card) -> None:
    text = render_html(card)
    page = read_page(text)
    assert page.all("script", "link", "iframe", "object", "embed", "form", "base", "img") == []
    assert not re.search(r"https?://|//[a-z]|url\(|@import|javascript:", text.replace("http://www.w3.org/2000/svg", ""))
    for element in page.where():
        assert not [name for name in element.attributes if name.startswith("on") or name in ("style", "src", "srcset")]
    policy = next(
        e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ).attributes["content"]
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_names_are_text_whatever_they_hold() -> None:
    evil = "<script>alert(1)</script>\"'&{{7*7}}\x1b[31m\u202e"
    column = ColumnFacts(name=evil, role=evil, type=evil, changed=evil, levels=3, mean_level=1.0, cell_loss=0.5)
    card = msgspec.structs.replace(adult_card(), columns=(column,), software=evil, data_file=evil)
    card = msgspec.structs.replace(
        card, contract=msgspec.structs.replace(card.contract, name=evil, provider=evil, ml_party=evil)
    )
    for text in (render_html(card), render_snippet(card)):
        page = read_page(text)
        assert page.all("script") == []
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "{{7*7}}" in page.text
    for svg in drawings(render_html(card)):
        ET.fromstring(svg)


@pytest.mark.parametrize("card", CARDS)
def test_the_page_has_the_structure_that_assistive_technology_needs(card: Card) -> None:
    page = read_page(render_html(card))
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.all("title")[0].text.strip()
    assert len(page.all("main")) == len(page.all("header")) == len(page.all("nav")) == len(page.all("h1")) == 1
    headings = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = [element.attributes["id"] for element in page.where() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link.attributes["href"].removeprefix("#") in ids
    for element in page.where():
        for name in element.attributes.get("aria-labelledby", "").split():
            assert name in ids
    assert page.all("a")[0].attributes["class"] == "skip"


@pytest.mark.parametrize("card", CARDS)
def test_tables_have_captions_and_heads(card: Card) -> None:
    for table in read_page(render_html(card)).all("table"):
        assert table.all("caption")[0].text.strip()
        heads = table.all("thead")[0].all("th")
        assert all(head.attributes["scope"] == "col" and head.text.strip() for head in heads)
        for row in table.all("tbody")[0].all("tr"):
            assert len(row.children) == len(heads)
            assert [cell.attributes["scope"] for cell in row.all("th")] == ["row"]


@pytest.mark.parametrize("card", CARDS)
def test_charts_are_named_well_formed_and_have_their_figures_in_a_table(card: Card) -> None:
    text = render_html(card)
    for svg in drawings(text):
        ET.fromstring(svg)
    figures = read_page(text).all("figure")
    assert len(figures) == (8 if card.checks else 0)
    for figure in figures:
        chart = figure.where(class_="chart")[0]
        assert chart.attributes["role"] == "img"
        assert chart.all("title")[0].text.strip()
        assert chart.all("desc")[0].text.strip()
        assert len(figure.all("table")) == 1


def test_nothing_is_told_by_colour_alone() -> None:
    page = read_page(render_html(adult_card()))
    badges = page.where(class_="badge")
    assert {badge.text.strip() for badge in badges} == {"Pass", "Warn", "Info"}
    shapes = {}
    for badge in badges:
        shapes[badge.text.strip()] = str(
            [(e.tag, sorted(e.attributes.items())) for e in badge.all("circle", "path", "rect")]
        )
    assert len(set(shapes.values())) == 3
    swatches = {
        e.all("path")[0].attributes["class"]: e.all("path")[0].attributes["d"] for e in page.where(class_="swatch")
    }
    assert set(swatches) == {"raw", "release", "bound", "guess"}
    assert len(set(swatches.values())) == 4
    for chart in page.where(class_="chart"):
        bars = chart.all("rect")
        assert not bars or len(chart.where(class_="figure")) == len(bars)


@pytest.mark.parametrize("verdict", ["PASS", "WARN", "FAIL", "INFO"])
def test_the_headline_tells_the_worst(verdict: Any) -> None:
    card = adult_card()
    checks = (
        *(check for check in card.checks if check.verdict == "PASS"),
        msgspec.structs.replace(card.checks[0], verdict=verdict),
    )
    page = read_page(render_html(msgspec.structs.replace(card, checks=checks)))
    headline = page.where(class_="headline")[0].text
    # INFO judges nothing, so the checks that pass have the say.
    assert {"INFO": "Pass"}.get(verdict, verdict.capitalize()) in headline
    first = page.all("main")[0].all("table")[0]
    assert len(first.all("tbody")[0].all("tr")) == len(checks)


def test_the_page_is_small_however_many_schemes_were_looked_at() -> None:
    card = adult_card()
    assert card.search is not None
    many = tuple((i % 997 / 997, i % 13 / 13, i % 1009 / 1009) for i in range(20_000))
    large = msgspec.structs.replace(card, search=msgspec.structs.replace(card.search, candidates=many))
    assert len(render_html(card).encode()) < 100_000
    assert len(render_html(large).encode()) < 100_000


def test_parts_that_were_not_measured_are_left_out_or_said() -> None:
    page = read_page(render_html(bare_card()))
    assert [section.attributes["id"] for section in page.all("section")] == [
        "verdict",
        "released",
        "models",
        "limits",
        "origin",
    ]
    assert "no bound on risk is promised" in page.text
    assert "none was carried out" in page.text
    assert "None" not in page.text


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+):\s*(#[0-9a-f]{3,6});", block))


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_colours_have_the_contrast_of_wcag_aa(mode: str) -> None:
    style = (Path(report.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 3
    colours = {**_variables(blocks[0]), **_variables(blocks[["light", "dark", "print"].index(mode)])}
    for name in ("ink", "quiet", "blind", "pass", "warn", "fail", "info"):
        assert _contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("raw", "bound", "blind", "mid"):
        assert _contrast(colours[name], colours["paper"]) >= 3, name


def test_the_snippet_tells_the_verdicts() -> None:
    card = adult_card()
    page = read_page(render_snippet(card))
    assert "5 of 6 checks are met" in page.text
    assert len(page.all("tbody")[0].all("tr")) == len(card.checks)
    read_page(render_snippet(bare_card()))
