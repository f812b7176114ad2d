"""A figure from noisy counts, with what is not known about it: noise, sampling, and both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jalousie.tables.types import Floats
from jalousie.validator.types import Answer

Interval = tuple[float, float]
NORMAL = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with 95 % intervals.

    noise     where the figure of these very records lies: unknown are the noise, and the order inside a group
    sampling  where the figure of the population that the records were drawn from would lie, were there no noise
    total     the same with noise: noise and sampling together
    """

    value: float
    noise_interval: Interval
    sampling_interval: Interval
    total_interval: Interval

    def __str__(self) -> str:
        return f"{self.value:.4f} ± {(self.total_interval[1] - self.total_interval[0]) / 2:.4f}"


Figures = Callable[[Floats], Floats]
"""(..., G, C) counts -> (..., F) figures."""


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


def estimates(table: NoisyTable, figures: Figures, hidden: Floats | None = None) -> list[Estimate]:
    """Figures of the table with intervals by the delta method: gradients by central differences.

    hidden
        (F,) variance of figures that depends on which records of a group are the positives: it belongs to every interval

    Sampling is that of independent records (multinomial), so its variance is sum n d^2 - (sum n d)^2 / N for gradient d.
    """
    counts = table.counts
    cells = counts.size
    step = max(0.5, float(np.sqrt(table.variance)) / 2)  # not less than what the noise blurs anyway
    moves = np.eye(cells).reshape(cells, *counts.shape) * step
    values = figures(np.concatenate([counts[None], counts + moves, counts - moves]))
    gradient = (values[1 : cells + 1] - values[cells + 1 :]) / (2 * step)
    noisy = gradient.reshape(*counts.shape, -1)
    if table.paired:
        noisy = noisy[:, 1:] - noisy[:, :1]
    noise = table.variance * np.sum(noisy**2, axis=(0, 1))
    weights = np.maximum(counts, 0.0).ravel()
    total = max(float(weights.sum()), 1.0)
    sampling = np.maximum(weights @ gradient**2 - (weights @ gradient) ** 2 / total, 0.0)
    inside = np.zeros(len(noise)) if hidden is None else hidden
    return [
        Estimate(
            float(value),
            interval(value, noise[i] + inside[i]),
            interval(value, sampling[i] + inside[i]),
            interval(value, noise[i] + sampling[i] + inside[i]),
        )
        for i, value in enumerate(values[0])
    ]


def interval(value: float, variance: float) -> Interval:
    half = NORMAL * float(np.sqrt(variance))
    return float(value - half), float(value + half)


def deviation(ends: Interval) -> float:
    """The standard deviation that an `interval` was made of."""
    return (ends[1] - ends[0]) / 2 / NORMAL
