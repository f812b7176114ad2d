"""`FeedbackClassifier`: a scikit-learn classifier whose labels stay with the provider.

One question is asked: how many records of each class are in each bin of each column, or of several columns together
(`joint`), or, where some labels are at hand, in each leaf of trees grown for what these leave in doubt (`questions`). The model
is additive, and fitted to the noisy counts (`additive`). It can start from a baseline model, from a small labelled set, from both
or from nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.additive import AdditiveFit, Fit, Measured, Prior, Rows, sigmoid
from jalousie.learning.evidence import best_prior, weight
from jalousie.learning.feedback_base import FeedbackEstimator, least_bin, require_one, solvable
from jalousie.learning.labels_at_hand import labels_at_hand
from jalousie.learning.linear import presence
from jalousie.learning.plan import Plan, Score, asked_matrix
from jalousie.learning.questions import Limits
from jalousie.learning.validator_protocol import Validator, ask_partitions, label_of
from jalousie.tables.types import Floats
from jalousie.validator.types import Answer

TREES, FINER = 8, 2  # trees of a question, and how much finer their bins are: measured in docs/explanation
MOST_EFFECTS = 1000  # of bins; above that growing trees takes too long
MOST_GROUPS = 600  # of trees
WAYS = 2  # in which rare values are pooled
LEAST_NOISE = 1e-3  # variance of a count that is taken to be noise at least: far below what rounding means
TRUSTS = (0.0, 0.5, 1.0)
SMALL = 0.2
"""Below this ratio of a group's own spread to its noise little is gained: measured in docs/explanation."""


class PopulationTooSmallWarning(UserWarning):
    """The noise of the answers drowns what the population could teach."""


