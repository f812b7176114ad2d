"""JSON in exactly one form (RFC 8785, JCS), for everything that is hashed or signed.

`plain_canonical` is the form by its definition; `canonical` writes the same bytes with msgspec, several times as fast, wherever
msgspec's JSON is known to be that form, and asks `plain_canonical` elsewhere.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final, TypeVar

import msgspec

from jalousie.contract.digest import jcs
from jalousie.errors import InternalError, WireError

LARGEST_INTEGER: Final = 2**53 - 1
_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_SORTED: Final = msgspec.json.Encoder(order="sorted")
# what msgspec may write otherwise: a number with a point or an exponent, one of so many digits that it may be past 2^53, and
# null, which it writes for a number that is not finite; now and then it is only text that looks like one of these
_DOUBTFUL: Final = re.compile(rb"(?:^|[:,\[])(-?[0-9]+[.eE]|-?[0-9]{16,}|null)")


def canonical(value: Any) -> bytes:
    """A struct, or plain JSON values, as UTF-8 in the one form of RFC 8785.

    Raises
    ------
    InternalError
        X900 for a value that JSON cannot carry exactly: a whole number past 2^53 - 1, a float that is not finite, text
        that is not Unicode
    """
    try:
        data = _SORTED.encode(value)
        if any(not part[-1:].isdigit() or abs(int(part)) > LARGEST_INTEGER for part in _DOUBTFUL.findall(data)):
            data = _SORTED.encode(_numbers_written(msgspec.to_builtins(value)))
    except (UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        return plain_canonical(value)
    # msgspec writes text as RFC 8785 does, but sorts keys by another order than UTF-16's once they leave ASCII
    return data if data.isascii() else plain_canonical(value)


def plain_canonical(value: Any) -> bytes:
    """The same, step by step: what `canonical` is held against."""
    plain = msgspec.to_builtins(value)
    _require_exact(plain)
    return jcs(plain).encode()


def _numbers_written(value: Any) -> Any:
    """Plain values with each float as RFC 8785 writes it; an OverflowError for a number that cannot be written."""
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return {key: _numbers_written(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_numbers_written(item) for item in value]
    if kind is float and math.isfinite(value):
        # between these bounds Python's shortest digits have no exponent either
        text = repr(value).removesuffix(".0") if 1e-4 <= abs(value) < 1e16 else jcs(value)
        return msgspec.Raw(text.encode())
    if kind is float or (kind is int and abs(value) > LARGEST_INTEGER):
        raise OverflowError
    return value


def decode_canonical(data: bytes, kind: type[_Struct], *, code: str = "W600", what: str = "the message") -> _Struct:
    """A struct from its canonical form; any other way of writing the same value is refused, so one value has one digest.

    Raises
    ------
    WireError
        `code`
    """
    try:
        value = msgspec.json.decode(data, type=kind)
        same = canonical(value) == data
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InternalError):
        raise WireError(code, f"{what} is not of its form", effect="") from None
    if not same:
        raise WireError(code, f"{what} is not written canonically (RFC 8785)", effect="")
    return value


def _require_exact(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _require_exact(key)
            _require_exact(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require_exact(item)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InternalError("X900", "text to be signed is not Unicode", effect="") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise InternalError("X900", "a number to be signed is not finite", effect="")
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise InternalError("X900", "a whole number to be signed is past 2^53 - 1", effect="")
