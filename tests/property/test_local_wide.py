"""Property: on small lattices the wide search's bound is below every scheme's score, and what it proves is the optimum."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_local_sweep import model_sets, random_problem

from jalousie.contract.model import KAnonymity, Privacy
from jalousie.errors import PrivacyError
from jalousie.privacy.search import wide
from jalousie.privacy.search.exact import least_size, row_limit
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS
from jalousie.privacy.search.wide import wide_search


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(10, 60),
    which=st.integers(0, 3),
    suppression=st.sampled_from([0.0, 0.1, 0.5]),
    metric=st.sampled_from(sorted(set(METRICS) - {"loss-free"})),
    boxes=st.sampled_from([0, 3, 20_000]),
)
def test_bound_holds_and_proof_is_right(
    seed: int, rows: int, which: int, suppression: float, metric: str, boxes: int
) -> None:
    problem = random_problem(np.random.default_rng(seed), 3, rows)
    models = model_sets(problem)[which]
    limit = row_limit(problem, suppression)
    measure = METRICS[metric](problem, least_size(models))
    losses = []
    for levels in itertools.product(*(range(a.low, a.high + 1) for a in problem.axes)):
        look = look_at(problem, models, levels)
        if look.suppressed <= limit and look.released.any():
            losses.append(measure.loss_of(measure.score(look)))
    privacy = Privacy(models=(KAnonymity(k=2),), suppression=suppression, metric=metric)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "MOST_BOXES", boxes)
        patch.setattr(wide, "KICKS", 3)
        if not losses:
            with pytest.raises(PrivacyError) as caught:
                wide_search(problem, models, privacy)
            assert caught.value.code == "P400" or boxes < 20_000
            return
        try:
            found = wide_search(problem, models, privacy)
        except PrivacyError:
            assert boxes < 20_000, "a complete search finds what there is"
            return
    best = min(losses)
    assert found.proof.lower_bound <= best + 1e-9 * max(1.0, abs(best))
    assert found.loss >= best - 1e-9 * max(1.0, abs(best))
    assert math.isclose(found.proof.gap, found.loss - found.proof.lower_bound, abs_tol=1e-12)
    if boxes == 20_000:
        assert found.proof.exact
    if found.proof.exact:
        assert math.isclose(found.loss, best, rel_tol=1e-8, abs_tol=1e-9)
