"""MAE, RMSE and bias of a number by noisy sums of deviations from public centres (`validator.types.Statistic`).

One question holds them all: sums of y - c, of (y - c)^2, of |y - c| and, where the contract hides who is there, of ones; each
has the noise of its own sensitivity. With one level c is the middle of the label's bounds for everybody, and tells nothing;
records are grouped by prediction p, by opaque numbers, and the mean square is put together from sums of y and of y^2. With more,
c is p rounded to one of so many values: the provider sees these and whose prediction is at which, and |y - c| can be asked for.

What rounding loses is the gap u = p - c, of mean m and variance v in a group, both known. With b the slope of labels over
predictions inside a group,

    mean (y - p)^2 = mean (y - c)^2 - 2 m mean (y - c) + m^2 + v (1 - 2 b).

With one level b is taken for that between groups, give or take a quarter. With many, v is small, and b is 1 (good predictions),
give or take 1: intervals are longer by 2 v at both ends. mean |y - p| is less than mean |y - c| by about v MAE / 2 RMSE^2 (errors
of a normal shape); intervals are longer by twice that, which covers other slopes, and shapes as spiked as Laplace's; and by up to
mean |u| where the label's unit is as large as errors are.

Of records that are not there it is not known which they are. How many each group lacks counts; inside a group they are taken to
be missing by chance, whatever their predictions and labels.

The label is that of the contract, rounded to its unit and cut to its bounds; predictions are cut to these, too. Errors are cut to
`within`; then the figures are those of the cut errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from jalousie.contract.feedback import Label
from jalousie.errors import UsageError
from jalousie.learning.estimate import Estimate, Interval, fieller, interval
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Floats
from jalousie.validator.answer import variances
from jalousie.validator.sensitivity import Grid, grid
from jalousie.validator.statistic import steps_of
from jalousie.validator.types import Answer, Neighbours, Partition, Question, Statistic, StatisticKind

MOST_LEVELS = 100_000
_SLOPE = 0.25
"""By how much the slope inside groups may differ from that between them."""


def centres_of(predictions: Floats, label: Label, neighbours: Neighbours, levels: int) -> Floats:
    """(n,) centres of predictions inside the label's bounds: means of `levels` equally wide ranges; of one, the bounds' middle.

    Raises
    ------
    UsageError
        U151 `levels` is no number of levels
    """
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer) or not 1 <= levels <= MOST_LEVELS:
        hint = f"choose about 50; at most {MOST_LEVELS:,}"
        raise UsageError("U151", "`levels` is not a whole number from 1 on", hint=hint, effect="nothing was asked")
    scale = grid(label, neighbours)
    if levels == 1:
        values = np.full(len(predictions), (scale.low + scale.high) / 2)
    else:
        low, high = float(predictions.min()), float(predictions.max())
        places = (predictions - low) / max(high - low, 1e-300) * levels
        codes = np.minimum(places.astype(np.int64), levels - 1)
        sizes = np.maximum(np.bincount(codes, minlength=levels), 1)
        values = (np.bincount(codes, weights=predictions, minlength=levels) / sizes)[codes]
    return np.asarray(scale.origin + scale.unit * steps_of(values, label, neighbours))


def errors_by_sums(
    validator: Validator,
    name: str,
    predictions: Floats,
    centres: Floats,
    partition: Partition,
    *,
    rho: float,
    within: float | None,
) -> dict[str, Estimate]:
    """The figures, by one question. `partition` has one group where centres follow predictions; else MAE has no value.

    Raises
    ------
    UsageError
        U151 `within` is not above 0
    ValidatorError
        V201 to V217, as for any question
    """
    if within is not None and not (isinstance(within, int | float | np.number) and within > 0):
        raise UsageError("U151", "`within` is not above 0", effect="nothing was asked")
    label = validator.feedback.labels[name]
    scale = grid(label, validator.feedback.neighbours)
    told = partition.count == 1
    kinds: list[StatisticKind] = ["signed", "square", *(("absolute",) if told else ())]
    if validator.feedback.neighbours == "add-or-remove":
        kinds += ["records"]
    steps = _reach(scale, centres, within)
    around = steps_of(centres, label, validator.feedback.neighbours)
    everybody = Partition(np.zeros(len(centres), np.int32), 1)
    parts = tuple(
        Partition(where.groups, where.count, Statistic(kind, *((None, 0) if kind == "records" else (around, steps))))
        for kind, where in ((kind, everybody if kind == "square" else partition) for kind in kinds)
    )
    answer = validator.ask(Question(validator.population.digest(), name, parts, rho))
    sums = _Sums.of(answer, kinds, partition, predictions - centres)
    limit = float(max((scale.high - predictions).max(), (predictions - scale.low).max()))
    if told:  # of cut deviations
        limit = min(limit, steps * scale.unit + float(np.abs(predictions - centres).max()))
    return sums.figures(limit)


def _reach(scale: Grid, centres: Floats, within: float | None) -> int:
    """Steps at which deviations are cut: the largest there can be, or `within`."""
    most = max(scale.high - float(centres.min()), float(centres.max()) - scale.low)
    steps = int(np.ceil(min(most, np.inf if within is None else within) / scale.unit))
    return int(np.clip(steps, 1, scale.most - scale.least))


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Noisy sums in the label's unit, with the variance of each cell, and what is known of the gaps u of each group."""

    signed: tuple[Floats, float]
    square: tuple[Floats, float]
    absolute: tuple[Floats, float] | None
    records: tuple[Floats, float]
    sizes: Floats
    """(G,) records of the population."""
    means: Floats
    """(G,) of u."""
    spread: Floats
    """(G,) variance of u."""
    gap: float
    """Mean of |u| over everybody."""
    unit: float
    """Of the label."""

    @classmethod
    def of(cls, answer: Answer, kinds: list[StatisticKind], partition: Partition, gaps: Floats) -> _Sums:
        found = {}
        for number, (kind, variance) in enumerate(zip(kinds, variances(answer), strict=True)):
            unit = answer.unit ** Statistic(kind).power
            found[kind] = (np.asarray(answer.counts[number][:, 0] * unit, np.float64), variance * unit**2)
        if answer.totals:
            found["records"] = (np.asarray(answer.totals[0], np.float64), 0.0)
        sizes = np.bincount(partition.groups, minlength=partition.count).astype(np.float64)
        means = np.bincount(partition.groups, weights=gaps, minlength=partition.count) / sizes
        spread = np.bincount(partition.groups, weights=gaps**2, minlength=partition.count) / sizes - means**2
        return cls(
            found["signed"],
            found["square"],
            found.get("absolute"),
            found["records"],
            sizes,
            means,
            np.maximum(spread, 0.0),
            float(np.abs(gaps).mean()),
            answer.unit,
        )

    def figures(self, limit: float) -> dict[str, Estimate]:
        """MAE and RMSE within [0, limit], bias within [-limit, limit]; NaN where the noise swamps the number of records."""
        bias, square = self._bias(), self._square()
        level = max(square.value, 0.0)
        # of one record: var e <= E e^2, and var e^2 <= E e^4 <= limit^2 E e^2. Cautious, the second by far
        rmse = square.estimate(limit**2 * level - level**2, (0.0, limit**2))
        found = {"rmse": _root(rmse), "bias": bias.estimate(level - bias.value**2, (-limit, limit))}
        if self.absolute is None:
            low, high = found["bias"].total_interval
            nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
            ends = (nearest, found["rmse"].total_interval[1])
            return {"mae": Estimate(float("nan"), ends, ends, ends), **found}
        absolute = self._absolute(square)
        return {"mae": absolute.estimate(level - absolute.value**2, (0.0, limit)), **found}

    @property
    def _shares(self) -> Floats:
        """(G,) of the records that the provider has."""
        found = np.maximum(self.records[0], 0.0)
        return np.asarray(found / max(float(found.sum()), 1.0))

    @property
    def _absent(self) -> Floats:
        """(G,) share of each group that the provider does not have: whose gaps these are is not known."""
        return np.asarray(np.clip(1 - self.records[0] / self.sizes, 0.0, 1.0))

    def _bias(self) -> _Mean:
        ones = np.ones(len(self.sizes))
        hidden = float(self._shares @ (self.spread * self._absent))
        return self._mean(ones, -self.means, hidden=hidden)

    def _square(self) -> _Mean:
        """Of y - p."""
        weights, means, inside = self._shares, self.means, float(self._shares @ self.spread)
        labels = self.signed[0] / np.maximum(self.records[0], 1.0)
        slope, off, lever = 1.0, 1.0, np.zeros(1)
        if len(means) > 1:  # the slope is made of noisy sums, too: `lever` is how they move it, times v
            centre = means - weights @ means
            across = max(float(weights @ centre**2), 1e-300)
            slope, off, lever = float((weights * centre) @ labels) / across, _SLOPE, inside * centre / across
        records = means**2 + self.spread * (1 - 2 * slope)
        made = self._mean(-2 * means, records, self.square)
        # the order inside groups: residuals times gaps, and gaps of those who are not there
        hidden = 4 * max(made.value, 0.0) * inside + 4 * float(weights @ (means**2 * self.spread * self._absent))
        moved = self._mean(-2 * (means + lever), records + 2 * lever * labels, self.square)
        return replace(moved, total=made.total, hidden=hidden, slack=2 * off * inside)

    def _absolute(self, square: _Mean) -> _Mean:
        assert self.absolute is not None
        inside = float(self._shares @ self.spread)
        mean = float(self.absolute[0].sum()) / max(float(self.records[0].sum()), 1.0)
        # not more than half of what the gaps could take away at most
        less = float(np.clip(mean * inside / max(2 * square.value, 1e-300), 0.0, self.gap / 2))
        made = self._mean(np.zeros(1), np.full(1, -less), self.absolute, hidden=inside)
        # rounded labels lie in lumps: where errors are not larger, their shape tells nothing, and u counts in full
        lumps = self.gap * min(1.0, self.unit / (2 * max(mean, 1e-300))) ** 2
        return replace(made, slack=2 * less + lumps + float(np.abs(self.means).max()))

    def _mean(
        self, signed: Floats, records: Floats, plain: tuple[Floats, float] | None = None, *, hidden: float = 0.0
    ) -> _Mean:
        """Of `plain` sums, and of signed sums and records by group with weights, over the number of records."""
        cells, noise = (np.zeros(1), 0.0) if plain is None else plain
        second = self.records[1]
        return _Mean(
            total=float(cells.sum() + signed @ self.signed[0] + records @ self.records[0]),
            records=float(self.records[0].sum()),
            first=noise * len(cells) + self.signed[1] * float(signed @ signed) + second * float(records @ records),
            both=second * float(records.sum()),
            second=second * len(records),
            hidden=hidden,
        )


