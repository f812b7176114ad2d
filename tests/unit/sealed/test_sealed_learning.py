"""The ML party's tools cannot tell sealed labels from labels in clear: what they learn is as good, and figures agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from feedback_double import feedback, local, number_feedback, people, words
from jalousie.architectures.ask_sealed import SealedValidator
from jalousie.contract.feedback import Feedback, Sealed
from jalousie.learning import (
    FeedbackClassifier,
    FeedbackRegressor,
    ModelSelector,
    Recalibrator,
    Validator,
    ask_scores,
    make_feedback_scorer,
)

DRAWS = 3


X, Y = people(1)
X_NEW, Y_NEW = people(2)
AT = np.random.default_rng(3).integers(0, 3, len(X))
PROVIDERS = ("east", "north", "west")


def sealed_by(contract: Feedback) -> Feedback:
    return replace(contract, sealed=Sealed(providers=PROVIDERS, disjoint=True))


def sealed(labels: np.ndarray, contract: Feedback) -> SealedValidator:
    """Each record is at one of three providers, and all of them are somewhere."""
    tables = {name: {"label": labels} for name in PROVIDERS}
    present = {name: number == AT for number, name in enumerate(PROVIDERS)}
    return SealedValidator.from_arrays(tables, sealed_by(contract), present=present)


Make = Callable[[np.ndarray, Feedback], Validator]
BOTH: list[Make] = [local, sealed]


def test_it_is_a_validator() -> None:
    assert isinstance(sealed(words(Y), feedback()), Validator)


@pytest.mark.parametrize("relation", ["change-label", "add-or-remove"])
def test_a_classifier_learns_as_much_from_sealed_labels(relation: str) -> None:
    means = []
    for make in BOTH:
        found = []
        for _ in range(DRAWS):
            validator = make(words(Y), feedback(epsilon=2.0, neighbours=relation))
            model = FeedbackClassifier(combine=False).fit(X, validator=validator)
            found.append(roc_auc_score(Y_NEW, model.predict_proba(X_NEW)[:, 1]))
            assert validator.budget("label").left.nano == 0
        means.append(float(np.mean(found)))
    central = roc_auc_score(Y_NEW, FeedbackClassifier(combine=False).fit(X, Y).predict_proba(X_NEW)[:, 1])
    assert means[1] == pytest.approx(means[0], abs=0.01)
    assert means[1] > central - 0.02


def test_a_regressor_learns_from_sealed_sums() -> None:
    values = 20 + 10 * np.sin(X["age"].to_numpy() / 20) + np.random.default_rng(4).normal(0, 3, len(X))
    truth = 20 + 10 * np.sin(X_NEW["age"].to_numpy() / 20)
    errors = []
    for make in BOTH:
        contract = number_feedback(0.0, 40.0, 0.4, epsilon=4.0)
        model = FeedbackRegressor(combine=False).fit(X, validator=make(values, contract))
        errors.append(float(np.sqrt(np.mean((model.predict(X_NEW) - truth) ** 2))))
    assert errors[1] == pytest.approx(errors[0], abs=0.6)
    assert errors[1] < 2.0


def test_figures_scorers_recalibration_and_selection_work_unchanged() -> None:
    columns = ["age", "gain"]
    rough = LogisticRegression().fit(X_NEW[columns].to_numpy()[:300], Y_NEW[:300])
    flat = LogisticRegression(C=1e-6).fit(X_NEW[columns].to_numpy()[:300], Y_NEW[:300])
    features = X[columns].to_numpy()
    scores = rough.predict_proba(features)
    true = roc_auc_score(Y, scores[:, 1])
    for make in BOTH:
        validator = make(words(Y), feedback(epsilon=8.0))
        auc = ask_scores(validator, scores, epsilon=2.0)["auc"]
        assert auc.value == pytest.approx(true, abs=0.03)
        scorer = make_feedback_scorer(validator, "auc", epsilon=2.0)
        assert scorer(rough, features) == pytest.approx(true, abs=0.03)
        better = Recalibrator(rough, epsilon=1.0).fit(features, validator=validator)
        assert better.predict_proba(features)[:, 1].mean() == pytest.approx(Y.mean(), abs=0.03)
        chosen = ModelSelector({"rough": rough, "flat": flat}, epsilon=1.0).fit(features, validator=validator)
        assert chosen.best_ == "rough"
