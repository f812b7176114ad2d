"""How well the ML party guesses the provider's own labels with all that it received, beside strangers' labels.

A model that learnt from answers predicts people; it is meant to. What it may not do is know the people in the population
better than anybody else like them. Beside it stands what a common alternative gives away at the same epsilon: labels handed
over with randomised response (Warner 1965), where the guesser combines a model with the noisy label of the very person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from jalousie.attacks.feedback_all import Ground
from jalousie.attacks.feedback_facts import Flags
from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError
from jalousie.learning.learners import make_learner
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Floats
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.card import Guessed, GuessFacts
from jalousie.validator.match import LabelColumn
from jalousie.validator.rows import RowIndex

MOST_GUESSED = 20_000
"""Of a large table."""
MEMORISED = 0.01
"""Of AUC: how much better a model may guess the people that it was learnt from than others like them before it is said. An
additive model memorises a little (0.006 on Adult with exact answers); one that was handed the labels, 0.07."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Columns that the ML party has, and (n,) labels that it has not."""

    X: Any
    y: NDArray[Any]


Way = Callable[[People, Any], tuple[Floats, Floats]]
"""Learns about people, then guesses these, and strangers of whom it has the columns: chances of the second class."""


def guess_labels(
    one: People, other: People, feedback: Feedback, label: str, *, baseline: Any = None, seed: int = 0
) -> GuessFacts:
    """Learn from answers about half of the people, guess everybody; then the same from the other half.

    So everybody is guessed once from the inside and once as a stranger, and which people are easier to guess does not matter.

    Raises
    ------
    UsageError
        U151: the label has not exactly two classes
    """
    classes = feedback.labels[label].classes
    if len(classes) != 2:
        raise UsageError("U151", "labels of two classes are guessed", effect="")

    def learn(people: People, validator: Validator, strangers: Any) -> tuple[Floats, Floats]:
        from jalousie.learning.feedback import FeedbackClassifier

        model = FeedbackClassifier(label=label, baseline=baseline).fit(people.X, validator=validator)
        return _chance(model, people.X), _chance(model, strangers)

    def from_answers(people: People, strangers: Any) -> tuple[Floats, Floats]:
        return learn(people, Ground(feedback, {label: people.y}).protected(), strangers)

    def from_exact(people: People, strangers: Any) -> tuple[Floats, Floats]:
        return learn(people, Ground(feedback, {label: people.y}).unprotected("exact"), strangers)

    def from_response(people: People, strangers: Any) -> tuple[Floats, Floats]:
        return _randomised_response(people.X, people.y == classes[1], strangers, feedback.epsilon, seed)

    ways: dict[str, Way] = {
        "answers": from_answers,
        "exact answers": from_exact,
        "randomised response": from_response,
    }
    answers, exact, response = (_guessed(how, way, one, other, classes[1]) for how, way in ways.items())
    bound = 2 * advantage_bound(feedback, feedback.labels[label])
    return GuessFacts(
        label=label,
        records=len(one.y) + len(other.y),
        epsilon=feedback.epsilon,
        answers=answers,
        exact=exact,
        response=response,
        bound=bound,
        verdict="FAIL" if answers.surely(bound) else "WARN" if answers.surely(MEMORISED) else "PASS",
        sentence=(
            f"With all answers the ML party guesses the provider's own labels with AUC {answers.inside_auc:.3f}, the same "
            f"people as strangers with {answers.strangers_auc:.3f} (exact answers: {exact.inside_auc:.3f} and "
            f"{exact.strangers_auc:.3f}; labels by randomised response at the same epsilon: {response.inside_auc:.3f} and "
            f"{response.strangers_auc:.3f})."
        ),
    )


