"""What values and names are recognised as, and what is not."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.tables.column_words import IDENTIFIER, POSTCODE, QUASI, SENSITIVE, named, words_of
from jalousie.tables.recognise import recognise


@cache
def numbers(digits: int, check: str, *, count: int = 60) -> list[str]:
    """Valid numbers of one numbering, by trying: `check` names a python-stdnum module."""
    from importlib import import_module

    module = import_module(f"stdnum.{check}")
    draw = random.Random(7)
    found: set[str] = set()
    while len(found) < count:
        number = "".join(draw.choice("0123456789") for _ in range(digits))
        if module.is_valid(number):
            found.add(number)
    return sorted(found)


def ibans(count: int = 60) -> list[str]:
    draw = random.Random(3)
    found = []
    while len(found) < count:
        body = "ABNA" + "".join(draw.choice("0123456789") for _ in range(10))
        digits = "".join(str(int(character, 36)) for character in body + "NL00")
        found.append(f"NL{98 - int(digits) % 97:02d}{body}")
    return found


def cards(count: int = 60) -> list[str]:
    from stdnum import luhn

    draw = random.Random(5)
    bodies = ["4" + "".join(draw.choice("0123456789") for _ in range(14)) for _ in range(count)]
    return [body + luhn.calc_check_digit(body) for body in bodies]


def test_national_identifiers() -> None:
    dutch = recognise(numbers(9, "nl.bsn"))
    assert dutch is not None
    assert dutch.person
    assert "BSN" in dutch.kind
    belgian = recognise(numbers(11, "be.nn"))
    assert belgian is not None
    assert belgian.person
    british = recognise(numbers(10, "gb.nhs"))
    assert british is not None
    assert british.person


def test_bank_accounts() -> None:
    found = recognise(ibans())
    assert found is not None
    assert "IBAN" in found.kind
    spaced = recognise([" ".join(n[i : i + 4] for i in range(0, 18, 4)) for n in ibans()])
    assert spaced is not None
    assert "IBAN" in spaced.kind


def test_vat_numbers() -> None:
    found = recognise([f"BE{number}" for number in numbers(10, "be.vat")])
    assert found is not None
    assert found.person


def test_books_are_no_people() -> None:
    from stdnum import ean

    draw = random.Random(2)
    bodies = ["978" + "".join(draw.choice("0123456789") for _ in range(9)) for _ in range(50)]
    found = recognise([body + ean.calc_check_digit(body) for body in bodies])
    assert found is not None
    assert not found.person


def test_card_numbers() -> None:
    found = recognise(cards())
    assert found is not None
    assert found.person


@pytest.mark.parametrize("digits", [7, 8, 9, 10, 11, 12, 13])
def test_plain_numbers_are_not_taken_for_identifiers(digits: int) -> None:
    """Many numberings have no check digit and fit any nine digits: those must not be recognised from digits alone."""
    draw = random.Random(digits)
    low, high = 10 ** (digits - 1), 10**digits - 1
    assert recognise([str(draw.randint(low, high)) for _ in range(120)]) is None
    start = draw.randint(low, high - 200)
    assert recognise([str(start + step) for step in range(120)]) is None, "consecutive numbers"


def test_a_few_wrong_values_do_not_hide_the_rest() -> None:
    values = numbers(9, "nl.bsn", count=60)
    spoiled = [*values[:57], "000000000", "123456789", "111222334"]
    assert recognise(spoiled) is not None
    assert recognise([*values[:40], *(str(100000000 + n) for n in range(20))]) is None


def test_words_among_national_numbers() -> None:
    """Some cells that are no number at all: nothing fails, and the numbers are recognised."""
    values = numbers(11, "be.nn", count=100)
    for word in ("unknown-a", "7", "", "x1", "\u0663\u0664"):
        found = recognise([*values, *[word] * 7])
        assert found is not None
        assert found.person


looks_like_numbers = st.text("0123456789", min_size=6, max_size=14)
nearly_numbers = st.text("0123456789 ./-AZ\u0663\u00b2", min_size=5, max_size=20)


@given(st.lists(st.one_of(looks_like_numbers, nearly_numbers, st.text(max_size=20)), max_size=60), st.data())
def test_no_text_makes_a_recogniser_fail(values: list[str], data: st.DataObject) -> None:
    few = data.draw(st.lists(st.text(max_size=8), max_size=10))
    for sample in (values, [*numbers(11, "be.nn"), *few], [*numbers(9, "nl.bsn"), *values[:5]]):
        recognise(sample)


FORMS = [
    ("e-mail address", [f"person{n}@example.org" for n in range(10)]),
    ("UUID", [f"{n:08x}-0000-4000-8000-00000000000a" for n in range(10)]),
    ("IP address", [f"192.168.0.{n}" for n in range(10)]),
    ("IP address", [f"2001:db8::{n:x}" for n in range(10)]),
    ("web address", [f"https://example.org/{n}" for n in range(10)]),
    ("phone number", [f"+32 2 555 {n:02d} 01" for n in range(10)]),
    ("phone number", [f"(212) 555-01{n:02d}" for n in range(10)]),
    ("US social security number", [f"123-45-60{n:02d}" for n in range(10)]),
    ("postcode", [f"10{n}4 AB" for n in range(10)]),
    ("postcode", [f"SW{n}A 1AA" for n in range(1, 10)]),
]


@pytest.mark.parametrize(("kind", "values"), FORMS)
def test_forms(kind: str, values: list[str]) -> None:
    found = recognise(values)
    assert found is not None
    assert found.kind == kind
    assert found.person is (kind != "postcode")


@pytest.mark.parametrize(
    "values",
    [
        [f"2024-01-{n:02d}" for n in range(1, 29)],
        [f"{n}.{n}" for n in range(10, 60)],
        [f"Street {n}" for n in range(50)],
        [str(n) for n in range(1900, 2000)],
        [f"{n:05d}" for n in range(10000, 10060)],
        ["a", "b"],
        [],
    ],
)
def test_what_is_nothing_in_particular(values: list[str]) -> None:
    assert recognise(values) is None


NAMES = [
    ("Surname", IDENTIFIER, "surname"),
    ("first_name", IDENTIFIER, "name"),
    ("PatientBirthDate", QUASI, "birth"),
    ("zip-code", POSTCODE, "zip"),
    ("Straße", IDENTIFIER, "strasse"),
    ("Código Postal", POSTCODE, "postal"),
    ("annual income (EUR)", SENSITIVE, "income"),
    ("e-mail", IDENTIFIER, "mail"),
    ("diag", SENSITIVE, "diag"),
    ("diag_2", SENSITIVE, "diag"),
    ("ICD10", SENSITIVE, "icd10"),
    ("Hoofddiagnose", SENSITIVE, "hoofddiagnose"),
    ("diagram", SENSITIVE, ""),
    ("diagonal", SENSITIVE, ""),
    ("naamgeving", IDENTIFIER, ""),
    ("garage", QUASI, ""),
    ("", QUASI, ""),
]


@pytest.mark.parametrize(("name", "known", "word"), NAMES)
def test_names_are_matched_by_whole_words(name: str, known: frozenset[str], word: str) -> None:
    assert named(name, known) == word


def test_words_of_a_name() -> None:
    assert words_of("DateOfBirth2") == ("date", "of", "birth2", "dateof", "ofbirth2")
