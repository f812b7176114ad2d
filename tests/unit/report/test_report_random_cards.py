"""Any card at all can be shown: no figure and no name makes a report fail or ill-formed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect as mi
from page_reader import read_page

from jalousie.privacy.card import Card
from jalousie.report import card_json, load_card, render_attacks, render_html, render_junit, render_snippet, render_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FINITE = st.one_of(st.floats(0, 1), st.floats(allow_nan=False, allow_infinity=False))
ANY = st.one_of(FINITE, st.sampled_from([float("nan"), float("inf"), float("-inf")]))


def _values(kind: mi.Type, figures: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Plain values of a type as msgspec describes it."""
    match kind:
        case mi.StructType():
            entries = {field.encode_name: _values(field.type, figures) for field in kind.fields}
            tag = {kind.tag_field: st.just(kind.tag)} if kind.tag_field else {}
            return st.fixed_dictionaries(tag | entries)
        case mi.VarTupleType():
            return st.lists(_values(kind.item_type, figures), max_size=3)
        case mi.TupleType():
            return st.tuples(*(_values(item, figures) for item in kind.item_types))
        case mi.DictType():
            return st.dictionaries(TEXT, _values(kind.value_type, figures), max_size=3)
        case mi.UnionType():
            return st.one_of(*(_values(option, figures) for option in kind.types))
        case mi.LiteralType():
            return st.sampled_from(kind.values)
        case mi.NoneType():
            return st.none()
        case mi.BoolType():
            return st.booleans()
        case mi.IntType():
            return st.integers(0, 10**12)
        case mi.FloatType():
            return figures if kind.gt is None else st.floats(0.001, 1000)
        case mi.StrType():
            return TEXT if kind.max_length is None and kind.min_length is None else st.sampled_from([",", ";", "\t"])
    raise AssertionError(f"no strategy for {kind}")


def cards(figures: st.SearchStrategy[float]) -> st.SearchStrategy[Card]:
    return _values(mi.type_info(Card), figures).map(lambda plain: msgspec.convert(plain, Card))


@given(cards(ANY), st.booleans())
def test_every_card_can_be_shown(card: Card, colour: bool) -> None:
    read_page(render_html(card))
    read_page(render_snippet(card))
    ET.fromstring(render_junit(card))
    assert render_text(card, colour)
    assert render_attacks(card.attacks, colour)


@given(cards(FINITE))
def test_every_card_with_figures_comes_back(card: Card) -> None:
    assert load_card(card_json(card)) == card
