"""Several bodies in one message: how many there are, what kind and how long each is, and then all of them.

Whole numbers are big-endian: `u32` parts, then a `u8` kind and a `u32` length for each, then the bodies without gaps.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from jalousie.errors import WireError

PARTS_TYPE: Final = "application/vnd.jalousie.parts"
MAX_PARTS: Final = 64
_COUNT: Final = struct.Struct(">I")
_ENTRY: Final = struct.Struct(">BI")


class Part(NamedTuple):
    body: bytes
    problem: bool = False
    """Whether it is an error (`wire.problem`) in the place of an answer."""


def pack_parts(parts: Sequence[Part]) -> bytes:
    table = b"".join(_ENTRY.pack(part.problem, len(part.body)) for part in parts)
    return b"".join([_COUNT.pack(len(parts)), table, *(part.body for part in parts)])


def unpack_parts(data: bytes) -> list[Part]:
    """
    Raises
    ------
    WireError
        W600 not of this form, none, or more than `MAX_PARTS`
    """
    broken = WireError("W600", f"the message does not consist of 1 to {MAX_PARTS} parts", effect="")
    if len(data) < _COUNT.size:
        raise broken
    (count,) = _COUNT.unpack_from(data)
    place = _COUNT.size + count * _ENTRY.size
    if not 1 <= count <= MAX_PARTS or len(data) < place:
        raise broken
    parts = []
    for kind, length in _ENTRY.iter_unpack(data[_COUNT.size : place]):
        if kind > 1:
            raise broken
        parts.append(Part(data[place : place + length], bool(kind)))
        place += length
    if place != len(data):
        raise broken
    return parts
