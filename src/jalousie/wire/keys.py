"""Signing keys (Ed25519, RFC 8032) and how public keys are written: `ed25519:` and base64 of the 32 bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.errors import WireError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PREFIX = "ed25519:"
PUBLIC_BYTES = 32
SECRET_BYTES = 32


@dataclass(frozen=True)
class PublicKey:
    """The key that verifies a party's signatures."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise WireError("W613", "a public key has the wrong length", effect="")

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From `ed25519:` and base64.

        Raises
        ------
        WireError
            W613
        """
        kind, _, encoded = text.strip().partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        # one key has one text: base64's unused bits must be zero
        if kind + ":" != PREFIX or len(raw) != PUBLIC_BYTES or base64.b64encode(raw).decode() != encoded:
            raise WireError(
                "W613",
                "a public key is not of its form",
                hint="a public key is written ed25519: and 44 characters of base64; `jalousie keys` prints yours",
                effect="",
            )
        return cls(raw)

    @cached_property
    def text(self) -> str:
        return PREFIX + base64.b64encode(self.raw).decode()

    @cached_property
    def fingerprint(self) -> str:
        """`sha256:` and 16 hexadecimal digits: enough to name a key in a log, too little to be one."""
        return "sha256:" + hashlib.sha256(self.raw).hexdigest()[:16]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(self.raw)


@dataclass(frozen=True)
class SigningKey:
    """A party's secret key. It is never shown: `repr` gives the public half."""

    _secret: bytes

    def __post_init__(self) -> None:
        if len(self._secret) != SECRET_BYTES:
            raise WireError("W612", "a signing key has the wrong length", effect="")

    def __repr__(self) -> str:
        return f"SigningKey({self.public.fingerprint})"

    @classmethod
    def new(cls) -> SigningKey:
        """From the operating system's randomness."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    @cached_property
    def public(self) -> PublicKey:
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """64 bytes; deterministic."""
        return self._key.sign(message)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._secret)

    def save(self, path: Path) -> None:
        """Write the key (base64, one line) to a file that only its owner can read; an existing file is never replaced.

        Raises
        ------
        WireError
            W610
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(self._secret) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise WireError("W610", "there is a signing key already", hint="give the new key another name") from None
        except OSError:
            raise WireError("W610", "the signing key cannot be written", hint="choose a folder that you own") from None

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a key that `save` wrote.

        Raises
        ------
        WireError
            W610 unreadable, W611 others can read it, W612 damaged
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(1024)
        except OSError:
            raise WireError(
                "W610", "the signing key cannot be read", hint="make one with `jalousie keys new`", effect=""
            ) from None
        if mode & 0o077:
            raise WireError("W611", "the signing key can be read by others", hint="chmod 600 the key file", effect="")
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError, WireError):
            raise WireError(
                "W612", "the signing key is damaged", hint="restore it from your backup", effect=""
            ) from None
