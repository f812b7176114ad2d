"""Property: the native Mondrian, its numpy twin and a plain recursion cut the same parts, and every part satisfies the models."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.model import KAnonymity as KSpec
from jalousie.contract.model import Privacy
from jalousie.privacy.models import (
    Classes,
    DistinctLDiversity,
    EntropyLDiversity,
    KAnonymity,
    Model,
    RecursiveCLDiversity,
    TCloseness,
)
from jalousie.privacy.search.blocks import BLOCKS
from jalousie.privacy.search.mondrian import Ordered, mondrian, native_partition, order_values, plain_partition
from jalousie.privacy.search.problem import Problem, build_problem
from jalousie.privacy.search.sweep import Judge
from jalousie.tables.labels import parse_label
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram


def mixed_problem(random: np.random.Generator, rows: int) -> Problem:
    """A column of numbers, one with a tree, and a flat one; a sensitive column of four values."""
    ages = np.arange(18, 18 + int(random.integers(4, 30)))
    decade = np.unique(ages // 10, return_inverse=True)[1].astype(np.int32)
    number = Hierarchy(
        "age",
        (tuple(str(a) for a in ages), tuple(f"d{i}" for i in range(int(decade.max()) + 1)), ("*",)),
        (np.arange(len(ages), dtype=np.int32), decade, np.zeros(len(ages), np.int32)),
    )
    leaves = int(random.integers(3, 9))
    middle = np.unique(random.integers(0, 3, leaves), return_inverse=True)[1].astype(np.int32)
    tree = Hierarchy(
        "job",
        (tuple(f"j{i}" for i in range(leaves)), tuple(f"m{i}" for i in range(int(middle.max()) + 1)), ("*",)),
        (np.arange(leaves, dtype=np.int32), middle, np.zeros(leaves, np.int32)),
    )
    flat = Hierarchy("town", (("a", "b", "c", None), ("*",)), (np.arange(4, dtype=np.int32), np.zeros(4, np.int32)))
    data = np.stack([random.integers(0, len(h.labels[0]), rows) for h in (number, tree, flat)])
    sensitive = random.choice(4, rows, p=[0.5, 0.25, 0.15, 0.1])
    codes, inverse, counts = np.unique(data, axis=1, return_inverse=True, return_counts=True)
    key, cells = np.unique(inverse.reshape(-1) * 4 + sensitive, return_counts=True)
    histogram = Histogram("s", ("w", "x", "y", None), key // 4, (key % 4).astype(np.int32), cells)
    hierarchies = [number, tree, flat]
    table = FrequencyTable(
        tuple(h.column for h in hierarchies),
        tuple(h.labels[0] for h in hierarchies),
        codes.astype(np.int32),
        counts.astype(np.int64),
        (histogram,),
    )
    return build_problem(table, hierarchies)


def model_sets(problem: Problem) -> list[list[Model]]:
    h = problem.sensitive["s"]
    shares = np.bincount(h.code, weights=h.count, minlength=4) / problem.rows
    return [
        [KAnonymity(3)],
        [KAnonymity(2), DistinctLDiversity("s", 2)],
        [EntropyLDiversity("s", 1.8)],
        [RecursiveCLDiversity("s", 3.0, 2)],
        [KAnonymity(2), TCloseness("s", 0.3, shares)],
        [KAnonymity(2), EntropyLDiversity("s", 1.5, "grassberger")],
    ]


def by_recursion(ordered: Ordered, judge: Judge, rows: list[int]) -> set[frozenset[int]]:
    """Strict Mondrian in plain lists: the widest column first, the most even cut that both sides survive."""
    problem = ordered.problem
    counts = problem.counts.tolist()

    def good(part: list[int]) -> bool:
        size = np.array([sum(counts[g] for g in part)])
        classes = judge.classes(np.array(part), np.zeros(len(part), np.int64), size)
        return bool(size[0] >= judge.minimum and judge.satisfied(classes)[0])

    def width(part: list[int], d: int) -> tuple[float, int]:
        places = [int(ordered.codes[g, d]) for g in part]
        a, b = min(places), max(places)
        level = min(level for level, m in enumerate(ordered.maps[d]) if m[a] == m[b])
        line = ordered.lines[d]
        cost = ordered.costs[d][level][a] if line is None else line.before[b] - line.before[a]
        return (0.0 if level == 0 else float(cost) * float(ordered.factors[d])), (level - 1 if line is None else 0)

    def cut(part: list[int]) -> set[frozenset[int]]:
        widths = [width(part, d) for d in range(problem.dimensions)]
        total = sum(counts[g] for g in part)
        for d in sorted(range(problem.dimensions), key=lambda d: (-widths[d][0], d)):
            if widths[d][0] == 0:
                continue
            level_map = ordered.maps[d][widths[d][1]]
            places = sorted({int(ordered.codes[g, d]) for g in part})
            options = []
            for one, two in pairwise(places):
                left = [g for g in part if ordered.codes[g, d] <= one]
                if level_map[one] != level_map[two]:
                    options.append((abs(sum(counts[g] for g in left) - total / 2), one, left))
            for _, one, left in sorted(options, key=lambda option: option[:2]):
                right = [g for g in part if ordered.codes[g, d] > one]
                if good(left) and good(right):
                    return cut(left) | cut(right)
        return {frozenset(part)}

    return cut(rows)


def as_sets(classes: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(classes == c).tolist()) for c in range(int(classes.max()) + 1)}


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(5, 80), which=st.integers(0, 5))
def test_twin_cuts_as_the_plain_recursion(seed: int, rows: int, which: int) -> None:
    problem = mixed_problem(np.random.default_rng(seed), rows)
    judge = Judge(problem, model_sets(problem)[which])
    ordered = order_values(problem)
    found = plain_partition(ordered, judge, np.arange(problem.groups))
    assert as_sets(found) == by_recursion(ordered, judge, list(range(problem.groups)))


@pytest.mark.skipif(BLOCKS is None, reason="the native kernel was not built")
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(5, 200), which=st.integers(0, 4))
def test_native_equals_twin(seed: int, rows: int, which: int) -> None:
    problem = mixed_problem(np.random.default_rng(seed), rows)
    judge = Judge(problem, model_sets(problem)[which])
    ordered = order_values(problem)
    every = np.arange(problem.groups)
    assert native_partition(ordered, judge, every).tolist() == plain_partition(ordered, judge, every).tolist()


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(30, 120), which=st.integers(0, 5))
def test_labels_cover_their_class_and_models_hold_on_what_is_written(seed: int, rows: int, which: int) -> None:
    problem = mixed_problem(np.random.default_rng(seed), rows)
    models = model_sets(problem)[which]
    judge = Judge(problem, models)
    size = np.array([problem.rows])
    whole: Classes = judge.classes(np.arange(problem.groups), np.zeros(problem.groups, np.int64), size)
    if not judge.satisfied(whole)[0]:
        return
    result = mondrian(problem, models, Privacy(models=(KSpec(k=2),), suppression=0.0))
    assert not result.suppressed.any()
    members: dict[tuple[str | None, ...], list[int]] = {}
    for g in range(problem.groups):
        row = tuple(result.labels[d][result.codes[d, g]] for d in range(3))
        members.setdefault(row, []).append(g)
        for d, axis in enumerate(problem.axes):
            raw = axis.hierarchy.labels[0][axis.leaves[problem.codes[d, g]]]
            assert covers(axis.hierarchy, row[d], raw)
    for part in members.values():
        size = np.array([problem.counts[part].sum()])
        classes = judge.classes(np.array(part), np.zeros(len(part), np.int64), size)
        assert size[0] >= judge.minimum
        assert judge.satisfied(classes)[0]
        assert len({int(result.classes[g]) for g in part}) == 1


def covers(hierarchy: Hierarchy, label: str | None, raw: str | None) -> bool:
    """Does a written label stand for the raw value, read as a person would?"""
    if label is not None and label.startswith("{"):
        return raw in label[1:-1].split(", ")
    if label is not None and label[0] in "[<>" and raw is not None:
        bounds = parse_label(label)
        return bounds is not None and bounds[0] <= float(raw) < bounds[1]
    value = hierarchy.labels[0].index(raw)
    return any(hierarchy.labels[level][m[value]] == label for level, m in enumerate(hierarchy.maps))
