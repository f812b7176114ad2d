"""The provider's HTTP service: who may ask, in which order, and how large. What is answered comes from a desk per contract.

A request carries its signed envelope in a header. The envelope is opened before a byte of the body is read, so strangers
cannot make the service hold anything; every response to a party is signed too. The only unsigned pages are `/health` and
`/openapi.json`, which say nothing about data.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from jalousie import __version__
from jalousie.errors import JalousieError, UsageError, WireError
from jalousie.places.openapi import openapi
from jalousie.places.service_log import Listener, ServiceLog
from jalousie.places.store import Store
from jalousie.wire.canonical import canonical
from jalousie.wire.envelope import (
    CLOCK_MINUTES,
    Expected,
    Statement,
    from_header,
    minute_of,
    open_statement,
    require_body,
    sign_message,
    to_header,
)
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import Health
from jalousie.wire.problem import PROBLEM_TYPE, encode_problem, problem_of

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
BYTES: Final = "application/octet-stream"
LINES: Final = "application/jsonl"
ANSWER_TO: Final = "answer to "
"""An answer is signed for this and its request's action, so that nobody can give it for another."""
ENVELOPE_HEADER: Final = "Jalousie-Envelope"
_MAX_JSON: Final = 2**20
_BODY_SECONDS: Final = 120.0
_LARGE_BODIES: Final = 4
"""Bodies of more than a MiB that are in memory at once; others wait."""
_THREADS: Final = 16
"""Requests that are worked on at once: as many can share one flush to the disk."""


class Desk(Protocol):
    """Answers under one contract. Everything goes in and out as it travels; errors are JalousieErrors."""

    @property
    def contract(self) -> str: ...
    @property
    def ml_party(self) -> PublicKey: ...
    @property
    def grid(self) -> float:
        """Answers leave at multiples of this many seconds."""
        ...

    @property
    def max_body(self) -> int:
        """Bytes of the largest population or question."""
        ...

    def pseudonym_key(self, public: bytes) -> bytes: ...
    def name_population(self, body: bytes) -> msgspec.Struct: ...
    def ask(self, body: bytes, sequence: int) -> bytes: ...
    def answer(self, question: str) -> bytes: ...
    def budget(self, label: str | None) -> msgspec.Struct: ...
    def history(self, after: int) -> msgspec.Struct: ...
    def checkpoint(self) -> msgspec.Struct: ...
    def entries(self, start: int, size: int) -> bytes: ...
    def inclusion(self, index: int, size: int) -> msgspec.Struct: ...
    def consistency(self, old: int, size: int) -> msgspec.Struct: ...
    def cosign(self, body: bytes) -> msgspec.Struct: ...


@dataclass(frozen=True, slots=True)
class Call:
    """A verified request. `rest`: what its path names; `query`: whole numbers and names."""

    body: bytes
    sequence: int
    rest: str
    query: Mapping[str, str]

    def number(self, name: str, default: int | None = None) -> int:
        text = self.query.get(name)
        if text is None and default is not None:
            return default
        if text is None or not re.fullmatch(r"[0-9]{1,15}", text):
            raise WireError("W600", f"the request lacks the whole number {name}", effect="")
        return int(text)


@dataclass(frozen=True, slots=True)
class Action:
    """An endpoint below `/v1/{contract}`. `large`: its body may be as large as the contract's questions."""

    method: str
    path: str
    answer_type: str
    run: Callable[[Desk, Call], bytes]
    large: bool = False
    paced: bool = False
    """Whether its answer waits for the grid."""


