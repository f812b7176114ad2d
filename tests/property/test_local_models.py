"""Property: whatever local recoding and Mondrian write, a plain group-by over the written rows confirms every model."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_local_mondrian import mixed_problem
from test_local_sweep import random_problem

from jalousie.contract.model import KAnonymity as KSpec
from jalousie.contract.model import Privacy
from jalousie.errors import PrivacyError
from jalousie.privacy.models import (
    AverageRisk,
    DistinctLDiversity,
    EntropyLDiversity,
    KAnonymity,
    Model,
    RecursiveCLDiversity,
    TCloseness,
)
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search.exact import exact_search, row_limit
from jalousie.privacy.search.local import local_recoding
from jalousie.privacy.search.mondrian import mondrian
from jalousie.privacy.search.problem import Problem

SEARCHES = {"local": local_recoding, "mondrian": mondrian}


def combination(problem: Problem, which: int) -> list[Model]:
    """Every model alone, then all of them together in ways that can be met."""
    h = problem.sensitive["s"]
    shares = np.bincount(h.code, weights=h.count, minlength=4) / problem.rows
    views = (np.arange(4, dtype=np.int32), np.array([0, 0, 1, 1], np.int32))
    sets: list[list[Model]] = [
        [KAnonymity(4)],
        [DistinctLDiversity("s", 2)],
        [EntropyLDiversity("s", 1.7)],
        [EntropyLDiversity("s", 1.7, "grassberger")],
        [RecursiveCLDiversity("s", 3.0, 2)],
        [TCloseness("s", 0.25, shares)],
        [TCloseness("s", 0.2, shares, "ordered", (np.arange(4, dtype=np.int32),))],
        [TCloseness("s", 0.25, shares, "hierarchical", views)],
        [AverageRisk(0.2)],
        [KAnonymity(3), DistinctLDiversity("s", 2), AverageRisk(0.15)],
        [KAnonymity(2), EntropyLDiversity("s", 1.5), TCloseness("s", 0.3, shares)],
        [KAnonymity(2), RecursiveCLDiversity("s", 4.0, 2), TCloseness("s", 0.3, shares, "hierarchical", views)],
    ]
    return sets[which]


def written_histograms(problem: Problem, recoding: Recoding) -> list[Counter[int]]:
    """Sensitive values by written row, from the records one by one."""
    cells = defaultdict(list)
    h = problem.sensitive["s"]
    for g, code, count in zip(h.group.tolist(), h.code.tolist(), h.count.tolist(), strict=True):
        cells[g].append((code, count))
    found: dict[tuple[str | None, ...], Counter[int]] = defaultdict(Counter)
    for g in np.flatnonzero(~recoding.suppressed).tolist():
        row = tuple(texts[code] for texts, code in zip(recoding.labels, recoding.codes[:, g].tolist(), strict=True))
        for code, count in cells[g]:
            found[row][code] += count
    return list(found.values())


def confirm(problem: Problem, models: list[Model], recoding: Recoding) -> None:
    """Each model by its definition on lists of records."""
    whole = Counter[int]()
    h = problem.sensitive["s"]
    for code, count in zip(h.code.tolist(), h.count.tolist(), strict=True):
        whole[code] += count
    histograms = written_histograms(problem, recoding)
    for model in models:
        if isinstance(model, AverageRisk):
            assert len(histograms) / sum(sum(c.values()) for c in histograms) <= model.risk + 1e-9
            continue
        for have in histograms:
            size = sum(have.values())
            falling = sorted(have.values(), reverse=True)
            if isinstance(model, KAnonymity):
                assert size >= model.k
            elif isinstance(model, DistinctLDiversity):
                assert len(have) >= model.l
            elif isinstance(model, RecursiveCLDiversity):
                assert falling[0] < model.c * sum(falling[model.l - 1 :])
            elif isinstance(model, EntropyLDiversity):
                if model.estimator == "shannon":
                    entropy = -sum(n / size * np.log(n / size) for n in falling)
                    assert entropy >= np.log(model.l) - 1e-9
            elif isinstance(model, TCloseness):
                assert earth_mover(model, have, whole) <= model.t + 1e-9


def earth_mover(model: TCloseness, have: Counter[int], whole: Counter[int]) -> float:
    size, rows = sum(have.values()), sum(whole.values())
    gap = [have[v] / size - whole[v] / rows for v in range(4)]
    if model.distance == "ordered":
        return sum(abs(sum(gap[: i + 1])) for i in range(4)) / 3
    flat = sum(abs(x) for x in gap) / 2
    if model.distance == "equal":
        return flat
    return (flat + (abs(gap[0] + gap[1]) + abs(gap[2] + gap[3])) / 2) / 2


@pytest.mark.parametrize("name", sorted(SEARCHES))
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(12, 120),
    which=st.integers(0, 11),
    mixed=st.booleans(),
    suppression=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_models_hold_on_what_is_written(
    name: str, seed: int, rows: int, which: int, mixed: bool, suppression: float
) -> None:
    random = np.random.default_rng(seed)
    problem = mixed_problem(random, rows) if mixed else random_problem(random, 3, rows)
    models = combination(problem, which)
    privacy = Privacy(models=(KSpec(k=2),), suppression=suppression)
    try:
        result = SEARCHES[name](problem, models, privacy)
    except PrivacyError:
        with pytest.raises(PrivacyError):  # then not even one scheme for all rows satisfies the contract
            exact_search(problem, models, suppression=suppression)
        return
    confirm(problem, models, result)
    assert int(problem.counts[result.suppressed].sum()) <= row_limit(problem, suppression)
    assert not result.suppressed.all()
    assert (result.classes[result.suppressed] == -1).all()
    kept = ~result.suppressed
    assert (result.cell_loss[:, ~kept] == 1).all()
    # classes are what is written, numbered without gaps
    rows_written = {tuple(column) for column in np.vstack([result.codes[:, kept]]).T.tolist()}
    numbers = result.classes[kept]
    assert len(rows_written) == len(np.unique(numbers)) == int(numbers.max()) + 1
    again = SEARCHES[name](problem, models, privacy)
    assert np.array_equal(again.codes, result.codes)
    assert np.array_equal(again.classes, result.classes)
