"""Figures are written the same everywhere, and never rounded into a claim."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.report import words


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.2, "20 %"),
        (0.0499, "5.0 %"),
        (0.043, "4.3 %"),
        (1e-9, "< 0.1 %"),
        (0.9999999, "> 99.9 %"),
        (-0.25, "-25 %"),
        (12.5, "1,250 %"),
        (None, "not known"),
        (math.nan, "not known"),
        (math.inf, "not known"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert words.percent(share).replace("\xa0", " ") == text


@given(st.floats(0, 1))
def test_percent_says_none_or_all_only_where_it_is_so(share: float) -> None:
    text = words.percent(share)
    if text == "0\xa0%":
        assert share < 1e-10
    if text == "100\xa0%":
        assert share > 1 - 1e-10


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (32561, "32,561"),
        (999_999_999, "999,999,999"),
        (1.3e9, "1.30 × 10⁹"),
        (2e21, "2.00 × 10²¹"),
        (math.nan, "not known"),
    ],
)
def test_count(value: float, text: str) -> None:
    assert words.count(value) == text


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        (0.2, "1 in 5"),
        (1 / 3.4, "1 in 3.4"),
        (1, "certain"),
        (0, "none"),
        (0.00003, "1 in 33,333"),
        (math.nan, "not known"),
    ],
)
def test_one_in(risk: float, text: str) -> None:
    assert words.one_in(risk) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ms"),
        (0.0001, "< 1 ms"),
        (0.012, "12 ms"),
        (0.371, "0.37 s"),
        (200, "3 min 20 s"),
        (math.inf, "not known"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert words.seconds(value).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (0.4372, "0.4372"),
        (1234.5, "1,234"),
        (12345.67, "12,345.7"),
        (math.nan, "not known"),
        (None, "not known"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert words.number(value) == text


def test_score() -> None:
    assert words.score(0.88412) == "0.884"
    assert words.score(0.0) == "0"
    assert words.score(None) == words.score(math.nan) == "not known"


def test_sentences_stand_beside_each_other() -> None:
    assert words.sentence("  rows were dropped ") == "Rows were dropped."
    assert words.sentence("Is it so?") == "Is it so?"
    assert words.sentence("") == ""
    assert words.sentence("5 % of rows") == "5\xa0% of rows."
    assert words.listing(["a"]) == "a"
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing([]) == ""
    assert words.plural(1, "row") == "1 row"
    assert words.plural(2000, "class", "classes") == "2,000 classes"


def test_dates_are_shown_for_people() -> None:
    assert words.date("2026-11-20T09:30Z") == "2026-11-20 09:30 UTC"
    assert words.date("yesterday") == "yesterday"


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\n", "\u202e", "\u2066", "\ud800", "\uffff", "\x85", "\u2028"])
def test_characters_that_lead_the_reader_astray_are_made_visible(character: str) -> None:
    assert words.clean(f"a{character}b") == "a\ufffdb"


def test_ordinary_text_stays() -> None:
    assert words.clean("Größe in m² – 年齢 👩‍🔬") == "Größe in m² – 年齢 👩‍🔬"
