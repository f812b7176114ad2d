"""Speed of two real processes over loopback: `python tests/bench/bench_service.py [--records N] [--clients N ...]`.

A provider's service with its SQLite store on disk, and ML parties that sign and verify: wall-clock seconds at the client, and
the processor time of either side (Linux). The time grid is off, so that what is measured is work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from jalousie.validator.types import Answer, Partition, Population, Question
from two_places import Places, Running, serving, settle

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


def used(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def small_questions(population: Population, seed: int, count: int) -> list[Question]:
    return [
        Question(population.digest(), "income", partitions(1, 4, population.size, seed + number), 1e-7)
        for number in range(count)
    ]


def _client(
    places: Places, url: str, population: Population, seed: int, count: int, many: int, barrier: object, out: object
) -> None:
    provider = places.reach(url)
    first, *asked = small_questions(population, seed, count + 1)
    provider.ask(first)  # imports and connects
    barrier.wait()  # type: ignore[attr-defined]
    start, busy = time.perf_counter(), time.process_time()
    for place in range(0, count, many):
        if many == 1:
            provider.ask(asked[place])
        else:
            assert all(isinstance(answer, Answer) for answer in provider.ask_many(asked[place : place + many]))
    out.put((start, time.perf_counter(), time.process_time() - busy))  # type: ignore[attr-defined]
    provider.close()


def together(
    running: Running, folder: Path, population: Population, clients: int, count: int, seed: int, many: int = 1
) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, out = context.Barrier(clients + 1), context.Queue()
    words = [(Places(folder), running.url, population, seed + 10**6 * number) for number in range(clients)]
    processes = [context.Process(target=_client, args=(*word, count, many, barrier, out)) for word in words]
    for process in processes:
        process.start()
    barrier.wait()
    before = used(running.process.pid)
    spans = [out.get(timeout=500) for _ in processes]
    served = used(running.process.pid) - before
    for process in processes:
        process.join()
    wall = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    asked = clients * count
    messages = f", {many} in a message" if many > 1 else ""
    say(f"{clients} client(s) at once, new questions of 1,200 records{messages}", f"{asked / wall:8.0f} questions/s")
    say("  CPU of the provider, a question", f"{1e3 * served / asked:8.2f} ms")
    say("  CPU of the client, a question", f"{1e3 * sum(busy for _, _, busy in spans) / asked:8.2f} ms")


def small(folder: Path, clients: list[int], count: int, history: int) -> None:
    places = settle(folder, epsilon=8.0)
    with serving(places) as running:
        validator = places.validator(running.url)
        population = validator.population
        for place, number in enumerate(clients):
            together(running, folder, population, number, count // number, 10**8 * (place + 1))
            together(running, folder, population, number, count // number, 10**8 * (place + 1) + 5 * 10**7, many=32)
        if history:
            for question in small_questions(population, 9 * 10**8, history):
                validator.ask(question)
            print(f"after {history:,} questions more:")
            together(running, folder, population, 1, count, 8 * 10**8)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--questions", type=int, default=1600, help="of all clients together")
    parser.add_argument("--history", type=int, default=0, help="questions to ask before one client is measured again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small(Path(folder), arguments.clients, arguments.questions, arguments.history)
    if arguments.records:
        with tempfile.TemporaryDirectory() as folder:
            large(Path(folder), arguments.records)


if __name__ == "__main__":
    main()
