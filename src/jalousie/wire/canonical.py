"""JSON in exactly one form (RFC 8785, JCS), for everything that is hashed or signed."""

from __future__ import annotations

import math
from typing import Any, Final, TypeVar

import msgspec

from jalousie.contract.digest import jcs
from jalousie.errors import InternalError, WireError

LARGEST_INTEGER: Final = 2**53 - 1
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def canonical(value: Any) -> bytes:
    """A struct, or plain JSON values, as UTF-8 in the one form of RFC 8785.

    Raises
    ------
    InternalError
        X900 for a value that JSON cannot carry exactly: a whole number past 2^53 - 1, a float that is not finite, text
        that is not Unicode
    """
    plain = msgspec.to_builtins(value)
    _require_exact(plain)
    return jcs(plain).encode()


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