class FeedbackClassifier(ClassifierMixin, FeedbackEstimator):  # type: ignore[misc]  # scikit-learn has no types
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
    combine
        ask about columns that go together in one partition, where that is expected to tell more
    width
        prior standard deviation of a bin's effect in log-odds; None: chosen for each column by the evidence of the answers

    Attributes
    ----------
    classes_, answers_ (what the validator said), plan_ (bins and partitions), by class priors_, fits_ and trust_ (share of
    the baseline's log-odds that the evidence prefers to start from)
    """

    def __init__(
        self,
        *,
        label: str | None = None,
        epsilon: float | None = None,
        bins: int = 32,
        baseline: Any = None,
        combine: bool = True,
        width: float | None = None,
    ) -> None:
        self.label = label
        self.epsilon = epsilon
        self.bins = bins
        self.baseline = baseline
        self.combine = combine
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
            (X, y) of further rows whose labels are at hand: of the contract's classes, compared as its texts

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
        rho, noise = self._price(X, validator, name, label)
        self.classes_, labelled = labels_at_hand(label, validator.feedback, labelled)
        with solvable("nothing was asked"):
            self.plan_ = self._plan(X, validator.feedback, noise, labelled)
        partitions = self.plan_.partitions(X)
        self.answers_ = ask_partitions(validator, name, partitions, rho)
        asked = asked_matrix(partitions)
        sizes = np.asarray(asked.sum(axis=0), np.float64).ravel()
        measured = measurements(self.answers_, asked, len(label.classes))
        self._warn_if_small(measured, sizes)
        with solvable("the answer is in `answers_`"):
            self._fit_classes(X, measured, asked, labelled)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """(n, classes) probabilities at the most probable effects.

        Not averaged over what is not known of the effects (MacKay 1992): for rare and one-sided bins the Gaussian about the
        mode is too wide, and such an average is the worse by AUC and by log-loss (docs/explanation/learning-from-answers.md).
        """
        check_is_fitted(self)
        X = self._table(X, reset=False)
        found = np.column_stack([self._probability(X, at) for at in range(len(self.fits_))])
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
        best = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[best])

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _check_parameters(self, y: Any, validator: Validator | None) -> None:
        require_one(y, validator)
        if self.bins < 2:
            raise UsageError("U151", "a column needs at least 2 bins", effect="nothing was asked")

    def _score(self) -> Score | None:
        return None if self.baseline is None else self._baseline_logits

    def _baseline_logits(self, X: Any) -> Floats:
        """(n,) or (n, classes) log-odds by the baseline."""
        own = nw.to_native(X, pass_through=True)  # a baseline knows the caller's kind of data frame, not ours
        p = np.clip(np.asarray(self.baseline.predict_proba(own), np.float64)[:, -1], 0.01, 0.99)
        return np.asarray(np.log(p / (1 - p)))

    def _plan(self, X: Any, feedback: Feedback, noise: float, labelled: tuple[Any, Any] | None) -> Plan:
        """What to ask about: columns and their combinations, or trees grown for what the labels at hand leave in doubt.

        Where noise is small (the variance of a cell of either question is at most the records of a least group, and which
        records there are is public) small groups can be heard: columns and combinations, and rare values pooled.
        """
        least, score = feedback.min_group, self._score()
        plan = Plan(self.bins, least, score).fit(X, noise=noise if self.combine else None)
        if not self.combine:
            return plan
        if feedback.neighbours == "change-label" and noise * max(len(plan.joints) + WAYS, TREES) <= least:
            return self._refined(X, plan, feedback)
        if labelled is None or len(self.classes_) != 2:
            return plan
        finer = FINER * self.bins
        if len(X) / finer / 4 < SMALL * TREES * noise:  # such bins would hold too few records for the noise
            finer = self.bins
        self.plan_ = Plan(finer, least, score).fit(X, noise=None)
        if sum(self.plan_.counts) > MOST_EFFECTS:
            return plan
        self._fit_classes(X, None, None, labelled)
        limits = Limits(min(TREES, feedback.max_partitions), least, min(feedback.max_groups, MOST_GROUPS))
        rows = self._rows(X, self.trust_[0])
        grown = self.plan_.grow(X, rows, self.fits_[0], noise, limits, plan.partitions(X))
        return self.plan_ if grown else plan

    def _refined(self, X: Any, plan: Plan, feedback: Feedback) -> Plan:
        """The plan with rare values pooled, where there are some and the contract and the time of a fit allow it."""
        if len(plan.joints) + WAYS > feedback.max_partitions:
            return plan
        refined = plan.refine(X, FINER * self.bins, WAYS)
        if refined is None or sum(part.count for part in refined.parts) > MOST_EFFECTS:
            return plan
        return refined

    def _fit_labels(self, X: Any, y: Any) -> Self:
        """Without a validator: an additive model of the labels themselves."""
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        self.plan_ = Plan(self.bins, least_bin(len(y)), self._score()).fit(X, noise=None)
        self.answers_ = []
        self._fit_classes(X, None, None, (X, y))
        return self

    def _fit_classes(
        self, X: Any, measured: Sequence[Measured] | None, asked: Any, labelled: tuple[Any, Any] | None
    ) -> None:
        """One fit for the second of two classes, or one for each of several; each from the best share of the baseline."""
        places = range(len(self.classes_))[-1:] if len(self.classes_) <= 2 else range(len(self.classes_))
        self.priors_: list[Prior] = []
        self.fits_: list[Fit] = []
        self.trust_: list[float] = []
        table = None if labelled is None else self._table(labelled[0], reset=False)
        for place in places:
            target = None
            if labelled is not None:
                target = (column_or_1d(labelled[1]) == self.classes_[place]).astype(np.float64)
                check_consistent_length(table, target)
            found = []
            for trust in TRUSTS if self.baseline is not None else (0.0,):
                fitter = AdditiveFit(
                    self._rows(X, trust),
                    self.plan_.parts,
                    None if measured is None else measured[place],
                    None if table is None else self._rows(table, trust),
                    target,
                    asked,
                )
                if self.width is None:
                    found.append((*best_prior(fitter), trust))
                else:
                    found.append((Prior(self.width), fitter.fit(Prior(self.width)), trust))
            prior, fit, trust = max(found, key=lambda one: weight(one[1], one[0]))
            self.priors_.append(prior)
            self.fits_.append(fit)
            self.trust_.append(trust)

    def _rows(self, X: Any, trust: float) -> Rows:
        return self.plan_.rows(X, trust * self._baseline_logits(X) if trust else None)

    def _probability(self, X: Any, at: int) -> Floats:
        fit, rows = self.fits_[at], self._rows(X, self.trust_[at])
        return sigmoid(rows.matrix @ fit.theta + rows.offset)

    def _warn_if_small(self, measured: Sequence[Measured], sizes: NDArray[Any]) -> None:
        self.signal_ = float(np.mean(sizes) / 4 / max(measured[-1].noise, 1e-12))
        if self.signal_ < SMALL:
            warnings.warn(
                f"with groups of {np.mean(sizes):.0f} records on average the noise leaves little to learn: ask about a larger "
                "population, spend more epsilon, or cut the columns into fewer `bins`",
                PopulationTooSmallWarning,
                stacklevel=3,
            )


def measurements(answers: Sequence[Answer], asked: Any, classes: int) -> list[Measured]:
    """Each class of the answers as measurements of it against all others; `asked` (n, m): groups of each record."""
    counts = np.concatenate([np.asarray(part, np.float64) for answer in answers for part in answer.counts])
    variance = max(answers[0].variance, LEAST_NOISE)
    public = answers[0].neighbours == "change-label"
    if public:
        totals = np.concatenate([np.asarray(part, np.float64) for answer in answers for part in answer.totals])
    else:
        totals = counts.sum(axis=1)
    chance = presence(totals, 0.0 if public else variance * classes, asked)
    rest = 0.0 if public else variance * (classes - 1)
    return [Measured(counts[:, at], totals, variance, rest, chance) for at in range(classes)]
