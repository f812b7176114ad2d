"""Speed of two real processes over loopback: `python tests/bench/bench_service.py [--records N] [--clients N]`.

A provider's service with its SQLite store on disk, and ML parties that sign and verify; wall-clock seconds at the client.
The time grid is off, so that what is measured is work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from jalousie.architectures.ask_remote import RemoteValidator
from jalousie.validator.types import Partition, Population, Question
from two_places import Places, serving, settle

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def say(what: str, figure: str) -> None:
    print(f"{what:<72}{figure}", flush=True)


def partitions(count: int, groups: int, size: int, seed: int) -> tuple[Partition, ...]:
    drawn = np.random.default_rng(seed)
    return tuple(Partition(drawn.integers(0, groups, size).astype(np.int32), groups) for _ in range(count))


def large(folder: Path, records: int) -> None:
    places = settle(folder, epsilon=8.0)
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = np.where(np.arange(records) // 7 % 2, "high", "low")
    identifiers = [f"p{number}" for number in range(records)]
    pq.write_table(pa.table({"id": identifiers, "income": labels}), folder / "people.parquet")
    text = places.contract_file.read_text().replace("people.csv", "people.parquet")
    places.contract_file.write_text(text)
    start = time.perf_counter()
    with serving(places) as running:
        say(f"start: read and pseudonymise {records:,} records", f"{time.perf_counter() - start:8.2f} s")
        provider = places.reach(running.url)
        spent, population = timed(lambda: provider.population(identifiers))
        say("the ML party pseudonymises its identifiers", f"{spent:8.2f} s")
        spent, _ = timed(lambda: provider.hand_over(population))
        say("hand the population over (matched once)", f"{spent:8.2f} s")
        for count, groups in ((1, 50), (12, 50)):
            times = []
            for seed in range(4):
                parts = partitions(count, groups, records, 10 * count + seed)
                asked = Question(population.digest(), "income", parts, 0.01)
                times.append(timed(lambda asked=asked: provider.ask(asked))[0])  # type: ignore[misc]
            shown = f"{min(times):8.3f} s best, {max(times):.3f} s worst"
            say(f"a new question of {count} partition(s) of {groups} groups", shown)
            say("  the same again, replayed", f"{timed(lambda asked=asked: provider.ask(asked))[0]:8.3f} s")  # type: ignore[misc]


def _client(
    places: Places, url: str, population: Population, seed: int, count: int, barrier: object, out: object
) -> None:
    provider = places.reach(url)
    asked = [
        Question(population.digest(), "income", partitions(1, 4, population.size, 10**6 * (seed + 1) + number), 1e-7)
        for number in range(count)
    ]
    provider.budget("income")
    barrier.wait()  # type: ignore[attr-defined]
    start = time.perf_counter()
    for question in asked:
        provider.ask(question)
    out.put((start, time.perf_counter()))  # type: ignore[attr-defined]
    provider.close()


def small(folder: Path, clients: int, count: int) -> None:
    places = settle(folder, epsilon=8.0)
    context = multiprocessing.get_context("spawn")
    with serving(places) as running:
        validator = places.validator(running.url)
        one(validator, "one client, one after another, new questions of 1,200 records", 200)
        barrier, out = context.Barrier(clients), context.Queue()
        population = validator.population
        running_clients = [
            context.Process(target=_client, args=(Places(folder), running.url, population, seed, count, barrier, out))
            for seed in range(clients)
        ]
        for client in running_clients:
            client.start()
        spans = [out.get(timeout=500) for _ in running_clients]
        for client in running_clients:
            client.join()
        wall = max(end for _, end in spans) - min(start for start, _ in spans)
        say(f"{clients} clients at once, new questions", f"{clients * count / wall:8.0f} questions/s")
        one(validator, f"one client after {clients * count + 200:,} questions", 200, seed=5 * 10**8)


def one(validator: RemoteValidator, what: str, count: int, seed: int = 10**8) -> None:
    population = validator.population
    asked = [
        Question(population.digest(), "income", partitions(1, 4, population.size, seed + number), 1e-7)
        for number in range(count)
    ]
    validator.ask(asked[0])
    spent, _ = timed(lambda: [validator.ask(question) for question in asked[1:]])
    say(what, f"{(count - 1) / spent:8.0f} questions/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--questions", type=int, default=200, help="of each client")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small(Path(folder), arguments.clients, arguments.questions)
    with tempfile.TemporaryDirectory() as folder:
        large(Path(folder), arguments.records)


if __name__ == "__main__":
    main()
