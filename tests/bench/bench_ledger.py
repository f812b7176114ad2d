"""What the ledger and the wire cost: `python tests/bench/bench_ledger.py`. CPU seconds of one process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from jalousie.ledger.log import Log, MemoryStorage
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import verify_export
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.arrays import population_from_bytes, population_to_bytes, question_from_bytes, question_to_bytes
from jalousie.wire.envelope import Expected, open_message, sign_message
from jalousie.wire.keys import SigningKey
from ledger_story import LOG_KEY, LOG_VERIFIER, ORIGIN, Story, name

QUESTIONS = 20_000
RECORDS = 1_000_000


@contextmanager
def cpu(what: str, count: int = 1) -> Iterator[None]:
    start = time.process_time()
    yield
    seconds = time.process_time() - start
    rate = f"  {count / seconds:10,.0f} a second" if count > 1 else ""
    print(f"{what:52} {seconds:8.3f} s{rate}")


def ledger() -> None:
    story = Story(reserved=10**12)
    story.register()
    story.population()
    for number in range(QUESTIONS):
        story.ask(name(number), charge=1)
        story.minute += number % 10 == 9  # at most 20 a minute
    log = Log(MemoryStorage(), ORIGIN)
    with cpu("append question and answer", len(story.entries)):
        for entry in story.entries:
            log.append(entry)
        log.root()
    with cpu("sign a checkpoint", 1000):
        for _ in range(1000):
            note = log.checkpoint(LOG_KEY)
    with cpu("prove inclusion", 10_000):
        for index in range(10_000):
            log.inclusion(index, log.size)
    for proofs in (True, False):
        with cpu(f"export {len(story.entries):,} entries, proofs {proofs}", len(story.entries)):
            lines = list(log.export(note, proofs=proofs))
        print(f"{'':52} {sum(map(len, lines)) / 2**20:8.1f} MiB")
        with cpu("verify it", len(story.entries)):
            verify_export(lines, LOG_VERIFIER)
    state = Replay()
    with cpu("replay it", len(story.entries)):
        for index, entry in enumerate(story.entries):
            state.feed(index, entry)


def twice(what: str, write: Callable[[], bytes], read: Callable[[bytes], object]) -> None:
    with cpu(f"write {what}"):
        data = write()
    print(f"{'':52} {len(data) / 2**20:8.1f} MiB")
    with cpu(f"read {what}"):
        read(data)


def wire() -> None:
    rng = np.random.default_rng(1)
    population = Population(rng.integers(0, 256, (RECORDS, 16), dtype=np.uint8))
    partitions = tuple(Partition(rng.integers(0, 50, RECORDS, dtype=np.int32), 50) for _ in range(12))
    question = Question(population.digest(), "outcome", partitions, 0.01)
    population_to_bytes(Population(population.pseudonyms[:10]))  # imports
    twice("a population of 1,000,000", lambda: population_to_bytes(population), population_from_bytes)
    twice("12 partitions of it into 50 groups", lambda: question_to_bytes(question), question_from_bytes)
    party, provider = SigningKey.new(), SigningKey.new()
    now, contract, body = datetime.now(UTC), name("contract"), b"x" * 1000
    expected = Expected((party.public,), provider.public, contract, "ask")
    with cpu("sign a message", 1000):
        for number in range(1000):
            envelope = sign_message(
                body, key=party, recipient=provider.public, contract=contract, action="ask", sequence=number, now=now
            )
    with cpu("open a message", 1000):
        for _ in range(1000):
            open_message(envelope, body, expected, now=now)


if __name__ == "__main__":
    ledger()
    wire()
