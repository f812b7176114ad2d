"""Propose a role for each column, with the reason. In doubt the proposal protects."""

from __future__ import annotations

from typing import NamedTuple

from jalousie.contract.model import Role
from jalousie.tables.column_words import IDENTIFIER, NUMBERED, QUASI, SENSITIVE, named
from jalousie.tables.profile import Profile
from jalousie.tables.recognise import Recognised

CATEGORY = 60  # different values up to which a text column is a category
NUMBER_CATEGORY = 20
_LABEL = 20
_FEW_ROWS = 20


class Proposal(NamedTuple):
    role: Role
    reason: str


def propose(profile: Profile, recognised: Recognised | None) -> Proposal:
    """Role of one column from its values, then its name, then its counts."""
    if profile.type == "nested":
        return Proposal("identifier", "nested values, which cannot be generalised")
    if recognised is not None and recognised.person:
        return Proposal("identifier", f"its values are {_plural(recognised.kind)}")
    if profile.distinct <= 1:
        return Proposal("plain", "the same value in every row" if profile.distinct else "no value at all")
    by_name = _by_name(profile)
    if by_name is not None:
        return by_name
    if recognised is not None:
        return Proposal("quasi-identifier", f"its values are {_plural(recognised.kind)}")
    return _by_count(profile)


def is_label(profile: Profile) -> bool:
    """Whether a column could be what somebody wants to predict: a few values, each of many rows."""
    return 2 <= profile.distinct <= _LABEL and profile.rows >= 10 * profile.distinct


def _plural(kind: str) -> str:
    if kind.endswith("s"):
        return f"{kind}es"
    return f"{kind}s" if kind[-1:].isalpha() else f"numbers: {kind}"


def _by_name(profile: Profile) -> Proposal | None:
    name = profile.name
    if word := named(name, IDENTIFIER):
        return Proposal("identifier", f'named "{word}": it names somebody by itself')
    if (word := named(name, NUMBERED)) and profile.uniqueness > 0.5 and profile.type in ("integer", "text"):
        return Proposal("identifier", f'named "{word}", and most rows have their own value')
    if word := named(name, SENSITIVE):
        return Proposal("sensitive", f'named "{word}": what people may not want known')
    if (word := named(name, QUASI)) and not _names_rows(profile):
        return Proposal("quasi-identifier", f'named "{word}": others may know it')
    return None


def _names_rows(profile: Profile) -> bool:
    """Nearly every row has its own value, in a type that is not a measurement."""
    return profile.rows >= _FEW_ROWS and profile.uniqueness >= 0.95 and profile.type in ("integer", "text")


def _by_count(profile: Profile) -> Proposal:
    if _names_rows(profile):
        return Proposal("identifier", "nearly every row has its own value")
    if profile.is_number:
        if profile.distinct <= NUMBER_CATEGORY:
            return Proposal("quasi-identifier", "few values, as a trait that others see has")
        if profile.unique_rows >= 0.05:
            return Proposal("quasi-identifier", f"its value alone singles out {profile.unique_rows:.0%} of the rows")
        return Proposal(
            "plain", "a measurement that others are unlikely to know; if they may, make it a quasi-identifier"
        )
    if profile.type in ("date", "datetime"):
        return Proposal("quasi-identifier", "a date: others may have been there")
    if profile.distinct <= CATEGORY:
        return Proposal("quasi-identifier", "few values, as a trait that others see has")
    if _is_prose(profile):
        return Proposal("identifier", "free text, which may say anything about anybody")
    if profile.uniqueness > 0.5:
        return Proposal("identifier", "most rows have their own value")
    return Proposal("quasi-identifier", "text that many rows share")


def _is_prose(profile: Profile) -> bool:
    sample = profile.values[:200]
    return sum(value.count(" ") >= 4 for value in sample) > len(sample) / 2
