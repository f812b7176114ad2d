"""Property: the native sweep, its numpy twin and the plain rule release the same rows by the same schemes."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.privacy.models import DistinctLDiversity, EntropyLDiversity, KAnonymity, Model, TCloseness
from jalousie.privacy.search.blocks import BLOCKS
from jalousie.privacy.search.problem import Problem, build_problem
from jalousie.privacy.search.rules import trim
from jalousie.privacy.search.schemes import scheme_list
from jalousie.privacy.search.sweep import Judge, plain_sweep, sweep
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Small tables with nested hierarchies of two to four levels and a sensitive column of four values."""
    columns = draw(st.integers(1, 4))
    rows = draw(st.integers(4, 60))
    seed = draw(st.integers(0, 2**32 - 1))
    return random_problem(np.random.default_rng(seed), columns, rows)


def random_problem(random: np.random.Generator, columns: int, rows: int) -> Problem:
    hierarchies = []
    data = []
    for d in range(columns):
        size = int(random.integers(2, 9))
        maps = [np.arange(size, dtype=np.int32)]
        while maps[-1].max() > 0 and len(maps) < 4:
            coarser = random.integers(0, max(1, int(maps[-1].max())), int(maps[-1].max()) + 1)
            if len(maps) == 3:
                coarser[:] = 0
            maps.append(np.unique(coarser[maps[-1]], return_inverse=True)[1].astype(np.int32))
        labels = tuple(tuple(f"{d}/{level}/{i}" for i in range(int(m.max()) + 1)) for level, m in enumerate(maps))
        hierarchies.append(Hierarchy(f"q{d}", labels, tuple(maps)))
        data.append(random.integers(0, size, rows))
    sensitive = random.choice(4, rows, p=[0.5, 0.25, 0.15, 0.1])
    codes, inverse, counts = np.unique(np.stack(data), axis=1, return_inverse=True, return_counts=True)
    key, cells = np.unique(inverse.reshape(-1) * 4 + sensitive, return_counts=True)
    histogram = Histogram("s", ("a", "b", "c", None), key // 4, (key % 4).astype(np.int32), cells)
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
        [KAnonymity(2), TCloseness("s", 0.3, shares)],
    ]


def by_the_rule(problem: Problem, judge: Judge, schemes: np.ndarray, share: float) -> list[int]:
    """The rule of sweep.py in lists and counters, every scheme looked at."""
    codes = problem.codes.T.tolist()
    counts = problem.counts.tolist()
    result = [-1] * problem.groups
    need = max(judge.minimum, math.ceil(share * problem.rows))
    rest = problem.rows
    while rest >= judge.minimum:
        half = rest // 2
        for k, levels in enumerate(schemes.tolist()):
            if rest < judge.minimum or rest < half:
                break
            members: dict[tuple[int, ...], list[int]] = {}
            for g, row in enumerate(codes):
                if result[g] < 0:
                    label = tuple(
                        int(axis.maps[level][v]) for axis, level, v in zip(problem.axes, levels, row, strict=True)
                    )
                    members.setdefault(label, []).append(g)
            good = []
            for rows in members.values():
                size = sum(counts[g] for g in rows)
                if size >= judge.minimum:
                    indices = np.array(rows)
                    classes = judge.classes(indices, np.zeros(len(rows), np.int64), np.array([size]))
                    if judge.satisfied(classes)[0]:
                        good += rows
                    elif judge.rules is not None:
                        good += trim(judge.rules, rows, counts, judge.minimum)
            released = sum(counts[g] for g in good)
            if good and released >= need:
                for g in good:
                    result[g] = k
                rest -= released
        if rest < half:
            need = max(judge.minimum, math.ceil(share * rest))
        elif need <= judge.minimum:
            break
        else:
            need = max(judge.minimum, need // 4)
    return result


@given(problem=problems(), which=st.integers(0, 3), share=st.sampled_from([1e-6, 0.05, 0.3]))
def test_twin_follows_the_rule(problem: Problem, which: int, share: float) -> None:
    judge = Judge(problem, model_sets(problem)[which])
    schemes = scheme_list(problem)
    found = plain_sweep(problem, judge, schemes, share=share, tick=lambda rest, checked: False)
    assert found.scheme_of.tolist() == by_the_rule(problem, judge, schemes, share)


@pytest.mark.skipif(BLOCKS is None, reason="the native kernel was not built")
@given(problem=problems(), which=st.integers(0, 3), share=st.sampled_from([1e-6, 0.05, 0.3]))
def test_native_equals_twin(problem: Problem, which: int, share: float) -> None:
    judge = Judge(problem, model_sets(problem)[which])
    schemes = scheme_list(problem)
    native = sweep(problem, judge, schemes, share=share, tick=lambda rest, checked: False, kernel="native")
    plain = plain_sweep(problem, judge, schemes, share=share, tick=lambda rest, checked: False)
    assert native.kernel == "native"
    assert native.scheme_of.tolist() == plain.scheme_of.tolist()


@pytest.mark.skipif(BLOCKS is None, reason="the native kernel was not built")
@pytest.mark.parametrize("rows", [3_000, 6_000])
def test_native_equals_twin_where_hubs_are_used(rows: int) -> None:
    """Above a thousand distinct rows the native sweep takes its short cuts through lists of rows."""
    problem = random_problem(np.random.default_rng(rows), 6, rows)
    assert problem.groups > 1_000
    judge = Judge(problem, [KAnonymity(5)])
    schemes = scheme_list(problem)
    native = sweep(problem, judge, schemes, share=1e-6, tick=lambda rest, checked: False, kernel="native")
    plain = plain_sweep(problem, judge, schemes, share=1e-6, tick=lambda rest, checked: False)
    assert native.scheme_of.tolist() == plain.scheme_of.tolist()
    assert native.checked != plain.checked
    assert Counter(native.scheme_of.tolist())[-1] < 5
