"""How good a model of a number is: MAE, RMSE and bias from noisy sums, or from counts by value or interval."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.contract.feedback import Label
from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.bins import confidence_bins, partition_of
from jalousie.learning.estimate import NORMAL, Estimate, Figures, NoisyTable, estimates, fieller, interval
from jalousie.learning.metrics import NotMeasurableWarning
from jalousie.learning.number_sums import centres_of, errors_by_sums
from jalousie.learning.score_groups import checked_groups, plain_numbers
from jalousie.learning.validator_protocol import Validator, label_of, rho_to_spend
from jalousie.tables.types import Codes, Floats
from jalousie.validator.types import Answer, Partition, Question

_SWAMPED = "the noise swamps how many records there are: ask about a larger population, or spend more epsilon"


@dataclass(frozen=True, slots=True, eq=False)
class BiasScores:
    """Mean of label - prediction: over all records asked about, and by interval of the prediction."""

    bias: Estimate
    intervals: tuple[Estimate, ...]
    answer: Answer


def ask_bias(
    validator: Validator,
    predictions: Any,
    *,
    label: str | None = None,
    epsilon: float | None = None,
    groups: int = 10,
    records: str | None = None,
) -> BiasScores:
    """How far a regression's predictions are off on average, by noisy sums.

    Sums of labels cannot tell how labels scatter: for MAE and RMSE see `ask_errors`. The sampling interval is for a residual of a
    quarter of the label's span, which is more than most models leave.

    Parameters
    ----------
    records
        name of a label of classes by whose counts the provider's records are counted, where the contract hides who is in its
        data (`add-or-remove`): sums alone cannot tell few records from small labels. It is asked about in a second question, at
        `epsilon` of that label's own budget. It has to be a label that just the records have that have this one: best the same
        column with `cuts`. Where membership is public it is not needed.

    Warns NotMeasurableWarning. Raises UsageError U151, and V212 where nothing says how many records there are.
    """
    name, spec = label_of(validator, label)
    low, high = bounds_of(spec)
    hidden = validator.feedback.neighbours != "change-label"
    if hidden:
        _counted(validator, records)
    found = np.clip(_finite(predictions, validator), low, high)
    part = _by_prediction(found, groups, validator)
    rho = rho_to_spend(validator, name, epsilon)
    digest = validator.population.digest()
    counter = (
        Question(digest, records, (part,), rho_to_spend(validator, records, epsilon)) if hidden and records else None
    )
    answer = validator.ask(Question(digest, name, (part,), rho))
    if counter is None:
        present, doubt = np.asarray(answer.totals[0], np.float64), 0.0
    else:
        second = validator.ask(counter)
        present = np.asarray(second.counts[0], np.float64).sum(axis=1)
        doubt = second.variance * second.counts[0].shape[1]
    sums = answer.origin * present + answer.unit * answer.counts[0][:, 0]
    bias = _Bias(part, found, sums, present, answer.variance * answer.unit**2, doubt, answer.origin, high - low)
    whole = bias.of(np.ones(part.count, bool))
    if not whole.measurable:
        warnings.warn(f"bias: {_SWAMPED}", NotMeasurableWarning, stacklevel=2)
    return BiasScores(whole, tuple(bias.of(np.arange(part.count) == g) for g in range(part.count)), answer)


@dataclass(frozen=True, slots=True, eq=False)
class _Bias:
    """Sums (G,) of labels and noisy numbers (G,) of records, whose noise has these variances, by group of predictions."""

    part: Partition
    found: Floats
    sums: Floats
    records: Floats
    noise: float
    doubt: float
    origin: float
    span: float

    def of(self, chosen: Any) -> Estimate:
        """Of these groups together: a ratio of two noisy sums."""
        codes, count = self.part.groups, self.part.count
        sizes = np.bincount(codes, minlength=count)
        means = np.bincount(codes, weights=self.found, minlength=count) / sizes
        spread = np.maximum(np.bincount(codes, weights=self.found**2, minlength=count) / sizes - means**2, 0.0)
        means, present = means[chosen], self.records[chosen]
        gap, size = float(self.sums[chosen].sum() - means @ present), float(present.sum())
        apart = self.origin - means  # how far a record too many moves the sum of gaps
        noise = self.noise * len(means) + self.doubt * float(apart @ apart)
        both, second = self.doubt * float(apart.sum()), self.doubt * len(means)
        # whose predictions these are is known only if all records of the group are there
        inside = np.maximum(present, 0.0) * spread[chosen] * np.clip(1 - present / sizes[chosen], 0.0, 1.0)
        drawn = max(size, 0.0) * (self.span / 4) ** 2
        limits = (-self.span, self.span)
        here = fieller(gap, size, noise + float(inside.sum()), both, second)
        if here is None:
            return Estimate(float("nan"), limits, limits, limits)
        total = fieller(gap, size, noise + float(inside.sum()) + drawn, both, second)
        value = gap / size
        return Estimate(value, here, interval(value, drawn / size**2), total or limits).within(limits)


def _counted(validator: Validator, records: str | None) -> None:
    """Raises V212 where the contract has no such label of classes, V208 where it has no such label."""
    labels = validator.feedback.labels
    able = [name for name, one in labels.items() if one.kind == "classes"]
    if records is not None and label_of(validator, records)[1].kind == "classes":
        return
    hint = (
        f'count them by a label of classes: `records="{able[0]}"`'
        if able
        else "the contract can count a number: `cuts`"
    )
    raise ValidatorError("V212", "sums are of unknown many records", hint=hint, effect="nothing was asked")


def ask_errors(
    validator: Validator,
    predictions: Any,
    *,
    label: str | None = None,
    epsilon: float | None = None,
    groups: int = 10,
    levels: int = 1,
    within: float | None = None,
) -> dict[str, Estimate]:
    """MAE, RMSE and bias (label - prediction) of predictions of a number: "mae", "rmse", "bias".

    Of a label that is summed, by sums of deviations (`number_sums`). Of one whose classes are numbers, or intervals (`cuts`), by
    counts of the values by interval of the prediction: they say the same, if inside an interval label and prediction go their own
    ways; a value is taken to lie anywhere in its interval with the same chance.

    Parameters
    ----------
    groups
        groups by prediction, opaque to the provider; of a label that is summed only with one level
    levels
        of a label that is summed: how many values predictions are rounded to, about 50 for MAE. **The provider sees these values
        and whose prediction is at which.** With 1 it sees neither, and there is no MAE (NaN, between |bias| and RMSE)
    within
        of a label that is summed, with several levels: errors beyond this, in the label's unit, count as this. Noise falls
        with it, that of RMSE with its square; the figures are those of the cut errors, so too low. None: no error is cut

    Warns NotMeasurableWarning where the noise swamps how many records there are, where one level allows no MAE, and where
    `within` may have cut many errors.

    Raises
    ------
    ValidatorError
        V212 the label's classes are neither numbers nor intervals of them
    UsageError
        U151 a prediction is not a number
    """
    name, spec = label_of(validator, label)
    if spec.kind == "number":
        return _by_sums(validator, name, predictions, epsilon, groups, levels, within)
    low, high = _values_of(spec)
    found = _finite(predictions, validator)
    part = _by_prediction(found, groups, validator)
    rho = rho_to_spend(validator, name, epsilon)
    answer = validator.ask(Question(validator.population.digest(), name, (part,), rho))
    table = NoisyTable.of(answer)
    most = float(max(high.max() - found.min(), found.max() - low.min(), 0.0))
    ranges = {"mae": (0.0, most), "rmse": (0.0, most), "bias": (-most, most)}
    doubt = 0.0 if answer.neighbours == "change-label" else NORMAL * table.deviation * np.sqrt(table.counts.size)
    if table.counts.sum() <= max(doubt, 0.0):
        warnings.warn(f"mae, rmse, bias: {_SWAMPED}", NotMeasurableWarning, stacklevel=2)
        return {one: Estimate(float("nan"), range_, range_, range_) for one, range_ in ranges.items()}
    figures = estimates(table, _error_figures(low, high, found, part.groups))
    return {one: figure.within(range_) for figure, (one, range_) in zip(figures, ranges.items(), strict=True)}


def _by_sums(
    validator: Validator,
    name: str,
    predictions: Any,
    epsilon: float | None,
    groups: int,
    levels: int,
    within: float | None,
) -> dict[str, Estimate]:
    """`ask_errors` of a label that is summed."""
    spec = validator.feedback.labels[name]
    found = np.clip(_finite(predictions, validator), *bounds_of(spec))
    centres = centres_of(found, spec, validator.feedback.neighbours, levels)
    part = _by_prediction(found, groups, validator) if levels == 1 else partition_of(np.zeros(len(found), np.int32), 1)
    rho = rho_to_spend(validator, name, epsilon)
    figures = errors_by_sums(validator, name, found, centres, part, rho=rho, within=None if levels == 1 else within)
    told = ""
    if not figures["rmse"].measurable:
        told = f"mae, rmse, bias: {_SWAMPED}"
    elif levels == 1:
        told = "mae: it takes predictions that the provider sees, rounded to so many `levels`"
    elif within is not None and figures["rmse"].value > within / 3:
        told = "mae, rmse, bias: too low, if many errors are beyond `within`: choose three times RMSE or more"
    if told:
        warnings.warn(told, NotMeasurableWarning, stacklevel=3)
    return figures


def _finite(predictions: Any, validator: Validator) -> Floats:
    """(n,) predictions of the population's records. Raises UsageError U151."""
    found = plain_numbers(predictions, "predictions")
    if found.shape != (validator.population.size,) or not np.isfinite(found).all():
        raise UsageError("U151", "a prediction is not a number, or not one for each record", effect="nothing was asked")
    return found


def _by_prediction(found: Floats, groups: int, validator: Validator) -> Partition:
    """Groups of about equally many records. Raises UsageError U151."""
    edges = confidence_bins(found, checked_groups(groups, validator.feedback), validator.feedback.min_group)
    return partition_of(np.searchsorted(edges, found).astype(np.int32), len(edges) + 1)


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
