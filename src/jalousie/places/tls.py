"""The provider's TLS, checked before anything is opened; and who could read along where there is none."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path

from jalousie.errors import WireError

IN_THE_CLEAR = (
    "without TLS, whoever is on the line reads pseudonyms, group numbers, noisy counts and budgets. Identifiers and labels are "
    "not sent, the pseudonyms' key is sealed, and nobody can change or repeat a message unseen. Give --certificate and "
    "--private-key, or end TLS at a proxy"
)


def check_certificate(certificate: Path, private_key: Path) -> None:
    """Whether a service can start with them.

    Raises
    ------
    WireError
        W614 missing, unreadable, encrypted, or not a pair
    """
    for path, what in ((certificate, "certificate"), (private_key, "private key")):
        try:
            path.read_bytes()
        except OSError:
            raise _unusable(f"the TLS {what} cannot be read", "check its name and rights") from None
    try:
        # an encrypted key must fail here: nobody is asked for a password when the service starts
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _unusable("the TLS private key is not that of the certificate", "give the pair") from None
        raise _unusable(
            "the TLS certificate or its private key is not PEM, damaged, or encrypted",
            "PEM files; the first certificate is the server's own, and the key has no password",
        ) from None
    except (OSError, ValueError):
        raise _unusable("the TLS certificate or its private key cannot be used", "give a pair of PEM files") from None


def in_the_clear(host: str, *, tls: bool) -> bool:
    """Whether others than this machine could read what is sent; `host` is the numeric address that is listened on."""
    return not tls and not ip_address(host.partition("%")[0]).is_loopback


def _unusable(message: str, hint: str) -> WireError:
    return WireError("W614", message, hint=hint, effect="nothing was opened, no budget was reserved")
