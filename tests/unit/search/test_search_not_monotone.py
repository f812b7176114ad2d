"""Models that lose monotonicity under suppression: a class may be released though one above it, of which it is part, may not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from jalousie.contract import model as contract
from jalousie.privacy.models import build_models
from jalousie.privacy.search import build_problem, exact_search
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS
from jalousie.privacy.search.native import load_kernel
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram

KERNELS = ["numpy", "native"] if load_kernel() is not None else ["numpy"]
MODELS: dict[str, contract.Model] = {
    "shannon": contract.EntropyLDiversity(column="secret", l=2.6),
    "grassberger": contract.EntropyLDiversity(column="secret", l=2.6, estimator="grassberger"),
    "recursive": contract.RecursiveCLDiversity(column="secret", c=1.2, l=2),
    "equal": contract.TCloseness(column="secret", t=0.3),
    "ordered": contract.TCloseness(column="secret", t=0.12, distance="ordered"),
    "average": contract.AverageRisk(risk=0.06),
}


def skewed_table(seed: int) -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    """Three columns of eight values in binary trees; in some regions one secret prevails, so that joining them spoils a class."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 8, (3, 400))
    spoiled = rng.random((8, 8)) < 0.25
    secret = np.where(spoiled[codes[0], codes[1]] & (rng.random(400) < 0.9), 0, rng.integers(0, 4, 400))
    distinct, group, counts = np.unique(codes, axis=1, return_inverse=True, return_counts=True)
    cells, rows = np.unique(group.reshape(-1) * 4 + secret, return_counts=True)
    histogram = Histogram("secret", ("0", "1", "2", "3"), cells // 4, (cells % 4).astype(np.int32), rows)
    maps = tuple((np.arange(8) >> level).astype(np.int32) for level in range(4))
    labels = tuple(tuple(f"{level}:{i}" for i in range(8 >> level)) for level in range(4))
    trees = tuple(Hierarchy(f"c{d}", labels, maps) for d in range(3))
    table = FrequencyTable(
        ("c0", "c1", "c2"), (labels[0],) * 3, distinct.astype(np.int32), counts.astype(np.int64), (histogram,)
    )
    return table, trees


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_optimum_under_suppression(name: str) -> None:
    upset = 0
    for seed in range(6):
        table, trees = skewed_table(seed)
        problem = build_problem(table, trees)
        models = build_models([MODELS[name]], table, ())
        looks = {levels: look_at(problem, models, levels) for levels in itertools.product(range(4), repeat=3)}
        upset += sum(
            looks[low].suppressed < looks[high].suppressed
            for low in looks
            for high in looks
            if all(a <= b for a, b in zip(low, high, strict=True))
        )
        for metric, share in itertools.product(("loss", "entropy", "discernibility"), (0.1, 0.3, 0.6, 0.9)):
            measure = METRICS[metric](problem)
            limit = int(share * 400 + 1e-9)
            scores = [measure.score(look) for look in looks.values() if look.suppressed <= limit]
            for kernel in KERNELS if scores else ():
                found = exact_search(problem, models, metric=metric, limit=limit, kernel=kernel)  # type: ignore[arg-type]
                assert found.loss == pytest.approx(measure.loss_of(min(scores)), rel=1e-9), (
                    seed,
                    metric,
                    share,
                    kernel,
                )
    assert upset > 0 or name == "average"  # the tables do show what the test is about
