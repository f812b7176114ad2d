"""A stranger's requests: what never ends is not kept, and what is no request is told so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from jalousie.places import http_protocol
from jalousie.places.http_protocol import MAX_HEAD
from two_places import Running, serving, settle

LINE = b"x" * 1000
START = b"GET /health HTTP/1.1\r\n"
ENDLESS = {
    "a header": (b"GET /health HTTP/1.1\r\nHost: a\r\nEndless: ", LINE),
    "headers": (b"GET /health HTTP/1.1\r\nHost: a\r\n", b"A: " + LINE[5:] + b"\r\n"),
    "a target": (b"GET /", LINE),
    "trailers": (
        b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"A: " + LINE[5:] + b"\r\n",
    ),
    "an extension": (b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", LINE),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(settle(tmp_path_factory.mktemp("http"))) as running:
        yield running


def connected(running: Running) -> socket.socket:
    parts = urlsplit(running.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def goes_on(line: socket.socket, more: bytes) -> None:
    for _ in range(16 * 2**20 // len(more)):
        line.sendall(more)


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_is_hung_up_on(running: Running, kind: str) -> None:
    start, more = ENDLESS[kind]
    with closing(connected(running)) as line:
        line.sendall(start)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            goes_on(line, more)
    # the buffers of both sides hold far more than what the service keeps
    with closing(connected(running)) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "request_",
    [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_request_for_a_page_is_refused(running: Running, request_: bytes) -> None:
    with closing(connected(running)) as line:
        line.sendall(request_)
        assert line.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 404")


def test_a_head_of_allowed_size_is_read(running: Running) -> None:
    with closing(connected(running)) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nLong: ")
        for _ in range(MAX_HEAD // 1000 - 2):
            line.sendall(LINE)
        line.sendall(b"\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "sent", [b"", START, START + b"Host: a\r\n\r\n" + START], ids=["nothing", "a start", "a second start"]
)
def test_headers_that_do_not_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def hung_up() -> bool:
        config = uvicorn.Config(app, http=http_protocol.Bounded, log_config=None, lifespan="off")
        config.load()
        made = partial(http_protocol.Bounded, config=config, server_state=ServerState(), app_state={})
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(sent)
        await asyncio.wait_for(reader.read(), 10)  # to the end of the connection
        writer.close()
        server.close()
        return True

    assert asyncio.run(hung_up())
