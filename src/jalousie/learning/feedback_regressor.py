"""`FeedbackRegressor`: a scikit-learn regressor that learns a number from noisy sums."""

from __future__ import annotations

from typing import Any, Self

import narwhals as nw
import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from jalousie.errors import UsageError
from jalousie.learning.feedback_base import FeedbackEstimator, least_bin, require_one, solvable
from jalousie.learning.linear import LinearFit, Sums
from jalousie.learning.number_scores import bounds_of
from jalousie.learning.plan import Plan, Score, asked_matrix
from jalousie.learning.validator_protocol import Validator, ask_partitions, label_of
from jalousie.tables.types import Floats
from jalousie.validator.types import Answer

_DOUBT = 0.15 * 16  # turns noise in shares of the span into that of a label with p (1 - p) = 0.15


class FeedbackRegressor(RegressorMixin, FeedbackEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns an additive model of a number from one question.

    Parameters
    ----------
    label, epsilon, bins, baseline, combine
        as for FeedbackClassifier; the baseline is asked for `predict`
    coverage
        share of the population that the provider has, where the contract hides who is in its data (`add-or-remove`): sums
        alone cannot tell few records from small labels. Where membership is public it is not used.

    Attributes
    ----------
    answers_, plan_, prior_ (in shares of the label's span), spread_ (residual deviation, likewise), fit_
    """

    def __init__(
        self,
        *,
        label: str | None = None,
        epsilon: float | None = None,
        bins: int = 32,
        baseline: Any = None,
        combine: bool = True,
        coverage: float = 1.0,
    ) -> None:
        self.label = label
        self.epsilon = epsilon
        self.bins = bins
        self.baseline = baseline
        self.combine = combine
        self.coverage = coverage

    def fit(
        self, X: Any, y: Any = None, *, validator: Validator | None = None, labelled: tuple[Any, Any] | None = None
    ) -> Self:
        """Ask once and fit; see FeedbackClassifier.fit."""
        require_one(y, validator)
        if self.bins < 2 or not 0 < self.coverage <= 1:
            raise UsageError("U151", "bins < 2, or coverage is not above 0 and at most 1", effect="nothing was asked")
        X = self._table(X, reset=True)
        if validator is None:
            y = column_or_1d(y, warn=True).astype(np.float64)
            check_consistent_length(X, y)
            assert_all_finite(y, input_name="y")
            self.centre_, self.span_ = float(y.mean()), max(float(np.ptp(y)), 1e-12)
            self.plan_ = Plan(self.bins, least_bin(len(y)), self._score()).fit(X, noise=None)
            self.answers_: list[Answer] = []
            return self._solve(X, None, (X, y))
        name, label = label_of(validator, self.label)
        low, high = bounds_of(label)
        rho, noise = self._price(X, validator, name, label)
        self.centre_, self.span_ = (low + high) / 2, high - low
        relative = noise * (label.unit / self.span_) ** 2 * _DOUBT
        self.plan_ = Plan(self.bins, validator.feedback.min_group, self._score())
        with solvable("nothing was asked"):
            self.plan_.fit(X, noise=relative if self.combine else None)
        partitions = self.plan_.partitions(X)
        self.answers_ = ask_partitions(validator, name, partitions, rho)
        return self._solve(X, self._sums(self.answers_, asked_matrix(partitions)), labelled)

    def predict(self, X: Any) -> Floats:
        check_is_fitted(self, "fit_")
        table = self._table(X, reset=False)
        rows = self.plan_.rows(table, self._offset(table))
        return np.asarray(rows.matrix @ self.fit_.theta + rows.offset)

    def _score(self) -> Score | None:
        return None if self.baseline is None else self._offset

    def _offset(self, X: Any) -> Floats:
        if self.baseline is None:
            return np.full(len(X), self.centre_)
        return np.asarray(self.baseline.predict(nw.to_native(X, pass_through=True)), np.float64)

    def _sums(self, answers: list[Answer], asked: Any) -> Sums:
        sizes = np.asarray(asked.sum(axis=0), np.float64).ravel()
        counts = np.concatenate([np.asarray(part[:, 0], np.float64) for answer in answers for part in answer.counts])
        first = answers[0]
        if first.neighbours == "change-label":
            records = np.concatenate([np.asarray(part, np.float64) for answer in answers for part in answer.totals])
            return Sums(
                first.origin * records + first.unit * counts, first.variance * first.unit**2, records / sizes, asked
            )
        share = np.full(len(sizes), self.coverage)
        return Sums(first.origin * share * sizes + first.unit * counts, first.variance * first.unit**2, share, asked)

    def _solve(self, X: Any, sums: Sums | None, labelled: tuple[Any, Any] | None) -> Self:
        rows = self.plan_.rows(X, self._offset(X))
        known, target = None, None
        if labelled is not None:
            table = self._table(labelled[0], reset=False)
            target = column_or_1d(labelled[1]).astype(np.float64)
            check_consistent_length(table, target)
            known = self.plan_.rows(table, self._offset(table))
        fitter = LinearFit(rows, self.plan_.parts, sums, self.span_, known, target)
        self.prior_, self.spread_, self.fit_ = fitter.best()
        return self
