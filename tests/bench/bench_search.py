"""Speed of the exact search: `python tests/bench/bench_search.py [million]`. Best of five, CPU seconds of the search alone.

Needs the reference data with Adult; `million` adds a table of a million rows made from it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit" / "search"))

from search_adult import COLUMNS, adult_hierarchy, adult_table  # noqa: E402

from jalousie.contract import model as contract  # noqa: E402
from jalousie.privacy.models import Model, build_models  # noqa: E402
from jalousie.privacy.search import Problem, build_problem, exact_search  # noqa: E402
from jalousie.tables.types import FrequencyTable  # noqa: E402

ADULT = ROOT.parent / "shared" / "data" / "adult"


def measure(
    label: str, problem: Problem, models: Sequence[Model], suppression: float, *, runs: int = 5, **options: object
) -> None:
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        found = exact_search(problem, models, suppression=suppression, **options)  # type: ignore[arg-type]
        best = min(best, time.process_time() - start)
    proof = found.proof
    print(
        f"{label:44s} {suppression:5.0%}  {best:8.4f} s  {proof.checked:6d} checked of {proof.lattice}  "
        f"loss {found.loss:.6f}  exact {proof.exact}  {proof.kernel}",
        flush=True,
    )


def adult() -> None:
    hierarchies = [adult_hierarchy(ADULT, name) for name in COLUMNS]
    problem = build_problem(adult_table(ADULT, COLUMNS), hierarchies)
    models = build_models([contract.KAnonymity(k=5)], adult_table(ADULT, COLUMNS[:1]), ())
    for suppression in (0.0, 0.02, 0.05, 0.1, 1.0):
        measure("Adult, 9 columns, k = 5", problem, models, suppression)
    for suppression in (0.0, 0.05, 1.0):
        measure("Adult, 9 columns, k = 5, numpy", problem, models, suppression, runs=1, kernel="numpy")


def adult_sensitive() -> None:
    names = [name for name in COLUMNS if name != "occupation"]
    table = adult_table(ADULT, names, ["occupation"])
    problem = build_problem(table, [adult_hierarchy(ADULT, name) for name in names])
    cases: dict[str, list[contract.Model]] = {
        "distinct-2": [contract.DistinctLDiversity(column="occupation", l=2)],
        "k = 5 and entropy-3": [contract.KAnonymity(k=5), contract.EntropyLDiversity(column="occupation", l=3)],
        "t-closeness 0.2 equal": [contract.TCloseness(column="occupation", t=0.2)],
        "k = 5 and t-closeness 0.2 equal": [contract.KAnonymity(k=5), contract.TCloseness(column="occupation", t=0.2)],
        "t-closeness 0.2 hierarchical": [contract.TCloseness(column="occupation", t=0.2, distance="hierarchical")],
    }
    for label, specs in cases.items():
        models = build_models(specs, table, [adult_hierarchy(ADULT, "occupation")])
        measure(f"8 columns + occupation, {label}", problem, models, 0.05, runs=3)


def million() -> None:
    """A million rows of Adult, about a fifth of the cells drawn anew from their column."""
    names = COLUMNS
    hierarchies = [adult_hierarchy(ADULT, name) for name in names]
    small = adult_table(ADULT, names)
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(small.groups), small.counts)
    pick = rng.choice(rows, 1_000_000)
    codes = small.codes[:, pick].copy()
    for d in range(len(names)):
        again = rng.random(len(pick)) < 0.18
        codes[d, again] = small.codes[d, rng.choice(rows, int(again.sum()))]
    key = np.zeros(len(pick), np.int64)
    for d, values in enumerate(small.values):
        key = key * len(values) + codes[d]
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    table = FrequencyTable(names, small.values, np.ascontiguousarray(codes[:, first]), counts.astype(np.int64))
    models = build_models([contract.KAnonymity(k=5)], table, ())
    problem = build_problem(table, hierarchies)
    for suppression in (0.0, 0.05, 1.0):
        measure(f"1,000,000 rows, {table.groups} combinations", problem, models, suppression, runs=2)


if __name__ == "__main__":
    adult()
    adult_sensitive()
    if "million" in sys.argv[1:]:
        million()
