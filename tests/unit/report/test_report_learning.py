"""The learning report: complete, alone, readable by everybody, and judged by rules that can fail."""

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
from feedback_fixture import agreed_card, attack, curve, feedback_card, guesses, terms
from page_reader import Element, drawings, read_page

from jalousie import report
from jalousie.errors import InternalError, ReleaseError
from jalousie.report import (
    feedback_card_json,
    load_feedback_card,
    render_feedback_attacks,
    render_feedback_html,
    render_feedback_text,
)
from jalousie.validator.card import FeedbackCard, LearningCurve
from jalousie.validator.judge import judge

CARDS = [pytest.param(feedback_card(), id="full"), pytest.param(agreed_card(), id="agreed")]
replace = msgspec.structs.replace
NOT_ON_THE_PAGE = {"sentence", "off-interval", "live"}
"""Of attacks: in the terminal or the JSON alone; `live` is a sentence about all of them together."""


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    elif value not in (None, "", 0):
        yield path


def _others(value: Any) -> list[Any]:
    if isinstance(value, int):
        return [value + 7]
    if isinstance(value, float):
        return [value / 2 + 0.015]
    words = ("WARN", "PASS", "laplace", "add-or-remove", "accuracy", "averaging-varied")
    return [value + "x", *(word for word in words if word != value)]


def test_every_figure_of_the_card_is_shown() -> None:
    """Whatever leaf of the card is changed, the page changes."""
    plain = json.loads(feedback_card_json(feedback_card()))
    page = render_feedback_html(feedback_card())
    unseen = []
    for path in _leaves(plain):
        if path[0] in ("attacks", "guesses") and set(path) & NOT_ON_THE_PAGE:
            continue
        if path in (("guesses", 0, "bound"), ("guesses", 0, "attack"), ("guesses", 0, "verdict")):
            continue  # behind the verdict, which is shown with the checks
        changed = json.loads(json.dumps(plain))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        for other in _others(holder[path[-1]]):
            holder[path[-1]] = other
            try:
                card = msgspec.convert(changed, FeedbackCard)
            except msgspec.ValidationError:
                continue
            if render_feedback_html(card) == page:
                unseen.append(path)
            break
        else:
            assert path == ("format",)
    assert unseen == []


@pytest.mark.parametrize("card", CARDS)
def test_the_json_twin_gives_the_same_page(card: FeedbackCard) -> None:
    data = feedback_card_json(card)
    assert load_feedback_card(data) == card
    assert render_feedback_html(load_feedback_card(data)) == render_feedback_html(card)
    assert feedback_card_json(load_feedback_card(data)) == data


def test_a_twin_that_is_none_is_refused_without_being_quoted() -> None:
    plain = json.loads(feedback_card_json(feedback_card()))
    plain["attacks"][0]["on"] = "CANARY-7731-QZ"
    with pytest.raises(ReleaseError) as refused:
        load_feedback_card(json.dumps(plain).encode())
    assert refused.value.code == "R520"
    assert "attacks[0].on" in refused.value.local_text()
    assert "CANARY" not in refused.value.local_text()
    with pytest.raises(ReleaseError):
        load_feedback_card(b"<html>")


def test_what_is_no_number_is_not_written() -> None:
    card = replace(feedback_card(), curve=replace(curve(), central=float("nan")))
    with pytest.raises(InternalError):
        feedback_card_json(card)
    assert "not known" in render_feedback_html(card)


@pytest.mark.parametrize("card", CARDS)
def test_the_page_needs_nothing_and_runs_nothing(card: FeedbackCard) -> None:
    text = render_feedback_html(card)
    page = read_page(text)
    assert page.all("script", "link", "iframe", "object", "embed", "form", "base", "img") == []
    assert not re.search(r"https?://|//[a-z]|url\(|@import|javascript:", text.replace("http://www.w3.org/2000/svg", ""))
    for element in page.where():
        assert not [name for name in element.attributes if name.startswith("on") or name in ("style", "src", "srcset")]
    policy = next(e for e in page.all("meta") if "http-equiv" in e.attributes).attributes["content"]
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy


