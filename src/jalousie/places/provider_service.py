"""The provider's HTTP service: who may ask, in which order, and how large. What is answered comes from a desk per contract.

A request carries its signed envelope in a header. The envelope is opened before a byte of the body is read, so strangers
cannot make the service hold anything; every response to a party is signed too. The only unsigned pages are `/health` and
`/openapi.json`, which say nothing about data.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import msgspec

from jalousie import __version__
from jalousie.errors import JalousieError, UsageError, WireError
from jalousie.places.asgi import App, Received, Reply, application
from jalousie.places.openapi import openapi
from jalousie.places.rounds import Made, Rounds
from jalousie.places.service_log import Listener, ServiceLog
from jalousie.places.shared_file import Batch
from jalousie.places.steps import Pause, Steps, run
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
    require_fresh,
    sign_message,
    to_header,
)
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import Health
from jalousie.wire.parts import PARTS_TYPE, Part, pack_parts, unpack_parts
from jalousie.wire.problem import PROBLEM_TYPE, encode_problem, problem_of

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
BYTES: Final = "application/octet-stream"
LINES: Final = "application/jsonl"
ANSWER_TO: Final = "answer to "
"""An answer is signed for this and its request's action, so that nobody can give it for another."""
ENVELOPE_HEADER: Final = "Jalousie-Envelope"
_MAX_JSON: Final = 2**20
_LARGE_BODIES: Final = 4
"""Bodies of more than a MiB that are read or in memory at once; others wait before they are read."""
_SMALL: Final = 64 * 2**10
_THREADS: Final = 16
"""As many of these are worked on at once, and can share one flush to the disk."""


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
    def ask(self, body: bytes, sequence: int) -> Steps[bytes]: ...
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
    steps: Callable[[Desk, Call], Sequence[Steps[bytes]]]
    """Of all that is asked; each has its own outcome."""
    join: Callable[[Sequence[Made]], bytes]
    """The answer made of the outcomes; raises the error that is answered."""
    large: bool = False
    paced: bool = False
    """Whether its answer waits for the grid."""
    small: int = _SMALL
    """Bytes of a body that is worked on in rounds with others; larger ones have a thread each."""


def _plain(
    method: str,
    path: str,
    kind: str,
    answer: Callable[[Desk, Call], bytes],
    *,
    large: bool = False,
    paced: bool = False,
) -> Action:
    """An endpoint that answers in one step, in a thread of its own."""

    def apart(desk: Desk, call: Call) -> Steps[bytes]:
        yield Pause.APART
        return answer(desk, call)

    return Action(method, path, kind, lambda desk, call: [apart(desk, call)], _one, large=large, paced=paced)


def _one(made: Sequence[Made]) -> bytes:
    (outcome,) = made
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _ask_many(desk: Desk, call: Call) -> list[Steps[bytes]]:
    return [desk.ask(part.body, call.sequence) for part in unpack_parts(call.body)]


def _each(made: Sequence[Made]) -> bytes:
    """Every question's answer or refusal. A fault of ours is the whole message's."""
    for outcome in made:
        if isinstance(outcome, BaseException) and not isinstance(outcome, JalousieError):
            raise outcome
    return pack_parts(
        [
            Part(outcome) if isinstance(outcome, bytes) else Part(encode_problem(problem_of(outcome)), problem=True)
            for outcome in made
        ]
    )


