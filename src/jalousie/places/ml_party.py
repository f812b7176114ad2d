"""The ML party's place: its key, and a client that signs what it sends and believes only what the provider signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from jalousie.errors import WireError
from jalousie.places.provider_service import ANSWER_TO, ENVELOPE_HEADER
from jalousie.places.pseudonym_key import SealedFor
from jalousie.wire.canonical import LARGEST_INTEGER
from jalousie.wire.envelope import Expected, from_header, open_message, sign_message, to_header
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import decode_message
from jalousie.wire.problem import error_of

if TYPE_CHECKING:
    import httpx

_Message = TypeVar("_Message", bound=msgspec.Struct)
_TRIES: Final = 4
_MAX_ANSWER: Final = 2**30
_AGAIN: Final = (502, 503, 504)
SECONDS: Final = 120.0


@dataclass(slots=True)
class Client:
    """Speaks with one provider under one contract. One client is for one thread.

    A request that got no answer is signed and sent again: the provider knows a question by its digest and gives the stored
    answer, so trying again costs nothing.
    """

    url: str
    key: SigningKey
    provider: PublicKey
    contract: str
    authorities: Path | None = None
    """Certificates that TLS is checked against, instead of the system's."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    _http: httpx.Client | None = field(default=None, repr=False)

    def get(self, path: str, kind: type[_Message], **query: str | int) -> _Message:
        """A message; raises what `send` raises."""
        return decode_message(self.send("GET", path, query=query), kind)

    def send(
        self, method: str, path: str, body: bytes = b"", *, query: Mapping[str, str | int] | None = None, kind: str = ""
    ) -> bytes:
        """Send a signed request and give the body of its signed answer.

        Raises
        ------
        WireError
            W607 not reached, W608 an answer that is no answer of ours, W602 to W604 an answer that the provider has not signed
        JalousieError
            what the provider refused with: V (monitor and budget), W (message), L (ledger), X900
        """
        target = f"/v1/{self.contract}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        for attempt in range(_TRIES):
            if attempt:
                self.sleep(0.1 * 4 ** (attempt - 1))
            answer = self._once(method, target, body, kind)
            if answer is not None:
                return answer
        raise WireError(
            "W607", "the provider cannot be reached", hint="is it running, and is the address right?", effect=""
        )

    def _once(self, method: str, target: str, body: bytes, kind: str) -> bytes | None:
        import httpx

        action = f"{method} {target}"
        sequence = secrets.randbelow(LARGEST_INTEGER)
        envelope = sign_message(
            body,
            key=self.key,
            recipient=self.provider,
            contract=self.contract,
            action=action,
            sequence=sequence,
            now=self.now(),
        )
        headers = {ENVELOPE_HEADER: to_header(envelope)} | ({"Content-Type": kind} if kind else {})
        try:
            with self._connection().stream(method, target, content=body, headers=headers) as response:
                if response.status_code in _AGAIN:
                    return None
                answer = _read(response)
                if response.status_code != 200 and ENVELOPE_HEADER not in response.headers:
                    raise error_of(answer)
                expected = Expected((self.provider,), self.key.public, self.contract, ANSWER_TO + action, sequence)
                open_message(from_header(response.headers), answer, expected, now=self.now())
                if response.status_code != 200:
                    raise error_of(answer)
                return answer
        except httpx.TransportError:
            return None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise WireError("W608", "the other side answered something unexpected", effect="") from None

    def pseudonym_key(self) -> bytes:
        """The 32-byte key of the contract's pseudonyms."""
        exchange = SealedFor()
        sealed = self.send("POST", "/pseudonym-key", exchange.public, kind="application/octet-stream")
        return exchange.open(sealed, self.contract)

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connection(self) -> httpx.Client:
        import httpx

        if self._http is None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise WireError("W607", "the provider's address is not of its form", hint="http://host:port", effect="")
            verify: object = True
            if self.authorities is not None:
                import ssl

                verify = ssl.create_default_context(cafile=str(self.authorities))
            # no proxy from the environment: it would see what is sent
            self._http = httpx.Client(
                base_url=self.url,
                timeout=httpx.Timeout(SECONDS, connect=10.0),
                trust_env=False,
                follow_redirects=False,
                verify=verify,  # type: ignore[arg-type]
            )
        return self._http


def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _MAX_ANSWER:
            raise WireError("W601", "the answer is too large", effect="")
        parts.append(part)
    return b"".join(parts)
