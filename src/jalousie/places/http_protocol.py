"""Requests read by httptools, within limits: its parser would keep headers of any length, for any stranger."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 32 * 2**10
"""Bytes that may come without an end of the headers, of the request, or a part of its body."""
HEAD_SECONDS: Final = 20.0
"""From connecting, or a request's first byte, to the end of its headers."""


class Bounded(HttpToolsProtocol):
    """One connection. Who sends headers (or trailers) without end, or never, is hung up on."""

    _silent = 0
    _moved = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def _expect_head(self) -> None:
        self._head_is_here()
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_here(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        self._silent = 0 if self._moved else self._silent + len(data)
        if self._silent > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def on_headers_complete(self) -> None:
        self._moved = True
        self._head_is_here()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved = True
        super().on_message_complete()
