"""HTTP for a place's service, straight on ASGI: requests as they were signed, bodies no longer than announced, plain answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl

from jalousie.errors import WireError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
_BODY_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Received:
    """A request whose body has not been read."""

    scope: Message
    receive: Receive

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def action(self) -> str:
        """Method and target as they were sent: what the sender has signed."""
        path, query = self.scope["raw_path"].decode("latin-1"), self.scope["query_string"].decode("latin-1")
        return f"{self.method} {path}" + (f"?{query}" if query else "")

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in small letters."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}

    async def body(self, size: int) -> bytes:
        """
        Raises
        ------
        WireError
            W600 it did not arrive, W602 it has more than `size` bytes
        """
        parts: list[bytes] = []
        read = 0
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in self._parts():
                    read += len(part)
                    if read > size:
                        raise WireError("W602", "the body is larger than was signed", effect="")
                    parts.append(part)
        except TimeoutError:
            raise WireError("W600", "the body did not arrive in time", effect="") from None
        return b"".join(parts)

    async def _parts(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise WireError("W600", "the body did not arrive", effect="")
            yield message.get("body", b"")
            more = message.get("more_body", False)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str]


Respond = Callable[[Received], Awaitable[Reply]]


def application(respond: Respond, life: Callable[[], AbstractAsyncContextManager[None]]) -> App:
    """`life` surrounds the service's time between start and stop."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(life, receive, send)
            return
        reply = await respond(Received(scope, receive))
        headers = {"content-type": reply.kind, "content-length": str(len(reply.body)), **reply.headers}
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
                ],
            }
        )
        await send({"type": "http.response.body", "body": reply.body})

    return app


async def _live(life: Callable[[], AbstractAsyncContextManager[None]], receive: Receive, send: Send) -> None:
    await receive()
    async with life():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