def guess_own(
    index: RowIndex,
    column: LabelColumn,
    X: Floats,
    feedback: Feedback,
    label: str,
    *,
    contract: str = "",
    seed: int = 0,
) -> GuessFacts | None:
    """As `guess_labels`, of a provider's own records: one row each, those that have the label, in two random halves.

    X
        (rows, columns) what the ML party is taken to know, in the order of the provider's rows
    Returns None where the label has not two classes that both occur in either half: there is nothing to guess.
    """
    asked = feedback.labels[label].by_name()
    rng = np.random.default_rng(seed)
    firsts = index.rows[index.start[:-1][np.diff(index.start) > 0]]
    rows = rng.permutation(firsts[column.present[firsts]])[:MOST_GUESSED]
    halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    if len(asked.classes) != 2 or any(len(np.unique(column.values[half])) < 2 for half in halves):
        return None
    names = np.array(asked.classes, object)
    one, other = (People(X[half], names[column.values[half]]) for half in halves)
    # pseudonyms are subjects enough here, as in other attacks
    found = guess_labels(one, other, replace(feedback, labels={label: asked}, subject=""), label, seed=seed)
    return replace(found, contract=contract)


def coded(values: Sequence[str | None], *, numbers: bool) -> Floats:
    """(n,) a column as numbers: those that it holds, or the rank of a text by how often it occurs; NaN where there is none."""
    if numbers:
        return np.array([np.nan if value is None else float(value) for value in values])
    there = np.array([value is not None for value in values], bool)
    texts = np.array([value for value in values if value is not None], str)
    _, place, counts = np.unique(texts, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    codes = np.full(len(values), np.nan)
    codes[there] = rank[place.ravel()]
    return codes


def _guessed(how: str, way: Way, one: People, other: People, positive: str) -> Guessed:
    inside_one, strangers_other = way(one, other.X)
    inside_other, strangers_one = way(other, one.X)
    pairs = [
        (one.y == positive, inside_one, strangers_one),
        (other.y == positive, inside_other, strangers_other),
    ]
    return Guessed(
        how=how,
        inside_auc=float(np.mean([auc(truth, inside) for truth, inside, _ in pairs])),
        strangers_auc=float(np.mean([auc(truth, outside) for truth, _, outside in pairs])),
        inside_right=float(np.mean([((inside > 0.5) == truth).mean() for truth, inside, _ in pairs])),
        strangers_right=float(np.mean([((outside > 0.5) == truth).mean() for truth, _, outside in pairs])),
        error=sqrt(sum(gap_error(*pair) ** 2 for pair in pairs)) / 2,
    )


def auc(truth: Flags, score: Floats) -> float:
    """Area under the ROC curve by ranks; ties count half."""
    from scipy.stats import rankdata

    positive = int(truth.sum())
    negative = len(truth) - positive
    ranks = rankdata(score)
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def gap_error(truth: Flags, one: Floats, other: Floats) -> float:
    """Standard error of the difference between two scores' AUCs on the same people (DeLong et al. 1988)."""
    difference = _placements(truth, one) - _placements(truth, other)
    return sqrt(sum(float(np.var(difference[part], ddof=1)) / int(part.sum()) for part in (truth, ~truth)))


def _placements(truth: Flags, score: Floats) -> Floats:
    """(n,) share of the other class that each record is on the right side of."""
    from scipy.stats import rankdata

    ranks, positive = rankdata(score), int(truth.sum())
    placed = np.empty(len(truth))
    placed[truth] = (ranks[truth] - rankdata(score[truth])) / (len(truth) - positive)
    placed[~truth] = 1 - (ranks[~truth] - rankdata(score[~truth])) / positive
    return placed


def _chance(model: Any, X: Any) -> Floats:
    return np.asarray(model.predict_proba(X), np.float64)[:, 1]


def _randomised_response(X: Any, truth: Flags, strangers: Any, epsilon: float, seed: int) -> tuple[Floats, Floats]:
    """Train on labels that were flipped with probability 1 / (1 + e^epsilon), and weigh each person's own noisy label."""
    rng = np.random.default_rng(seed)
    keep = 1 / (1 + np.exp(-epsilon))
    told = np.where(rng.random(len(truth)) < keep, truth, ~truth)
    if told.all() or not told.any():
        raise UsageError("U151", "too few labels to learn from", effect="")
    model = learner(X).fit(X, told)

    def unflipped(table: Any) -> Floats:
        p = (_chance(model, table) - (1 - keep)) / (2 * keep - 1)
        return np.asarray(np.clip(p, 1e-3, 1 - 1e-3))

    prior = unflipped(X)
    odds = prior / (1 - prior) * np.exp(np.where(told, epsilon, -epsilon))
    return odds / (1 + odds), unflipped(strangers)


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