ACTIONS: Final = (
    Action("POST", "/pseudonym-key", BYTES, lambda desk, call: desk.pseudonym_key(call.body)),
    Action(
        "PUT",
        "/population",
        JSON,
        lambda desk, call: canonical(desk.name_population(call.body)),
        large=True,
        paced=True,
    ),
    Action("POST", "/questions", ARROW, lambda desk, call: desk.ask(call.body, call.sequence), large=True, paced=True),
    Action("GET", "/answers/{rest}", ARROW, lambda desk, call: desk.answer(call.rest)),
    Action("GET", "/budget", JSON, lambda desk, call: canonical(desk.budget(call.query.get("label")))),
    Action("GET", "/history", JSON, lambda desk, call: canonical(desk.history(call.number("after", 0)))),
    Action("GET", "/ledger/checkpoint", JSON, lambda desk, call: canonical(desk.checkpoint())),
    Action("GET", "/ledger/entries", LINES, lambda desk, call: desk.entries(call.number("start"), call.number("size"))),
    Action(
        "GET",
        "/ledger/inclusion",
        JSON,
        lambda desk, call: canonical(desk.inclusion(call.number("index"), call.number("size"))),
    ),
    Action(
        "GET",
        "/ledger/consistency",
        JSON,
        lambda desk, call: canonical(desk.consistency(call.number("old"), call.number("size"))),
    ),
    Action("POST", "/ledger/cosignatures", JSON, lambda desk, call: canonical(desk.cosign(call.body))),
)


class Service:
    """The endpoints of one provider over its desks."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        *,
        key: SigningKey,
        store: Store,
        log: Listener | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._desks = dict(desks)
        self._key = key
        self._store = store
        self._log = log or ServiceLog()
        self._now = now
        self._large = asyncio.Semaphore(_LARGE_BODIES)
        self._threads = ThreadPoolExecutor(_THREADS, "answer")
        self.stopping = False

    def app(self) -> Starlette:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.responses import Response
        from starlette.routing import Route

        document = msgspec.json.encode(openapi(ACTIONS, __version__))

        async def describe(_: Request) -> Response:
            return Response(document, media_type=JSON)

        async def not_here(_: Request, error: Exception) -> Response:
            status = error.status_code if isinstance(error, HTTPException) else 404
            headers = error.headers if isinstance(error, HTTPException) else None
            problem = problem_of(UsageError("U100", "no such page", effect=""))
            body = encode_problem(msgspec.structs.replace(problem, status=status))
            return Response(body, status, headers, media_type=PROBLEM_TYPE)

        routes = [Route("/health", self._health), Route("/openapi.json", describe)]
        routes += [
            Route("/v1/{contract}" + action.path, self._endpoint(action), methods=[action.method]) for action in ACTIONS
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: not_here}, lifespan=self._life)

    @asynccontextmanager
    async def _life(self, _: ASGIApp) -> AsyncIterator[None]:
        self._log.event("start", contracts=len(self._desks))
        yield
        self.stopping = True
        self._threads.shutdown()
        self._log.event("stop")

    async def _health(self, _: Request) -> Response:
        from starlette.responses import Response

        health = Health(
            status="stopping" if self.stopping else "ready", version=__version__, contracts=tuple(self._desks)
        )
        return Response(canonical(health), media_type=JSON)

    def _endpoint(self, action: Action) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            return await self._serve(action, request)

        return endpoint

    async def _serve(self, action: Action, request: Request) -> Response:
        from starlette.responses import Response

        name = _named(request)
        statement: Statement | None = None
        grid, code = 0.0, ""
        desk = self._desks.get(request.path_params["contract"])
        try:
            if desk is None:
                raise WireError("W603", "the message is about a contract that is not served here", effect="")
            statement = self._announced(action, desk, name, request)
            grid = desk.grid if action.paced else 0.0
            body = await self._body(request, statement.size)
            async with self._room(len(body)):
                work = asyncio.get_running_loop().run_in_executor(
                    self._threads, self._answer, action, desk, statement, body, request
                )
                answer = await work
            status, kind = 200, action.answer_type
        except Exception as error:  # noqa: BLE001 (the last boundary: whatever it is, the other side learns its code alone)
            problem = problem_of(error)
            status, kind, answer, code = problem.status, PROBLEM_TYPE, encode_problem(problem), problem.code
            if not isinstance(error, JalousieError):
                self._log.fault(error)
        self._log.event("request", action=f"{action.method} {action.path}", status=status, code=code)
        headers = {"Cache-Control": "no-store"}
        if desk is not None and statement is not None:
            headers[ENVELOPE_HEADER] = self._signed(answer, statement, desk)
        await _until_grid(grid)
        return Response(answer, status, headers, media_type=kind)

    def _announced(self, action: Action, desk: Desk, name: str, request: Request) -> Statement:
        """The envelope, opened before the body: from the ML party to us, for this action, of an allowed size."""
        expected = Expected((desk.ml_party,), self._key.public, desk.contract, name)
        statement = open_statement(from_header(request.headers), expected)
        limit = desk.max_body if action.large else _MAX_JSON
        if statement.size > limit:
            raise WireError("W601", f"the message has more than {limit} bytes", effect="")
        return statement

    async def _body(self, request: Request, size: int) -> bytes:
        parts: list[bytes] = []
        read = 0
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in request.stream():
                    read += len(part)
                    if read > size:
                        raise WireError("W602", "the body is larger than was signed", effect="")
                    parts.append(part)
        except TimeoutError:
            raise WireError("W600", "the body did not arrive in time", effect="") from None
        return b"".join(parts)

    @asynccontextmanager
    async def _room(self, size: int) -> AsyncIterator[None]:
        if size <= _MAX_JSON:
            yield
            return
        async with self._large:
            yield

    def _answer(self, action: Action, desk: Desk, statement: Statement, body: bytes, request: Request) -> bytes:
        now = self._now()
        require_body(statement, body, now=now)
        # a minute more than any clock may be behind: what is forgotten is refused by its age
        oldest = minute_of(now - timedelta(minutes=CLOCK_MINUTES + 2))
        seen = self._store.require_unseen(statement.sender, statement.sequence, statement.minute, oldest)
        try:
            if len(body) > _MAX_JSON:
                self._store.settle(seen)  # others shall not wait for the file while this one is read
            call = Call(body, statement.sequence, request.path_params.get("rest", ""), request.query_params)
            return action.run(desk, call)
        finally:
            self._store.settle(seen)

    def _signed(self, body: bytes, request: Statement, desk: Desk) -> str:
        envelope = sign_message(
            body,
            key=self._key,
            recipient=desk.ml_party,
            contract=request.contract,
            action=ANSWER_TO + request.action,
            sequence=request.sequence,
            now=self._now(),
        )
        return to_header(envelope)


def _named(request: Request) -> str:
    """Method and target as they were sent: what the sender has signed as the action."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{request.method} {path}" + (f"?{query}" if query else "")


