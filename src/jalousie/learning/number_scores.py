"""How good a model of a number is: bias from noisy sums; MAE, RMSE and bias from counts by value or interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.contract.feedback import Label
from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.bins import confidence_bins, partition_of
from jalousie.learning.estimate import Estimate, Figures, NoisyTable, estimates, interval
from jalousie.learning.validator_protocol import Validator, label_of, rho_to_spend
from jalousie.tables.types import Codes, Floats
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
    """MAE, RMSE and bias (label - prediction) of predictions of a number whose classes are numbers, or intervals (`cuts`).

    Sums of |label - prediction| cannot be asked for, as predictions never leave. Counts of the values by interval of the
    prediction say the same, if inside an interval label and prediction go their own ways; a value is taken to lie anywhere
    in its interval with the same chance. Counts by interval are also less noisy than clipped sums at as many bounds, which
    would say it too: one partition pays for all intervals.

    Raises
    ------
    ValidatorError
        V212 the label's classes are neither numbers nor intervals of them
    UsageError
        U151 a prediction is not a number
    """
    name, spec = label_of(validator, label)
    low, high = _values_of(spec)
    found = np.asarray(predictions, np.float64)
    if not np.isfinite(found).all():
        raise UsageError("U151", "a prediction is not a number", effect="nothing was asked")
    edges = confidence_bins(found, groups, validator.feedback.min_group)
    codes = np.searchsorted(edges, found).astype(np.int32)
    part = partition_of(codes, len(edges) + 1)
    rho = rho_to_spend(validator, name, epsilon)
    answer = validator.ask(Question(validator.population.digest(), name, (part,), rho))
    figures = _error_figures(low, high, found, codes)
    return dict(zip(("mae", "rmse", "bias"), estimates(NoisyTable.of(answer), figures), strict=True))


def _error_figures(low: Floats, high: Floats, found: Floats, codes: Codes) -> Figures:
    """(..., G, C) counts -> (..., 3) MAE, RMSE, bias.

    Inside a group label and prediction still rise together, with about the slope b that the groups' means show; for the group's
    mean prediction m and the variance v of predictions in it, E (y - p)^2 = E (y - m)^2 + v (1 - 2 b). A label at the middle of
    its interval of width w has w^2 / 12 more variance than the label itself (Sheppard 1898). E |y - m| is made smaller in the
    same proportion as the root of all that, which is right for errors of any one shape.
    """
    sizes = np.bincount(codes)
    means = np.bincount(codes, weights=found) / sizes
    spread = np.maximum(np.bincount(codes, weights=found**2) / sizes - means**2, 0.0)
    middle, rounding = (low + high) / 2, (high - low) ** 2 / 12
    gap = middle - means[:, None]

    def mean(counts: Floats, cells: Floats) -> Floats:
        return np.asarray(np.einsum("...gc,gc->...", counts, cells) / np.maximum(counts.sum(axis=(-2, -1)), 1.0))

    def figures(counts: Floats) -> Floats:
        records = np.maximum(counts.sum(axis=-1), 1e-9)
        labels = counts @ middle / records
        weight = records / records.sum(axis=-1, keepdims=True)
        centre = means - (weight @ means)[..., None]
        slope = np.sum(weight * centre * labels, axis=-1) / np.maximum(np.sum(weight * centre**2, axis=-1), 1e-300)
        around = mean(counts, gap**2)
        exact = around - mean(counts, np.broadcast_to(rounding, gap.shape))
        exact = np.maximum(exact + (weight @ spread) * (1 - 2 * np.clip(slope, 0.0, 2.0)), 0.0)
        share = np.sqrt(exact / np.maximum(around, 1e-300))
        return np.stack([mean(counts, np.abs(gap)) * share, np.sqrt(exact), mean(counts, gap)], axis=-1)

    return figures


def _values_of(label: Label) -> tuple[Floats, Floats]:
    """(C,) least and (C,) greatest number of each class. Raises V212."""
    if label.cuts:
        ends = np.asarray(label.ends(), np.float64)
        return ends[:-1], ends[1:]
    try:
        values = np.array([float(one) for one in label.classes])
    except ValueError:
        values = np.empty(0)
    if label.kind != "classes" or len(values) < 2:
        raise ValidatorError(
            "V212",
            "the label's classes are not numbers",
            hint="the contract can count a number by interval: `cuts`",
            effect="nothing was asked",
        )
    return values, values


def bounds_of(label: Label) -> tuple[float, float]:
    """Bounds of a label that is a number. Raises V212."""
    if label.kind != "number" or label.low is None or label.high is None:
        raise ValidatorError(
            "V212", "the label is not a number with bounds", hint="use FeedbackClassifier", effect="nothing was asked"
        )
    return label.low, label.high
