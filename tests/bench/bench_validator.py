"""Speed and memory of the validator in memory: `python tests/bench/bench_validator.py [--large]`.

Figures are CPU seconds of this process, best of several; the monitor, the memo and the noise are included.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.local import Simulated
from jalousie.validator.types import Partition, Question

RNG = np.random.default_rng(0)


def contract(**other: object) -> Feedback:
    labels = {"y": Label(column="y", classes=("0", "1")), "z": Label(column="z", kind="number", low=0.0, high=100.0)}
    wide = {"epsilon": 1.0, "max_questions": 10**6, "questions_per_minute": 10**6}
    return Feedback(identifier="id", labels=labels, **{**wide, **other})  # type: ignore[arg-type]


def build(size: int, **other: object) -> Simulated:
    return Simulated.from_arrays(
        {"y": RNG.integers(0, 2, size), "z": RNG.uniform(0, 100, size)},
        contract(**other),
        present=RNG.random(size) < 0.8,
    )


def fresh(made: Simulated, size: int, groups: int, partitions: int, share: float, label: str = "y") -> Question:
    parts = tuple(Partition(RNG.integers(0, groups, size, dtype=np.int32), groups) for _ in range(partitions))
    return Question(made.population.digest(), label, parts, share * made.terms.account.reserved.value)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def question(made: Simulated, size: int, groups: int, partitions: int, label: str = "y", times: int = 5) -> float:
    asked = [fresh(made, size, groups, partitions, 0.01, label) for _ in range(times)]
    return min(cpu(lambda one=one: made.ask(one)) for one in asked)  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="also 10 million records")
    large = parser.parse_args().large
    size = 1_000_000
    start = time.process_time()
    made = build(size)
    print(f"1M records: match and sort once       {time.process_time() - start:8.2f} s")
    made.ask(fresh(made, size, 50, 1, 0.01))
    print(f"1M records, 50 groups                 {1e3 * question(made, size, 50, 1):8.1f} ms")
    print(f"1M records, 50 groups, sums of a number {1e3 * question(made, size, 50, 1, 'z'):6.1f} ms")
    print(f"1M records, 50 groups, 12 partitions  {1e3 * question(made, size, 50, 12, times=3):8.1f} ms")
    half = Partition(np.where(np.arange(size) % 2, RNG.integers(0, 50, size), -1).astype(np.int32), 50)
    part = Question(made.population.digest(), "y", (half,), 0.01 * made.terms.account.reserved.value)
    print(f"1M records, half of them, 50 groups   {1e3 * cpu(lambda: made.ask(part)):8.1f} ms")
    print(f"1M records, replay                    {1e3 * cpu(lambda: made.ask(part)):8.1f} ms")
    small = build(2_000, epsilon=8.0)
    asked = [fresh(small, 2_000, 10, 1, 1e-5) for _ in range(11_000)]
    first = cpu(lambda: [small.ask(one) for one in asked[:500]])
    cpu(lambda: [small.ask(one) for one in asked[500:10_500]])
    last = cpu(lambda: [small.ask(one) for one in asked[10_500:]])
    print(f"2,000 records, 10 groups              {500 / first:8.0f} questions/s")
    print(f"the same after 10,000 questions       {500 / last:8.0f} questions/s")
    if large:
        del made, asked, half, part
        size = 10_000_000
        start = time.process_time()
        made = build(size)
        print(f"10M records: match and sort once      {time.process_time() - start:8.2f} s")
        print(f"10M records, 50 groups                {1e3 * question(made, size, 50, 1, times=2):8.1f} ms")
    print(
        f"most memory of the process            {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB"
    )


if __name__ == "__main__":
    main()
