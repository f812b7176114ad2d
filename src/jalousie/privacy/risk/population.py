"""How large a class is in the population when only a sample of it is known.

Pitman's two-parameter model (Pitman 1995; for disclosure risk: Samuels 1998, Hoshino 2001) is fitted to the sizes of the
sample's classes. Under it a class of f rows among n grows in the N - n people outside the sample by a beta-binomial
number: F = f + BetaBinomial(N - n, f - alpha, theta + n - f + alpha). From that follow the mean of F, the mean of 1/F and
the chance that a sample unique is a population unique. With alpha = 0 it is Ewens' model, and for small sampling
fractions close to the negative binomial of mu-Argus (Benedetti & Franconi 1998).

How well it does, measured on samples of 2 to 50 %: with Adult as the population within an eighth of the true marketer risk.
In artificial populations where nobody is rare it overstates, by up to 3.5 times in a sample of 2 %, where mu-Argus
understates by half: it errs to the careful side and stays below the prosecutor's figure.

The model assumes a random sample. It says nothing about a sample that was picked by who is easy to recognise.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from jalousie.tables.types import Counts, Floats

_EXACT = 2048
"""Growths 0 .. _EXACT - 1 are summed one by one, larger ones in blocks."""


class PitmanModel(Struct, frozen=True):
    """0 <= alpha < 1, theta > -alpha; `rows` is the size n of the sample."""

    alpha: float
    theta: float
    rows: int

    def mean_size(self, sizes: Counts, population: int) -> Floats:
        """(C,) expected number of people in the population who share the class of each size."""
        grown = (population - self.rows) * (sizes - self.alpha) / (self.theta + self.rows)
        mean: Floats = sizes + grown
        return mean

    def mean_inverse(self, sizes: Counts, population: int) -> Floats:
        """(C,) expected 1/F of each size: the chance to pick the right person among those who share the class."""
        growth, weight = _growth_blocks(population - self.rows)
        out = np.empty(len(sizes))
        for i, f in enumerate(sizes):
            probability = self._growth_probability(int(f), growth, population) * weight
            # The blocks' sum is 1 up to interpolation; dividing by it removes most of that error.
            out[i] = (probability / (f + growth)).sum() / probability.sum()
        return np.minimum(out, 1 / np.asarray(sizes))

    def population_unique(self, population: int) -> float:
        """Chance that a class of one row in the sample has one person in the population."""
        growth = np.zeros(1)
        return float(self._growth_probability(1, growth, population)[0])

    def _growth_probability(self, f: int, growth: Floats, population: int) -> Floats:
        """Beta-binomial probability of each growth."""
        from scipy.special import gammaln

        more = population - self.rows
        a, b = f - self.alpha, self.theta + self.rows - f + self.alpha
        choose = gammaln(more + 1) - gammaln(growth + 1) - gammaln(more - growth + 1)
        beta = gammaln(growth + a) + gammaln(more - growth + b) - gammaln(more + a + b)
        probability: Floats = np.exp(choose + beta - gammaln(a) - gammaln(b) + gammaln(a + b))
        return probability


def fit_pitman(sizes: Counts) -> PitmanModel:
    """Maximum likelihood of Pitman's sampling formula for class sizes (zeros are not allowed)."""
    from scipy.optimize import minimize

    distinct, times = np.unique(np.asarray(sizes, np.int64), return_counts=True)
    rows, classes = int((distinct * times).sum()), int(times.sum())

    def unpack(x: Floats) -> tuple[float, float]:
        alpha = float(1 / (1 + np.exp(-x[0])))
        return alpha, float(np.exp(x[1])) - alpha

    def cost(x: Floats) -> float:
        return -log_likelihood(*unpack(x), distinct, times)

    # A few starts, since the surface has a long flat valley; bounds keep a table of uniques (alpha -> 1, theta -> infinity)
    # and a table of one class (alpha, theta -> 0) finite.
    bounds = ((-14.0, 7.0), (-6.0, float(np.log(1e4 * max(rows, 2)))))
    starts = ((-3.0, np.log(classes)), (0.0, np.log(classes / 4 + 1)), (2.0, 0.0))
    best = min((minimize(cost, s, method="Nelder-Mead", bounds=bounds) for s in starts), key=lambda r: float(r.fun))
    alpha, theta = unpack(best.x)
    return PitmanModel(alpha, theta, rows)


def log_likelihood(alpha: float, theta: float, distinct: Counts, times: Counts) -> float:
    """Log of the exchangeable partition probability: `times[i]` classes have `distinct[i]` rows."""
    from scipy.special import gammaln

    rows, classes = int((distinct * times).sum()), int(times.sum())
    total = gammaln(theta + rows) - gammaln(theta + 1)
    # prod over i = 1 .. classes - 1 of (theta + i alpha)
    births = (classes - 1) * np.log(alpha) + gammaln(theta / alpha + classes) - gammaln(theta / alpha + 1)
    inside = (times * (gammaln(distinct - alpha) - gammaln(1 - alpha))).sum()
    return float(births + inside - total)


def _growth_blocks(more: int) -> tuple[Floats, Floats]:
    """Mid-points of blocks of growths 0 .. more, and how many growths each block stands for."""
    if more < _EXACT:
        return np.arange(more + 1, dtype=float), np.ones(more + 1)
    edges = np.unique(np.rint(np.geomspace(_EXACT, more + 1, 4096)))
    growth = np.concatenate([np.arange(_EXACT, dtype=float), (edges[:-1] + edges[1:] - 1) / 2])
    weight = np.concatenate([np.ones(_EXACT), np.diff(edges)])
    return growth, weight
