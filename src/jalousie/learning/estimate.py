"""A figure from noisy counts, with what is not known about it: noise, sampling, and both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from jalousie.tables.types import Floats
from jalousie.validator.types import Answer

Interval = tuple[float, float]
NORMAL = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with 95 % intervals, both within the figure's range.

    value     NaN where it cannot be measured: the intervals are what is certain nevertheless
    noise     where the figure of these very records lies: unknown are the noise, and the order inside a group
    sampling  where the figure of the population that the records were drawn from would lie, were there no noise
    total     the same with noise: noise and sampling together
    """

    value: float
    noise_interval: Interval
    sampling_interval: Interval
    total_interval: Interval

    @property
    def measurable(self) -> bool:
        return not np.isnan(self.value)

    def __str__(self) -> str:
        if not self.measurable:
            return f"not measurable, {self.total_interval[0]:.4f} to {self.total_interval[1]:.4f}"
        return f"{self.value:.4f} ± {(self.total_interval[1] - self.total_interval[0]) / 2:.4f}"

    def within(self, range_: Interval, slack: Interval = (0.0, 0.0)) -> Estimate:
        """Cut to a range, after the intervals were made longer by `slack` at their ends. One that lies outside of the range
        altogether keeps its length, from the range's end on: such an answer is a rare accident, not certainty."""

        def cut(ends: Interval) -> Interval:
            low, high = ends[0] - slack[0], ends[1] + slack[1]
            shift = float(np.clip(self.value, *range_)) - self.value
            low, high = min(low, low + shift), max(high, high + shift)
            return float(np.clip(low, *range_)), float(np.clip(high, *range_))

        if not self.measurable:
            return replace(self, noise_interval=range_, sampling_interval=range_, total_interval=range_)
        ends = cut(self.noise_interval), cut(self.sampling_interval), cut(self.total_interval)
        return Estimate(float(np.clip(self.value, *range_)), *ends)

    def unmeasured(self) -> Estimate:
        """Without a value."""
        return replace(self, value=float("nan"))


Figures = Callable[[Floats], Floats]
"""(..., G, C) counts -> (..., F) figures."""
Ratios = Callable[[Floats], tuple[Floats, Floats]]
"""(..., G, C) counts -> (..., F) numerators and (..., F) denominators of figures."""


@dataclass(frozen=True, slots=True, eq=False)
class NoisyTable:
    """(G, C) noisy counts of one partition, and how the noise moves them.

    Under `change-label` with two classes one draw moves both counts of a group, in opposite ways; else each its own.
    """

    counts: Floats
    variance: float
    paired: bool

    @classmethod
    def of(cls, answer: Answer, partition: int = 0) -> NoisyTable:
        counts = np.asarray(answer.counts[partition], np.float64)
        paired = answer.neighbours == "change-label" and counts.shape[1] == 2
        return cls(counts, answer.variance, paired)

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.variance))

    def moments(self, figures: Figures) -> tuple[Floats, Floats, Floats]:
        """(F,) figures, and their (F, F) covariances by noise and by sampling: gradients by central differences.

        Sampling is that of independent records (multinomial), so its variance is sum n d^2 - (sum n d)^2 / N for gradient d.
        """
        counts = self.counts
        cells = counts.size
        step = max(0.5, self.deviation / 2)  # not less than what the noise blurs anyway
        moves = np.eye(cells).reshape(cells, *counts.shape) * step
        values = figures(np.concatenate([counts[None], counts + moves, counts - moves]))
        gradient = (values[1 : cells + 1] - values[cells + 1 :]) / (2 * step)
        noisy = gradient.reshape(*counts.shape, -1)
        noisy = noisy[:, 1] - noisy[:, 0] if self.paired else gradient
        weights = np.maximum(counts, 0.0).ravel()
        mean = weights @ gradient
        sampling = (gradient * weights[:, None]).T @ gradient - np.outer(mean, mean) / max(float(weights.sum()), 1.0)
        return values[0], self.variance * noisy.T @ noisy, sampling


def estimates(table: NoisyTable, figures: Figures) -> list[Estimate]:
    """Figures of the table with intervals by the delta method: for figures that are sums of counts, or nearly."""
    values, noise, sampling = table.moments(figures)
    return [
        Estimate(float(value), interval(value, here), interval(value, drawn), interval(value, here + drawn))
        for value, here, drawn in zip(values, np.diag(noise), np.maximum(np.diag(sampling), 0.0), strict=True)
    ]


def ratios(table: NoisyTable, parts: Ratios, range_: Floats, hidden: Floats, slack: Floats) -> list[Estimate]:
    """Figures that are ratios, with intervals that stay right where a denominator may be near zero (Fieller 1954).

    A ratio r is in the interval where numerator - r denominator is no surprise under the noise. Where the denominator itself
    may be zero, no ratio is: the figure is not measurable, and its interval is its range.

    Parameters
    ----------
    range_
        (F, 2) least and greatest value of each figure
    hidden
        (F,) variance of figures that depends on which records of a group are the positives: it belongs to every interval
    slack
        (F, 2) what no variance describes: how far below and above the figure may be besides
    """
    size = len(range_)
    values, noise, sampling = table.moments(lambda counts: np.concatenate(parts(counts), axis=-1))
    above, below = values[:size], values[size:]
    found = []
    for i in range(size):
        ends = []
        for covariance in (noise, sampling, noise + sampling):
            cells = (
                covariance[i, i] + hidden[i] * below[i] ** 2,
                covariance[i, size + i],
                covariance[size + i, size + i],
            )
            ends.append(fieller(float(above[i]), float(below[i]), *(float(cell) for cell in cells)))
        low, high = float(range_[i, 0]), float(range_[i, 1])
        whole = (low, high)
        if ends[0] is None:
            found.append(Estimate(float("nan"), whole, whole, whole))
            continue
        one = Estimate(float(above[i] / below[i]), *(end or (-np.inf, np.inf) for end in ends))
        found.append(one.within(whole, (float(slack[i, 0]), float(slack[i, 1]))))
    return found


def fieller(above: float, below: float, first: float, both: float, second: float) -> Interval | None:
    """Ends of the ratio's interval from variances of numerator and denominator and their covariance; None if it has none."""
    square = below**2 - NORMAL**2 * second
    if below <= 0 or square <= 0:
        return None
    middle = above * below - NORMAL**2 * both
    rest = above**2 - NORMAL**2 * max(first, 0.0)
    root = float(np.sqrt(max(middle**2 - square * rest, 0.0)))
    return (middle - root) / square, (middle + root) / square


def average(parts: list[Estimate]) -> Estimate:
    """The mean of figures; its intervals are from the mean of the lower to that of the upper ends, which is cautious."""
    ends = [
        tuple(float(np.mean([getattr(one, name)[side] for one in parts])) for side in range(2))
        for name in ("noise_interval", "sampling_interval", "total_interval")
    ]
    return Estimate(float(np.mean([one.value for one in parts])), *ends)  # type: ignore[arg-type]


def interval(value: float, variance: float) -> Interval:
    half = NORMAL * float(np.sqrt(variance))
    return float(value - half), float(value + half)


def deviation(ends: Interval) -> float:
    """The standard deviation that an `interval` was made of."""
    return (ends[1] - ends[0]) / 2 / NORMAL
