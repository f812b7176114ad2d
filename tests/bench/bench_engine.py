"""The two operations on the full data, Parquet to Parquet: CPU seconds and peak memory.

    python tests/bench/bench_engine.py [MILLIONS] [--limit 640MiB] [--folder DIR] [--threads N]

The table is made up (by DuckDB, from hashes of the row number): nine skewed quasi-identifiers, one with nulls, an identifier and
an amount; 1.6 million distinct combinations in 10 million rows.
Every stage runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ["sex", "age", "race", "marital", "education", "country", "work", "year", "salary"]
SKEWED = "least(floor(-ln(1 - (hash(i * {a} + {b}) % 1000000) / 1000000.0) * {n} / 6), {n} - 1)::INTEGER"
SIZES = {"sex": 2, "age": 74, "race": 5, "marital": 7, "education": 16, "country": 41, "work": 8, "salary": 2}
STAGES = ("one-scheme", "local")


def make(millions: int, path: Path) -> None:
    import duckdb

    columns = ["i AS id"]
    for j, (name, size) in enumerate(SIZES.items()):
        value = SKEWED.format(a=7 + 2 * j, b=j, n=size)
        text = f"'{name} ' || {value}"
        columns.append(f"nullif({text}, '{name} 1') AS {name}" if name == "work" else f"{text} AS {name}")
    columns += ["(1990 + hash(i * 19) % 2)::SMALLINT AS year", "(hash(i * 29) % 100000)::INTEGER / 100 AS amount"]
    connection = duckdb.connect(config={"preserve_insertion_order": True, "memory_limit": "2GiB"})
    connection.execute(
        f"COPY (SELECT {', '.join(columns)} FROM range({millions * 1_000_000}) r(i)) TO '{path}' (FORMAT parquet)"
    ).fetchall()


def stage(name: str, source: Path, limit: str, threads: int) -> None:
    """Count, recode (every value renamed; rare combinations dropped), write; print figures as JSON."""
    import numpy as np

    from jalousie.contract.model import Table
    from jalousie.privacy.recoding import Proof, Recoding
    from jalousie.tables import EngineOptions, apply_recoding, count_groups, read_table, write_frame

    figures: dict[str, Any] = {}

    def timed(what: str, work: Any) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        figures[what] = (round(time.process_time() - cpu, 2), round(time.perf_counter() - wall, 2))
        return result

    options = EngineOptions(memory_limit=limit, temp_folder=str(source.parent), threads=threads)
    raw = read_table(Table(file=source.name), None, source.parent, options=options)
    table = timed("count", lambda: count_groups(raw, NAMES))
    gone = table.counts < 3
    labels = tuple(tuple(f"{value}~" for value in values) for values in table.values)
    codes = table.codes.copy()
    if name == "local":  # two columns depend on the whole combination
        labels = tuple((*texts, "*") for texts in labels)
        for column in (1, 4):
            codes[column][::2] = len(labels[column]) - 1
    proof = Proof(True, 1, 1, 0, 0.0, 0.0, "none", "numpy")
    loss = np.zeros(codes.shape, dtype=np.float32)
    recoding = Recoding(None, labels, codes, gone, np.where(gone, -1, 0), loss, 0.0, proof)
    recoded = timed("apply", lambda: apply_recoding(raw, table, recoding))
    target = source.parent / f"{name}.parquet"
    written = timed("write", lambda: write_frame(recoded, target))
    figures["cpu"] = round(sum(v[0] for v in figures.values()), 1)
    figures["peak-gib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    figures |= {"groups": table.groups, "rows-in": raw.rows, "rows-out": written.rows, "bytes": written.bytes}
    print(json.dumps(figures))


def check_order(path: Path) -> int:
    """Rows that come before a row they should follow."""
    import duckdb

    found = duckdb.execute(
        f"SELECT count(*) FROM (SELECT id, lag(id) OVER () AS before FROM '{path}') WHERE id < before"
    ).fetchall()
    return int(found[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", type=int, nargs="?", default=10)
    parser.add_argument("--limit", default="", help="memory limit of the engine (default: its own)")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--folder", default=None, help="where the tables are made and removed again")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        stage(given.stage, given.source, given.limit, given.threads)
        return
    from jalousie.tables import EngineOptions

    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-") as folder:
        source = Path(folder) / "table.parquet"
        make(given.millions, source)
        limit = given.limit or EngineOptions(threads=given.threads).workable_limit()
        print(f"{given.millions} million rows, {source.stat().st_size / 2**20:.0f} MiB, engine limit {limit}")
        for name in STAGES:
            command = [sys.executable, __file__, "--stage", name, "--source", str(source), "--limit", given.limit]
            done = subprocess.run(
                [*command, "--threads", str(given.threads)], check=True, capture_output=True, text=True
            )
            figures = json.loads(done.stdout)
            out = Path(folder) / f"{name}.parquet"
            print(f"{name}: {figures}; rows out of order: {check_order(out)}", flush=True)
            out.unlink()


if __name__ == "__main__":
    main()
