"""Tuning a finished model by one answer about its own confidence: calibration, threshold, choice among models.

All three use the groups of `score_groups`; the labels stay where they are, and so do the predictions: only group numbers go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from jalousie.errors import UsageError, did_you_mean
from jalousie.learning.additive import sigmoid
from jalousie.learning.estimate import Estimate, NoisyTable
from jalousie.learning.metrics import Scores, asked_scores, scores_of
from jalousie.learning.score_groups import probabilities_of, score_groups
from jalousie.learning.validator_protocol import Validator, ask_partitions, label_of, rho_to_spend
from jalousie.tables.types import Floats

METHODS = ("isotonic", "platt")
AIMS = ("f1", "accuracy", "balanced_accuracy")
_CANDIDATE_GROUPS = 10
_PLATT_STEPS = 50


class Recalibrator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A two-class model whose probabilities are made right.

    Parameters
    ----------
    estimator
        fitted, with `predict_proba`
    method
        "isotonic" (Zadrozny & Elkan 2002) or "platt" (Platt 1999: a line through the log-odds), on noisy groups; groups
        weigh by their sampling and noise variance together
    """

    def __init__(
        self, estimator: Any, *, method: Literal["isotonic", "platt"] = "isotonic", label: str | None = None,
        epsilon: float | None = None, groups: int | None = None,
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.method = method
        self.label = label
        self.epsilon = epsilon
        self.groups = groups

    def fit(self, X: Any, y: None = None, *, validator: Validator) -> Self:
        """X: the population's columns, row i for record i."""
        if self.method not in METHODS:
            raise UsageError("U151", "no such way to recalibrate", hint=did_you_mean(self.method, METHODS), effect="")
        score = self._score(X)
        self.scores_ = asked_scores(validator, score, label=self.label, epsilon=self.epsilon, groups=self.groups)
        table = NoisyTable.of(self.scores_.answer)
        records = np.maximum(table.counts.sum(axis=1), 1.0)
        rate = np.clip(table.counts[:, 1] / records, 0.0, 1.0)
        asked = self.scores_.groups.partition.groups
        inside = asked >= 0
        mean = np.bincount(asked[inside], weights=score[inside]) / self.scores_.groups.sizes
        doubt = np.maximum(rate * (1 - rate), 0.01) / records + table.variance / records**2
        if self.method == "isotonic":
            from sklearn.isotonic import IsotonicRegression

            line = IsotonicRegression(y_min=0.001, y_max=0.999).fit(mean, rate, sample_weight=1 / doubt)
            self.points_, self.values_ = mean, np.asarray(line.predict(mean))
        else:
            self.slope_, self.shift_ = _platt(_logit(mean), rate, 1 / doubt)
        self.classes_ = np.asarray(self.estimator.classes_)
        return self

    def predict_proba(self, X: Any) -> Floats:
        """(n, 2); between the groups' mean scores the isotonic line is interpolated."""
        check_is_fitted(self, "classes_")
        score = self._score(X)
        if self.method == "isotonic":
            found = np.interp(score, self.points_, self.values_)
        else:
            found = sigmoid(self.slope_ * _logit(score) + self.shift_)
        return np.column_stack([1 - found, found])

    def predict(self, X: Any) -> NDArray[Any]:
        return np.asarray(self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)])

    def _score(self, X: Any) -> Floats:
        return probabilities_of(self.estimator.predict_proba(X), 2)[:, 1]


