"""How good a model is on labels that nobody shows: figures from one noisy answer, at one spend for all of them.

Inside a group the labels are not known, but the model's own scores are. Where a figure depends on where inside a group the
positives are (log-loss, Brier, AUC, probabilistic F1), their odds are taken to go as the scores say, scaled to the group's
count: so a calibrated or badly calibrated model is judged by the answer, and only the small differences inside a group by
its own scores. Which records they are exactly belongs to the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.errors import ValidatorError
from jalousie.learning.calibration_error import calibration_error
from jalousie.learning.estimate import Estimate, NoisyTable, deviation, estimates
from jalousie.learning.score_groups import ScoreGroups, probabilities_of, score_groups, wanted_groups
from jalousie.learning.validator_protocol import Validator, label_of, rho_to_spend
from jalousie.tables.types import Floats
from jalousie.validator.budget import Rho, account
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import sensitivity
from jalousie.validator.types import Answer, Question

BINARY = ("auc", "average_precision", "lift")


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
    """

    figures: dict[str, Estimate]
    by_class: dict[str, dict[str, Estimate]]
    confusion: tuple[tuple[Estimate, ...], ...]
    intervals: tuple[Estimate, ...]
    calibration: Floats
    roc: Floats
    groups: ScoreGroups
    answer: Answer

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
        confidence intervals; None: so many that noise and binning are balanced

    Raises UsageError U151 and what the validator refuses with (V2xx).
    """
    name, spec = label_of(validator, label)
    if spec.kind != "classes":
        raise ValidatorError("V212", "the label is a number", hint="use `ask_bias`", effect="nothing was asked")
    probabilities = probabilities_of(scores, len(spec.classes))
    rho = rho_to_spend(validator, name, epsilon)
    feedback = validator.feedback
    if groups is None:
        noise = noise_for(account(feedback), sensitivity(spec, feedback), Rho.nearest(rho))
        groups = wanted_groups(len(probabilities), float(np.sqrt(noise.variance)))
    cut = score_groups(probabilities, groups, feedback.min_group, threshold=threshold)
    question = Question(validator.population.digest(), name, (cut.partition,), rho)
    return scores_of(validator.ask(question), cut)


def scores_of(answer: Answer, groups: ScoreGroups, *, partition: int = 0) -> Scores:
    """Every figure of the answer to a question whose partition at this place is `groups`."""
    table = NoisyTable.of(answer, partition)
    classes = table.counts.shape[1]
    names = [*_names(classes)]
    found = dict(
        zip(
            names, estimates(table, lambda counts: _figures(counts, groups), _hidden(table.counts, groups)), strict=True
        )
    )
    found["ece"] = _ece(table, groups)
    by_class = {}
    for k, name in enumerate(answer.classes):
        parts = estimates(table, lambda counts, k=k: _class_figures(counts, groups, k))  # type: ignore[misc]
        by_class[name] = dict(zip(CLASS_FIGURES, parts, strict=True))
    if classes == 2:
        found |= {name: by_class[answer.classes[1]][name] for name in ("precision", "recall", "f1")}
    confusion = estimates(table, lambda counts: _confusion(counts, groups))
    intervals = estimates(table, lambda counts: _accuracy_by_group(counts, groups))
    return Scores(
        found,
        by_class,
        tuple(tuple(confusion[k * classes : (k + 1) * classes]) for k in range(classes)),
        tuple(intervals),
        np.column_stack([groups.confidence, [one.value for one in intervals]]),
        _roc(table.counts) if classes == 2 else np.empty((0, 2)),
        groups,
        answer,
    )


CLASS_FIGURES = (
    "precision",
    "recall",
    "f1",
    "probabilistic_precision",
    "probabilistic_recall",
    "probabilistic_f1",
)


def _names(classes: int) -> tuple[str, ...]:
    common = ("accuracy", "log_loss", "brier", "macro_f1", "probabilistic_f1")
    return (*common, *BINARY) if classes == 2 else common


def _figures(counts: Floats, groups: ScoreGroups) -> Floats:
    """(..., G, C) counts -> (..., F) in the order of `_names`."""
    classes = counts.shape[-1]
    records = counts.sum(axis=(-2, -1))
    right = np.take_along_axis(counts, _index(counts, groups), axis=-1)[..., 0].sum(axis=-1)
    log_loss = (counts * groups.log_loss).sum(axis=(-2, -1))
    brier = (counts * groups.brier).sum(axis=(-2, -1))
    by_class = np.stack([_class_figures(counts, groups, k) for k in range(classes)], axis=-2)
    found = [right / records, log_loss / records, brier / records, *np.moveaxis(by_class.mean(axis=-2), -1, 0)[[2, 5]]]
    if classes == 2:
        ranked = _ranked(counts, groups)
        found += [_auc(ranked), _average_precision(ranked), _lift(ranked)]
    return np.stack(found, axis=-1)


def _hidden(counts: Floats, groups: ScoreGroups) -> Floats:
    """(F,) variance of the figures given the counts: which records of a group are its positives is not known."""
    classes = counts.shape[-1]
    positive = np.maximum(counts, 0.0)
    records = max(float(positive.sum()), 1.0)
    log_loss, brier = (positive * groups.scatter).sum(axis=(1, 2)) / records**2
    found = [0.0, float(log_loss), float(brier), 0.0, 0.0]
    if classes == 2:
        found += _hidden_ranks(positive, groups)
    return np.array(found)


def _hidden_ranks(counts: Floats, groups: ScoreGroups) -> list[float]:
    """Of auc, average_precision and lift: a group's class falls into its slices as a multinomial."""
    ranked = _ranked(counts, groups)
    step = 0.5
    moves = np.eye(ranked.size).reshape(ranked.size, *ranked.shape) * step
    both = np.concatenate([ranked + moves, ranked - moves])
    values = np.stack([_auc(both), _average_precision(both), _lift(both)])
    gradient = (values[:, : ranked.size] - values[:, ranked.size :]) / (2 * step)
    gradient = gradient.reshape(3, *groups.profile.shape)
    mean = (groups.profile * gradient).sum(axis=2)
    spread = (groups.profile * gradient**2).sum(axis=2) - mean**2
    return [float(one) for one in (counts * np.maximum(spread, 0.0)).sum(axis=(1, 2))]


