"""A leaderboard climbed by random submissions, and labels read out of one log-loss."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_ground import YES_OR_NO, contract, ground, secret
from jalousie.attacks.feedback_facts import advantage, surely_exceeds
from jalousie.attacks.feedback_repeat import partition_by
from jalousie.attacks.feedback_scores import boosting, highest, log_loss_oracle
from jalousie.errors import ValidatorError
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.types import Question

NEIGHBOURS = ["change-label", "add-or-remove"]


@pytest.mark.parametrize("neighbours", NEIGHBOURS)
def test_boosting_learns_labels_from_exact_accuracies_and_not_from_noisy_ones(neighbours: str) -> None:
    where = ground(contract(neighbours=neighbours), size=2_000)
    truth = secret(where)
    free = boosting(where.unprotected("exact"), "it", truth)
    assert advantage(*free.pair) > 0.6
    on = boosting(where.protected(), "it", truth)
    assert on.refused == 0
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, YES_OR_NO))


def test_more_submissions_learn_more_without_protection() -> None:
    where = ground(contract(), size=2_000)
    gained = [
        advantage(*boosting(where.unprotected("exact"), "it", secret(where), submissions=many).pair)
        for many in (50, 400, 3_200)
    ]
    assert gained == sorted(gained)
    assert gained[0] < 0.4 < 0.8 < gained[2]


@pytest.mark.parametrize("neighbours", NEIGHBOURS)
def test_one_exact_log_loss_tells_twenty_labels_and_a_noisy_one_none(neighbours: str) -> None:
    where = ground(contract(neighbours=neighbours))
    truth = secret(where)
    free = log_loss_oracle(where.unprotected("exact", min_group=1), "it", truth)
    assert free.answered == 1
    assert np.array_equal(free.guessed, free.truth)
    on = log_loss_oracle(where.protected(), "it", truth)
    assert on.answered == 1
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, YES_OR_NO))


def test_a_smallest_group_alone_does_not_stop_the_oracle() -> None:
    where = ground(contract())
    exact = log_loss_oracle(where.unprotected("exact"), "it", secret(where))
    assert np.array_equal(exact.guessed, exact.truth)


def test_a_record_alone_in_its_group_is_refused() -> None:
    where = ground(contract(), size=1_000)
    alone = partition_by(np.arange(20)[:, None], 1_000)
    careless, protected = where.unprotected("exact", min_group=1), where.protected()
    assert careless.ask(Question(careless.population.digest(), "it", (alone,), 0.001)).counts[0].shape == (20, 2)
    with pytest.raises(ValidatorError) as refused:
        protected.ask(Question(protected.population.digest(), "it", (alone,), 0.001))
    assert refused.value.code == "V204"
    assert protected.budget("it").spent.nano == 0


def test_the_highest_scores_are_guessed() -> None:
    assert highest(np.array([0.1, 0.9, 0.5]), 2).tolist() == [False, True, True]
