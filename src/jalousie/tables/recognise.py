"""What values look like: national identifiers, VAT numbers, IBANs and cards by their check digits; e-mail, phone and the like.

Works on a bounded sample of distinct values and says only the kind, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

_ENOUGH = 0.9  # share of the sample that must fit
_MARGIN = 0.6  # and by which it must fit better than the same values with a digit changed
_FEWEST = 8  # distinct values below which a fit may be chance
_SAMPLE = 120
_FIRST = 6

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("e-mail address", re.compile(r"[^@\s]{1,64}@[^@\s]+\.[A-Za-z]{2,24}")),
    ("UUID", re.compile(r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?")),
    (
        "IP address",
        re.compile(
            r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)|[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}"
        ),
    ),
    ("web address", re.compile(r"(?:https?://|www\.)\S+")),
    ("US social security number", re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")),
    ("UK national insurance number", re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d{2} ?){3}[A-D]")),
    ("phone number", re.compile(r"(?:\+|00?|\()[\d ()./-]{6,20}|\d{3}[ .-]\d{3}[ .-]\d{4}")),
)
_POSTCODES = re.compile(
    r"\d{4} ?[A-Z]{2}"  # Netherlands
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"  # United Kingdom
    r"|[A-Z]\d[A-Z] ?\d[A-Z]\d"  # Canada
    r"|\d{5}-\d{4}"  # United States, long
    r"|\d{2}-\d{3}"  # Poland
)
# check digits that name things rather than people
_THINGS = frozenset(
    (
        "isbn",
        "issn",
        "ismn",
        "ean",
        "isin",
        "isan",
        "isrc",
        "isil",
        "grid",
        "cusip",
        "figi",
        "cfi",
        "lei",
        "bic",
        "imo",
        "iso6346",
        "iso9362",
        "gs1_128",
        "us_rtn",
    )
)
# check-digit algorithms themselves, which fit far more than any one number
_BARE = ("stdnum.iso7064", "stdnum.luhn", "stdnum.verhoeff", "stdnum.damm")


class Recognised(NamedTuple):
    """`kind` in words; `person` is False for numbers of things (books, securities) and areas (postcodes)."""

    kind: str
    person: bool


def recognise(values: Sequence[str], *, checksums: bool = True) -> Recognised | None:
    """What nearly all of `values` (distinct, nulls apart) are, or None.

    `checksums` False leaves out the numbers with check digits, whose modules cost about 40 ms to import.
    """
    sample = [value.strip() for value in values[:_SAMPLE]]
    if len(sample) < _FEWEST:
        return None
    for kind, form in _FORMS:
        if _share(sample, lambda value, form=form: form.fullmatch(value) is not None) >= _ENOUGH:  # type: ignore[misc]
            return Recognised(kind, True)
    if _share(sample, lambda value: _POSTCODES.fullmatch(value.upper()) is not None) >= _ENOUGH:
        return Recognised("postcode", False)
    if checksums and _share(sample, _could_be_number) >= _ENOUGH:
        return _checked_number(sample)
    return None


def _share(sample: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, sample)) / len(sample)


def _could_be_number(value: str) -> bool:
    """Long enough for a check digit to mean something, and mostly digits."""
    compact = re.sub(r"[ ./-]", "", value)
    return 7 <= len(compact) <= 34 and compact.isalnum() and sum(map(str.isdigit, compact)) >= max(5, len(compact) // 2)


def _checked_number(sample: Sequence[str]) -> Recognised | None:
    """The numbering whose check digits fit the values and do not fit the same values with a digit changed.

    The second half is what keeps a numbering without check digits, which fits any nine digits, from being recognised.
    """
    changed = [_other_digit(value) for value in sample]
    best: tuple[float, Recognised] | None = None
    for name, title, valid in _numberings():
        if sum(map(valid, sample[:_FIRST])) < _FIRST - 1:
            continue
        share = _share(sample, valid)
        margin = share - _share(changed, valid)
        if share >= _ENOUGH and margin >= _MARGIN and (best is None or margin > best[0] + 0.02):
            best = margin, Recognised(title, not _of_things(name))
    return best[1] if best is not None else None


def _of_things(module: str) -> bool:
    return module.removeprefix("stdnum.").replace(".", "_") in _THINGS


def _other_digit(value: str) -> str:
    """The value with the last digit but one raised by one: valid again only by chance. With fewer digits, as it is."""
    digits = [place for place, character in enumerate(value) if character in "0123456789"]
    if len(digits) < 2:
        return value
    place = digits[-2]
    return f"{value[:place]}{(int(value[place]) + 1) % 10}{value[place + 1 :]}"


@cache
def _numberings() -> tuple[tuple[str, str, Callable[[str], bool]], ...]:
    """(module, title, validity test) of every numbering that python-stdnum knows, personal and international first."""
    from stdnum.util import get_module_name, get_number_modules

    found = []
    for module in get_number_modules():
        if not module.__name__.startswith(_BARE):
            found.append((module.__name__, str(get_module_name(module)), _quiet(module)))
    # Of two numberings that fit alike (ISBN-10 and the British NHS number) the first wins: those of people, then the
    # international ones.
    return tuple(sorted(found, key=lambda entry: (_of_things(entry[0]), entry[0].count("."), entry[0])))


def _quiet(module: Any) -> Callable[[str], bool]:
    def valid(value: str) -> bool:
        try:
            return bool(module.is_valid(value))
        except Exception:  # noqa: BLE001 (some 200 modules were written for numbers of their own, and any text may come)
            # a numbering of another alphabet or length; the error's text may quote the value and is dropped
            return False

    return valid
