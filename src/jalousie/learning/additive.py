"""An additive model fitted to noisy group counts: the labels of the population are never seen.

A generalised linear model with its canonical link needs labels only through X'y (McCullagh & Nelder 1989, section 4.4).
With X made of one-hot bins, X'y is the count of a class per bin: the answer to a question. Written for one class:

    s_g        noisy count of the class in group g, of M_g records that the provider has there (exact or noisy)
    p_i        sigmoid(offset_i + x_i' theta)
    r_g        s_g - M_g mean(p in g, weighted by c)           what the answer says beyond the model
    r | theta  ~ N(0, S),   S = X'WX + noise,  W = c p (1 - p),  c_i the chance that the provider has record i (`presence`)
    theta      ~ N(0, K)    smooth over neighbouring bins

The mode is found by Gauss-Newton, with the likelihood of labelled rows added where there are some. Because the share of
noise in S is known exactly, the evidence of the answers (Laplace's approximation: MacKay 1992) chooses the widths of K.
All of it is post-processing: no budget is spent here, however often it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.tables.types import Codes, Floats

_INTERCEPT = 9.0  # prior variance of the intercept
_ROWS = 20_000  # records that the Hessian is worked out from; a mean of so many is exact enough
_STEPS = 15
_LARGEST_STEP = 2.0
_CLOSE = 3e-3
_MOVED = 0.1  # an effect moved so far that the Hessian has to be worked out again


@dataclass(frozen=True, slots=True)
class Part:
    """A partition in the model: `count` groups of which the first `ordered` are neighbours in turn.

    `width` scales the prior's standard deviation of this partition against the others.
    """

    count: int
    ordered: int = 0
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Prior:
    """Standard deviation of an effect, and how neighbouring bins go together.

    Correlation of ordered bins whose ranks are t apart (0..1): (1 - rough) exp(-t / reach), plus `rough` of their own.
    """

    width: float = 1.0
    reach: float = 0.15
    rough: float = 0.3
    scales: tuple[float, ...] = ()
    """Of the width, by part; none: 1 for each."""

    def correlation(self, part: Part) -> Floats:
        """(count, count) of the part's effects."""
        block = np.eye(part.count)
        if part.ordered > 1:
            rank = (np.arange(part.ordered) + 0.5) / part.ordered
            near = np.exp(-np.abs(rank[:, None] - rank) / self.reach)
            block[: part.ordered, : part.ordered] = (1 - self.rough) * near + self.rough * np.eye(part.ordered)
        return block

    def precision(self, parts: tuple[Part, ...]) -> tuple[Floats, float]:
        """Inverse covariance (d, d) of all effects and the intercept (last), and the logarithm of its determinant."""
        size = sum(part.count for part in parts) + 1
        matrix = np.zeros((size, size))
        logdet, at = 0.0, 0
        for part, scale in zip(parts, self.scales or (1.0,) * len(parts), strict=True):
            block = self.correlation(part) * (self.width * part.width * scale) ** 2
            matrix[at : at + part.count, at : at + part.count] = np.linalg.inv(block)
            logdet -= float(np.linalg.slogdet(block)[1])
            at += part.count
        matrix[-1, -1] = 1 / _INTERCEPT
        return matrix, logdet - float(np.log(_INTERCEPT))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One-hot rows (n, d) with the intercept last, and the fixed part (n,) of their logits."""

    matrix: Any
    offset: Floats

    @property
    def size(self) -> int:
        return len(self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What answers say of one class, by group of all partitions in turn (d - 1 of them).

    counts, totals  noisy counts of the class, and of all records (exact where membership is public)
    noise, rest     variance of the noise of `counts`, and of totals - counts where that is noisy (else 0)
    presence        (n,) chance that the provider has each record
    """

    counts: Floats
    totals: Floats
    noise: float
    rest: float
    presence: Floats

    def noise_at(self, mean: Floats) -> Floats:
        """Variance of the noise in counts - mean * totals = (1 - mean) counts - mean (totals - counts)."""
        if self.rest:
            return np.asarray(self.noise * (1 - mean) ** 2 + self.rest * mean**2)
        return np.full(len(self.counts), self.noise)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The mode, its covariance (d, d) and the logarithm of the evidence."""

    theta: Floats
    covariance: Floats
    evidence: float
    steps: int


def sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


def one_hot(codes: Codes, parts: tuple[Part, ...], offset: Floats | None = None) -> Rows:
    """Rows of the model from codes (n, K); a code of -1 has no effect."""
    from scipy.sparse import csr_matrix

    size = len(codes)
    starts = np.cumsum([0, *(part.count for part in parts)])
    places = np.column_stack([codes + starts[:-1], np.full(size, starts[-1])]).astype(np.int32)
    known = np.column_stack([codes >= 0, np.ones(size, bool)])
    ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    places = places[known]
    matrix = csr_matrix((np.ones(len(places)), places, ends), shape=(size, int(starts[-1]) + 1))
    return Rows(matrix, np.zeros(size) if offset is None else np.asarray(offset, np.float64))


@dataclass(eq=False)
class AdditiveFit:
    """Fits one class. Made once for a population, so that what does not depend on the prior is worked out once."""

    rows: Rows
    parts: tuple[Part, ...]
    measured: Measured | None
    labelled: Rows | None = None
    target: NDArray[np.float64] | None = None
    asked: Any = None
    """(n, m) sparse, which group of the answers a record is in; None: the groups are the model's own bins."""

    def __post_init__(self) -> None:
        asked = self.rows.matrix[:, :-1] if self.asked is None else self.asked
        self._transposed = asked.T.tocsr()
        self._presence = np.ones(self.rows.size) if self.measured is None else self.measured.presence
        self._sizes = np.maximum(self._transposed @ self._presence, 1e-9)
        stride = max(1, self.rows.size // _ROWS)
        self._sample = slice(None, None, stride)
        self._sampled = self.rows.matrix[self._sample].tocsr()
        self._sampled_asked = asked[self._sample].tocsr()
        self._scale = self.rows.size / max(1, self._sampled.shape[0])
        self._hessian_at: Floats | None = None

    def fit(self, prior: Prior, start: Floats | None = None) -> Fit:
        """The mode under this prior, from `start` (another fit's theta) or from zero."""
        from scipy.linalg import cho_solve

        precision, logdet = prior.precision(self.parts)
        theta = np.zeros(len(precision)) if start is None else start.copy()
        steps = 0
        while True:
            steps += 1
            gradient = -precision @ theta
            information = precision.copy()
            fitted = 0.0
            if self.measured is not None:
                fitted += self._add_answers(self.measured, theta, gradient, information)
            if self.labelled is not None and self.target is not None:
                fitted += _add_labels(self.labelled, self.target, theta, gradient, information)
            factor = np.linalg.cholesky(information)
            step = cho_solve((factor, True), gradient)
            largest = float(np.abs(step).max())
            if largest < _CLOSE or steps == _STEPS:
                break
            theta = theta + step * min(1.0, _LARGEST_STEP / largest)
        evidence = fitted - theta @ precision @ theta / 2 + logdet / 2 - float(np.log(np.diag(factor)).sum())
        covariance = cho_solve((factor, True), np.eye(len(theta)))
        return Fit(theta, covariance, float(evidence), steps)

    def _add_answers(self, measured: Measured, theta: Floats, gradient: Floats, information: Floats) -> float:
        """Add the answers' share to gradient and information; return their log-likelihood."""
        from scipy.linalg import solve_triangular

        p = sigmoid(self.rows.matrix @ theta + self.rows.offset)
        mean = np.asarray(self._transposed @ (self._presence * p)).ravel() / self._sizes
        residual = measured.counts - mean * measured.totals
        moved = self._hessian_at is None or float(np.abs(theta - self._hessian_at).max()) > _MOVED
        if moved:
            self._hessian_at = theta.copy()
            weights = (self._presence * p * (1 - p))[self._sample]
            self._effect = weighted_gram(self._sampled_asked, weights, self._sampled) * self._scale  # (m, d)
            self._scatter = weighted_gram(self._sampled_asked, weights, self._sampled_asked) * self._scale
        if moved or measured.rest:  # where totals are exact the noise is the same whatever the effects are
            self._whiten(measured.noise_at(mean))
        white_residual = solve_triangular(self._factor, residual, lower=True)
        gradient += self._white.T @ white_residual
        information += self._told
        return float(-white_residual @ white_residual / 2 - np.log(np.diag(self._factor)).sum())

    def _whiten(self, noise: Floats) -> None:
        """Work out what depends on the Hessian and the noise (m,) alone: most of the time of a step."""
        from scipy.linalg import solve_triangular

        spread = self._scatter.copy()
        spread[np.diag_indices_from(spread)] += noise + 1e-9 * self._sizes
        self._factor = np.linalg.cholesky(spread)
        self._white = solve_triangular(self._factor, self._effect, lower=True)
        self._told = self._white.T @ self._white


def weighted_gram(left: Any, weights: Floats, right: Any) -> Floats:
    """L'WR of sparse rows, dense."""
    weighted = right.copy()
    weighted.data = right.data * np.repeat(weights, np.diff(right.indptr))
    return np.asarray((left.T @ weighted).toarray(), np.float64)


def _add_labels(rows: Rows, target: Floats, theta: Floats, gradient: Floats, information: Floats) -> float:
    logits = rows.matrix @ theta + rows.offset
    p = sigmoid(logits)
    gradient += rows.matrix.T @ (target - p)
    information += weighted_gram(rows.matrix, p * (1 - p), rows.matrix)
    return float(np.sum(target * logits - np.logaddexp(0, logits)))