def test_names_are_text_whatever_they_hold() -> None:
    evil = "<script>alert(1)</script>\"'&{{7*7}}\x1b[31m\u202e"
    card = feedback_card()
    fact = replace(card.attacks[0], label=evil, contract=evil, without=evil, weaker={evil: 0.5}, sentence=evil)
    named = replace(card.terms[0], contract=evil, label=evil, digest=evil)
    evil_curve = replace(curve(), label=evil, points=tuple(replace(p, contract=evil) for p in curve().points))
    card = replace(card, name=evil, provider=evil, ml_party=evil, software=evil, terms=(named,), curve=evil_curve)
    card = judge(replace(card, attacks=(fact, replace(fact, label="another")), ledger=None))
    text = render_feedback_html(card)
    page = read_page(text)
    assert page.all("script") == []
    assert "{{7*7}}" in page.text
    for svg in drawings(text):
        ET.fromstring(svg)
    for shown in (text, render_feedback_text(card, colour=False), render_feedback_attacks(card.attacks, colour=False)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


@pytest.mark.parametrize("card", CARDS)
def test_the_page_has_the_structure_that_assistive_technology_needs(card: FeedbackCard) -> None:
    page = read_page(render_feedback_html(card))
    kind = "report on answers" if card.curve is None else "learning report"
    assert page.all("title")[0].text == f"{card.name}: {kind}"
    assert len(page.all("main")) == len(page.all("nav")) == len(page.all("h1")) == 1
    headings = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    ids = [element.attributes["id"] for element in page.where() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.where():
        for name in element.attributes.get("aria-labelledby", "").split():
            assert name in ids
    for table in page.all("table"):
        assert table.all("caption")[0].text.strip()
        heads = table.all("thead")[0].all("th")
        for row in table.all("tbody")[0].all("tr"):
            assert len(row.children) == len(heads)
            assert [cell.attributes["scope"] for cell in row.all("th")] == ["row"]


def test_the_verdict_comes_first_and_in_sentences() -> None:
    page = read_page(render_feedback_html(feedback_card()))
    assert [section.attributes["id"] for section in page.all("section")] == [
        *("verdict", "learning", "cost", "attacks", "guesses", "ledger", "limits", "origin")
    ]
    headline = page.where(class_="headline")[0].text
    assert "Pass" in headline
    assert "went from AUC 0.884, which it had without a question, to AUC 0.920" in headline
    assert "None of 2 attacks" in headline
    first = page.all("main")[0].all("table")[0]
    assert {row.all("td")[0].text.strip() for row in first.all("tbody")[0].all("tr")} == {"Pass"}


def test_what_was_not_measured_is_left_out_or_said() -> None:
    page = read_page(render_feedback_html(agreed_card()))
    assert [section.attributes["id"] for section in page.all("section")] == ["verdict", "cost", "limits", "origin"]
    for words in ("Nothing was measured", "none was carried out", "that was not measured", "audit verify"):
        assert words in page.text
    assert "None" not in page.text


def _chart(text: str) -> Element:
    return read_page(text).where(id="learning")[0].where(class_="chart")[0]


def test_the_curve_is_a_named_picture_with_its_figures_under_it() -> None:
    text = render_feedback_html(feedback_card())
    figure = read_page(text).where(id="learning")[0].all("figure")[0]
    chart = figure.where(class_="chart")[0]
    assert chart.attributes["role"] == "img"
    assert chart.attributes["aria-labelledby"].split() == [
        chart.all("title")[0].attributes["id"],
        chart.all("desc")[0].attributes["id"],
    ]
    assert chart.all("title")[0].text == "Learning curve"
    assert "from 0.908 at epsilon 0.5 to 0.920 at epsilon 4" in chart.all("desc")[0].text
    assert "without a question 0.884 and all labels in one place 0.927" in chart.all("desc")[0].text
    (table,) = figure.all("table")
    assert figure.all("details") == []  # open on the screen as on paper
    rows = [[cell.text.strip() for cell in row.children] for row in table.all("tbody")[0].all("tr")]
    assert [row[2] for row in rows] == ["0.884", "0.908", "0.914", "0.920", "0.927"]
    assert rows[1][3] == "+0.024"


def test_the_curve_is_drawn_where_its_figures_are() -> None:
    chart = _chart(render_feedback_html(feedback_card()))
    lines = [line for line in chart.all("line") if line.attributes["class"] == "curve"]
    assert [(line.attributes["x1"], line.attributes["x2"]) for line in lines] == [
        ("17.00%", "42.00%"),
        ("42.00%", "92.00%"),
    ]  # equal factors are equal distances: from 0.5 to 1 a third of the way from 0.5 to 4
    heights = [float(lines[0].attributes["y1"]), *(float(line.attributes["y2"]) for line in lines)]
    levels = {
        line.attributes["class"]: float(line.attributes["y1"])
        for line in chart.all("line")
        if line.attributes["class"].startswith("level")
    }
    assert set(levels) == {"level guess", "level raw"}
    assert levels["level guess"] > heights[0] > heights[1] > heights[2] > levels["level raw"]
    # one scale for all of them
    scores = [0.884, 0.908, 0.914, 0.9205, 0.927]
    seen = [levels["level guess"], *heights, levels["level raw"]]
    steps = [
        (b - a) / (t - s) for (a, b), (s, t) in zip(itertools.pairwise(seen), itertools.pairwise(scores), strict=True)
    ]
    assert max(steps) - min(steps) < 0.02 * abs(steps[0])
    names = [text.text for text in chart.where(class_="figure")]
    assert names == [
        "without a question, 0.884",
        "all labels in one place, 0.927",
        "0.908",
        "0.914",
        "0.920",
    ]


def test_nothing_of_the_curve_is_told_by_colour_alone() -> None:
    text = render_feedback_html(feedback_card())
    marks = {path.attributes["class"]: path.attributes["d"] for path in _chart(text).all("path")}
    assert set(marks) == {"release", "guess", "raw"}
    assert len(set(marks.values())) == 3
    style = (Path(report.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    dashes = re.findall(r"\.level\.\w+ \{[^}]*stroke-dasharray: ([\d ]+);", style)
    assert len(set(dashes)) == 2
    assert "dasharray" not in next(line for line in style.splitlines() if line.startswith(".chart .curve"))


@pytest.mark.parametrize("keep", [("baseline",), ("central",), ()])
def test_an_ml_party_in_earnest_has_no_central_model(keep: tuple[str, ...]) -> None:
    left: dict[str, Any] = {name: None for name in ("baseline", "central") if name not in keep}
    card = judge(replace(feedback_card(), curve=replace(curve(), **left)))
    page = render_feedback_html(card)
    levels = [line for line in _chart(page).all("line") if line.attributes["class"].startswith("level")]
    assert len(levels) == len(keep)
    assert "None</" not in page
    assert ("all labels in one place" in page) == ("central" in keep)


def test_one_budget_is_a_curve_too_and_two_hundred_fit() -> None:
    one = replace(curve(), points=curve().points[:1])
    assert not [line for line in _chart(_with(one)).all("line") if line.attributes["class"] == "curve"]
    point = curve().points[0]
    many = replace(curve(), points=tuple(replace(point, epsilon=0.1 * i, score=0.9 + 1e-4 * i) for i in range(1, 201)))
    chart = _chart(_with(many))
    assert len(chart.where(class_="mark")) == 202
    written = [mark for mark in chart.where(class_="mark") if mark.all("text")]
    places = [float(mark.attributes["x"].rstrip("%")) for mark in written]
    assert all(after - before >= 11 - 1e-6 for before, after in itertools.pairwise(places))
    assert places[-1] == 92


def _with(changed: LearningCurve) -> str:
    return render_feedback_html(judge(replace(feedback_card(), curve=changed)))


def test_attacks_are_told_with_what_they_got_off_and_on_and_the_bound() -> None:
    page = read_page(render_feedback_html(feedback_card())).where(id="attacks")[0]
    rows = [[cell.text for cell in row.children] for row in page.all("tbody")[0].all("tr")]
    assert [row[0].strip() for row in rows] == ["Pass", "Pass"]
    assert rows[0][1].strip().startswith("Differencing")
    assert "411 labels guessed" in rows[0][1]
    assert "2 answered, 25 replayed, 3 refused" in rows[0][1]
    assert [re.findall(r"[\d.]+", cell) for cell in rows[0][2:]] == [["98"], ["12", "2", "22"], ["31.5"]]
    assert "network" in page.text
    simulated = replace(feedback_card(), attacks=tuple(replace(f, live=False) for f in feedback_card().attacks))
    assert "nothing was asked of a real one" in render_feedback_html(simulated)


def test_guesses_stand_beside_those_of_strangers_and_of_randomised_response() -> None:
    page = read_page(render_feedback_html(feedback_card())).where(id="guesses")[0]
    rows = [[cell.text.split() for cell in row.children] for row in page.all("tbody")[0].all("tr")]
    assert [row[1][0] for row in rows] == ["0.923+0.006", "0.931+0.009", "0.997+0.073"]
    assert [row[2][0] for row in rows] == ["0.917", "0.922", "0.924"]
    warned = judge(replace(feedback_card(), guesses=(replace(guesses(), verdict="WARN"),)))
    assert [check.what for check in warned.checks if check.verdict == "WARN"] == ["guessing income under four"]


def test_contracts_and_labels_have_figures_of_their_own() -> None:
    facts = (
        attack("differencing", off=1.0, on=0.1),
        attack("differencing", off=1.0, on=0.05, contract="one"),
        replace(attack("differencing", off=1.0, on=0.05, contract="one"), label="health"),
    )
    card = judge(replace(feedback_card(), attacks=facts))
    figures = read_page(render_feedback_html(card)).where(id="attacks")[0].all("figcaption")
    assert [figure.all("strong")[0].text for figure in figures] == [
        f"Advantage of each attack, {name}." for name in ("income under four", "income under one", "health under one")
    ]


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({"terms": (replace(terms("one"), rho_spent=0.03),)}, "FAIL", "more was spent than agreed under one"),
        ({"curve": replace(curve(), baseline=0.95)}, "WARN", "is no better than 0.950"),
        ({"curve": replace(curve(), baseline=None)}, "PASS", "nothing to compare it with"),
        (
            {"attacks": (attack("differencing", off=1.0, on=0.8),)},
            "FAIL",
            "further than the noise allows: differencing",
        ),
        ({"attacks": (attack("differencing", off=0.3, on=0.1),)}, "WARN", "no evidence"),
        ({}, "PASS", "none of 2 surely gained more than the 31.5 %"),
    ],
)
def test_verdicts_can_be_missed(changed: dict[str, Any], verdict: str, words: str) -> None:
    card = judge(replace(feedback_card(), **changed))
    assert any(words in check.sentence for check in card.checks)
    headline = read_page(render_feedback_html(card)).where(class_="headline")[0].text
    assert verdict.capitalize() in headline
    text = render_feedback_text(card, colour=False)
    assert text.splitlines()[1].split()[1].upper() == verdict


def test_budgets_of_one_label_add_up_and_others_do_not() -> None:
    together = feedback_card().together
    assert together is not None
    assert max(t.epsilon for t in feedback_card().terms) < together < sum(t.epsilon for t in feedback_card().terms)
    other = replace(terms("one"), label="health")
    assert judge(replace(feedback_card(), terms=(terms("half"), other))).together is None
    pure = tuple(replace(terms(name), noise="laplace", delta=0.0) for name in ("half", "one"))
    assert judge(replace(feedback_card(), terms=pure)).together == 1.5


def test_the_terminal_says_the_same() -> None:
    text = render_feedback_text(feedback_card(), colour=False)
    for words in ("0.908", "+0.024", "31.5", "all 412 entries", "None of 2 attacks"):
        assert words.lower() in text.lower()
    assert all(len(line) <= 100 for line in text.splitlines())


def test_the_page_is_small() -> None:
    assert len(render_feedback_html(feedback_card()).encode()) < 60_000