@dataclass(frozen=True, slots=True)
class _Mean:
    """A noisy sum over a number of records that may be noisy, too, with the variances of their noise and its covariance."""

    total: float
    records: float
    first: float
    both: float
    second: float
    hidden: float = 0.0
    """Variance, of one record, of what depends on which records of a group are which."""
    slack: float = 0.0
    """How far off the mean may be besides."""

    @property
    def value(self) -> float:
        return self.total / max(self.records, 1.0)

    def estimate(self, drawn: float, limits: Interval) -> Estimate:
        """With the sampling variance of one record."""
        size, drawn = max(self.records, 1.0), max(drawn, 0.0)
        hidden = self.first + self.hidden * size
        here = fieller(self.total, self.records, hidden, self.both, self.second)
        if here is None:
            return Estimate(float("nan"), limits, limits, limits)
        both = fieller(self.total, self.records, hidden + drawn * size, self.both, self.second)
        made = Estimate(self.value, here, interval(self.value, drawn / size), both or limits)
        return made.within(limits, (self.slack, self.slack))


def _root(square: Estimate) -> Estimate:
    """The root of a figure, with its ends."""
    ends = (square.noise_interval, square.sampling_interval, square.total_interval)
    roots = [cast(Interval, tuple(float(np.sqrt(max(end, 0.0))) for end in pair)) for pair in ends]
    return Estimate(float(np.sqrt(square.value)), *roots)
