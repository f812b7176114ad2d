"""The provider's service over a desk that answers anything: sizes, errors, the time grid, logs, its published description."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from jalousie.errors import CODES, WireError
from jalousie.places.http_server import listen
from jalousie.places.provider_service import ENVELOPE_HEADER, Service, _until_grid
from jalousie.places.service_log import ServiceLog
from jalousie.places.store import Store
from jalousie.wire.envelope import sign_message, to_header
from jalousie.wire.keys import SigningKey
from service_desk import CANARY, CONTRACT, Line, PlainDesk

PROVIDER, ML_PARTY = SigningKey.new(), SigningKey.new()
BASE = f"/v1/{CONTRACT}"


class Bench:
    """A service, its log, and a way to send it well-signed requests."""

    def __init__(self, desk: PlainDesk) -> None:
        self.log = io.StringIO()
        self.desk = desk
        service = Service({CONTRACT: desk}, key=PROVIDER, store=Store(), log=ServiceLog(self.log))
        self.line = Line(service.app())
        self._sequence = 0

    def words(self, method: str, path: str, body: bytes = b"", *, claimed: bytes | None = None) -> dict[str, Any]:
        self._sequence += 1
        envelope = sign_message(
            body if claimed is None else claimed,
            key=ML_PARTY,
            recipient=PROVIDER.public,
            contract=CONTRACT,
            action=f"{method} {path}",
            sequence=self._sequence,
            now=datetime.now(UTC),
        )
        return {"content": body, "headers": {ENVELOPE_HEADER: to_header(envelope)}}

    def send(self, method: str, path: str, body: bytes = b"", **words: Any) -> Any:
        return self.line.request(method, BASE + path, **self.words(method, BASE + path, body, **words))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(PlainDesk(ML_PARTY.public, max_body=3 * 2**20))
    yield made
    made.line.close()


def test_health_says_nothing_about_data(bench: Bench) -> None:
    answer = bench.line.request("GET", "/health")
    assert answer.json() == {"contracts": [CONTRACT], "status": "ready", "version": answer.json()["version"]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"refuse", 403, "V201"), (b"table", 500, "X900"), (b"fault", 500, "X900")],
)
def test_errors_tell_their_code_and_a_fixed_sentence(bench: Bench, body: bytes, status: int, code: str) -> None:
    answer = bench.send("POST", "/questions", body)
    assert answer.status_code == status
    assert answer.json() == {
        "code": code,
        "status": status,
        "title": CODES[code],
        "type": f"urn:jalousie:error:{code}",
    }
    assert CANARY not in answer.text + str(answer.headers) + bench.log.getvalue()


def test_the_log_tells_where_a_fault_is_and_no_data(bench: Bench) -> None:
    bench.send("POST", "/questions", b"fault")
    events = [json.loads(line) for line in bench.log.getvalue().splitlines()]
    (fault,) = [event for event in events if event["event"] == "fault"]
    assert fault["kind"] == "ZeroDivisionError"
    assert "provider_service.py" in fault["at"]
    (request,) = [event for event in events if event["event"] == "request"]
    assert {key: request[key] for key in ("action", "status", "code")} == {
        "action": "POST /questions",
        "status": 500,
        "code": "X900",
    }


def test_sizes_are_limited_before_the_body_is_read(bench: Bench) -> None:
    assert bench.send("POST", "/questions", b"x" * 3 * 2**20).status_code == 200
    assert bench.send("POST", "/questions", b"x" * (3 * 2**20 + 1)).json()["code"] == "W601"
    assert bench.send("POST", "/ledger/cosignatures", b"x" * (2**20 + 1)).json()["code"] == "W601"
    # who claims little and sends much is cut off
    assert bench.send("POST", "/questions", b"x" * 2**21, claimed=b"x").json()["code"] == "W602"
    assert len(bench.desk.asked) == 1


def test_queries_are_whole_numbers(bench: Bench) -> None:
    assert bench.send("GET", "/ledger/inclusion?index=0&size=1").status_code == 200
    for query in ("index=0", "index=-1&size=1", "index=0x1&size=1", "index=1e3&size=1", "index=&size=1"):
        assert bench.send("GET", f"/ledger/inclusion?{query}").json()["code"] == "W600"
    answer = bench.send("GET", "/ledger/inclusion?index=1&size=1")
    assert (answer.status_code, answer.json()["code"]) == (409, "L711")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("GET", BASE + "/questions"), ("PUT", "/health")])
def test_other_pages_are_problems_as_well(bench: Bench, method: str, path: str) -> None:
    answer = bench.line.request(method, path)
    assert answer.status_code in (404, 405)
    assert answer.json()["status"] == answer.status_code
    assert answer.headers["content-type"] == "application/problem+json"


def test_answers_refusals_and_faults_to_questions_wait_for_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def note(grid: float) -> None:
        waited.append(grid)

    monkeypatch.setattr("jalousie.places.provider_service._until_grid", note)
    bench = Bench(PlainDesk(ML_PARTY.public, grid=0.3))
    path = f"{BASE}/questions"
    bodies = (b"body", b"refuse", b"fault", b"body")
    answers = bench.line.together(*(("POST", path, bench.words("POST", path, body)) for body in bodies))
    assert [answer.status_code for answer in answers] == [200, 403, 500, 200]
    assert waited == [0.3] * 4
    assert bench.send("PUT", "/population", b"names").status_code == 200
    bench.send("GET", "/budget")
    assert waited[4:] == [0.3, 0.0]
    bench.line.close()


@pytest.mark.parametrize("grid", [0.02, 0.05])
def test_the_grid_is_one_of_the_clock(grid: float) -> None:
    async def times() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await _until_grid(grid)
        return before, loop.time()

    for _ in range(5):
        before, after = asyncio.run(times())
        # a multiple of the grid lies between (the loop's timer may be a millisecond early)
        assert int((after + 0.001) / grid) > int(before / grid)


def test_the_published_description_is_complete(bench: Bench) -> None:
    document = bench.line.request("GET", "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    for name in [part.split('"')[0] for part in text.split("#/components/schemas/")[1:]]:
        assert name in schemas
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 14
    for path, operation in ((p, o) for p, methods in document["paths"].items() for o in methods.values()):
        assert ("security" in operation) == path.startswith("/v1")


def test_it_listens_where_it_can_and_without_delays() -> None:
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    # asyncio turns Nagle's algorithm off only for sockets that say that they are TCP
    assert listening.proto == socket.IPPROTO_TCP
    for taken in (port, 70000):
        with pytest.raises(WireError) as raised:
            listen("127.0.0.1", taken)
        assert raised.value.code == "W607"
    listening.close()


def test_a_body_is_not_waited_for_when_its_message_is_old() -> None:
    old = datetime.now(UTC) - timedelta(days=400)
    action = f"PUT {BASE}/population"
    words: dict[str, Any] = {"recipient": PROVIDER.public, "contract": CONTRACT, "action": action, "sequence": 1}
    envelope = to_header(sign_message(b"x" * 2**20, key=ML_PARTY, now=old, **words))
    desk = PlainDesk(ML_PARTY.public, max_body=3 * 2**20)
    service = Service({CONTRACT: desk}, key=PROVIDER, store=Store(), log=ServiceLog(io.StringIO()))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": f"{BASE}/population",
        "raw_path": f"{BASE}/population".encode(),
        "query_string": b"",
        "headers": [(ENVELOPE_HEADER.lower().encode(), envelope.encode())],
    }
    asyncio.run(service.app()(scope, receive, send))
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["code"] == "W604"
