"""The exact search, by both kernels, against the plainest there is: every scheme, Counter over rows, every model and measure."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract import model as contract
from jalousie.errors import PrivacyError
from jalousie.privacy.models import KAnonymity, build_models, reference
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search import build_problem, exact_search
from jalousie.privacy.search.native import load_kernel
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram

KERNELS = ["numpy", "native"] if load_kernel() is not None else ["numpy"]
SECRETS: tuple[str | None, ...] = ("s0", "s1", "s2", "s3", None)
PATHS: dict[str | None, tuple[str, ...]] = {
    "s0": ("a", "*"),
    "s1": ("a", "*"),
    "s2": ("b", "*"),
    "s3": ("b", "*"),
    None: ("none", "*"),
}
SECRET_TREE = Hierarchy(
    "secret",
    (SECRETS, ("a", "b", "none"), ("*",)),
    (np.arange(5, dtype=np.int32), np.array([0, 0, 1, 1, 2], np.int32), np.zeros(5, np.int32)),
)


@dataclass(frozen=True)
class Case:
    """Rows of codes with a secret each; per column its tree, level by level, as (label per value)."""

    rows: tuple[tuple[tuple[int, ...], int], ...]
    trees: tuple[tuple[tuple[int, ...], ...], ...]
    weights: tuple[float, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    columns = draw(st.integers(1, 3))
    trees, low, high = [], [], []
    for _ in range(columns):
        size = draw(st.integers(1, 5))
        levels = [tuple(range(size))]
        while len(levels) < draw(st.integers(1, 4)):
            width = max(levels[-1]) + 1
            merge = [draw(st.integers(0, max(0, width - 2))) for _ in range(width)]
            names = {name: i for i, name in enumerate(sorted(set(merge)))}
            levels.append(tuple(names[merge[code]] for code in levels[-1]))
        trees.append(tuple(levels))
        low.append(draw(st.integers(0, len(levels) - 1)) if draw(st.integers(0, 4)) == 0 else 0)
        high.append(draw(st.integers(low[-1], len(levels) - 1)) if draw(st.integers(0, 4)) == 0 else len(levels) - 1)
    row = st.tuples(st.tuples(*(st.integers(0, len(tree[0]) - 1) for tree in trees)), st.integers(0, 4))
    rows = draw(st.lists(row, min_size=1, max_size=40))
    weights = draw(
        st.sampled_from([(1.0,) * columns, tuple(1.0 + d for d in range(columns)), (2.0,) + (0.0,) * (columns - 1)])
    )
    return Case(tuple(rows), tuple(trees), weights, tuple(low), tuple(high))


MODELS: dict[str, list[contract.Model]] = {
    "k": [contract.KAnonymity(k=3)],
    "k2": [contract.KAnonymity(k=2)],
    "distinct": [contract.DistinctLDiversity(column="secret", l=2)],
    "k-distinct": [contract.KAnonymity(k=4), contract.DistinctLDiversity(column="secret", l=3)],
    "shannon": [contract.EntropyLDiversity(column="secret", l=2.2)],
    "grassberger": [contract.EntropyLDiversity(column="secret", l=2.0, estimator="grassberger")],
    "recursive": [contract.RecursiveCLDiversity(column="secret", c=1.5, l=2)],
    "equal": [contract.TCloseness(column="secret", t=0.35)],
    "ordered": [contract.KAnonymity(k=2), contract.TCloseness(column="secret", t=0.2, distance="ordered")],
    "hierarchical": [contract.TCloseness(column="secret", t=0.25, distance="hierarchical")],
    "average": [contract.AverageRisk(risk=0.3)],
    "k-average": [contract.KAnonymity(k=2), contract.AverageRisk(risk=0.25)],
    "all": [
        contract.KAnonymity(k=2),
        contract.EntropyLDiversity(column="secret", l=1.5),
        contract.TCloseness(column="secret", t=0.5),
        contract.AverageRisk(risk=0.4),
    ],
}
METRICS = ["loss", "loss-free", "entropy", "entropy-monotone", "discernibility", "class-size"]


def tables(case: Case) -> tuple[FrequencyTable, tuple[Hierarchy, ...]]:
    """The case as the search takes it; one value of each domain never occurs, so that domains are larger than what is seen."""
    columns = len(case.trees)
    distinct = sorted({codes for codes, _ in case.rows})
    place = {codes: g for g, codes in enumerate(distinct)}
    cells = Counter((place[codes], secret) for codes, secret in case.rows)
    used = sorted({secret for _, secret in cells})
    keys = sorted((g, used.index(secret), n) for (g, secret), n in cells.items())
    histogram = Histogram(
        "secret",
        tuple(SECRETS[secret] for secret in used),
        np.array([g for g, _, _ in keys], np.int64),
        np.array([code for _, code, _ in keys], np.int32),
        np.array([n for _, _, n in keys], np.int64),
    )
    table = FrequencyTable(
        tuple(f"c{d}" for d in range(columns)),
        tuple(tuple(f"v{i}" for i in range(len(tree[0]))) for tree in case.trees),
        np.array(distinct, np.int32).T.reshape(columns, len(distinct)).copy(),
        np.array([sum(n for g, _, n in keys if g == group) for group in range(len(distinct))], np.int64),
        (histogram,),
    )
    hierarchies = tuple(
        Hierarchy(
            f"c{d}",
            tuple(
                tuple(f"{'v' if not lvl else f'L{lvl}-'}{i}" for i in range(max(level) + 1))
                for lvl, level in enumerate(tree)
            ),
            tuple(np.array(level, np.int32) for level in tree),
        )
        for d, tree in enumerate(case.trees)
    )
    return table, hierarchies


def released(
    case: Case, specs: list[contract.Model], levels: tuple[int, ...]
) -> tuple[list[tuple[int, ...]], set[tuple[int, ...]]]:
    """Generalised rows, and the classes that may be released."""
    rows = [
        tuple(tree[level][code] for tree, level, code in zip(case.trees, levels, codes, strict=True))
        for codes, _ in case.rows
    ]
    classes: dict[tuple[int, ...], list[str | None]] = defaultdict(list)
    for row, (_, secret) in zip(rows, case.rows, strict=True):
        classes[row].append(SECRETS[secret])
    everyone = [SECRETS[secret] for _, secret in case.rows]
    order = [value for value in SECRETS if value in everyone]
    keep = {row for row, values in classes.items() if all(holds(spec, values, everyone, order) for spec in specs)}
    for spec in specs:
        if isinstance(spec, contract.AverageRisk):
            least = reference.average_risk_threshold([len(classes[row]) for row in keep], spec.risk) if keep else 1
            keep = {row for row in keep if len(classes[row]) >= least}
    return rows, keep


def holds(spec: contract.Model, values: list[str | None], everyone: list[str | None], order: list[str | None]) -> bool:
    match spec:
        case contract.KAnonymity():
            return reference.k_anonymous(values, spec.k)
        case contract.DistinctLDiversity():
            return reference.distinct_diverse(values, spec.l)
        case contract.EntropyLDiversity():
            return reference.entropy_diverse(values, spec.l, spec.estimator)
        case contract.RecursiveCLDiversity():
            return reference.recursive_diverse(values, spec.c, spec.l)
        case contract.TCloseness():
            return reference.distance(spec.distance, values, everyone, order, PATHS) <= spec.t + 1e-12
    return True


def loss_of(
    case: Case, metric: str, levels: tuple[int, ...], rows: list[tuple[int, ...]], keep: set[tuple[int, ...]]
) -> float:
    n = len(rows)
    sizes = Counter(rows)
    gone = [i for i, row in enumerate(rows) if row not in keep]
    if metric == "discernibility":
        return float(sum(sizes[row] ** 2 for row in keep) + n * len(gone))
    if metric == "class-size":
        return n / (len(keep) + bool(gone))
    total = 0.0
    for d, (tree, level) in enumerate(zip(case.trees, levels, strict=True)):
        raw = Counter(codes[d] for codes, _ in case.rows)
        general = Counter(row[d] for row in rows)
        if metric.startswith("entropy"):
            bits = sum(
                -math.log2(raw[codes[d]] / general[row[d]]) for (codes, _), row in zip(case.rows, rows, strict=True)
            )
            lost = Counter(rows[i][d] for i in gone)
            if metric == "entropy":
                bits += sum(-s * math.log2(s / len(gone)) for s in lost.values())
            total += case.weights[d] * bits
            continue
        domain = len(tree[0])
        if domain > 1:
            covered = Counter(tree[level])
            shares = [1.0 if row not in keep and metric == "loss" else covered[row[d]] / domain for row in rows]
            scaled = (sum(shares) - n / domain) / (n - n / domain)
            total += case.weights[d] / sum(case.weights) * math.log1p(max(scaled, 0.0))
    return math.expm1(total) if metric.startswith("loss") else total


def brute_force(
    case: Case, specs: list[contract.Model], metric: str, limit: int
) -> tuple[float, dict[tuple[int, ...], float]]:
    losses = {}
    for levels in itertools.product(*(range(a, b + 1) for a, b in zip(case.low, case.high, strict=True))):
        rows, keep = released(case, specs, levels)
        if sum(row not in keep for row in rows) <= limit:
            losses[levels] = loss_of(case, metric, levels, rows, keep)
    return min(losses.values(), default=math.inf), losses


@pytest.mark.parametrize("models", sorted(MODELS))
@pytest.mark.parametrize("kernel", KERNELS)
@given(case=cases(), share=st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.99, 1.0]), metric=st.sampled_from(METRICS))
def test_the_search_finds_what_brute_force_finds(
    kernel: str, models: str, case: Case, share: float, metric: str
) -> None:
    specs = MODELS[models]
    limit = math.floor(share * len(case.rows) + 1e-9)
    best, losses = brute_force(case, specs, metric, limit)
    table, hierarchies = tables(case)
    problem = build_problem(table, hierarchies, weights=case.weights, low=case.low, high=case.high)
    built = build_models(specs, table, (SECRET_TREE,), orders={"secret": [s for s in SECRETS if s]})
    keeps = {levels: bool(released(case, specs, levels)[1]) for levels in losses}
    found: Recoding | PrivacyError
    try:
        found = exact_search(problem, built, metric=metric, suppression=share, kernel=kernel)  # type: ignore[arg-type]
    except PrivacyError as error:
        found = error
    if not losses:
        assert isinstance(found, PrivacyError)
        assert found.code == "P400"
        return
    if isinstance(found, PrivacyError):  # the best suppresses everything
        assert found.code == "P401"
        assert not any(keeps[levels] for levels, loss in losses.items() if loss <= best)
        return
    # of equal losses the first in the order of the columns, by either kernel; one that releases nothing only where all do
    assert found.levels == min(levels for levels, loss in losses.items() if keeps[levels] and same(loss, best))
    assert found.loss == pytest.approx(best, rel=1e-8, abs=1e-12)
    assert found.loss == pytest.approx(losses[found.levels], rel=1e-9, abs=1e-12)
    assert found.proof.exact
    assert found.proof.gap == 0
    assert found.proof.kernel == kernel
    assert_recoding(case, specs, found)


def same(loss: float, best: float) -> bool:
    """Equal but for rounding: the search compares log-sums, so a loss near 0 has fewer digits."""
    return loss <= best + 1e-9 * abs(best) + 1e-12


def assert_recoding(case: Case, specs: list[contract.Model], found: Recoding) -> None:
    """The recoding's own arrays say what the scheme does, distinct row by distinct row."""
    assert found.levels is not None
    rows, keep = released(case, specs, found.levels)
    distinct = sorted({codes for codes, _ in case.rows})
    general = dict(zip((codes for codes, _ in case.rows), rows, strict=True))
    for g, codes in enumerate(distinct):
        row = general[codes]
        assert bool(found.suppressed[g]) == (row not in keep)
        assert (found.classes[g] == -1) == (row not in keep)
        if row in keep:
            assert tuple(found.codes[:, g].tolist()) == row
    kept = {general[codes]: int(found.classes[g]) for g, codes in enumerate(distinct) if general[codes] in keep}
    assert sorted(kept.values()) == list(range(len(keep)))