class ThresholdTuner(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A two-class model with the threshold that serves an aim best: "f1", "accuracy" or "balanced_accuracy".

    Thresholds are borders of groups, so their number is what can be told apart.
    """

    def __init__(
        self, estimator: Any, *, aim: Literal["f1", "accuracy", "balanced_accuracy"] = "f1", label: str | None = None,
        epsilon: float | None = None, groups: int | None = None,
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.aim = aim
        self.label = label
        self.epsilon = epsilon
        self.groups = groups

    def fit(self, X: Any, y: None = None, *, validator: Validator) -> Self:
        """X: the population's columns, row i for record i."""
        if self.aim not in AIMS:
            raise UsageError("U151", "no such aim", hint=did_you_mean(self.aim, AIMS), effect="")
        score = probabilities_of(self.estimator.predict_proba(X), 2)[:, 1]
        self.scores_ = asked_scores(validator, score, label=self.label, epsilon=self.epsilon, groups=self.groups)
        counts = NoisyTable.of(self.scores_.answer).counts
        asked = self.scores_.groups.partition.groups
        top = np.full(len(counts), -np.inf)
        np.maximum.at(top, asked[asked >= 0], score[asked >= 0])
        # threshold t calls the groups above it; the first calls all
        above = np.concatenate([[counts.sum(axis=0)], counts.sum(axis=0) - np.cumsum(counts, axis=0)[:-1]])
        thresholds = np.concatenate([[-np.inf], top[:-1]])
        best = int(np.argmax(_reached(self.aim, above, counts.sum(axis=0))))
        self.threshold_ = float(thresholds[best])
        self.classes_ = np.asarray(self.estimator.classes_)
        return self

    def predict_proba(self, X: Any) -> Floats:
        check_is_fitted(self, "threshold_")
        return probabilities_of(self.estimator.predict_proba(X), 2)

    def predict(self, X: Any) -> NDArray[Any]:
        return np.asarray(self.classes_[(self.predict_proba(X)[:, 1] > self.threshold_).astype(int)])


class ModelSelector(BaseEstimator):  # type: ignore[misc]
    """Chooses among fitted classifiers by noisy counts: one question, one partition by each candidate's confidence.

    Noisy counts rather than the exponential mechanism: a validator answers nothing else, and they also say how good each
    candidate is and how sure that is. With M candidates the noise is sqrt(M) times that of one.

    aim
        a figure of `Scores`; log_loss, brier and ece are best where they are least. A candidate whose figure cannot be measured
        is not chosen
    """

    def __init__(
        self, candidates: Mapping[str, Any], *, aim: str = "log_loss", label: str | None = None,
        epsilon: float | None = None,
    ) -> None:  # fmt: skip
        self.candidates = candidates
        self.aim = aim
        self.label = label
        self.epsilon = epsilon

    def fit(self, X: Any, y: None = None, *, validator: Validator) -> Self:
        """X: the population's columns, row i for record i."""
        name, spec = label_of(validator, self.label)
        if not self.candidates:
            raise UsageError("U151", "there are no candidates", effect="nothing was asked")
        cuts = [
            score_groups(
                probabilities_of(model.predict_proba(X), len(spec.classes)),
                _CANDIDATE_GROUPS,
                validator.feedback.min_group,
            )
            for model in self.candidates.values()
        ]
        answers = ask_partitions(
            validator, name, [cut.partition for cut in cuts], rho_to_spend(validator, name, self.epsilon)
        )
        places = [(answer, k) for answer in answers for k in range(len(answer.counts))]
        self.scores_: dict[str, Scores] = {
            key: scores_of(answer, cut, partition=k)
            for key, cut, (answer, k) in zip(self.candidates, cuts, places, strict=True)
        }
        if self.aim not in next(iter(self.scores_.values())).figures:
            known = next(iter(self.scores_.values())).figures
            raise UsageError(
                "U151", "no such figure", hint=did_you_mean(self.aim, known), effect="the answer was given"
            )
        sign = -1.0 if self.aim in ("log_loss", "brier", "ece") else 1.0
        reached = {
            key: sign * found[self.aim].value for key, found in self.scores_.items() if found[self.aim].measurable
        }
        if not reached:
            notes = next(iter(self.scores_.values())).notes
            raise UsageError(
                "U151", f"{self.aim} of no candidate can be measured: {'; '.join(notes)}", effect="the answer was given"
            )
        self.best_ = max(reached, key=lambda key: reached[key])
        self.best_estimator_ = self.candidates[self.best_]
        return self

    @property
    def estimate_(self) -> Estimate:
        """The aim of the chosen one. Being the best of several noisy figures, it tends to be a little too good."""
        return self.scores_[self.best_][self.aim]


def _reached(aim: str, above: Floats, total: Floats) -> Floats:
    """(T,) the aim at each threshold, from (T, 2) counts above it."""
    hit, called = above[:, 1], above.sum(axis=1)
    if aim == "f1":
        return np.asarray(2 * hit / np.maximum(called + total[1], 1.0))
    rejected = total[0] - above[:, 0]
    if aim == "accuracy":
        return np.asarray((hit + rejected) / max(float(total.sum()), 1.0))
    return np.asarray((hit / max(float(total[1]), 1.0) + rejected / max(float(total[0]), 1.0)) / 2)


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _platt(logits: Floats, rate: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and shift by weighted least squares on the rates, Gauss-Newton; a prior of slope 1 +- 1 holds it in few groups."""
    theta = np.array([1.0, 0.0])
    design = np.column_stack([logits, np.ones_like(logits)])
    for _ in range(_PLATT_STEPS):
        p = sigmoid(design @ theta)
        jacobian = design * (p * (1 - p))[:, None]
        pull = np.array([1.0 - theta[0], 0.0])
        gradient = jacobian.T @ (weight * (rate - p)) + pull
        step = np.linalg.solve(jacobian.T @ (weight[:, None] * jacobian) + np.diag([1.0, 1e-6]), gradient)
        theta = theta + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return float(theta[0]), float(theta[1])
