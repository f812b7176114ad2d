"""Keys of the masked scheme, and the pads that follow from them. All primitives are `cryptography`'s (OpenSSL).

The ML party draws one key, and every provider gets a key of its own that is derived from it (HKDF-SHA-256, RFC 5869). So the ML
party can take off all pads and a provider its own alone; the mediator has no key. A column's AES key is derived from the
provider's key, a nonce that is drawn for this sealing, and everything that the column belongs to. It is used for one
keystream (AES-256 in counter mode, from 0) and never again: a key and a counter never meet twice.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jalousie.errors import ValidatorError
from jalousie.randomness import random_bytes
from jalousie.sealed.types import CHECK_BYTES, NONCE_BYTES, Context, Header, Words

KEY_BYTES = 32
_AES_BYTES = 32
_COUNTER_BYTES = 16
_BLOCK = 1 << 20  # bytes of keystream at a time; AES does not get faster beyond
_PROVIDER = b"jalousie/sealing-key/1/"


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """Masks one provider's labels; known to it and to the ML party."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require(self.secret)


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The ML party's key, from which those of all providers follow. The mediator must never get it."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require(self.secret)

    @classmethod
    def new(cls) -> SealingKey:
        """A key that nobody can predict."""
        return cls(random_bytes(KEY_BYTES))

    def of(self, provider: str) -> ProviderKey:
        """The key to hand to this provider, and to nobody else."""
        return ProviderKey(_derive(self.secret, None, _PROVIDER + provider.encode(), KEY_BYTES))


def new_header(key: ProviderKey, context: Context, records: int, width: int) -> Header:
    """A header for one sealing, with a nonce of its own."""
    fresh = Header(context, records, width, random_bytes(NONCE_BYTES))
    return replace(fresh, check=_column_key(key, fresh)[1])


def require_key(key: ProviderKey, header: Header) -> None:
    """
    Raises
    ------
    ValidatorError
        V221: the column was sealed with another key, or its header was changed
    """
    if not hmac.compare_digest(_column_key(key, header)[1], header.check):
        raise ValidatorError(
            "V221",
            "the labels are sealed with another key, or a header was changed on the way",
            hint="ML party and provider must have the same key; have the labels sealed again",
            effect="the answer was not opened",
        )


def pads(key: ProviderKey, header: Header) -> Words:
    """(records, width) uint64 pads of a column; writable. About 12 ms of CPU for a million records of two words."""
    size = 8 * header.records * header.width
    secret, _ = _column_key(key, header)
    stream = Cipher(algorithms.AES(secret), modes.CTR(bytes(_COUNTER_BYTES))).encryptor()
    zeros, made = memoryview(bytes(_BLOCK)), bytearray(size + _COUNTER_BYTES)  # the library asks for a block to spare
    into = memoryview(made)
    for start in range(0, size, _BLOCK):
        stream.update_into(zeros[: min(_BLOCK, size - start)], into[start:])
    # little-endian wherever it runs, so that both sides read the same words
    words = np.frombuffer(made, dtype="<u8", count=size // 8).astype(np.uint64, copy=False)
    return words.reshape(header.records, header.width)


def _column_key(key: ProviderKey, header: Header) -> tuple[bytes, bytes]:
    """The AES key of one column, and its check value: different bytes of one derivation, so neither tells the other."""
    derived = _derive(key.secret, header.nonce, header.bound(), _AES_BYTES + CHECK_BYTES)
    return derived[:_AES_BYTES], derived[_AES_BYTES:]


def _derive(secret: bytes, salt: bytes | None, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def _require(secret: bytes) -> None:
    if len(secret) != KEY_BYTES:
        raise ValidatorError(
            "V221", f"a sealing key is not {KEY_BYTES} bytes long", effect="nothing was sealed or opened"
        )
