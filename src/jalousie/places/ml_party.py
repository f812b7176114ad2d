"""The ML party's place: its key, and a client that signs what it sends and believes only what the provider signed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from jalousie.errors import JalousieError, WireError
from jalousie.places.connection import Connection, Unreached
from jalousie.places.provider_service import ANSWER_TO, ENVELOPE_HEADER
from jalousie.places.pseudonym_key import SealedFor
from jalousie.wire.canonical import LARGEST_INTEGER
from jalousie.wire.envelope import Expected, from_header, open_message, sign_message, to_header
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import decode_message
from jalousie.wire.problem import error_of

_Message = TypeVar("_Message", bound=msgspec.Struct)
_TRIES: Final = 4
_AGAIN: Final = (502, 503, 504)


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
    _connection: Connection | None = field(default=None, repr=False)

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
            W607 not reached, or its TLS certificate is not accepted, W608 an answer that is no answer of ours, W602 to W604
            an answer that the provider has not signed
        JalousieError
            what the provider refused with: V (monitor and budget), W (message), L (ledger), X900
        """
        target = f"/v1/{self.contract}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        for attempt in range(_TRIES):
            if attempt:
                self.sleep(0.1 * 4 ** (attempt - 1))
            try:
                answer = self._once(method, target, body, kind)
            except Unreached:
                continue
            if answer is not None:
                return answer
        raise WireError(
            "W607", "the provider cannot be reached", hint="is it running, and is the address right?", effect=""
        )

    def _once(self, method: str, target: str, body: bytes, kind: str) -> bytes | None:
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
        if self._connection is None:
            self._connection = Connection(self.url, self.authorities)
        reply = self._connection.request(method, target, body, headers)
        if reply.status in _AGAIN:
            return None
        if reply.status != 200 and ENVELOPE_HEADER.lower() not in reply.headers:
            raise _unsigned(reply.body)
        expected = Expected((self.provider,), self.key.public, self.contract, ANSWER_TO + action, sequence)
        open_message(from_header(reply.headers), reply.body, expected, now=self.now())
        if reply.status != 200:
            raise error_of(reply.body)
        return reply.body

    def pseudonym_key(self) -> bytes:
        """The 32-byte key of the contract's pseudonyms."""
        exchange = SealedFor()
        sealed = self.send("POST", "/pseudonym-key", exchange.public, kind="application/octet-stream")
        return exchange.open(sealed, self.contract)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unsigned(body: bytes) -> JalousieError:
    """What a refusal that nobody signed may tell: that the message was not taken; nothing of budget, ledger or contract."""
    error = error_of(body)
    if error.code[0] in "WUX":
        return error
    return WireError(
        "W608",
        "the other side answered something that the provider has not signed",
        hint="somebody on the line may have answered in its place",
        effect="",
    )
