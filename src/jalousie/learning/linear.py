"""An additive model of a number, fitted to noisy sums per group: what `additive` is for classes, in closed form.

    y_i ~ N(offset + x_i' theta, v),  s_g = share * sum of y in g + noise,  theta ~ N(0, K)

so the mode is one linear solve. v and the width of K are chosen by the evidence, which is exact here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jalousie.learning.additive import Fit, Part, Prior, Rows
from jalousie.tables.types import Floats

WIDTHS = (0.02, 0.05, 0.1, 0.2, 0.4)
SPREADS = (0.05, 0.1, 0.2, 0.3, 0.5)
_LEAST_PRESENCE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What answers say: (m,) noisy sums, the variance of their noise, and the share of records that the provider has.

    asked   (n, m) sparse: which groups a record is in
    public  whether the share is of known records (each group's own), or one of the population as a whole
    """

    sums: Floats
    noise: float
    share: Floats
    asked: Any


@dataclass(eq=False)
class LinearFit:
    """Fits under a prior and a residual standard deviation, both in shares of the label's `span`."""

    rows: Rows
    parts: tuple[Part, ...]
    measured: Sums | None
    span: float
    labelled: Rows | None = None
    target: Floats | None = None

    def __post_init__(self) -> None:
        if self.measured is not None:
            asked = self.measured.asked
            self._jacobian = np.asarray((asked.T @ self.rows.matrix).toarray()) * self.measured.share[:, None]
            self._residual = self.measured.sums - self.measured.share * np.asarray(asked.T @ self.rows.offset).ravel()
            root = np.sqrt(self.measured.share)
            self._scatter = np.asarray((asked.T @ asked).toarray()) * root[:, None] * root

    def fit(self, prior: Prior, spread: float) -> Fit:
        """The mode, its covariance and the evidence."""
        from scipy.linalg import cho_solve, solve_triangular

        variance = (spread * self.span) ** 2
        precision, logdet = replace(prior, width=prior.width * self.span).precision(self.parts)
        precision[-1, -1] = 1 / self.span**2
        logdet += float(
            np.log(9.0) - 2 * np.log(self.span)
        )  # the prior of the intercept is as wide as the label's span
        information, gradient = precision.copy(), np.zeros(len(precision))
        fitted = 0.0
        if self.measured is not None:
            scatter = self._scatter * variance
            scatter[np.diag_indices_from(scatter)] += self.measured.noise + 1e-9 * variance * np.diag(self._scatter)
            factor = np.linalg.cholesky(scatter)
            white = solve_triangular(factor, self._jacobian, lower=True)
            residual = solve_triangular(factor, self._residual, lower=True)
            information += white.T @ white
            gradient += white.T @ residual
            fitted -= float(residual @ residual) / 2 + float(np.log(np.diag(factor)).sum())
        if self.labelled is not None and self.target is not None:
            residual = self.target - self.labelled.offset
            information += np.asarray((self.labelled.matrix.T @ self.labelled.matrix).toarray()) / variance
            gradient += self.labelled.matrix.T @ residual / variance
            fitted -= float(residual @ residual) / (2 * variance) + len(residual) * float(np.log(variance)) / 2
        factor = np.linalg.cholesky(information)
        theta = cho_solve((factor, True), gradient)
        evidence = fitted + float(gradient @ theta) / 2 + logdet / 2 - float(np.log(np.diag(factor)).sum())
        return Fit(theta, cho_solve((factor, True), np.eye(len(theta))), evidence, 1)

    def best(self, spreads: Sequence[float] = SPREADS) -> tuple[Prior, float, Fit]:
        """Width and residual deviation of the most evidence, over the whole grid."""
        tried = [(Prior(width), spread, self.fit(Prior(width), spread)) for width in WIDTHS for spread in spreads]
        return max(tried, key=lambda one: one[2].evidence)


def presence(totals: Floats, noise: float, asked: Any) -> Floats:
    """(n,) chance that the provider has each record, from totals (m,) of noise variance `noise` per group asked about.

    Additive over the groups a record is in, so that a population of which the provider has the old rather than the young
    does not pass for one of which it has a random part.
    """
    sizes = np.asarray(asked.sum(axis=0), np.float64).ravel()
    if not noise and (totals == sizes).all():
        return np.ones(asked.shape[0])
    matrix = hstack_ones(asked)
    overall = float(np.clip(totals.sum() / sizes.sum(), _LEAST_PRESENCE, 1.0))
    rows = Rows(matrix, np.full(asked.shape[0], overall))
    fitter = LinearFit(rows, (Part(asked.shape[1]),), Sums(totals, noise, np.ones(len(totals)), asked), 1.0)
    _, _, fit = fitter.best(spreads=(max(0.05, float(np.sqrt(overall * (1 - overall)))),))
    return np.clip(np.asarray(matrix @ fit.theta) + overall, _LEAST_PRESENCE, 1.0)


def hstack_ones(asked: Any) -> Any:
    """The groups as rows of a model: an intercept is added, last."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([asked, csr_matrix(np.ones((asked.shape[0], 1)))]).tocsr()
