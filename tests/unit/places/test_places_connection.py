"""The ML party's connection: what comes back, and every way in which nothing does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jalousie.errors import WireError
from jalousie.places import connection
from jalousie.places.connection import Connection, Unreached


@contextmanager
def saying(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A service that says the next of `answers` to every request, and hangs up after an empty one and after the last."""
    listening = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []
    left = list(answers)

    def serve() -> None:
        while left:
            line, _ = listening.accept()
            with line:
                while left and (request := _request(line)):
                    received.append(request)
                    answer = left.pop(0)
                    line.sendall(answer)
                    if not answer:
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", received
    finally:
        thread.join(timeout=30)
        listening.close()


def _request(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = line.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    size = next(
        (int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length")), 0
    )
    while len(body) < size:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nJalousie-Envelope: abc\r\n\r\nyes"[:-1]


def test_requests_share_a_connection_and_a_prefix() -> None:
    with saying(OK, OK) as (url, received):
        line = Connection(url + "/office/")
        for body in (b"", b"body"):
            reply = line.request("POST", "/v1/questions?a=1", body, {"X-Y": "z"})
            assert (reply.status, reply.body, reply.headers["jalousie-envelope"]) == (200, b"ye", "abc")
        line.close()
    assert all(request.startswith(b"POST /office/v1/questions?a=1 HTTP/1.1\r\n") for request in received)
    assert received[1].endswith(b"\r\n\r\nbody")
    assert b"X-Y: z" in received[0]


@pytest.mark.parametrize("answer", [b"", OK[:-1]])
def test_half_an_answer_is_none_and_the_next_request_connects_anew(answer: bytes) -> None:
    with saying(b"" if not answer else OK, OK) as (url, _):
        line = Connection(url)
        if not answer:
            with pytest.raises(Unreached):
                line.request("GET", "/")
        else:
            line.request("GET", "/")
        assert line.request("GET", "/").status == 200
        line.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HELLO\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_unexpected(answer: bytes) -> None:
    with saying(answer) as (url, _):
        line = Connection(url)
        with pytest.raises(WireError) as raised:
            line.request("GET", "/")
        assert raised.value.code == "W608"
        line.close()


def test_an_answer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER", 10)
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11) as (url, _):
        line = Connection(url)
        with pytest.raises(WireError) as raised:
            line.request("GET", "/")
        assert raised.value.code == "W601"
        line.close()


def test_a_silent_service_is_given_up() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    line = Connection(f"http://127.0.0.1:{listening.getsockname()[1]}", seconds=0.1)
    with pytest.raises(Unreached):
        line.request("GET", "/")
    line.close()
    listening.close()
    with pytest.raises(Unreached):
        line.request("GET", "/")


_WRONG = ["", "office", "ftp://office", "http://", "http://office:port", "http://office:99999", "http://[::1"]


@pytest.mark.parametrize("url", [*_WRONG, "http://of fice", "http://a..b"])
def test_an_address_has_its_form(url: str) -> None:
    with pytest.raises(WireError) as raised:
        Connection(url)
    assert raised.value.code == "W607"


def test_who_hangs_up_on_a_large_body_is_still_heard() -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        line, _ = listening.accept()
        with line:
            while b"\r\n\r\n" not in line.recv(65536):
                pass
            line.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
            line.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=refuse)
    thread.start()
    line = Connection(f"http://127.0.0.1:{listening.getsockname()[1]}")
    reply = line.request("PUT", "/population", bytes(2**25))
    assert (reply.status, reply.body) == (401, b"no")
    thread.join(timeout=30)
    line.close()
    listening.close()
