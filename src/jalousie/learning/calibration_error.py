"""The expected calibration error from noisy counts: a sum of absolute values, which every noise bends upwards."""

from __future__ import annotations

import numpy as np

from jalousie.learning.estimate import NORMAL, Estimate, Interval
from jalousie.tables.types import Floats

_STEPS = 2048


def calibration_error(gaps: Floats, noise: Floats, sampling: Floats) -> Estimate:
    """Expected calibration error (Naeini, Cooper & Hauskrecht 2015) with intervals that hold near zero too.

    Parameters
    ----------
    gaps
        (G,) noisy difference of accuracy and confidence per group, times the group's share of the records
    noise, sampling
        (G,) standard deviations of `gaps` by noise, and by sampling

    The true gaps are taken to be the noisy ones times a common t >= 0. For each t the sum of absolute values has the mean and
    variance of folded normal variables; the value is at the t that expects just what was seen, and an interval holds the t
    that do not make it a surprise (the inversion of a test). So a calibrated model's interval begins at 0. The value is that
    of these very records, as all figures': the people they were drawn from can have a lower error, never a higher by chance.
    """
    size = np.abs(gaps)
    value, here = _inverted(size, noise)
    _, drawn = _inverted(size, sampling)
    _, both = _inverted(size, np.hypot(noise, sampling))
    return Estimate(value, here, _with(drawn, value), _with(both, value))


def _inverted(size: Floats, deviation: Floats) -> tuple[float, Interval]:
    """The error that expects the sum of `size`, and those that do not contradict it."""
    seen = float(size.sum())
    if seen <= 0.0:
        return 0.0, (0.0, float(NORMAL * np.sqrt(np.sum(deviation**2))))
    spread = np.maximum(deviation, 1e-12)
    times = np.linspace(0.0, 1.0 + 4.0 * float(spread.sum()) / seen, _STEPS)
    mean, variance = _folded(times[:, None] * size, spread)
    expected, surprise = mean.sum(axis=1), NORMAL * np.sqrt(variance.sum(axis=1))
    low = times[expected + surprise < seen]
    high = times[expected - surprise <= seen]
    value = float(np.interp(seen, expected, times)) * seen
    return value, (float(low[-1]) * seen if len(low) else 0.0, max(value, float(high[-1]) * seen if len(high) else 0.0))


def _folded(mean: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of |x| for normal x (Leone, Nelson & Nottingham 1961)."""
    from scipy.special import ndtr

    ratio = mean / deviation
    first = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * (1 - 2 * ndtr(-ratio))
    return first, np.maximum(mean**2 + deviation**2 - first**2, 0.0)


def _with(interval: Interval, value: float) -> Interval:
    return min(interval[0], value), max(interval[1], value)
