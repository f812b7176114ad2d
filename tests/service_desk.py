"""A desk that answers anything: for tests of the service itself."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec

from jalousie.errors import LedgerError, TableError, ValidatorError
from jalousie.places.steps import Steps
from jalousie.wire.keys import PublicKey
from jalousie.wire.messages import (
    BudgetAnswer,
    CheckpointAnswer,
    ConsistencyAnswer,
    CosignatureAccepted,
    History,
    InclusionAnswer,
    PopulationAccepted,
)

CONTRACT = "sha256:" + "a" * 64
CANARY = "CANARY-7731-QZ"
HASH = "A" * 43 + "="


class PlainDesk:
    """Implements `places.provider_service.Desk`; fails on bodies that say so."""

    def __init__(self, ml_party: PublicKey, grid: float = 0.0, max_body: int = 4 * 2**20) -> None:
        self.contract = CONTRACT
        self.ml_party = ml_party
        self.grid = grid
        self.max_body = max_body
        self.asked: list[bytes] = []

    def pseudonym_key(self, public: bytes) -> bytes:
        return public

    def name_population(self, body: bytes) -> msgspec.Struct:
        return PopulationAccepted(population=CONTRACT, size=len(body))

    def ask(self, body: bytes, sequence: int) -> Steps[bytes]:
        yield from ()
        self.asked.append(body)
        if body == b"refuse":
            raise ValidatorError("V201", f"{CANARY} is too much", hint=CANARY)
        if body == b"table":
            raise TableError("T207", f"{CANARY} is no number")
        if body == b"fault":
            raise ZeroDivisionError(CANARY)
        return b"answer to " + body

    def answer(self, question: str) -> bytes:
        return question.encode()

    def budget(self, label: str | None) -> msgspec.Struct:
        return BudgetAnswer(contract=CONTRACT, labels=())

    def history(self, after: int) -> msgspec.Struct:
        return History(contract=CONTRACT, events=())

    def checkpoint(self) -> msgspec.Struct:
        return CheckpointAnswer(checkpoint="note")

    def entries(self, start: int, size: int) -> bytes:
        return b""

    def inclusion(self, index: int, size: int) -> msgspec.Struct:
        if index >= size:
            raise LedgerError("L711", CANARY)
        return InclusionAnswer(index=index, size=size, leaf=HASH, path=())

    def consistency(self, old: int, size: int) -> msgspec.Struct:
        return ConsistencyAnswer(old=old, size=size, path=())

    def cosign(self, body: bytes) -> msgspec.Struct:
        return CosignatureAccepted(size=len(body))


class Line:
    """Requests to a service without a network."""

    def __init__(self, app: Any) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://provider", trust_env=False)

    def request(self, method: str, path: str, **words: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **words))

    def together(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Several requests at once."""

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(
                *(self._client.request(method, path, **words) for method, path, words in requests)
            )

        return self._runner.run(all_of_them())

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
