"""A scikit-learn scorer whose labels stay with the provider."""

from __future__ import annotations

from typing import Any, Protocol

from jalousie.errors import UsageError, did_you_mean
from jalousie.learning.metrics import BINARY, ask_scores
from jalousie.learning.number_scores import ask_errors
from jalousie.learning.validator_protocol import Validator

LOSSES = ("log_loss", "brier", "ece")
ERRORS = ("mae", "rmse")
FIGURES = (*ERRORS, "accuracy", *LOSSES, "macro_f1", "probabilistic_f1", "precision", "recall", "f1", *BINARY)


class Scorer(Protocol):
    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float: ...


def make_feedback_scorer(
    validator: Validator,
    figure: str = "auc",
    *,
    epsilon: float,
    label: str | None = None,
    groups: int | None = None,
    levels: int = 1,
    within: float | None = None,
) -> Scorer:
    """A scorer `scorer(estimator, X)`: greater is better, so losses are negated, as scikit-learn does.

    X has to be the population's columns, row i for record i: not a fold of them. Each call spends `epsilon`, unless the
    model puts every record into the same group as one that was scored before (then the answer is replayed, free).

    "mae" and "rmse" are of the model's predictions of a number, by `ask_errors`, which says what `levels` and `within` do: "mae"
    of a label that is summed takes several levels, which the provider sees.

    A figure that cannot be measured, since the noise swamps it or too few records are predicted as a class, is NaN, with a
    NotMeasurableWarning: a search ranks it last. Every other one is within its range.

    Raises UsageError U151 for an unknown figure; the scorer what `ask_scores` or `ask_errors` raises.
    """
    if figure not in FIGURES:
        raise UsageError("U151", "no such figure", hint=did_you_mean(figure, FIGURES), effect="")
    sign = -1.0 if figure in LOSSES else 1.0

    def scorer(estimator: Any, X: Any, y: Any = None) -> float:
        if figure in ERRORS:
            given = estimator.predict(X)
            options = {} if groups is None else {"groups": groups}
            errors = ask_errors(validator, given, label=label, epsilon=epsilon, levels=levels, within=within, **options)
            return -errors[figure].value
        found = ask_scores(validator, estimator.predict_proba(X), label=label, epsilon=epsilon, groups=groups)
        return sign * found[figure].value

    return scorer
