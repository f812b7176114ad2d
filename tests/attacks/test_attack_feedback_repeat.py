"""Differencing of two questions, and averaging of repeats: they open labels without protection, and not with it."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_ground import GRADES, HOURS, YES_OR_NO, contract, ground, secret
from jalousie.attacks.feedback_facts import advantage, surely_exceeds
from jalousie.attacks.feedback_repeat import averaging, crowds, differencing
from jalousie.contract.feedback import Label
from jalousie.errors import UsageError
from jalousie.validator.advantage import advantage_bound

KINDS = [
    pytest.param(YES_OR_NO, "change-label", "gaussian", id="two-classes"),
    pytest.param(GRADES, "change-label", "gaussian", id="three-classes"),
    pytest.param(YES_OR_NO, "add-or-remove", "gaussian", id="add-or-remove"),
    pytest.param(HOURS, "change-label", "gaussian", id="number"),
    pytest.param(HOURS, "add-or-remove", "gaussian", id="number-add-or-remove"),
    pytest.param(GRADES, "add-or-remove", "laplace", id="pure-epsilon"),
]


@pytest.mark.parametrize(("label", "neighbours", "noise"), KINDS)
def test_differencing_opens_exact_counts_and_not_noisy_ones(label: Label, neighbours: str, noise: str) -> None:
    where = ground(contract(label, neighbours=neighbours, noise=noise))
    truth, bound = secret(where), advantage_bound(where.feedback, label)
    free = differencing(where.unprotected("exact"), "it", truth)
    assert advantage(*free.pair) == 1.0
    on = differencing(where.protected(), "it", truth)
    assert (on.answered, on.refused) == (2, 0)
    assert not surely_exceeds(*on.pair, bound)
    assert bound < 0.8


def test_rounding_hides_one_difference_and_not_many() -> None:
    where = ground(contract())
    rounded, truth = where.unprotected("rounded"), secret(where)
    once = differencing(rounded, "it", truth)
    often = differencing(rounded, "it", truth, pairs=40)
    assert advantage(*once.pair) < 0.4
    assert advantage(*often.pair) > 0.8


def test_more_differences_only_split_the_budget() -> None:
    where = ground(contract())
    on = differencing(where.protected(), "it", secret(where), pairs=10)
    assert on.refused == 0
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, YES_OR_NO))


def test_averaging_repeats_opens_fresh_noise_and_not_replayed_answers() -> None:
    where = ground(contract(epsilon=4.0))
    truth = secret(where)
    free = averaging(where.unprotected("noise-without-memory"), "it", truth, times=40, varied=False)
    assert advantage(*free.pair) > 0.85
    remembered = averaging(where.unprotected("noise-without-budget"), "it", truth, times=40, varied=False)
    assert remembered.replayed == 39
    assert advantage(*remembered.pair) < 0.6
    on = averaging(where.protected(), "it", truth, times=40, varied=False)
    assert (on.answered, on.replayed, on.refused) == (40, 39, 0)
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, YES_OR_NO))


def test_varying_known_records_dodges_a_memory_and_not_the_budget() -> None:
    where = ground(contract(epsilon=4.0))
    truth = secret(where)
    free = averaging(where.unprotected("noise-without-budget"), "it", truth, times=40, varied=True)
    assert free.replayed == 0
    assert advantage(*free.pair) > 0.85
    on = averaging(where.protected(), "it", truth, times=40, varied=True)
    assert (on.answered, on.refused) == (1, 10)
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, YES_OR_NO))


def test_every_target_has_companions_of_its_own() -> None:
    where = ground(contract(), size=1_000)
    found = crowds(where.protected(), 26, 1_000, np.random.default_rng(0))
    assert found.shape == (38, 26)
    assert len(np.unique(found)) == found.size
    with pytest.raises(UsageError, match="at least 1001 records"):
        crowds(where.protected(), 1_001, 1, np.random.default_rng(0))
