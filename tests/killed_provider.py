"""A provider that is killed again and again while it answers; run as a program, since it forks.

    python killed_provider.py FOLDER KILLS [STEP [together]]

Without a step the kill comes at a random instant, from outside. With one (`decided`, `spent`, `computed`, `stored`) the provider
kills itself just after that step of a question, chosen at random. Half of the lives without a step, and all with `together`, are
asked several questions at once, in rounds as the service does. Prints what was found as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import secrets
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from jalousie.architectures.ask import Asking
from jalousie.architectures.kept import Kept
from jalousie.architectures.records import array_records
from jalousie.contract import Contract, digest
from jalousie.contract.feedback import Feedback, Label
from jalousie.contract.model import Column, Parties
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import verify_export
from jalousie.places.book import Book, ledger_key
from jalousie.places.rounds import Made, Rounds
from jalousie.places.steps import Steps
from jalousie.places.store import FILE, Store
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.arrays import answer_from_bytes
from jalousie.wire.envelope import body_digest
from jalousie.wire.keys import SigningKey

SIZE = 400
RHO = 0.0002
FEEDBACK = Feedback(
    identifier="id",
    labels={"label": Label(column="label", classes=("0", "1"))},
    epsilon=8.0,
    questions_per_minute=10**6,
    max_questions=10**6,
)
CONTRACT = Contract(
    jalousie=1,
    name="killed",
    parties=Parties(provider="provider"),
    columns={"id": Column(role="identifier"), "label": Column(role="sensitive")},
    feedback=FEEDBACK,
)
KEY = SigningKey(bytes(32))
POPULATION = Population(np.random.default_rng(0).integers(0, 256, (SIZE, 16)).astype(np.uint8))
LABELS = np.random.default_rng(1).integers(0, 2, SIZE)


def open_provider(path: Path | None, step: Any = lambda _: None) -> tuple[Store, Asking]:
    store = Store(path)
    records = array_records({"label": LABELS}, FEEDBACK, POPULATION.pseudonyms)
    kept = Kept(store, Book(store, KEY), digest(CONTRACT), step=step)
    return store, Asking(CONTRACT, records, kept, KEY)


def partitions_for(kills: int) -> int:
    """Among which lives choose: enough that to the last one some are new, few enough that each comes again."""
    return max(300, 3 * kills)


def partition(number: int) -> Partition:
    return Partition(np.random.default_rng(number).integers(0, 4, SIZE).astype(np.int32), 4)


class Asker:
    """Asks a provider, one question or several at once, and gives what would be sent."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._rounds = Rounds(asking.kept.store, ThreadPoolExecutor(2))

    def alone(self, number: int) -> list[str]:
        answer = self._asking.ask(Question(POPULATION.digest(), "label", (partition(number),), RHO))
        return [hashlib.sha256(answer.counts[0].tobytes()).hexdigest()]

    def together(self, requests: list[list[int]]) -> list[str]:
        """Every request's questions come in one message, and all requests at once."""

        async def ask() -> list[list[Made]]:
            return await asyncio.gather(*(self._request(numbers) for numbers in requests))

        return [made.decode() for outcome in asyncio.run(ask()) for made in outcome if isinstance(made, bytes)]

    async def _request(self, numbers: list[int]) -> list[Made]:
        store, sequence = self._asking.kept.store, secrets.randbelow(2**53)
        return await self._rounds.work(
            lambda: store.require_unseen("ml-party", sequence, "2026-11-24T10:00Z", "2026-11-24T09:53Z"),
            lambda: [self._steps(number) for number in numbers],
        )

    def _steps(self, number: int) -> Steps[bytes]:
        asked = Question(POPULATION.digest(), "label", (partition(number),), RHO)
        answer, body = yield from self._asking.steps(asked, sequence=0, sent=body_digest(b""))
        assert answer_from_bytes(body).counts[0].tolist() == answer.counts[0].tolist()
        return hashlib.sha256(answer.counts[0].tobytes()).hexdigest().encode()


def answer_until_killed(path: Path, out: int, seed: int, partitions: int, step: str, together: bool) -> None:
    drawn = random.Random(seed)
    countdown = drawn.randint(1, 3)

    def after(name: str) -> None:
        nonlocal countdown
        if name == step:
            countdown -= 1
            if not countdown:
                os.kill(os.getpid(), signal.SIGKILL)

    _, asking = open_provider(path, after)
    asking.hand_over(POPULATION)
    os.write(out, b"ready\n")
    asker = Asker(asking)
    while True:
        requests = [
            [drawn.randrange(partitions) for _ in range(drawn.randint(1, 3))] for _ in range(drawn.randint(1, 4))
        ]
        if not together:
            requests = [requests[0][:1]]
        numbers = [number for request in requests for number in request]
        seen = asker.together(requests) if together else asker.alone(*numbers)
        lines = "".join(f"{number} {answer}\n" for number, answer in zip(numbers, seen, strict=True))
        os.write(out, lines.encode())


def one_life(path: Path, seed: int, partitions: int, step: str, together: bool) -> list[str]:
    """Start a provider, kill it, and return the lines that it sent."""
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer_until_killed(path, outward, seed, partitions, step, together)
        finally:
            os._exit(1)
    os.close(outward)
    received = b""
    while b"ready\n" not in received and (part := os.read(inward, 65536)):
        received += part
    if not step:
        time.sleep(random.Random(seed).uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
    while part := os.read(inward, 65536):
        received += part
    os.close(inward)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the provider ended by itself"
    # a line that was cut in two was not sent
    return received.decode().split("\n")[1:-1]


def main(folder: Path, kills: int, step: str, together: bool) -> dict[str, Any]:
    path = folder / FILE
    # work out once what every life needs: the children inherit it
    _, asking = open_provider(None)
    asking.hand_over(POPULATION)
    asking.ask(Question(POPULATION.digest(), "label", (partition(0),), RHO))
    sent: dict[str, str] = {}
    fresh = returned = answers = 0
    spent = 0
    for seed in range(kills):
        for line in one_life(path, seed, partitions_for(kills), step, together or (not step and seed % 2 == 1)):
            number, seen = line.split()
            fresh += sent.setdefault(number, seen) != seen
            answers += 1
        store = Store(path)
        charged = store.questions_after(digest(CONTRACT), 0)
        store.close()
        now = sum(past.spent for past in charged)
        returned += now < spent or now < len(sent) * round(RHO * 1e9)
        spent = now
    store, asking = open_provider(path)
    replay = Replay()
    lines = list(asking.kept.book.export())
    verify_export(lines, ledger_key(KEY.public), each=replay.feed)
    found = replay.result()
    sound = store.check()
    tally = asking.budget("label").spent.nano
    store.close()
    return {
        "kills": kills,
        "answers": answers,
        "partitions": len(sent),
        "fresh-noise": fresh,
        "budget-returned": returned,
        "spent": spent,
        "tally": tally,
        "unfinished": len(found.unfinished),
        "faults": [fault.message for fault in found.faults],
        "sound": sound,
    }


if __name__ == "__main__":
    result = main(
        Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "", "together" in sys.argv[4:]
    )
    sys.stdout.write(json.dumps(result))
