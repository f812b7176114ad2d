"""The attack: somebody on the line answers in the provider's place that the budget is spent, or the ledger forked.

Switched off (a client that believes every problem it is sent) the ML party would believe it. A refusal that counts is signed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jalousie.errors import CODES, WireError
from jalousie.places.ml_party import Client
from jalousie.wire.keys import SigningKey
from jalousie.wire.problem import Problem, encode_problem, error_of


def problem(code: str) -> bytes:
    return encode_problem(Problem(type=f"urn:jalousie:error:{code}", title=CODES[code], status=403, code=code))


class Impostor(BaseHTTPRequestHandler):
    code = "V201"

    def do_GET(self) -> None:
        body = problem(self.code)
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def client() -> Iterator[Client]:
    server = HTTPServer(("127.0.0.1", 0), Impostor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    with Client(url, SigningKey.new(), SigningKey.new().public, "0" * 64) as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("code", ["V201", "V210", "L705", "C103"])
def test_a_refusal_that_nobody_signed_says_nothing_of_budget_ledger_or_contract(
    client: Client, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    assert error_of(problem(code)).code == code  # what a client without the check would raise
    monkeypatch.setattr(Impostor, "code", code)
    with pytest.raises(WireError) as refused:
        client.send("GET", "/budget")
    assert refused.value.code == "W608"


def test_that_a_message_was_not_taken_may_be_said_unsigned(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impostor, "code", "W603")
    with pytest.raises(WireError) as refused:
        client.send("GET", "/budget")
    assert refused.value.code == "W603"
