"""Speed and memory of sealed labels in one process: `python tests/bench/bench_sealed.py [--large]`.

Figures are CPU seconds of this process, best of several. The mediator's part has monitor, memo, ledger (in memory) and noise.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from jalousie.architectures.answering import made_up
from jalousie.architectures.ask_sealed import Mediating, SealedValidator, seal_labels
from jalousie.architectures.kept import Kept
from jalousie.architectures.records import array_records
from jalousie.contract import digest
from jalousie.contract.feedback import Feedback, Label, Sealed
from jalousie.places.book import Book
from jalousie.places.store import Store
from jalousie.sealed.keys import SealingKey
from jalousie.validator.local import Simulated
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.keys import SigningKey

RNG = np.random.default_rng(0)
PROVIDERS = ("north", "south")


def contract(sealed: bool = True, **other: object) -> Feedback:
    labels = {
        "y": Label(column="y", classes=("0", "1")),
        "w": Label(column="w", classes=("0", "1", "2", "3")),
        "z": Label(column="z", kind="number", low=0.0, high=100.0),
    }
    wide = {"epsilon": 1.0, "max_questions": 10**6, "questions_per_minute": 10**6}
    by = Sealed(providers=PROVIDERS, disjoint=True) if sealed else None
    return Feedback(identifier="id", labels=labels, sealed=by, **{**wide, **other})  # type: ignore[arg-type]


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def most_memory() -> float:
    """GiB, of the whole process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def line(what: str, seconds: float) -> None:
    print(f"{what:<58} {1e3 * seconds:9.1f} ms", flush=True)


def fresh(population: Population, label: str, groups: int, partitions: int, rho: float) -> Question:
    size = population.size
    parts = tuple(Partition(RNG.integers(0, groups, size, dtype=np.int32), groups) for _ in range(partitions))
    return Question(population.digest(), label, parts, rho)


def run(size: int, relation: str) -> None:
    name = f"{size // 1_000_000}M records, {relation}"
    feedback = contract(neighbours=relation)
    table = {"y": RNG.integers(0, 2, size), "w": RNG.integers(0, 4, size), "z": RNG.uniform(0, 100, size)}
    pseudonyms = RNG.integers(0, 256, (size, 16), dtype=np.uint8)
    population, agreed, own, key = Population(pseudonyms), made_up(feedback), SigningKey.new(), SealingKey.new()
    store = Store()
    mediator = Mediating(agreed, Kept(store, Book(store, own), digest(agreed)), own, population)
    print(f"\n{name}; {most_memory():.2f} GiB before")
    for provider, present in (("north", RNG.random(size) < 0.4), ("south", RNG.random(size) < 0.4)):
        records = array_records(table, feedback, pseudonyms, present=present)
        columns = iter(seal_labels(records, population, agreed, provider, key.of(provider)))
        for label in feedback.labels:
            start = time.process_time()
            column = next(columns)
            sealed = time.process_time() - start
            what = "match and seal" if label == "y" else "seal"
            if provider == "north":
                line(f"{provider}: {what} {label}, {column.words.shape[1]} words a record", sealed)
            added = cpu(lambda column=column: mediator.accept(column))  # type: ignore[misc]
            if provider == "south":
                line(f"mediator: add {label}", added)
    made = SealedValidator(mediator, key)
    rho = 0.01 * made.budget("y").reserved.value
    for label in feedback.labels:
        times = []
        for _ in range(4):
            asked = fresh(population, label, 50, 1, rho)
            start = time.process_time()
            sealed_answer = mediator.ask(asked)
            middle = time.process_time()
            made._opener.unmask(sealed_answer, asked)
            times.append((middle - start, time.process_time() - middle))
        line(f"{label}, 50 groups: mediator", min(first for first, _ in times))
        line(f"{label}, 50 groups: ML party, the first time (pads)", times[0][1])
        line(f"{label}, 50 groups: ML party, later", min(second for _, second in times))
    asked = fresh(population, "y", 50, 12, rho)
    line("y, 50 groups, 12 partitions: both", cpu(lambda: made.ask(asked)))
    line("the same again (replayed): both", cpu(lambda: made.ask(asked)))
    print(f"most memory of the process {most_memory():.2f} GiB")
    clear = Simulated.from_arrays(table, contract(sealed=False, neighbours=relation), pseudonyms)
    seen = [fresh(clear.population, "y", 50, 1, rho) for _ in range(4)]
    line("for comparison, y in clear (2.A), 50 groups", min(cpu(lambda one=one: clear.ask(one)) for one in seen))  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="also 10 million records")
    large = parser.parse_args().large
    for relation in ("add-or-remove", "change-label"):
        run(1_000_000, relation)
    if large:
        run(10_000_000, "add-or-remove")


if __name__ == "__main__":
    main()
