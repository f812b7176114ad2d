"""The parties' public keys as a contract writes them: `ed25519:` and base64 of 32 bytes. `wire.keys` reads them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from jalousie.contract.parts import Parties

PREFIX = "ed25519:"
_BYTES = 32
_HINT = f"a public key is `{PREFIX}` and 44 characters of base64; `jalousie keys show` prints a party's"


def key_faults(parties: Parties) -> Iterator[tuple[str, str, str]]:
    """(path, message, hint) of keys that are not of their form, or that are one and the same."""
    keys = {"provider-key": parties.provider_key, "ml-party-key": parties.ml_party_key}
    for name, key in keys.items():
        if key and not well_formed(key):
            yield f"parties.{name}", f'"{name}" is not a public key', _HINT
    if parties.provider_key and parties.provider_key == parties.ml_party_key:
        message = "provider and ML party have one key: neither could prove what the other did"
        yield "parties.ml-party-key", message, "each party makes its own: `jalousie keys new`"


def well_formed(key: str) -> bool:
    """Whether a text is a public key in its one spelling."""
    encoded = key.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    # base64's unused bits must be zero, or one key would have several texts
    return key == PREFIX + encoded and len(raw) == _BYTES and base64.b64encode(raw).decode() == encoded


def missing_keys(parties: Parties) -> list[str]:
    """Which keys are not there yet; questions over the network need both."""
    keys = {"provider-key": parties.provider_key, "ml-party-key": parties.ml_party_key}
    return [name for name, key in keys.items() if not key]
