"""Signed notes (C2SP signed-note) with Ed25519, and cosignatures (C2SP tlog-cosignature, cosignature/v1).

A note is text that ends in a line break, an empty line, and signature lines `— name base64(key id || signature)`. A
verifier key is written `name+key id+base64(algorithm || public key)`. https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Literal

from jalousie.errors import LedgerError, WireError
from jalousie.wire.keys import PublicKey, SigningKey

Algorithm = Literal[1, 4]
ED25519: Final[Algorithm] = 1
COSIGNATURE: Final[Algorithm] = 4
MAX_NOTE: Final = 16384
MAX_SIGNATURES: Final = 32
_NAME = re.compile(r"[^\s+\x00-\x1f]{1,200}")
_SIGNATURE = re.compile(r"— ([^\s+]{1,200}) ([A-Za-z0-9+/=]{1,400})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, for plain signatures or for cosignatures."""

    name: str
    algorithm: Algorithm
    key: PublicKey

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise LedgerError("L708", "the name of a key has spaces, a plus sign or nothing", effect="")

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.key.raw).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.algorithm]) + self.key.raw).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """From `name+id+base64`.

        Raises
        ------
        LedgerError
            L708
        """
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            if not raw or raw[0] not in (ED25519, COSIGNATURE):
                raise ValueError("algorithm")
            key = cls(name, ED25519 if raw[0] == ED25519 else COSIGNATURE, PublicKey(raw[1:]))
        except (ValueError, binascii.Error, WireError):
            raise LedgerError("L708", "a verifier key is not of its form", hint="name+id+base64", effect="") from None
        if key.key_id.hex() != key_id:
            raise LedgerError("L708", "a verifier key's id does not belong to it", effect="")
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line: not verified yet."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Text with signatures. `text` ends in a line break."""

    text: str
    signatures: tuple[Signature, ...]

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether `key` has a valid plain signature on the text."""
        return key.algorithm == ED25519 and any(
            key.key.verifies(signature.value, self.text.encode()) for signature in self._of(key)
        )

    def cosigned_at(self, key: VerifierKey) -> int | None:
        """Seconds since 1970 at which `key` last cosigned, or None if it did not."""
        if key.algorithm != COSIGNATURE:
            return None
        times = []
        for signature in self._of(key):
            at = int.from_bytes(signature.value[:_TIME_BYTES], "big")
            if key.key.verifies(signature.value[_TIME_BYTES:], _cosigned(self.text, at)):
                times.append(at)
        return max(times, default=None)

    def _of(self, key: VerifierKey) -> list[Signature]:
        return [item for item in self.signatures if item.name == key.name and item.key_id == key.key_id]


def verifier_key(name: str, key: PublicKey, *, cosigner: bool = False) -> VerifierKey:
    """The verifier key to hand to auditors: of a log, or of a party as cosigner."""
    return VerifierKey(name, COSIGNATURE if cosigner else ED25519, key)


def sign_note(text: str, name: str, key: SigningKey) -> str:
    """`text` (ending in a line break) as a note signed by `key` under `name`."""
    if not text.endswith("\n") or "\n\n" in text:
        raise LedgerError("L708", "a note must end in a line break and have no empty line", effect="")
    verifier = verifier_key(name, key.public)
    return f"{text}\n" + _line(verifier, key.sign(text.encode()))


def cosign_note(note: str, name: str, key: SigningKey, *, time: int) -> str:
    """`note` with a cosignature: the signer saw this text at `time` (seconds since 1970)."""
    verifier = verifier_key(name, key.public, cosigner=True)
    value = time.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(parse_note(note).text, time))
    return note + _line(verifier, value)


def parse_note(note: str) -> Note:
    """Split a note into text and signatures; nothing is verified.

    Raises
    ------
    LedgerError
        L708
    """
    wrong = LedgerError("L708", "a signed note is not of its form", effect="")
    at = note.rfind("\n\n")
    if at < 0 or len(note) > MAX_NOTE or not note.endswith("\n") or _CONTROL.search(note):
        raise wrong
    lines = note[at + 2 : -1].split("\n")
    found = [_SIGNATURE.fullmatch(line) for line in lines]
    if len(lines) > MAX_SIGNATURES:
        raise wrong
    signatures = []
    for match in found:
        try:
            blob = base64.b64decode(match[2], validate=True) if match else b""
        except (binascii.Error, ValueError):
            raise wrong from None
        if match is None or len(blob) <= 4:
            raise wrong
        signatures.append(Signature(match[1], blob[:4], blob[4:]))
    return Note(note[: at + 1], tuple(signatures))


def _line(key: VerifierKey, value: bytes) -> str:
    return f"— {key.name} {base64.b64encode(key.key_id + value).decode()}\n"


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
