"""Sums of deviations as an attack: another centre each time, and all statistics at once. They open labels where their cost is
not counted right, and not where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from feedback_ground import HOURS, contract, ground, secret
from jalousie.attacks.feedback_facts import advantage, surely_exceeds
from jalousie.attacks.feedback_repeat import STUBBORN, Outcome, crowds, partition_by
from jalousie.attacks.feedback_targets import OUT_OF_MEANS, Secret
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.learning.validator_protocol import Validator
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.local import Simulated
from jalousie.validator.sensitivity import Sensitivity
from jalousie.validator.types import Partition, Question, Statistic, StatisticKind

RELATIONS = pytest.mark.parametrize("relation", ["change-label", "add-or-remove"])


def moving_centres(validator: Validator, truth: Secret, times: int) -> Outcome:
    """The same groups again and again, each a target among records that are known, around another centre each time.

    Every question is a new one, and its answer tells the target's label: the noise averages away unless each is charged.
    """
    size, kept = validator.population.size, []
    chosen = crowds(validator, validator.feedback.min_group + 1, 1000, np.random.default_rng(0))
    plain = partition_by(chosen, size)
    whole, refused, in_vain = validator.budget("it").reserved.value, 0, 0
    for centre in range(times):
        about = Statistic("signed", np.full(size, centre, np.int32), 50)
        question = Question(validator.population.digest(), "it", (Partition(plain.groups, plain.count, about),), whole)
        try:
            answer = validator.ask(question)
        except ValidatorError as error:
            if error.code not in OUT_OF_MEANS:
                raise
            refused, in_vain = refused + 1, in_vain + 1
            if in_vain == STUBBORN:
                break
            continue
        in_vain = 0
        assert not answer.replayed
        known = np.clip(truth.values[chosen[:, 1:]] - centre, -50, 50).sum(axis=1)
        kept.append(answer.counts[0][:, 0] - known + centre)
    guessed = np.mean(kept, axis=0) > truth.middle
    return Outcome(guessed, truth.above[chosen[:, 0]], len(kept), refused)


@RELATIONS
def test_averaging_over_centres_dodges_a_memory_and_not_the_budget(relation: str) -> None:
    where = ground(contract(HOURS, neighbours=relation, epsilon=4.0))
    truth = secret(where)
    assert advantage(*moving_centres(where.unprotected("exact"), truth, 1).pair) == 1.0
    assert advantage(*moving_centres(where.unprotected("noise-without-budget"), truth, 50).pair) > 0.85
    on = moving_centres(where.protected(), truth, 50)
    assert (on.answered, on.refused) == (1, STUBBORN)
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, HOURS))


@dataclass(frozen=True)
class Everything:
    """What an attacker asks at once, and what one target's label (or its presence) adds to every cell."""

    kinds: tuple[StatisticKind, ...]
    absent: bool

    def told(self, targets: np.ndarray, **terms: Any) -> np.ndarray:
        """(targets,) log-likelihood ratio of each answer; `targets`: 1 has the high label, 0 the low one or is absent."""
        size, span = len(targets), 40
        label = Label(column="y", kind="number", low=0.0, high=float(span))
        relation = "add-or-remove" if self.absent else "change-label"
        wide: dict[str, Any] = {"min_group": 2, "max_groups": 10**6, "neighbours": relation, **terms}
        feedback = Feedback(identifier="id", labels={"y": label}, **wide)
        present = np.concatenate([targets > 0 if self.absent else targets >= 0, np.ones(size, bool)])
        values = np.concatenate([span * targets, np.zeros(size)]).astype(float)
        made = Simulated.from_arrays({"y": values}, feedback, present=present)
        groups, centres = np.tile(np.arange(size, dtype=np.int32), 2), np.zeros(2 * size, np.int32)
        parts = [
            Partition(groups, size, Statistic(kind) if kind == "records" else Statistic(kind, centres, span))
            for kind in self.kinds
        ]
        answer = made.ask(Question(made.population.digest(), "y", tuple(parts), made.budget("y").left.value))
        ratio = np.zeros(size)
        for number, kind in enumerate(self.kinds):
            shift = {"records": 1, "square": span**2}.get(kind, span)
            middle = shift / 2 + (kind == "records")  # the known record counts as well
            variance = answer.extra.get(f"variance/{number}", answer.variance)
            ratio += (answer.counts[number][:, 0] - middle) * shift / variance
        return ratio


AT_ONCE = [
    pytest.param(Everything(("signed", "absolute", "square"), absent=False), id="label"),
    pytest.param(Everything(("records", "signed", "absolute", "square"), absent=True), id="presence"),
]


@pytest.mark.parametrize("epsilon", [1.0, 4.0])
@pytest.mark.parametrize("everything", AT_ONCE)
def test_all_statistics_at_once_tell_no_more_than_one(everything: Everything, epsilon: float) -> None:
    targets = np.random.default_rng(1).integers(0, 2, 10_000)
    guessed = everything.told(targets, epsilon=epsilon) > 0
    feedback = Feedback(identifier="id", labels={"y": Label(column="y", classes=("0", "1"))}, epsilon=epsilon)
    bound = advantage_bound(
        Feedback(identifier="id", labels=feedback.labels, neighbours="change-label", epsilon=epsilon),
        feedback.labels["y"],
    )
    assert not surely_exceeds(guessed, targets > 0, bound)
    if epsilon == 4.0:
        assert advantage(guessed, targets > 0) > 0.7 * bound  # the attack sees something


@pytest.mark.parametrize("everything", AT_ONCE)
def test_forgetting_that_statistics_add_up_is_found_out(
    everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sensitivity, "of_partitions", lambda self, count: self)
    targets = np.random.default_rng(2).integers(0, 2, 10_000)
    guessed = everything.told(targets, epsilon=4.0) > 0
    label = Label(column="y", classes=("0", "1"))
    feedback = Feedback(identifier="id", labels={"y": label}, neighbours="change-label", epsilon=4.0)
    assert surely_exceeds(guessed, targets > 0, advantage_bound(feedback, label))
