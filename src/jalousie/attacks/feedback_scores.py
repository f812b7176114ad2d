"""Attacks on scores: climbing a leaderboard, and reading labels out of one log-loss. Labels are classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jalousie.attacks.feedback_facts import Flags
from jalousie.attacks.feedback_repeat import Outcome, crowds, partition_by, random_halves
from jalousie.attacks.feedback_targets import Asker, Secret
from jalousie.errors import UsageError
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Floats
from jalousie.validator.types import Partition

LARGEST_LOGIT = 12.0
TOO_SMALL = "the attack needs a population of at least four groups of the contract's smallest size"


def boosting(
    validator: Validator, label: str, secret: Secret, *, submissions: int = 1600, records: int = 400, seed: int = 0
) -> Outcome:
    """Submit random predictions, see their accuracy, and let those that did better than most vote (Blum & Hardt 2015).

    Accuracy is asked for as the service offers it: the population in two groups by predicted class.
    """
    rng = np.random.default_rng(seed)
    asker, population = Asker(validator, label, secret), validator.population.size
    records = min(records, population)
    if records < 4 * validator.feedback.min_group:
        raise UsageError("U151", TOO_SMALL, hint="attack a larger table, or lower `min-group`", effect="")
    board = rng.choice(population, records, replace=False)
    said = random_halves(submissions, records, validator.feedback.min_group, rng)
    sums = asker.ask([_halves(board, row, population) for row in said], asker.whole)
    if sums is None:
        return Outcome(np.zeros(records, bool), secret.above[board], asker.answered, asker.refused)
    found = np.array(sums)
    right = found[:, 1] + ((~said).sum(axis=1) - found[:, 0])
    vote = np.sign(right - np.median(right)) @ np.where(said, 1.0, -1.0)
    truth = secret.above[board]
    return Outcome(highest(vote, int(truth.sum())), truth, asker.answered, asker.refused)


def _halves(board: NDArray[np.int64], said: Flags, population: int) -> Partition:
    groups = np.full(population, -1, np.int32)
    groups[board] = said
    return Partition(groups, 2)


def highest(score: Floats, many: int) -> Flags:
    """The `many` records with the highest scores: the attacker is given the number of records that have the label."""
    guessed = np.zeros(len(score), bool)
    guessed[np.argsort(-score, kind="stable")[:many]] = True
    return guessed


def log_loss_oracle(
    validator: Validator, label: str, secret: Secret, *, together: int = 20, targets: int = 1000, seed: int = 0
) -> Outcome:
    """Read the labels of `together` records out of one log-loss (Aggarwal et al. 2021).

    The j-th record's logit is 2^j u, so the score's binary digits are the labels. The log-loss comes from the answer's
    counts by prediction, as all metrics do; a smallest group makes the attacker hide every target among records that he
    knows, with the same prediction. Scores on disjoint sets of records are asked for in one question.
    """
    rng = np.random.default_rng(seed)
    asker, population = Asker(validator, label, secret), validator.population.size
    size = validator.feedback.min_group
    chosen = crowds(validator, size, targets, rng)
    together = min(together, len(chosen))
    chosen = chosen[: len(chosen) // together * together]
    sums = asker.ask([partition_by(chosen, population)], asker.whole)
    truth = secret.above[chosen[:, 0]]
    if sums is None:
        return Outcome(np.zeros(len(chosen), bool), truth, asker.answered, asker.refused)
    known = secret.values[chosen[:, 1:]].sum(axis=1)
    step = LARGEST_LOGIT / 2 ** (together - 1)
    logits = step * 2.0 ** np.arange(together)
    guessed = np.zeros(len(chosen), bool)
    for start in range(0, len(chosen), together):
        part = slice(start, start + together)
        score = _log_loss(sums[0][part], size, logits)
        guessed[part] = _digits(score, known[part], size, logits)
    return Outcome(guessed, truth, asker.answered, asker.refused)


def _log_loss(having: Floats, size: int, logits: Floats) -> float:
    """Mean log-loss over groups of equal size with one prediction each; `having` counts the records with the label."""
    total = (having * np.logaddexp(0, -logits) + (size - having) * np.logaddexp(0, logits)).sum()
    return float(total / (size * len(logits)))


def _digits(score: float, known: Floats, size: int, logits: Floats) -> Flags:
    """The targets' labels from the score alone: size * sum log(1 + e^z) - size * k * score = sum of z over all who have it."""
    total = size * np.logaddexp(0, logits).sum() - score * size * len(logits) - known @ logits
    most = 2 ** len(logits) - 1
    number = int(np.clip(np.rint(total / logits[0]), 0, most))
    return np.array([(number >> digit) & 1 for digit in range(len(logits))], bool)
