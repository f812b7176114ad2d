"""Steering of the numpy search: a small Bayesian regression that foresees rows lost and classes formed. Guesses only.

No result depends on it: it chooses what to look at next, and the proof rests on looks alone. steer.c is the same in C.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.privacy.search.lattice import Lattice
from jalousie.tables.types import Counts, Floats

NOISE = 0.05
"""Variance of one observation around the model."""
ENTRY_VARIANCE = 0.3
"""Prior variance of the effect of one level of one column."""


class Foresight:
    """Recursive least squares: value = intercept + slope * entropy + an effect per level and column.

    `entropy`: per axis (levels,) nats that a level tells.
    """

    def __init__(self, lattice: Lattice, entropy: Sequence[Floats], intercept: float, slope: float) -> None:
        self.lattice = lattice
        ends = np.cumsum([len(values) for values in entropy])
        self.first = np.concatenate(([0], ends))[:-1]
        self.parts = [slice(first, end) for first, end in zip(self.first.tolist(), ends.tolist(), strict=True)]
        self.entropy = np.concatenate(entropy)
        size = len(self.entropy) + 2
        self.theta = np.zeros(size)
        self.theta[:2] = intercept, slope
        self.covariance = np.diag(np.concatenate(([100.0, 1.0], np.full(size - 2, ENTRY_VARIANCE))))
        self.residual = 0.1
        self.seen = 0
        self.effects = self.theta[1] * self.entropy + self.theta[2:]

    def _row(self, levels: Sequence[int]) -> Floats:
        at = self.first + np.asarray(levels)
        row = np.zeros(len(self.theta))
        row[0] = 1.0
        row[1] = self.entropy[at].sum()
        row[2 + at] = 1.0
        return row

    def predict(self, levels: Counts) -> Floats:
        """(n, D) levels -> (n,) predictions."""
        sums: Floats = self.effects[self.first + levels].sum(axis=1) + self.theta[0]
        return sums

    def entries(self) -> list[Floats]:
        """Per axis, what each level adds to the intercept."""
        return [self.effects[part] for part in self.parts]

    def everywhere(self) -> Floats:
        """Predictions over the whole lattice."""
        odds: Floats = self.lattice.spread(self.entries()) + self.theta[0]
        return odds

    def learn(self, levels: Sequence[int], value: float) -> None:
        row = self._row(levels)
        error = value - float(row @ self.theta)
        gain = self.covariance @ row
        scaled = gain / (NOISE + float(row @ gain))
        self.theta += scaled * error
        self.covariance -= np.outer(scaled, gain)
        self.effects = self.theta[1] * self.entropy + self.theta[2:]
        self.seen += 1
        if self.seen > 3:
            self.residual += 0.1 * (error * error - self.residual)

    @property
    def sigma(self) -> float:
        return float(np.sqrt(min(0.36, max(0.01, self.residual))))


def log_odds(rows: float, total: float) -> float:
    return float(np.log((rows + 0.5) / (total - rows + 0.5)))


def normal_share(z: Floats) -> Floats:
    """The normal distribution function, by the logistic curve close enough to it for steering."""
    share: Floats = 1.0 / (1.0 + np.exp(-1.702 * np.clip(z, -20.0, 20.0)))
    return share