async def _until_grid(grid: float) -> None:
    """Wait for the next multiple of the grid, so that an answer's time tells only which slot it fell into."""
    if grid > 0:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep((int(now / grid) + 1) * grid - now)


def listen(host: str, port: int) -> Any:
    """A listening socket; port 0 takes a free one.

    Raises
    ------
    WireError
        W607
    """
    import socket

    listening = None
    try:
        if not 0 <= port <= 65535:
            raise OSError  # getaddrinfo would take its last 16 bits
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # with its protocol stated: else asyncio does not turn Nagle's delay off, and every answer waits 40 ms
        listening = socket.socket(family, kind, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
        return listening
    except OSError:
        if listening is not None:
            listening.close()
        raise WireError(
            "W607", "the service cannot listen there", hint="take another port, or 0 for a free one", effect=""
        ) from None


def serve(app: ASGIApp, listening: Any, *, certificate: str = "", private_key: str = "") -> None:
    """Run until SIGTERM or SIGINT; requests that are under way are answered first."""
    import signal

    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn would raise the signal once more at the end; a stop that was asked for is no failure
            before = {kind: signal.signal(kind, self.handle_exit) for kind in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for kind, handler in before.items():
                    signal.signal(kind, handler)

    config = uvicorn.Config(
        app,
        log_config=None,
        proxy_headers=False,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=32 * 1024,
        ssl_certfile=certificate or None,
        ssl_keyfile=private_key or None,
    )
    Server(config).run(sockets=[listening])
