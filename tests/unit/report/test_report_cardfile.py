"""The card as bytes."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from card_fixture import adult_card, bare_card

from jalousie.errors import InternalError, ReleaseError
from jalousie.privacy.card import Card
from jalousie.report import card_json, load_card


@pytest.mark.parametrize("card", [adult_card(), bare_card()])
def test_a_card_comes_back_as_it_was(card: Card) -> None:
    data = card_json(card)
    assert load_card(data) == card
    assert card_json(load_card(data)) == data


def test_the_bytes_are_canonical() -> None:
    data = card_json(adult_card())
    assert data.endswith(b"}\n")
    assert b"\r" not in data

    def keys_sorted(value: object) -> bool:
        if isinstance(value, dict):
            return list(value) == sorted(value) and all(map(keys_sorted, value.values()))
        return all(map(keys_sorted, value)) if isinstance(value, list) else True

    assert keys_sorted(json.loads(data))


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_a_figure_that_json_cannot_say_is_refused(figure: float) -> None:
    card = msgspec.structs.replace(adult_card(), seconds={"search": figure})
    with pytest.raises(InternalError) as caught:
        card_json(card)
    assert caught.value.code == "X920"
    assert "card.seconds.search" in str(caught.value)


def _changed(**changes: object) -> bytes:
    return json.dumps({**json.loads(card_json(adult_card())), **changes}).encode()


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", ""),
        (b"{", ""),
        (b"\xff\xfe\x00", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"[" * 100_000, ""),
        (b'{"rows-in": 1e999}', ""),
        (_changed(format="jalousie-release/CANARY"), "format"),
        (_changed(**{"rows-in": "CANARY"}), "rows-in"),
        (_changed(**{"CANARY-key": 1}), ""),
        (_changed(checks=[{"verdict": "CANARY", "what": "x", "sentence": "y"}]), "checks[0].verdict"),
        (_changed(contract={"name": "CANARY"}), "contract"),
    ],
)
def test_bad_cards_are_refused_and_not_quoted(data: bytes, place: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        load_card(data)
    told = str(caught.value)
    assert caught.value.code == "R520"
    assert caught.value.hint
    assert place in told
    assert "CANARY" not in told
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
