"""The key of a contract's pseudonyms: the provider derives it, the ML party fetches it sealed to a key of its own.

HPKE (RFC 9180: X25519, HKDF-SHA-256, ChaCha20-Poly1305) from `cryptography`. The `info` binds the contract.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from jalousie.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC_BYTES: Final = 32
PSEUDONYM_BYTES: Final = 16
KEY_BYTES: Final = 32


def purpose(contract: str) -> str:
    """Of the key, for `KeyStore.deriver`: every contract has its own, so pseudonyms of two contracts cannot be joined."""
    return f"population/{contract}"


def subject_purpose(contract: str) -> str:
    """Of the key that names subjects in the provider's store; the ML party never gets it."""
    return f"subject/{contract}"


def pseudonyms(key: bytes, identifiers: Iterable[str]) -> bytes:
    """16 bytes an identifier, in order: HMAC-SHA-256 (RFC 2104) cut in half; two of 100 million meet with 2^-75."""
    return b"".join(hmac.digest(key, text.encode(), "sha256")[:PSEUDONYM_BYTES] for text in identifiers)


def seal(key: bytes, public: bytes, contract: str) -> bytes:
    """The key, readable only by whoever holds the X25519 private key of `public`.

    Raises
    ------
    WireError
        W600 if `public` is no such key
    """
    from cryptography.exceptions import InvalidKey, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        recipient = X25519PublicKey.from_public_bytes(public)
        return bytes(_suite().encrypt(key, recipient, info=_info(contract)))
    except (ValueError, InvalidKey, UnsupportedAlgorithm):
        raise WireError("W600", "the message holds no X25519 public key", effect="") from None


class SealedFor:
    """The receiving side: a key pair for one exchange."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, contract: str) -> bytes:
        """Raises WireError W608 for anything else than a key sealed to us."""
        from cryptography.exceptions import InvalidTag

        try:
            key = bytes(_suite().decrypt(sealed, self._private, info=_info(contract)))
        except (InvalidTag, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise WireError("W608", "the other side sent no key that we can open", effect="") from None
        return key


def _info(contract: str) -> bytes:
    return b"jalousie/pseudonym-key/1/" + contract.encode()


def _suite() -> Any:
    from cryptography.hazmat.primitives import hpke

    make: Callable[..., Any] = hpke.Suite
    return make(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
