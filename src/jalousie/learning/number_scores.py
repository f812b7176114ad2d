"""How good a model of a number is: bias from noisy sums; MAE, RMSE and bias from counts, where the values are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.contract.feedback import Label
from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.bins import confidence_bins, partition_of
from jalousie.learning.estimate import Estimate, NoisyTable, estimates, interval
from jalousie.learning.validator_protocol import Validator, label_of, rho_to_spend
from jalousie.tables.types import Floats
from jalousie.validator.types import Answer, Question


@dataclass(frozen=True, slots=True, eq=False)
class BiasScores:
    """Mean of label - prediction: over all records asked about, and by interval of the prediction."""

    bias: Estimate
    intervals: tuple[Estimate, ...]
    answer: Answer


def ask_bias(
    validator: Validator, predictions: Any, *, label: str | None = None, epsilon: float | None = None, groups: int = 10
) -> BiasScores:
    """How far a regression's predictions are off on average, by noisy sums; membership has to be public.

    Sums of labels cannot tell how labels scatter: MAE and RMSE need a label of classes, see `ask_errors`. The sampling
    interval is for a residual of a quarter of the label's span, which is more than most models leave.
    """
    name, spec = label_of(validator, label)
    low, high = bounds_of(spec)
    if validator.feedback.neighbours != "change-label":
        raise ValidatorError(
            "V212", "sums are of unknown many records", hint="declare the label as classes", effect="nothing was asked"
        )
    found = np.clip(np.asarray(predictions, np.float64), low, high)
    edges = confidence_bins(found, groups, validator.feedback.min_group)
    codes = np.searchsorted(edges, found).astype(np.int32)
    rho = rho_to_spend(validator, name, epsilon)
    part = partition_of(codes, len(edges) + 1)
    answer = validator.ask(Question(validator.population.digest(), name, (part,), rho))
    records = np.maximum(np.asarray(answer.totals[0], np.float64), 1.0)
    sums = answer.origin * records + answer.unit * answer.counts[0][:, 0]
    expected = np.bincount(codes, weights=found) / np.bincount(codes) * records
    noise, residual = answer.variance * answer.unit**2, ((high - low) / 4) ** 2

    def one(gap: float, size: float, cells: int) -> Estimate:
        value, noisy, sampled = gap / size, noise * cells / size**2, residual / size
        return Estimate(value, interval(value, noisy), interval(value, sampled), interval(value, noisy + sampled))

    gaps = sums - expected
    return BiasScores(
        one(float(gaps.sum()), float(records.sum()), len(gaps)),
        tuple(one(float(gap), float(size), 1) for gap, size in zip(gaps, records, strict=True)),
        answer,
    )


def ask_errors(
    validator: Validator, predictions: Any, *, label: str | None = None, epsilon: float | None = None, groups: int = 10
) -> dict[str, Estimate]:
    """MAE, RMSE and bias (label - prediction) of predictions of a label whose classes are numbers.

    A provider that rounds a number to few values can declare it as classes. Sums of |label - prediction| cannot be asked
    for, as predictions never leave; counts of the values by interval of the prediction say the same, if inside an
    interval label and prediction go their own ways.
    """
    name, spec = label_of(validator, label)
    try:
        values = np.array([float(one) for one in spec.classes])
    except ValueError:
        values = np.empty(0)
    if spec.kind != "classes" or len(values) < 2:
        raise ValidatorError("V212", "the label's classes are not numbers", effect="nothing was asked")
    found = np.asarray(predictions, np.float64)
    if not np.isfinite(found).all():
        raise UsageError("U151", "a prediction is not a number", effect="nothing was asked")
    edges = confidence_bins(found, groups, validator.feedback.min_group)
    codes = np.searchsorted(edges, found).astype(np.int32)
    part = partition_of(codes, len(edges) + 1)
    rho = rho_to_spend(validator, name, epsilon)
    answer = validator.ask(Question(validator.population.digest(), name, (part,), rho))
    sizes = np.bincount(codes)
    gap = values - found[:, None]
    means = np.stack(
        [
            np.stack([np.bincount(codes, weights=one[:, c]) / sizes for c in range(len(values))], -1)
            for one in (np.abs(gap), gap**2, gap)
        ]
    )

    def figures(counts: Floats) -> Floats:
        mean = np.einsum("...gc,fgc->...f", counts, means) / np.maximum(counts.sum(axis=(-2, -1)), 1.0)[..., None]
        mean[..., 1] = np.sqrt(np.maximum(mean[..., 1], 0.0))
        return np.asarray(mean)

    return dict(zip(("mae", "rmse", "bias"), estimates(NoisyTable.of(answer), figures), strict=True))


def bounds_of(label: Label) -> tuple[float, float]:
    """Bounds of a label that is a number. Raises V212."""
    if label.kind != "number" or label.low is None or label.high is None:
        raise ValidatorError(
            "V212", "the label is not a number with bounds", hint="use FeedbackClassifier", effect="nothing was asked"
        )
    return label.low, label.high
