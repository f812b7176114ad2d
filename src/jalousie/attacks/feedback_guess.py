"""How well the ML party guesses the provider's own labels with all that it received, beside strangers' labels.

A model that learnt from answers predicts people; it is meant to. What it may not do is know the people in the population
better than anybody else like them. Beside it stands what a common alternative gives away at the same epsilon: labels handed
over with randomised response (Warner 1965), where the guesser combines a model with the noisy label of the very person.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.attacks.feedback_all import Ground
from jalousie.attacks.feedback_facts import Flags, advantage_bound
from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError
from jalousie.learning.learners import make_learner
from jalousie.learning.validator_protocol import Validator
from jalousie.privacy.card import Part, Verdict
from jalousie.tables.types import Floats

SURE = 3.9
"""Standard errors beyond which a difference is no chance (1 in 20,000)."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Columns that the ML party has, and (n,) labels that it has not."""

    X: Any
    y: NDArray[Any]


class Guessed(Part, frozen=True, kw_only=True):
    """How well the labels of the population, and of strangers, are guessed."""

    how: str
    inside_auc: float
    strangers_auc: float
    inside_right: float
    """Share guessed right."""
    strangers_right: float
    error: float
    """Standard error of the difference between the two AUCs (Hanley & McNeil 1982)."""

    @property
    def gap(self) -> float:
        return self.inside_auc - self.strangers_auc

    def surely(self, above: float) -> bool:
        """Whether a gap beyond `above` cannot be chance."""
        return self.gap - SURE * self.error > above


class GuessFacts(Part, frozen=True, kw_only=True):
    label: str
    records: int
    strangers: int
    epsilon: float
    answers: Guessed
    """With the answers of this contract."""
    exact: Guessed
    """With exact answers to the same question."""
    response: Guessed
    """With every label handed over by randomised response at the same epsilon."""
    bound: float
    """The most by which the population can be guessed better than strangers: an AUC compares two records, and the answers
    change by at most the advantage's bound when either's label is another's. Loose: the figures are what counts."""
    verdict: Verdict
    """FAIL beyond the bound; WARN where the population is surely guessed better than strangers."""
    sentence: str


def guess_labels(
    inside: People, strangers: People, feedback: Feedback, label: str, *, baseline: Any = None, seed: int = 0
) -> GuessFacts:
    """Learn from answers about `inside`, then guess the labels of `inside` and of `strangers`.

    Raises
    ------
    UsageError
        U151: the label has not exactly two classes
    """
    classes = feedback.labels[label].classes
    if len(classes) != 2:
        raise UsageError("U151", "labels of two classes are guessed", effect="")
    ground = Ground(feedback, {label: inside.y})
    truth, truth_out = inside.y == classes[1], strangers.y == classes[1]

    def learnt(validator: Validator, how: str) -> Guessed:
        from jalousie.learning.feedback import FeedbackClassifier

        model = FeedbackClassifier(label=label, baseline=baseline).fit(inside.X, validator=validator)
        return _guessed(how, truth, _chance(model, inside.X), truth_out, _chance(model, strangers.X))

    answers = learnt(ground.protected(), "answers")
    exact = learnt(ground.unprotected("exact"), "exact answers")
    response = _randomised_response(inside.X, truth, strangers.X, truth_out, feedback.epsilon, seed)
    bound = 2 * advantage_bound(feedback, feedback.labels[label])
    return GuessFacts(
        label=label,
        records=len(truth),
        strangers=len(truth_out),
        epsilon=feedback.epsilon,
        answers=answers,
        exact=exact,
        response=response,
        bound=bound,
        verdict="FAIL" if answers.surely(bound) else "WARN" if answers.surely(0.0) else "PASS",
        sentence=(
            f"With all answers the ML party guesses the provider's own labels with AUC {answers.inside_auc:.3f}, those of "
            f"strangers with {answers.strangers_auc:.3f} (exact answers: {exact.inside_auc:.3f} and "
            f"{exact.strangers_auc:.3f}; labels by randomised response at the same epsilon: {response.inside_auc:.3f} and "
            f"{response.strangers_auc:.3f})."
        ),
    )


def auc(truth: Flags, score: Floats) -> float:
    """Area under the ROC curve by ranks; ties count half."""
    from scipy.stats import rankdata

    positive = int(truth.sum())
    negative = len(truth) - positive
    ranks = rankdata(score)
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def auc_error(area: float, truth: Flags) -> float:
    """Standard error of an AUC (Hanley & McNeil 1982)."""
    positive = int(truth.sum())
    negative = len(truth) - positive
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (one - area**2) + (negative - 1) * (two - area**2)
    return sqrt(max(variance, 0.0) / (positive * negative))


def _guessed(how: str, truth: Flags, score: Floats, truth_out: Flags, score_out: Floats) -> Guessed:
    """Scores are probabilities."""
    inside, outside = auc(truth, score), auc(truth_out, score_out)
    return Guessed(
        how=how,
        inside_auc=inside,
        strangers_auc=outside,
        inside_right=float(((score > 0.5) == truth).mean()),
        strangers_right=float(((score_out > 0.5) == truth_out).mean()),
        error=sqrt(auc_error(inside, truth) ** 2 + auc_error(outside, truth_out) ** 2),
    )


def _chance(model: Any, X: Any) -> Floats:
    return np.asarray(model.predict_proba(X), np.float64)[:, 1]


def _randomised_response(X: Any, truth: Flags, X_out: Any, truth_out: Flags, epsilon: float, seed: int) -> Guessed:
    """Train on labels that were flipped with probability 1 / (1 + e^epsilon), and weigh each person's own noisy label."""
    rng = np.random.default_rng(seed)
    keep = 1 / (1 + np.exp(-epsilon))
    told = np.where(rng.random(len(truth)) < keep, truth, ~truth)
    model = learner(X)
    if told.all() or not told.any():
        raise UsageError("U151", "too few labels to learn from", effect="")
    model.fit(X, told)

    def unflipped(table: Any) -> Floats:
        p = (_chance(model, table) - (1 - keep)) / (2 * keep - 1)
        return np.asarray(np.clip(p, 1e-3, 1 - 1e-3))

    prior = unflipped(X)
    odds = prior / (1 - prior) * np.exp(np.where(told, epsilon, -epsilon))
    return _guessed("randomised response", truth, odds / (1 + odds), truth_out, unflipped(X_out))


def learner(X: Any, *, numbers: bool = False) -> Any:
    """Boosted trees over any data frame of numbers and texts; for (n,) numbers or, by default, classes."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    model = make_learner("lightgbm", "regression" if numbers else "classification", repeats=1)
    if not hasattr(X, "columns"):
        return model
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=5)
    return make_pipeline(
        make_column_transformer(
            (texts, make_column_selector(dtype_exclude="number")),
            remainder="passthrough",
        ),
        model,
    )
