"""The provider's master key and the keys derived from it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.errors import PrivacyError

if TYPE_CHECKING:
    from jalousie.wire.keys import SigningKey

KEY_BYTES = 32
SIGNING_FILE = "signing.key"
_FINGERPRINT = "fingerprint"
"""A purpose of its own: what is derived for it is used for nothing else."""


def home_folder(given: Path | None = None) -> Path:
    """Where a party keeps its keys and its store: what is given, else `$JALOUSIE_HOME`, else `~/.jalousie`."""
    return given or Path(os.environ.get("JALOUSIE_HOME") or Path.home() / ".jalousie")


class KeyStore:
    """One master key in a file that only its owner can read; every use gets a key of its own by HKDF-SHA-256 (RFC 5869)."""

    def __init__(self, home: Path) -> None:
        self._path = home / "master.key"
        self._master = b""
        self.signing_path = home / SIGNING_FILE

    def master(self) -> bytes:
        """The master key, made on first use. Read once: a file that goes missing meanwhile gives no other key.

        Raises
        ------
        PrivacyError
            P440 if the key cannot be read or made, P441 if others can read it, P442 if it is damaged
        """
        self._master = self._master or self._read_master()
        return self._master

    def fingerprint(self) -> str:
        """Names the master key and tells nothing of it. Raises as `master`."""
        return "sha256:" + hashlib.sha256(self.deriver()(_FINGERPRINT)).hexdigest()

    def _read_master(self) -> bytes:
        try:
            if not self._path.exists():
                self._make()
            mode = self._path.stat().st_mode
            key = self._path.read_bytes()
        except OSError:
            raise PrivacyError(
                "P440",
                "the provider's master key cannot be read or made",
                hint="set JALOUSIE_HOME to a folder that you own",
            ) from None
        if mode & 0o077:
            raise PrivacyError("P441", "the provider's master key can be read by others", hint="chmod 600 master.key")
        if len(key) != KEY_BYTES:
            raise PrivacyError("P442", "the provider's master key is damaged", hint="restore it from your backup")
        return key

    def has_master(self) -> bool:
        return self._path.exists()

    def signing(self) -> SigningKey:
        """The key that signs what this party sends; `jalousie keys new` makes it.

        Raises
        ------
        WireError
            W610 there is none, W611 others can read it, W612 damaged
        """
        from jalousie.wire.keys import SigningKey

        return SigningKey.load(self.signing_path)

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_name(f".master.{secrets.token_hex(6)}")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            # a link, not a rename: two processes that make the key at once must end up with the same one
            try:
                os.link(partial, self._path)
            except FileExistsError:
                return
        finally:
            partial.unlink(missing_ok=True)

    def deriver(self) -> Callable[[str], bytes]:
        """A function from a purpose (such as `pseudonym/<contract>`) to its 32-byte key; the master is read at first use."""

        def derive(purpose: str) -> bytes:
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF

            info = f"jalousie/1/{purpose}".encode()
            return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.master())

        return derive
