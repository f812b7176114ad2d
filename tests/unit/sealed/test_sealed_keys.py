"""Pads against an AES and an HKDF that are written down elsewhere, so that the format cannot change unseen."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from jalousie.sealed.keys import ProviderKey, SealingKey, new_header, pads, require_key
from jalousie.sealed.types import Context, Header

CONTEXT = Context("sha256:c", "sha256:p", "income", "north", 7)
KEY = SealingKey(bytes(range(32)))


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, from HMAC alone."""
    pseudorandom = hmac.digest(salt or bytes(32), secret, "sha256")
    made, block = b"", b""
    for number in range(-(-length // 32)):
        block = hmac.digest(pseudorandom, block + info + bytes([number + 1]), "sha256")
        made += block
    return made[:length]


def stream(key: bytes, size: int) -> bytes:
    """Counter mode from single blocks: AES of 0, 1, 2, ..."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return b"".join(encryptor.update(number.to_bytes(16, "big")) for number in range(-(-size // 16)))[:size]


def test_pads_are_aes_in_counter_mode_under_a_key_derived_from_all_that_is_bound() -> None:
    provider = KEY.of("north")
    assert provider.secret == hkdf(KEY.secret, b"", b"jalousie/sealing-key/1/north", 32)
    header = Header(CONTEXT, 50, 3, bytes(range(16)))
    parts = [b"sha256:c", b"sha256:p", b"income", b"north", *(n.to_bytes(8, "big") for n in (7, 50, 3))]
    info = b"jalousie/sealed-column/1\0" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    derived = hkdf(provider.secret, bytes(range(16)), info, 48)
    wanted = np.frombuffer(stream(derived[:32], 50 * 3 * 8), dtype="<u8").reshape(50, 3)
    assert (pads(provider, header) == wanted).all()
    require_key(provider, replace(header, check=derived[32:]))


def test_known_words() -> None:
    """Written down on the day the format was made: providers and ML parties of all versions must agree."""
    words = pads(KEY.of("north"), Header(CONTEXT, 1000, 2, bytes(range(16))))
    assert hashlib.sha256(words.astype("<u8").tobytes()).hexdigest() == WORDS


WORDS = "1371a4968c19a51f168b108836b7db098eea63957932cda9810982ce3cbb6c6a"


def test_long_columns_are_one_stream() -> None:
    header = Header(CONTEXT, 150_000, 2, bytes(16))  # 2.4 MB: more than is made at a time
    key = KEY.of("north")
    short = pads(key, replace(header, records=150_000))
    assert len(np.unique(short)) == short.size
    derived = hkdf(key.secret, bytes(16), header.bound(), 32)
    assert short.astype("<u8").tobytes() == stream(derived, short.nbytes)


def test_every_part_of_a_header_changes_all_pads() -> None:
    key = KEY.of("north")
    base = Header(CONTEXT, 100, 2, bytes(16))
    others = [
        replace(base, nonce=bytes(15) + b"\1"),
        *(
            replace(base, context=replace(CONTEXT, **{name: value}))
            for name, value in (
                ("contract", "sha256:d"),
                ("population", "sha256:q"),
                ("label", "incomf"),
                ("provider", "south"),
                ("epoch", 8),
            )
        ),
        replace(
            base, context=replace(CONTEXT, contract="sha256:cs", population="ha256:p")
        ),  # the same letters in a row
    ]
    made = [pads(key, header) for header in [base, *others]] + [pads(KEY.of("south"), base)]
    made.append(pads(SealingKey.new().of("north"), base))
    everything = np.concatenate([words.ravel() for words in made])
    assert len(np.unique(everything)) == len(everything)


def test_headers_are_new_every_time() -> None:
    key = KEY.of("north")
    headers = [new_header(key, CONTEXT, 10, 2) for _ in range(100)]
    assert len({header.nonce for header in headers}) == 100
    assert len({header.check for header in headers}) == 100
    for header in headers:
        require_key(key, header)


def test_a_provider_cannot_derive_anothers_key() -> None:
    assert KEY.of("north") != KEY.of("south")
    own = SealingKey(KEY.of("north").secret)
    assert own.of("south") != KEY.of("south")
    with pytest.raises(AttributeError):
        KEY.of("north").of  # type: ignore[attr-defined]  # noqa: B018
    assert isinstance(KEY.of("north"), ProviderKey)
