"""Cards as bytes: canonical JSON out, strict decoding in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from jalousie.errors import InternalError, ReleaseError
from jalousie.privacy.card import Card

if TYPE_CHECKING:
    from jalousie.validator.card import FeedbackCard

_Kind = TypeVar("_Kind", bound=msgspec.Struct)

# msgspec ends a message with the place, "... - at `$.models[0].required`". The rest of the message may quote the file.
_PLACE = re.compile(r"at `\$\.?([A-Za-z0-9_.\-\[\]]*)`$")


def card_json(card: Card) -> bytes:
    """Canonical JSON of a card: UTF-8, keys sorted, two spaces of indent, a newline at the end.

    The same card always gives the same bytes, so the bytes can be digested and signed.

    Raises
    ------
    InternalError
        X920: a figure is NaN or infinite. JSON has neither, and `null` in its place would be a silent change.
    """
    return _json(card, Card)


def feedback_card_json(card: FeedbackCard) -> bytes:
    """As `card_json`, of a feedback card: the twin of the learning report."""
    return _json(card, type(card))


def _json(card: _Kind, kind: type[_Kind]) -> bytes:
    plain = msgspec.to_builtins(card)
    for path, figure in _figures(plain):
        if not math.isfinite(figure):
            raise InternalError("X920", f"{path} is not a finite number")
    typed = msgspec.convert(plain, kind)  # a whole number in the place of a float is written as a float from here on
    return msgspec.json.format(msgspec.json.encode(typed, order="sorted"), indent=2) + b"\n"


def load_card(data: bytes) -> Card:
    """Read a card back, strictly: an unknown key or a wrong type is an error.

    Raises
    ------
    ReleaseError
        R520: `data` is not a card. The message names the place in the card and quotes nothing of it.
    """
    return _load(data, Card, "release card")


def load_feedback_card(data: bytes) -> FeedbackCard:
    """As `load_card`, of a feedback card."""
    from jalousie.validator.card import FeedbackCard

    return _load(data, FeedbackCard, "feedback card")


def _load(data: bytes, kind: type[_Kind], name: str) -> _Kind:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        where = f" at {place[1]}" if place and place[1] else ""
        message = f"the {name} has a missing, unknown or ill-typed entry{where}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = f"the {name} is not valid JSON"
    raise ReleaseError(
        "R520",
        message,
        hint="ask for the card again, or open it with the version of Jalousie that wrote it",
        effect="nothing was opened",
    )


def _figures(value: Any, path: str = "card") -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _figures(entry, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from _figures(entry, f"{path}[{index}]")
