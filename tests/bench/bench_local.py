"""Local recoding, t-closeness and Mondrian: granularity and CPU seconds.

`python tests/bench/bench_local.py [rows of the large table]`. Adult as the de-identification literature uses it (30,162 rows;
`../shared/data/adult`); the large table draws its rows again and blurs one cell in four by its column's distribution.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jalousie.contract.model import KAnonymity, Privacy, TCloseness
from jalousie.privacy.models import Model, build_models
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search.labels import column_losses
from jalousie.privacy.search.local import local_recoding
from jalousie.privacy.search.mondrian import mondrian
from jalousie.privacy.search.problem import Problem, build_problem
from jalousie.privacy.search.wide import wide_search
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram

ADULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
COLUMNS = (
    "sex",
    "age",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
    "salary-class",
)


def read_hierarchy(name: str) -> Hierarchy:
    with (ADULT / f"hierarchy_{name}.csv").open(newline="") as file:
        lines = [line for line in csv.reader(file, delimiter=";") if line]
    labels, maps = [], []
    for level in range(len(lines[0])):
        place: dict[str, int] = {}
        maps.append(np.array([place.setdefault(line[level], len(place)) for line in lines], np.int32))
        labels.append(tuple(place))
    return Hierarchy(name, tuple(labels), tuple(maps))


def read_columns() -> dict[str, list[str]]:
    with (ADULT / "adult.csv").open(newline="") as file:
        lines = list(csv.reader(file, delimiter=";"))
    return {name: [line[i] for line in lines[1:]] for i, name in enumerate(lines[0])}


def frequency_table(
    codes: np.ndarray, values: list[tuple[str, ...]], names: list[str], sensitive: str = ""
) -> FrequencyTable:
    """Count distinct rows of (D, N) codes, the sensitive column apart."""
    kept = [d for d, name in enumerate(names) if name != sensitive]
    key = np.zeros(codes.shape[1], np.int64)
    for d in kept:
        key = key * len(values[d]) + codes[d]
    _, first, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    histograms = []
    if sensitive:
        d = names.index(sensitive)
        width = len(values[d])
        cells, records = np.unique(inverse.reshape(-1) * width + codes[d], return_counts=True)
        histograms.append(Histogram(sensitive, values[d], cells // width, (cells % width).astype(np.int32), records))
    return FrequencyTable(
        tuple(names[d] for d in kept),
        tuple(values[d] for d in kept),
        np.ascontiguousarray(codes[kept][:, first], np.int32),
        counts.astype(np.int64),
        tuple(histograms),
    )


def adult(rows: int = 0) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """(D, N) codes and values; with `rows`, a larger table: rows drawn again, one cell in four from its column at large."""
    columns = read_columns()
    values = [tuple(sorted(set(columns[name]))) for name in COLUMNS]
    codes = np.stack([np.searchsorted(v, columns[n]) for v, n in zip(values, COLUMNS, strict=True)])
    if rows:
        draw = np.random.default_rng(1)
        codes = codes[:, draw.integers(0, codes.shape[1], rows)]
        blurred = draw.random(codes.shape) < 0.25
        for d in range(len(codes)):
            codes[d, blurred[d]] = draw.permutation(codes[d])[blurred[d]]
    return codes.astype(np.int32), values


def measure(name: str, problem: Problem, call: Callable[[], Recoding]) -> None:
    begin = time.process_time()
    found = call()
    seconds = time.process_time() - begin
    granularity = 1 - column_losses(problem, found.cell_loss).mean()
    suppressed = int(problem.counts[found.suppressed].sum())
    classes = int(found.classes.max()) + 1
    print(
        f"{name:44s} granularity {granularity:.4f}  {seconds:6.2f} s CPU  {classes:6d} classes  "
        f"{suppressed:5d} suppressed  {found.proof.checked:6d} checked  {found.proof.kernel}",
        flush=True,
    )


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    names = list(COLUMNS)
    codes, values = adult()
    hierarchies = {name: read_hierarchy(name) for name in names}

    table = frequency_table(codes, values, names)
    problem = build_problem(table, [hierarchies[n] for n in table.names])
    k5 = KAnonymity(k=5)
    privacy = Privacy(models=(k5,), suppression=0.05)
    models: tuple[Model, ...] = build_models([k5], table, ())
    for share in (0.03, 1e-3):
        measure(
            f"local k=5, first portion {share:g}",
            problem,
            lambda share=share: local_recoding(problem, models, privacy, share=share),
        )
    measure("Mondrian k=5", problem, lambda: mondrian(problem, models, privacy))
    measure("Mondrian k=5, numpy", problem, lambda: mondrian(problem, models, privacy, kernel="numpy"))
    measure("wide search k=5, 5 % (proven)", problem, lambda: wide_search(problem, models, privacy))

    table = frequency_table(codes, values, names, "occupation")
    eight = build_problem(table, [hierarchies[n] for n in table.names])
    for distance in ("equal", "hierarchical"):
        spec = TCloseness(column="occupation", t=0.2, distance=distance)
        close = build_models([spec], table, [*hierarchies.values()])
        measure(f"local t=0.2 {distance}", eight, lambda close=close: local_recoding(eight, close, privacy))
        measure(f"Mondrian t=0.2 {distance}", eight, lambda close=close: mondrian(eight, close, privacy))

    codes, values = adult(rows)
    table = frequency_table(codes, values, names)
    large = build_problem(table, [hierarchies[n] for n in table.names])
    print(f"{rows} rows, {table.groups} distinct")
    measure("Mondrian k=5, large", large, lambda: mondrian(large, models, privacy))
    measure("local k=5, large", large, lambda: local_recoding(large, models, privacy))


if __name__ == "__main__":
    main()
