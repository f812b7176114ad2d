"""`FeedbackClassifier`: a scikit-learn classifier whose labels stay with the provider.

One question is asked: how many records of each class are in each bin of each column. The model is additive over the
columns, and fitted to the noisy counts (`additive`). It can start from a baseline model, from a small labelled set, from
both or from nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.additive import AdditiveFit, Fit, Measured, Part, Prior, Rows, measured_class, one_hot, sigmoid
from jalousie.learning.bins import TableBins, confidence_bins, partition_of
from jalousie.learning.evidence import best_prior
from jalousie.learning.frames import as_frame
from jalousie.learning.validator_protocol import Validator, ask_partitions, label_of, rho_to_spend
from jalousie.tables.types import Codes, Floats
from jalousie.validator.types import Answer

LEAST_BIN = 10  # records in a bin where there is no contract to say so
SMALL = 0.08
"""Below this ratio of a group's own spread to its noise little is gained: measured in docs/explanation."""


class PopulationTooSmallWarning(UserWarning):
    """The noise of the answers drowns what the population could teach."""


class FeedbackClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Learns from noisy label counts.

    Parameters
    ----------
    label
        name of the label in the contract; None: the only one
    epsilon
        what to spend on the one question, at the contract's delta; None: all that is left
    bins
        about how many bins a column is cut into, by the population's own quantiles
    baseline
        a fitted classifier to improve on; asked for `predict_proba` of the same columns
    width
        prior standard deviation of a bin's effect in log-odds; None: chosen by the evidence of the answers

    Attributes
    ----------
    classes_, answers_ (what the validator said), priors_ and fits_ by class, bins_, parts_
    """

    def __init__(
        self,
        *,
        label: str | None = None,
        epsilon: float | None = None,
        bins: int = 32,
        baseline: Any = None,
        width: float | None = None,
    ) -> None:
        self.label = label
        self.epsilon = epsilon
        self.bins = bins
        self.baseline = baseline
        self.width = width

    def fit(
        self, X: Any, y: Any = None, *, validator: Validator | None = None, labelled: tuple[Any, Any] | None = None
    ) -> Self:
        """Ask once and fit.

        Parameters
        ----------
        X
            with a validator: the columns of its population, row i for record i; without one: of the rows that `y` labels
        y
            labels of X, only without a validator
        labelled
            (X, y) of further rows whose labels are at hand

        Raises UsageError U151 (wrong parameters or shapes) and what the validator refuses with (V2xx).
        """
        self._check_parameters(y, validator)
        X = self._table(X, reset=True)
        if validator is None:
            return self._fit_labels(X, y)
        name, label = label_of(validator, self.label)
        if label.kind != "classes":
            raise ValidatorError(
                "V212", "the label is a number", hint="use FeedbackRegressor", effect="nothing was asked"
            )
        if len(X) != validator.population.size:
            raise UsageError(
                "U151",
                f"the table has {len(X)} rows, the population {validator.population.size} records",
                effect="nothing was asked",
            )
        codes = self._fit_bins(X, validator.feedback.min_group)
        rho = rho_to_spend(validator, name, self.epsilon)
        questions = [partition_of(codes[:, at], part.count) for at, part in enumerate(self.parts_)]
        self.answers_ = ask_partitions(validator, name, questions, rho)
        self.classes_ = _classes(label.classes, labelled)
        sizes = np.concatenate([np.bincount(codes[codes[:, at] >= 0, at]) for at in range(codes.shape[1])])
        measured = measurements(self.answers_, sizes.astype(np.float64), len(label.classes))
        self._warn_if_small(measured, sizes)
        rows, labels = self._rows(X, codes), self._labelled(labelled)
        self._fit_classes(rows, measured, labels)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """(n, classes) probabilities, moderated by how uncertain the effects are (MacKay 1992)."""
        check_is_fitted(self)
        X = self._table(X, reset=False)
        rows = self._rows(X, self._codes(X))
        found = np.column_stack([self._probability(rows, at) for at in range(len(self.fits_))])
        if len(self.classes_) == 2:
            return np.column_stack([1 - found[:, 0], found[:, 0]])
        if len(self.classes_) == 1:
            return np.ones((len(found), 1))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def decision_function(self, X: Any) -> Floats:
        """Log-odds of the second class, or (n, classes) logarithms of probabilities."""
        probabilities = np.clip(self.predict_proba(X), 1e-12, 1.0)
        if len(self.classes_) == 2:
            return np.asarray(np.log(probabilities[:, 1] / probabilities[:, 0]))
        return np.asarray(np.log(probabilities))

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) the most probable class."""
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _check_parameters(self, y: Any, validator: Validator | None) -> None:
        if (y is None) == (validator is None):
            if y is None:
                raise ValueError("requires y to be passed, but the target y is None: give y or a validator")
            raise UsageError("U151", "y and a validator are given", hint="give labels at hand as `labelled=(X, y)`")
        if self.bins < 2:
            raise UsageError("U151", "a column needs at least 2 bins", effect="nothing was asked")

    def _table(self, X: Any, *, reset: bool) -> Any:
        frame = as_frame(X)
        if frame is None:
            return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        if reset:
            self.n_features_in_ = len(frame.columns)
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return frame

    def _fit_bins(self, X: Any, least: int) -> Codes:
        self.bins_ = TableBins(self.bins, least).fit(X)
        self.score_edges_ = np.empty(0)
        if self.baseline is not None:
            self.score_edges_ = confidence_bins(self._baseline_logits(X), self.bins, least)
        table = self.bins_
        self.kept_ = [at for at, column in enumerate(table.columns) if column.count > 1]
        parts = [Part(table.columns[at].count, table.columns[at].ordered) for at in self.kept_]
        if len(self.score_edges_):
            parts.append(Part(len(self.score_edges_) + 1, len(self.score_edges_) + 1))
        if not parts:
            parts.append(Part(1))
        self.parts_ = tuple(parts)
        return self._codes(X)

    def _codes(self, X: Any) -> Codes:
        codes = [self.bins_.codes(X)[:, self.kept_]]
        if len(self.score_edges_):
            codes.append(np.searchsorted(self.score_edges_, self._baseline_logits(X)).astype(np.int32)[:, None])
        if sum(part.shape[1] for part in codes) == 0:
            codes.append(np.zeros((len(X), 1), np.int32))
        return np.concatenate(codes, axis=1)

    def _rows(self, X: Any, codes: Codes) -> Rows:
        offset = None if self.baseline is None else self._baseline_logits(X)
        return one_hot(codes, self.parts_, offset)

    def _baseline_logits(self, X: Any) -> Floats:
        own = nw.to_native(X, pass_through=True)  # a baseline knows the caller's kind of data frame, not ours
        p = np.clip(np.asarray(self.baseline.predict_proba(own), np.float64)[:, -1], 0.01, 0.99)
        return np.asarray(np.log(p / (1 - p)))

    def _labelled(self, labelled: tuple[Any, Any] | None) -> tuple[Rows, NDArray[Any]] | None:
        if labelled is None:
            return None
        X, y = labelled
        X = self._table(X, reset=False)
        y = column_or_1d(y)
        check_consistent_length(X, y)
        return self._rows(X, self._codes(X)), y

    def _fit_labels(self, X: Any, y: Any) -> Self:
        """Without a validator: an additive model of the labels themselves."""
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        codes = self._fit_bins(X, min(LEAST_BIN, max(1, len(y) // 4)))
        self.answers_ = []
        rows = self._rows(X, codes)
        self._fit_classes(rows, None, (rows, y))
        return self

    def _fit_classes(
        self, rows: Rows, measured: Sequence[Measured] | None, labels: tuple[Rows, NDArray[Any]] | None
    ) -> None:
        """One fit for the second of two classes, or one for each of several."""
        places = range(len(self.classes_))[-1:] if len(self.classes_) <= 2 else range(len(self.classes_))
        self.priors_: list[Prior] = []
        self.fits_: list[Fit] = []
        for place in places:
            fitter = AdditiveFit(
                rows,
                self.parts_,
                None if measured is None else measured[place],
                None if labels is None else labels[0],
                None if labels is None else (labels[1] == self.classes_[place]).astype(np.float64),
            )
            if self.width is None:
                prior, fit = best_prior(fitter)
            else:
                prior = Prior(self.width)
                fit = fitter.fit(prior)
            self.priors_.append(prior)
            self.fits_.append(fit)

    def _probability(self, rows: Rows, at: int) -> Floats:
        fit = self.fits_[at]
        logits = rows.matrix @ fit.theta + rows.offset
        variance = np.asarray(rows.matrix.multiply(rows.matrix @ fit.covariance).sum(axis=1)).ravel()
        return sigmoid(logits / np.sqrt(1 + np.pi / 8 * variance))

    def _warn_if_small(self, measured: Sequence[Measured], sizes: NDArray[Any]) -> None:
        self.signal_ = float(np.mean(sizes) / 4 / max(measured[-1].noise, 1e-12))
        if self.signal_ < SMALL:
            warnings.warn(
                f"with groups of {np.mean(sizes):.0f} records on average the noise leaves little to learn: ask about a larger "
                "population, spend more epsilon, or cut the columns into fewer `bins`",
                PopulationTooSmallWarning,
                stacklevel=3,
            )


def measurements(answers: Sequence[Answer], sizes: Floats, classes: int) -> list[Measured]:
    """Each class of the answers as measurements of it against all others."""
    counts = np.concatenate([np.asarray(part, np.float64) for answer in answers for part in answer.counts])
    public = answers[0].neighbours == "change-label"
    if public:
        totals = np.concatenate([np.asarray(part, np.float64) for answer in answers for part in answer.totals])
    else:
        totals = counts.sum(axis=1)
    return [
        measured_class(counts[:, at], totals, sizes, answers[0].variance, public=public, classes=classes)
        for at in range(classes)
    ]


def _classes(classes: tuple[str, ...], labelled: tuple[Any, Any] | None) -> NDArray[Any]:
    """The contract's classes, in the type of the labels at hand where these are not texts."""
    if labelled is not None:
        kind = np.asarray(labelled[1]).dtype
        if kind.kind in "biuf":
            try:
                return np.array([float(name) for name in classes]).astype(kind)
            except ValueError:
                raise UsageError("U151", "labels at hand are numbers, the contract's classes are not") from None
    return np.array(classes, dtype=object)
