"""CPU seconds of reading a contract, compiling hierarchies and inspecting a table: `python tests/bench/bench_hierarchies.py`."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from jalousie.contract import model, parse_contract
from jalousie.tables import compile_hierarchy, contract_draft, guess_table, inspect_table, read_table

ROOT = Path(__file__).resolve().parents[2]
ADULT = ROOT / ".data" / "adult.csv"
REFERENCE = ROOT.parent / "shared" / "data" / "adult"
DISTINCT = 100_000


def seconds(work: Callable[[], Any], *, best_of: int = 3) -> float:
    """CPU seconds, the best of some runs."""
    times = []
    for _ in range(best_of):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def bench_reference() -> None:
    if not REFERENCE.exists():
        print("Adult's nine hierarchy files: absent")
        return
    with (REFERENCE / "adult.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    counts = {name: Counter(row[name] for row in rows) for name in rows[0]}

    def compile_all() -> None:
        for name, found in counts.items():
            spec = model.FileHierarchy(file=f"hierarchy_{name}.csv")
            compile_hierarchy(name, spec, list(found), list(found.values()), REFERENCE)

    print(f"Adult's nine hierarchy files, first time  {seconds(compile_all, best_of=1):8.4f} s")
    print(f"Adult's nine hierarchy files, after that  {seconds(compile_all):8.4f} s")


def bench_builders() -> None:
    numbers: list[str | None] = [str(number) for number in range(DISTINCT)]
    first = date(1800, 1, 1).toordinal()
    dates: list[str | None] = [date.fromordinal(first + day).isoformat() for day in range(DISTINCT)]
    specs: tuple[tuple[model.Hierarchy, list[str | None]], ...] = (
        (model.IntervalHierarchy(widths=(5, 10, 100, 1000)), numbers),
        (model.DateHierarchy(levels=("month", "quarter", "year", "5-years", "decade")), dates),
        (model.MaskHierarchy(), numbers),
        (model.PrefixHierarchy(lengths=(4, 3, 2)), numbers),
        (model.FrequencyHierarchy(thresholds=(0.1, 0.2)), numbers),
        (model.NoHierarchy(), numbers),
    )
    for spec, values in specs:
        counts = [1] * len(values)
        used = seconds(
            lambda spec=spec, values=values, counts=counts: compile_hierarchy("x", spec, values, counts, Path())
        )  # type: ignore[misc]
        print(f"{DISTINCT:,} values by {spec.__struct_config__.tag:<12}             {used:8.4f} s")


def bench_inspect() -> None:
    if not ADULT.exists():
        print("inspect Adult: absent, run `make data`")
        return
    table = guess_table(ADULT)
    raw = read_table(table, None, ADULT.parent)
    for checksums in (True, False):
        used = seconds(lambda checksums=checksums: inspect_table(raw, table=table, checksums=checksums))  # type: ignore[misc]
        print(f"inspect Adult, check digits {'tried' if checksums else 'left out':<12}  {used:8.4f} s")
    text = contract_draft(inspect_table(raw, table=table), table)
    print(f"parse the drafted contract                {seconds(lambda: parse_contract(text)):8.4f} s")


if __name__ == "__main__":
    bench_reference()
    bench_builders()
    bench_inspect()
