"""Refusals as answers: a question that is refused only if the target lacks the label."""

from __future__ import annotations

import numpy as np

from jalousie.attacks.feedback_repeat import Outcome
from jalousie.attacks.feedback_targets import Secret, small
from jalousie.errors import ValidatorError
from jalousie.learning.validator_protocol import Validator
from jalousie.validator.types import Partition, Question


def refusals(validator: Validator, label: str, secret: Secret, *, targets: int = 400, seed: int = 0) -> Outcome:
    """Ask about each target among known records that all have the label, one fewer than counts may have that are not small.

    Who refuses small counts answers if the target has the label, too, and refuses otherwise; nothing but that is looked at. A
    label that hardly anybody has is attacked from the other side. Known records serve for all targets, so each question offers
    a small part of the budget. As many targets have the label as have not, where there are enough.
    """
    rng = np.random.default_rng(seed)
    feedback, population = validator.feedback, validator.population
    sides = [rng.permutation(np.flatnonzero(secret.above == side)) for side in (False, True)]
    side = len(sides[1]) >= min(2 * small(feedback), len(sides[0]))
    known, same = np.split(sides[side], [small(feedback) - 1])
    other = sides[not side]
    half = min(targets, feedback.max_questions) // 2
    chosen = np.concatenate([same[:half], other[:half]])
    price = np.floor(validator.budget(label).reserved.value / max(1, len(chosen)) * 1e9) / 1e9
    digest, refused = population.digest(), np.zeros(len(chosen), bool)
    for at in rng.permutation(len(chosen)):
        groups = np.full(population.size, -1, np.int32)
        groups[known] = groups[chosen[at]] = 0
        try:
            validator.ask(Question(digest, label, (Partition(groups, 1),), float(price)))
        except ValidatorError:
            refused[at] = True
    return Outcome(refused != side, secret.above[chosen], int((~refused).sum()), int(refused.sum()))