@pytest.mark.skipif("native" not in KERNELS, reason="no native kernel here")
@given(
    case=cases(),
    pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=20),
    data=st.data(),
)
def test_both_kernels_take_the_same_of_equal_schemes(
    case: Case, pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever is done to one of two columns could be done to the other: each row stands in the table with its mirror image."""
    tree, size = case.trees[0], len(case.trees[0][0])
    rows = [(x % size, y % size) for x, y in pairs]
    twice = Case(tuple((codes, 0) for x, y in rows for codes in ((x, y), (y, x))), (tree, tree), (1.0, 1.0), (0, 0), ())
    table, hierarchies = tables(twice)
    problem = build_problem(table, hierarchies, weights=twice.weights)
    share, metric = data.draw(st.sampled_from([0.0, 0.2, 0.5, 1.0])), data.draw(st.sampled_from(METRICS))
    models = [KAnonymity(data.draw(st.integers(2, 6)))]
    found: list[object] = []
    for kernel in KERNELS:
        try:
            made = exact_search(problem, models, metric=metric, suppression=share, kernel=kernel)  # type: ignore[arg-type]
            assert made.levels is not None
            assert made.levels <= made.levels[::-1]
            found.append((made.levels, made.suppressed.tolist()))
        except PrivacyError as error:
            found.append((error.code, []))
    assert found[0] == found[1]