def _index(counts: Floats, groups: ScoreGroups) -> Any:
    return np.broadcast_to(groups.predicted[:, None], (*counts.shape[:-1], 1)).astype(np.int64)


def _class_figures(counts: Floats, groups: ScoreGroups, k: int) -> Floats:
    """(..., 6) in the order of CLASS_FIGURES; the probabilistic ones as Yacouby & Axman (2020) define them."""
    chosen = groups.predicted == k
    label = counts[..., k].sum(axis=-1)
    true, predicted = counts[..., chosen, k].sum(axis=-1), counts[..., chosen, :].sum(axis=(-2, -1))
    confident_true = (counts[..., k] * groups.probability[:, k, k]).sum(axis=-1)
    confident = (counts * groups.probability[:, :, k]).sum(axis=(-2, -1))
    found = []
    for hit, called in ((true, predicted), (confident_true, confident)):
        found += [hit / _positive(called), hit / _positive(label), 2 * hit / _positive(called + label)]
    return np.stack(found, axis=-1)


def _positive(values: Floats) -> Floats:
    return np.maximum(values, 1.0)


def _ranked(counts: Floats, groups: ScoreGroups) -> Floats:
    """(..., G Q, 2) counts by slice of the groups' scores, from the lowest score up."""
    sliced = counts[..., :, None, :] * groups.profile
    return np.asarray(sliced.reshape(*counts.shape[:-2], -1, 2))


def _auc(counts: Floats) -> Floats:
    """Positives above negatives; half of those in the same slice."""
    negative, positive = counts[..., 0], counts[..., 1]
    below = np.cumsum(negative, axis=-1) - negative / 2
    ordered = (positive * below).sum(axis=-1)
    return np.asarray(ordered / _positive(positive.sum(axis=-1)) / _positive(negative.sum(axis=-1)))


def _average_precision(counts: Floats) -> Floats:
    """Recall gained in each slice, from the top, times the precision at its middle."""
    positive, all_ = counts[..., ::-1, 1], counts[..., ::-1, :].sum(axis=-1)
    above = np.cumsum(positive, axis=-1) - positive / 2
    called = np.cumsum(all_, axis=-1) - all_ / 2
    return np.asarray((positive * above / _positive(called)).sum(axis=-1) / _positive(positive.sum(axis=-1)))


def _lift(counts: Floats, share: float = 0.1) -> Floats:
    """Rate of the second class in the best tenth over its rate in all; a slice that is cut counts in part."""
    positive, all_ = counts[..., ::-1, 1], counts[..., ::-1, :].sum(axis=-1)
    called = np.cumsum(all_, axis=-1)
    wanted = share * called[..., -1:]
    part = np.clip((wanted - (called - all_)) / np.maximum(all_, 1e-9), 0, 1)
    rate = (positive * part).sum(axis=-1) / _positive(wanted[..., 0])
    return np.asarray(rate / (_positive(positive.sum(axis=-1)) / _positive(called[..., -1])))


def _confusion(counts: Floats, groups: ScoreGroups) -> Floats:
    classes = counts.shape[-1]
    cells = [counts[..., groups.predicted == c, k].sum(axis=-1) for k in range(classes) for c in range(classes)]
    return np.stack(cells, axis=-1)


def _accuracy_by_group(counts: Floats, groups: ScoreGroups) -> Floats:
    right = np.take_along_axis(counts, _index(counts, groups), axis=-1)[..., 0]
    return np.asarray(right / _positive(counts.sum(axis=-1)))


def _roc(counts: Floats) -> Floats:
    falls = np.cumsum(counts[::-1], axis=0) / _positive(counts.sum(axis=0))
    return np.asarray(np.clip(np.concatenate([np.zeros((1, 2)), falls]), 0, 1))


def _ece(table: NoisyTable, groups: ScoreGroups) -> Estimate:
    def gaps(counts: Floats) -> Floats:
        right = np.take_along_axis(counts, _index(counts, groups), axis=-1)[..., 0]
        records = counts.sum(axis=-1)
        return np.asarray((right - records * groups.confidence) / _positive(records.sum(axis=-1))[..., None])

    found = estimates(table, gaps)
    return calibration_error(
        np.array([gap.value for gap in found]),
        np.array([deviation(gap.noise_interval) for gap in found]),
        np.array([deviation(gap.sampling_interval) for gap in found]),
    )
