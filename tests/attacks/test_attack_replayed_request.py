"""The attack: somebody on the line records a signed request, and sends it again, bends it, or turns it to another place.

Switched off (a provider that forgets what it received, or does not look at the signature's words) it works.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jalousie.errors import WireError
from jalousie.places.provider_service import ANSWER_TO, ENVELOPE_HEADER, Service
from jalousie.places.service_log import ServiceLog
from jalousie.places.store import FILE, Store
from jalousie.wire.envelope import Expected, from_header, open_message, sign_message, to_header
from jalousie.wire.keys import SigningKey
from service_desk import CONTRACT, Line, PlainDesk

PROVIDER, ML_PARTY, STRANGER = SigningKey.new(), SigningKey.new(), SigningKey.new()
ACTION = f"POST /v1/{CONTRACT}/questions"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk() -> PlainDesk:
    return PlainDesk(ML_PARTY.public)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / FILE)
    yield store
    store.close()


@pytest.fixture
def line(desk: PlainDesk, store: Store, clock: Clock) -> Iterator[Line]:
    service = Service({CONTRACT: desk}, key=PROVIDER, store=store, log=ServiceLog(io.StringIO()), now=clock)
    with Line(service.app()) as client:
        yield client


def signed(body: bytes = b"body", *, key: SigningKey = ML_PARTY, now: datetime = NOW, **changed: Any) -> bytes:
    words: dict[str, Any] = {"recipient": PROVIDER.public, "contract": CONTRACT, "action": ACTION, "sequence": 7}
    return sign_message(body, key=key, now=now, **(words | changed))


def send(line: Line, envelope: bytes, body: bytes = b"body", path: str = "questions") -> Any:
    return line.request("POST", f"/v1/{CONTRACT}/{path}", content=body, headers={ENVELOPE_HEADER: to_header(envelope)})


def test_an_honest_request_is_answered_once(line: Line, desk: PlainDesk) -> None:
    first = send(line, signed())
    assert (first.status_code, first.content) == (200, b"answer to body")
    again = send(line, signed())
    assert (again.status_code, again.json()["code"]) == (409, "W605")
    assert desk.asked == [b"body"]


def test_with_nothing_remembered_a_recorded_request_is_answered_again(
    line: Line, desk: PlainDesk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.transaction() as forgetful:
        pass
    monkeypatch.setattr(store, "require_unseen", lambda *_: forgetful)
    assert [send(line, signed()).status_code for _ in range(2)] == [200, 200]
    assert desk.asked == [b"body", b"body"]


def test_a_recorded_request_is_refused_by_a_provider_that_was_restarted(
    line: Line, desk: PlainDesk, store: Store, clock: Clock, tmp_path: Path
) -> None:
    assert send(line, signed()).status_code == 200
    later = Store(tmp_path / FILE)
    service = Service({CONTRACT: desk}, key=PROVIDER, store=later, log=ServiceLog(io.StringIO()), now=clock)
    with Line(service.app()) as restarted:
        assert send(restarted, signed()).json()["code"] == "W605"
    later.close()


@pytest.mark.parametrize("minutes", [7, 60, 60 * 24 * 365, -7])
def test_when_the_number_is_forgotten_the_request_is_too_old(line: Line, clock: Clock, minutes: int) -> None:
    envelope = signed()
    clock.now = NOW + timedelta(minutes=minutes)
    answer = send(line, envelope)
    assert (answer.status_code, answer.json()["code"]) == (401, "W604")


Bend = Callable[[Line], Any]


@pytest.mark.parametrize(
    ("code", "bend"),
    [
        ("W602", lambda line: send(line, signed(), b"another body")),
        ("W602", lambda line: send(line, signed(), b"")),
        ("W602", lambda line: send(line, signed(key=STRANGER))),
        ("W603", lambda line: send(line, signed(), path="ledger/cosignatures")),
        ("W603", lambda line: send(line, signed(action=f"GET /v1/{CONTRACT}/budget"))),
        ("W603", lambda line: send(line, signed(recipient=STRANGER.public))),
        ("W603", lambda line: send(line, signed(contract="sha256:" + "b" * 64))),
        ("W600", lambda line: line.request("POST", f"/v1/{CONTRACT}/questions", content=b"body")),
        ("W600", lambda line: send(line, b"{}")),
        ("W600", lambda line: send(line, signed()[:-1])),
    ],
)
def test_a_request_that_was_bent_is_refused_before_the_desk(line: Line, desk: PlainDesk, code: str, bend: Bend) -> None:
    answer = bend(line)
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.asked == []
    # and the honest one still gets through: a stranger cannot use up its number
    assert send(line, signed()).status_code == 200


def test_an_answer_cannot_be_given_for_another(line: Line) -> None:
    answer = send(line, signed())
    envelope = from_header(answer.headers)
    expected = Expected((PROVIDER.public,), ML_PARTY.public, CONTRACT, ANSWER_TO + ACTION, 7)
    assert open_message(envelope, answer.content, expected, now=NOW).sequence == 7
    for wrong in (
        Expected((PROVIDER.public,), ML_PARTY.public, CONTRACT, ANSWER_TO + ACTION, 8),
        Expected((PROVIDER.public,), ML_PARTY.public, CONTRACT, ANSWER_TO + f"GET /v1/{CONTRACT}/budget", 7),
        Expected((PROVIDER.public,), STRANGER.public, CONTRACT, ANSWER_TO + ACTION, 7),
        Expected((STRANGER.public,), ML_PARTY.public, CONTRACT, ANSWER_TO + ACTION, 7),
    ):
        with pytest.raises(WireError):
            open_message(envelope, answer.content, wrong, now=NOW)


def test_a_refusal_is_signed_as_well(line: Line) -> None:
    refused = send(line, signed(b"refuse"), b"refuse")
    assert (refused.status_code, refused.json()["code"]) == (403, "V201")
    expected = Expected((PROVIDER.public,), ML_PARTY.public, CONTRACT, ANSWER_TO + ACTION, 7)
    open_message(from_header(refused.headers), refused.content, expected, now=NOW)
