"""Who was asked about: the members of the sets that a ledger names by digest, in a file of its own for an auditor who may know.

JSON Lines in canonical form. The first line names the format; then a line for each population, its pseudonyms (16 bytes each, in
base64), and for each set of records that is not a whole population one bit for each record of a population, highest first.
Nothing is believed: a population or set that has another digest than it claims is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from jalousie.errors import LedgerError
from jalousie.wire.canonical import canonical
from jalousie.wire.envelope import Digest

FORMAT: Final = "jalousie/members/1"
PSEUDONYM_BYTES: Final = 16
_MOST: Final = 2**32
_Base64 = Annotated[str, Meta(max_length=_MOST)]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    population: Digest
    pseudonyms: _Base64 = ""
    asked: str = ""
    bits: _Base64 = ""


@dataclass(slots=True)
class Members:
    """The members that a file names. `of` is what `Replay` asks."""

    populations: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    """(n, 16) pseudonyms by digest of the population."""
    sets: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Population and bits by digest of the set; no bits: all of it."""

    def of(self, asked: str) -> list[bytes] | None:
        """The pseudonyms of a set of records; None where the file does not have it."""
        found = self.sets.get(asked)
        return None if found is None else [row.tobytes() for row in self._rows(*found)]

    def add_population(self, digest: str, pseudonyms: bytes) -> None:
        """Raises LedgerError L712 if it is not what its digest names."""
        size = len(pseudonyms) // PSEUDONYM_BYTES
        if not size or len(pseudonyms) % PSEUDONYM_BYTES:
            raise _wrong()
        state = hashlib.sha256(b"jalousie/population/1\0" + size.to_bytes(8, "big") + pseudonyms)
        if "sha256:" + state.hexdigest() != digest:
            raise _wrong()
        self.populations[digest] = np.frombuffer(pseudonyms, dtype=np.uint8).reshape(size, PSEUDONYM_BYTES)
        self.sets.setdefault(_set_digest(self.populations[digest]), (digest, b""))

    def add_set(self, digest: str, population: str, bits: bytes) -> None:
        """A set of some records of a population that was added. Raises LedgerError L712 if it is not what its digest names."""
        known = self.populations.get(population)
        if known is None or len(bits) != -(-len(known) // 8) or _set_digest(self._rows(population, bits)) != digest:
            raise _wrong()
        self.sets[digest] = (population, bits)

    def _rows(self, population: str, bits: bytes) -> NDArray[np.uint8]:
        rows = self.populations[population]
        if not bits:
            return rows
        return rows[np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=len(rows)).astype(np.bool_)]


def write_members(populations: Iterable[tuple[str, bytes]], sets: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    """Lines of a file: populations as (digest, pseudonyms), and sets as (digest, population, bits)."""
    yield canonical({"format": FORMAT}) + b"\n"
    for digest, pseudonyms in populations:
        yield canonical(_Line(population=digest, pseudonyms=base64.b64encode(pseudonyms).decode())) + b"\n"
    for digest, population, bits in sets:
        if bits:
            yield canonical(_Line(population=population, asked=digest, bits=base64.b64encode(bits).decode())) + b"\n"


def read_members(lines: Iterable[bytes]) -> Members:
    """
    Raises
    ------
    LedgerError
        L700 not such a file, L712 a population or set that is not what its digest names
    """
    members = Members()
    source = iter(lines)
    if next(source, b"").rstrip(b"\n") != canonical({"format": FORMAT}):
        raise _unreadable()
    for data in source:
        try:
            line = msgspec.json.decode(data, type=_Line)
            pseudonyms = base64.b64decode(line.pseudonyms, validate=True)
            bits = base64.b64decode(line.bits, validate=True)
        except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
            raise _unreadable() from None
        if line.asked:
            members.add_set(line.asked, line.population, bits)
        else:
            members.add_population(line.population, pseudonyms)
    return members


def _set_digest(pseudonyms: NDArray[np.uint8]) -> str:
    """Of a set of records in the order of their pseudonyms; of none if one occurs twice."""
    words = np.ascontiguousarray(pseudonyms).view(">u8")
    ordered = np.ascontiguousarray(pseudonyms)[np.lexsort((words[:, 1], words[:, 0]))]
    same = ordered.view(np.uint64)
    if (same[1:] == same[:-1]).all(axis=1).any():
        return ""
    content = b"jalousie/asked/1\0" + len(ordered).to_bytes(8, "big") + ordered.tobytes()
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _unreadable() -> LedgerError:
    return LedgerError("L700", "the file does not name the members of sets", hint="audit export --members", effect="")


def _wrong() -> LedgerError:
    told = "a population or set of the members' file is not what its digest names"
    return LedgerError("L712", told, hint="ask the provider for the file that belongs to this ledger", effect="")