ACTIONS: Final = (
    _plain("POST", "/pseudonym-key", BYTES, lambda desk, call: desk.pseudonym_key(call.body)),
    _plain(
        *("PUT", "/population", JSON, lambda desk, call: canonical(desk.name_population(call.body))),
        large=True,
        paced=True,
    ),
    Action(
        *("POST", "/questions", ARROW, lambda desk, call: [desk.ask(call.body, call.sequence)], _one),
        large=True,
        paced=True,
    ),
    Action(*("POST", "/questions/many", PARTS_TYPE, _ask_many, _each), large=True, paced=True, small=_MAX_JSON),
    _plain("GET", "/answers/{rest}", ARROW, lambda desk, call: desk.answer(call.rest)),
    _plain("GET", "/budget", JSON, lambda desk, call: canonical(desk.budget(call.query.get("label")))),
    _plain("GET", "/history", JSON, lambda desk, call: canonical(desk.history(call.number("after", 0)))),
    _plain("GET", "/ledger/checkpoint", JSON, lambda desk, call: canonical(desk.checkpoint())),
    _plain("GET", "/ledger/entries", LINES, lambda desk, call: desk.entries(call.number("start"), call.number("size"))),
    _plain(
        "GET",
        "/ledger/inclusion",
        JSON,
        lambda desk, call: canonical(desk.inclusion(call.number("index"), call.number("size"))),
    ),
    _plain(
        "GET",
        "/ledger/consistency",
        JSON,
        lambda desk, call: canonical(desk.consistency(call.number("old"), call.number("size"))),
    ),
    _plain("POST", "/ledger/cosignatures", JSON, lambda desk, call: canonical(desk.cosign(call.body))),
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
        self._rounds = Rounds(store, self._threads)
        document = msgspec.json.encode(openapi(ACTIONS, __version__))
        self._pages: dict[str, Callable[[], bytes]] = {"/health": self._health, "/openapi.json": lambda: document}
        self._actions: dict[str, dict[str, Action]] = {}
        for action in ACTIONS:
            self._actions.setdefault(action.path.removeprefix("/"), {})[action.method] = action
        self.stopping = False

    def app(self) -> App:
        return application(self._respond, self._life)

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        self._log.event("start", contracts=len(self._desks))
        yield
        self.stopping = True
        self._rounds.close()
        self._threads.shutdown()
        self._log.event("stop")

    async def _respond(self, request: Received) -> Reply:
        parts = request.path.split("/", 3)
        if len(parts) == 4 and parts[:2] == ["", "v1"]:
            contract, below = parts[2:]
            page, _, named = below.rpartition("/")
            for path, rest in ((below, ""), (f"{page}/{{rest}}", named)):
                methods = self._actions.get(path, {})
                if request.method in methods:
                    return await self._serve(methods[request.method], contract, rest, request)
                if methods:
                    return _not_allowed(methods)
        if request.path in self._pages:
            if request.method not in ("GET", "HEAD"):
                return _not_allowed(("GET", "HEAD"))
            return Reply(200, JSON, self._pages[request.path](), {})
        return _no_page(404)

    def _health(self) -> bytes:
        return canonical(
            Health(status="stopping" if self.stopping else "ready", version=__version__, contracts=tuple(self._desks))
        )

    async def _serve(self, action: Action, contract: str, rest: str, request: Received) -> Reply:
        statement: Statement | None = None
        grid, code = 0.0, ""
        desk = self._desks.get(contract)
        try:
            if desk is None:
                raise WireError("W603", "the message is about a contract that is not served here", effect="")
            statement = self._announced(action, desk, request)
            grid = desk.grid if action.paced else 0.0
            require_fresh(statement, now=self._now())
            async with self._large if statement.size > _MAX_JSON else nullcontext():
                body = await request.body(statement.size)
                call = Call(body, statement.sequence, rest, request.query)
                answer = await self._answer(action, desk, statement, call)
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
        return Reply(status, kind, answer, headers)

    def _announced(self, action: Action, desk: Desk, request: Received) -> Statement:
        """The envelope, opened before the body: from the ML party to us, for this action, of an allowed size."""
        expected = Expected((desk.ml_party,), self._key.public, desk.contract, request.action)
        statement = open_statement(from_header(request.headers), expected)
        limit = desk.max_body if action.large else _MAX_JSON
        if statement.size > limit:
            raise WireError("W601", f"the message has more than {limit} bytes", effect="")
        return statement

    async def _answer(self, action: Action, desk: Desk, statement: Statement, call: Call) -> bytes:
        """What comes of a request, once all that it changed is on the disk."""

        def admit() -> Batch:
            now = self._now()
            require_body(statement, call.body, now=now)
            # a minute more than any clock may be behind: what is forgotten is refused by its age
            oldest = minute_of(now - timedelta(minutes=CLOCK_MINUTES + 2))
            return self._store.require_unseen(statement.sender, statement.sequence, statement.minute, oldest)

        def alone() -> list[Made]:
            self._store.settle(admit())
            return [run(steps, self._store) for steps in action.steps(desk, call)]

        if len(call.body) <= action.small:
            return action.join(await self._rounds.work(admit, lambda: action.steps(desk, call)))
        return action.join(await asyncio.get_running_loop().run_in_executor(self._threads, alone))

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


def _not_allowed(methods: Iterable[str]) -> Reply:
    return _no_page(405, {"Allow": ", ".join(methods)})


def _no_page(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    problem = problem_of(UsageError("U100", "no such page", effect=""))
    body = encode_problem(msgspec.structs.replace(problem, status=status))
    return Reply(status, PROBLEM_TYPE, body, headers or {})


async def _until_grid(grid: float) -> None:
    """Wait for the next multiple of the grid, so that an answer's time tells only which slot it fell into."""
    if grid > 0:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep((int(now / grid) + 1) * grid - now)
