"""The card on a terminal."""

from __future__ import annotations

import re

import msgspec
import pytest
from card_fixture import adult_card, bare_card

from jalousie.privacy.card import Card
from jalousie.report import render_text
from jalousie.report.words import clean

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_colour_changes_nothing_but_colour() -> None:
    coloured, plain = render_text(adult_card(), True), render_text(adult_card(), False)
    assert "\x1b" not in plain
    assert ANSI.sub("", coloured) == plain
    assert len(ANSI.findall(coloured)) > 20
    assert not plain.endswith("\n")


def test_verdicts_are_words() -> None:
    text = render_text(adult_card(), False)
    assert "✓ pass  k-anonymity: Every class has" in text
    assert "! warn  almost certain share" in text
    assert text.splitlines()[1] == "! warn  5 of 6 checks are met; 1 needs attention: almost certain share."


def test_lines_fit() -> None:
    digest = re.compile("sha256:")
    lines = [line for line in render_text(adult_card(), False).splitlines() if not digest.search(line)]
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)


def test_a_bare_card_is_short() -> None:
    text = render_text(bare_card(), False)
    assert "3 rows came in and 3 rows went out" in text
    assert len(text.splitlines()) < 30


def _named(name: str) -> Card:
    card = adult_card()
    columns = tuple(msgspec.structs.replace(column, name=name + column.name) for column in card.columns)
    contract = msgspec.structs.replace(card.contract, name=name, provider=name, ml_party=name)
    return msgspec.structs.replace(card, columns=columns, contract=contract, software=name, data_file=name)


@pytest.mark.parametrize("evil", ["\x1b]0;title\x07", "\x1b[2J", "a\nb", "\r", "\u202e"])
def test_names_cannot_steer_the_terminal(evil: str) -> None:
    text = render_text(_named(evil), False)
    assert not [character for character in text if character != "\n" and clean(character) != character]
    assert text == render_text(_named(clean(evil)), False)
