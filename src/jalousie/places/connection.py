"""One HTTP connection to a place, kept open between requests; the standard library's client, which costs little.

It follows no redirects and asks no proxy of the environment: either would see what is sent.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jalousie.errors import WireError

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 120.0
MAX_ANSWER: Final = 2**30


class Unreached(Exception):
    """There was no answer, or half of one: nobody listens, the line broke, or it took too long."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever it is."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes


class Connection:
    """For one thread. `authorities`: certificates (PEM) that TLS is checked against, instead of the system's."""

    def __init__(self, url: str, authorities: Path | None = None, *, seconds: float = ANSWER_SECONDS) -> None:
        """
        Raises
        ------
        WireError
            W607 an address that is not of its form, certificates that cannot be read
        """
        self._seconds = seconds
        self._http: http.client.HTTPConnection
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").encode("idna").decode(), parts.port
            if parts.scheme not in ("http", "https") or not host:
                raise ValueError
            self._prefix = parts.path.rstrip("/")
            if parts.scheme == "https":
                trust = _trusting(authorities)
                self._http = http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=trust)
            else:
                self._http = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        except (ValueError, http.client.InvalidURL):
            raise WireError(
                "W607", "the provider's address is not of its form", hint="http://host:port", effect=""
            ) from None

    def request(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """
        Raises
        ------
        Unreached
            no answer
        WireError
            W601 too large an answer, W607 no TLS, or a certificate that is not accepted, W608 an answer that is not HTTP
        """
        try:
            if self._http.sock is None:
                self._connect()
            whole = self._send(method, self._prefix + target, body, dict(headers or {}))
            response = self._http.getresponse()
            answer = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.RemoteDisconnected, http.client.IncompleteRead, http.client.NotConnected) as error:
            self.close()
            raise _failed(error) from None
        except (http.client.HTTPException, ValueError):
            self.close()
            raise WireError("W608", "the other side answered something unexpected", effect="") from None
        if not whole or len(answer) > MAX_ANSWER:
            self.close()
        if len(answer) > MAX_ANSWER:
            raise WireError("W601", "the answer is too large", effect="")
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, answer)

    def close(self) -> None:
        """The next request opens it again."""
        self._http.close()

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> bool:
        """Whether all of it was taken: who refuses by the headers answers before it has read the body, and hangs up."""
        try:
            self._http.request(method, target, body or None, headers)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _connect(self) -> None:
        self._http.connect()
        assert self._http.sock is not None
        self._http.sock.settimeout(self._seconds)


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    except (OSError, ssl.SSLError):
        raise WireError(
            "W607",
            "the certificates to check TLS against cannot be read",
            hint="`--authorities` takes a file of certificates (PEM)",
            effect="",
        ) from None


def _failed(error: Exception) -> Exception:
    if isinstance(error, ssl.SSLCertVerificationError):
        return WireError(
            "W607",
            "the provider's TLS certificate is not accepted",
            hint="is the address the one that the certificate names? "
            "`--authorities` takes the certificate of the authority that signed it (PEM)",
            effect="",
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return WireError("W607", "the other side does not speak TLS", hint="http:// instead of https://?", effect="")
    return Unreached()
