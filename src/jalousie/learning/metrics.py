"""How good a model is on labels that nobody shows: figures from one noisy answer, at one spend for all of them.

Where a figure depends on where inside a group the positives are, see `inside_groups`. Every figure is a ratio of sums of counts,
and within its range; where the noise swamps what it is divided by, or too few records are predicted as a class to be asked about
by themselves, it has no value (NaN), the interval that is certain nevertheless, and a note that says what helps.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.errors import ValidatorError
from jalousie.learning.calibration_error import calibration_error
from jalousie.learning.class_figures import ClassFigures, bent_slack
from jalousie.learning.estimate import Estimate, NoisyTable, deviation, estimates, ratios
from jalousie.learning.inside_groups import LEAST, Inside, fitted_odds, inside
from jalousie.learning.rank_figures import BEST, RANKED, Ranked
from jalousie.learning.score_groups import (
    ScoreGroups,
    checked_groups,
    checked_threshold,
    probabilities_of,
    score_groups,
    wanted_groups,
)
from jalousie.learning.validator_protocol import Validator, label_of, rho_to_spend
from jalousie.tables.types import Floats
from jalousie.validator.budget import Rho, account
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import sensitivity
from jalousie.validator.types import Answer, Question

BINARY = RANKED


class NotMeasurableWarning(UserWarning):
    """A figure has no value: the noise swamps it, or too few records are predicted as a class."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Everything that one answer says about a model.

    figures
        by name: accuracy, log_loss, brier, ece, macro_f1, probabilistic_f1 (macro); of two classes also precision, recall,
        f1 (of the second class), auc, average_precision, lift (of the best tenth)
    by_class
        precision, recall, f1 and their probabilistic forms, by class
    confusion
        (C, C) records of label [k] that are predicted as [c]
    intervals
        accuracy in each confidence interval, in the order of groups
    calibration
        (G, 2) mean confidence and accuracy of each interval
    roc
        (G + 1, 2) false and true positive rate, two classes only
    roc_intervals
        (G + 1, 2, 2) for each point and rate the ends of the 95 % interval by noise
    notes
        why figures have no value (NaN), and what helps
    """

    figures: dict[str, Estimate]
    by_class: dict[str, dict[str, Estimate]]
    confusion: tuple[tuple[Estimate, ...], ...]
    intervals: tuple[Estimate, ...]
    calibration: Floats
    roc: Floats
    roc_intervals: Floats
    groups: ScoreGroups
    answer: Answer
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Estimate:
        return self.figures[name]


def ask_scores(
    validator: Validator,
    scores: Any,
    *,
    label: str | None = None,
    epsilon: float | None = None,
    groups: int | None = None,
    threshold: float = 0.5,
) -> Scores:
    """Ask one question about a model's confidence, and work out every figure.

    Parameters
    ----------
    scores
        (n,) probability of the second class, or (n, C) of all, for the records of the population in order
    label, epsilon
        as for FeedbackClassifier
    groups
        confidence intervals, at most 200; None: so many that noise and binning are balanced
    threshold
        of two classes: above it the second is predicted

    Warns NotMeasurableWarning. Raises UsageError U151 and what the validator refuses with (V2xx).
    """
    found = asked_scores(validator, scores, label=label, epsilon=epsilon, groups=groups, threshold=threshold)
    for note in found.notes:
        warnings.warn(note, NotMeasurableWarning, stacklevel=2)
    return found


def asked_scores(
    validator: Validator,
    scores: Any,
    *,
    label: str | None,
    epsilon: float | None,
    groups: int | None,
    threshold: float = 0.5,
) -> Scores:
    """As `ask_scores`, without warnings."""
    name, spec = label_of(validator, label)
    if spec.kind != "classes":
        raise ValidatorError("V212", "the label is a number", hint="use `ask_bias`", effect="nothing was asked")
    probabilities, threshold = probabilities_of(scores, len(spec.classes)), checked_threshold(threshold)
    rho = rho_to_spend(validator, name, epsilon)
    feedback = validator.feedback
    if groups is None:
        noise = noise_for(account(feedback), sensitivity(spec, feedback), Rho.nearest(rho))
        groups = min(wanted_groups(len(probabilities), float(np.sqrt(noise.variance))), feedback.max_groups)
    groups = checked_groups(groups, feedback)
    cut = score_groups(probabilities, groups, feedback.min_group, threshold=threshold)
    question = Question(validator.population.digest(), name, (cut.partition,), rho)
    return scores_of(validator.ask(question), cut)


def scores_of(answer: Answer, groups: ScoreGroups, *, partition: int = 0) -> Scores:
    """Every figure of the answer to a question whose partition at this place is `groups`."""
    table = NoisyTable.of(answer, partition)
    classes = table.counts.shape[1]
    odds = fitted_odds(table, groups)
    here = inside(groups, odds)
    # as it would be, were the slope inside of groups off by what may be doubted
    bent = [inside(groups, odds, bend=bend) for bend in (-1.0, 1.0)]
    found = _figures(table, groups, here, bent)
    figures = ClassFigures(table, groups, answer.classes)
    by_class = figures.by_class(here, bent)
    for name in ("f1", "probabilistic_f1"):
        found[name if name != "f1" else "macro_f1"] = figures.macro(name, here, by_class)
    if classes == 2:
        for name in RANKED:  # both classes have to be there
            if not all(by_class[one]["recall"].measurable or figures.rare(k) for k, one in enumerate(answer.classes)):
                found[name] = Estimate(np.nan, *[_range(name, classes)] * 3)
        found |= {name: by_class[answer.classes[1]][name] for name in ("precision", "recall", "f1")}
    intervals = _accuracy_by_group(table, groups, here)
    roc = _roc(table) if classes == 2 else np.empty((0, 2, 3))
    return Scores(
        found,
        by_class,
        figures.confusion(here),
        intervals,
        np.column_stack([groups.confidence, [one.value for one in intervals]]),
        roc[..., 0],
        roc[..., 1:],
        groups,
        answer,
        figures.notes(found, by_class),
    )


def _range(name: str, classes: int) -> tuple[float, float]:
    """Least and greatest value of a figure."""
    return 0.0, {"log_loss": float(-np.log(LEAST)), "brier": 1.0 if classes == 2 else 2.0, "lift": 1 / BEST}.get(
        name, 1.0
    )


def _figures(table: NoisyTable, groups: ScoreGroups, here: Inside, bent: list[Inside]) -> dict[str, Estimate]:
    """Those that are about all classes together."""
    counts = table.counts
    classes = counts.shape[1]
    names = ("accuracy", "log_loss", "brier", *(RANKED if classes == 2 else ()))

    def parts(counts: Floats, inner: Inside) -> tuple[Floats, Floats]:
        right = np.einsum("...gk,gkk->...", counts, inner.called)
        records = counts.sum(axis=(-2, -1))
        losses = [(counts * loss).sum(axis=(-2, -1)) for loss in (inner.log_loss, inner.brier)]
        above, below = np.stack([right, *losses], axis=-1), np.repeat(records[..., None], 3, axis=-1)
        if classes == 2:
            more = Ranked.of(counts, inner, groups).parts()
            above, below = np.concatenate([above, more[0]], axis=-1), np.concatenate([below, more[1]], axis=-1)
        return above, below

    positive = np.maximum(counts, 0.0)
    hidden = np.concatenate([[0.0], (positive * here.scatter).sum(axis=(1, 2)) / max(float(positive.sum()), 1.0) ** 2])
    if classes == 2:
        hidden = np.concatenate([hidden, Ranked.of(counts, here, groups).hidden(len(counts))])
    slack = bent_slack(lambda inner: parts(counts, inner), here, bent)
    slack[0] = ClassFigures(table, groups, ()).accuracy_slack(here)
    ranges = np.array([_range(name, classes) for name in names])
    found = dict(zip(names, ratios(table, lambda counts: parts(counts, here), ranges, hidden, slack), strict=True))
    found["ece"] = _ece(table, groups, here, slack[0])
    return found


def _accuracy_by_group(table: NoisyTable, groups: ScoreGroups, here: Inside) -> tuple[Estimate, ...]:
    size = len(table.counts)
    slack = np.where(groups.mixed, 1.0, 0.0)[:, None] * np.ones(2)

    def parts(counts: Floats) -> tuple[Floats, Floats]:
        return np.einsum("...gk,gkk->...g", counts, here.called), counts.sum(axis=-1)

    return tuple(ratios(table, parts, np.tile([0.0, 1.0], (size, 1)), np.zeros(size), slack))


def _roc(table: NoisyTable) -> Floats:
    """(G + 1, 2, 3) rates and the ends of their intervals by noise, from the highest group down."""
    size = len(table.counts)

    def parts(counts: Floats) -> tuple[Floats, Floats]:
        falls = np.cumsum(counts[..., ::-1, :], axis=-2)
        below = np.broadcast_to(counts.sum(axis=-2, keepdims=True), falls.shape)
        return falls.reshape(*counts.shape[:-2], -1), below.reshape(*counts.shape[:-2], -1)

    found = ratios(table, parts, np.tile([0.0, 1.0], (2 * size, 1)), np.zeros(2 * size), np.zeros((2 * size, 2)))
    rates = np.array([[one.value, *one.noise_interval] for one in found]).reshape(size, 2, 3)
    return np.concatenate([np.zeros((1, 2, 3)), rates])


def _ece(table: NoisyTable, groups: ScoreGroups, here: Inside, slack: Floats) -> Estimate:
    def gaps(counts: Floats) -> Floats:
        right = np.einsum("...gk,gkk->...g", counts, here.called)
        records = counts.sum(axis=-1)
        return np.asarray((right - records * groups.confidence) / np.maximum(records.sum(axis=-1), 1.0)[..., None])

    found = estimates(table, gaps)
    error = calibration_error(
        np.array([gap.value for gap in found]),
        np.array([deviation(gap.noise_interval) for gap in found]),
        np.array([deviation(gap.sampling_interval) for gap in found]),
    )
    return error.within((0.0, 1.0), (float(slack.max()), float(slack.max())))
