"""FeedbackClassifier on made-up people: what it asks, what it gains, what it refuses."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

from feedback_double import feedback, local, people, words
from jalousie.errors import JalousieError
from jalousie.learning import FeedbackClassifier, PopulationTooSmallWarning
from jalousie.learning.labels_at_hand import labels_at_hand

X, Y = people(1)
X_NEW, Y_NEW = people(2)


def auc(model: FeedbackClassifier) -> float:
    return float(roc_auc_score(Y_NEW, model.predict_proba(X_NEW)[:, 1]))


CENTRAL = auc(FeedbackClassifier().fit(X, Y))


@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
def test_it_learns_nearly_as_much_as_from_all_labels(neighbours: str) -> None:
    validator = local(words(Y), feedback(epsilon=2.0, neighbours=neighbours))
    model = FeedbackClassifier().fit(X, validator=validator)
    assert auc(model) > CENTRAL - 0.02
    assert validator.budget("label").left.nano == 0
    assert validator.budget("label").questions == 1


def test_records_that_the_provider_lacks_are_no_negatives() -> None:
    present = np.random.default_rng(3).random(len(X)) < np.where(X["age"] > 50, 0.9, 0.4)
    validator = local(words(Y), feedback(epsilon=4.0, neighbours="add-or-remove"), present=present)
    model = FeedbackClassifier().fit(X, validator=validator)
    assert auc(model) > CENTRAL - 0.02
    assert model.predict_proba(X_NEW)[:, 1].mean() == pytest.approx(Y_NEW.mean(), abs=0.03)


def test_a_baseline_that_is_wrong_somewhere_is_repaired() -> None:
    young = X["age"] < 30
    baseline = LogisticRegression().fit(X[["age", "gain"]][young].to_numpy(), Y[young])

    class Columns:
        def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
            return baseline.predict_proba(frame[["age", "gain"]].to_numpy())

    before = roc_auc_score(Y_NEW, Columns().predict_proba(X_NEW)[:, 1])
    model = FeedbackClassifier(baseline=Columns(), epsilon=2.0).fit(X, validator=local(words(Y), feedback(epsilon=4.0)))
    assert auc(model) > max(float(before) + 0.03, CENTRAL - 0.025)


def test_labels_at_hand_help_and_give_the_type_of_the_classes() -> None:
    contract = feedback(("0", "1"), epsilon=0.5)
    validator = local(words(Y, ("0", "1")), contract)
    model = FeedbackClassifier().fit(X, validator=validator, labelled=(X_NEW[:500], Y_NEW[:500]))
    assert model.classes_.dtype == Y.dtype
    assert set(model.predict(X_NEW)) <= {0, 1}
    assert auc(model) > auc(FeedbackClassifier().fit(X_NEW[:500], Y_NEW[:500])) - 0.01


@pytest.mark.parametrize("names", [("no", "yes"), ("", None), (2, 3), ("1", "2"), (0.5, 1.0)])
def test_labels_at_hand_that_the_contract_does_not_know_are_refused_unasked(names: tuple[object, object]) -> None:
    validator = local(words(Y, ("0", "1")), feedback(("0", "1")))
    at_hand = np.array([names[code] for code in Y_NEW[:200]])
    with pytest.raises(JalousieError) as refused:
        FeedbackClassifier().fit(X, validator=validator, labelled=(X_NEW[:200], at_hand))
    assert refused.value.code == "U151"
    assert '"0", "1"' in refused.value.hint
    assert validator.budget("label").questions == 0


@pytest.mark.parametrize(
    ("classes", "at_hand"),
    [
        (("0", "1"), Y_NEW[:300]),
        (("0", "1"), Y_NEW[:300].astype(float)),
        (("0", "1"), Y_NEW[:300].astype(bool)),
        (("false", "true"), Y_NEW[:300].astype(bool)),
        (("0", "1"), Y_NEW[:300].astype(object)),
        (("0", "1"), np.array([str(code) for code in Y_NEW[:300]])),
    ],
)
def test_labels_at_hand_are_read_as_the_provider_reads_its_own(classes: tuple[str, str], at_hand: np.ndarray) -> None:
    contract = feedback(classes)
    found, labelled = labels_at_hand(contract.labels["label"], contract, (X_NEW[:300], at_hand))
    assert labelled is not None
    assert ((labelled[1] == found[1]) == (Y_NEW[:300] == 1)).all()
    assert ((labelled[1] == found[0]) == (Y_NEW[:300] == 0)).all()
    assert found.dtype == (at_hand.dtype if at_hand.dtype.kind in "bif" else object)


def test_a_question_far_over_budget_is_refused_as_such() -> None:
    validator = local(words(Y), feedback(epsilon=4.0))
    for labelled in (None, (X_NEW[:300], words(Y_NEW[:300]))):
        with pytest.raises(JalousieError) as refused:
            FeedbackClassifier(epsilon=100.0).fit(X, validator=validator, labelled=labelled)
        assert refused.value.code == "V201"
    assert validator.budget("label").epsilon_spent == 0


def test_hardly_any_noise_is_no_trouble() -> None:
    model = FeedbackClassifier().fit(X, validator=local(words(Y), feedback(epsilon=200.0)))
    assert auc(model) > CENTRAL - 0.02


def test_only_what_epsilon_says_is_spent() -> None:
    validator = local(words(Y), feedback(epsilon=2.0))
    FeedbackClassifier(epsilon=0.5).fit(X, validator=validator)
    budget = validator.budget("label")
    assert budget.epsilon_spent == pytest.approx(0.5, abs=1e-3)
    assert budget.epsilon_spent <= 0.5


def test_three_classes() -> None:
    codes = np.where(Y == 1, 2, (X["job"] == "c").astype(int))
    validator = local(words(codes, ("x", "y", "z")), feedback(("x", "y", "z"), epsilon=4.0))
    model = FeedbackClassifier().fit(X, validator=validator)
    found = model.predict_proba(X_NEW)
    assert found.shape == (len(X_NEW), 3)
    assert found.sum(axis=1) == pytest.approx(1.0)
    truth = np.where(Y_NEW == 1, 2, (X_NEW["job"] == "c").astype(int))
    assert (model.predict(X_NEW) == words(truth, ("x", "y", "z"))).mean() > 0.7


def test_several_questions_where_one_would_pass_the_contracts_limits() -> None:
    validator = local(words(Y), feedback(epsilon=2.0, max_partitions=2))
    model = FeedbackClassifier(combine=False).fit(X, validator=validator)
    assert len(model.answers_) == 2
    assert auc(model) > CENTRAL - 0.03
    variances = [answer.variance for answer in model.answers_]
    assert variances[0] == pytest.approx(variances[1], rel=0.01)


def test_it_warns_where_the_population_is_too_small() -> None:
    with pytest.warns(PopulationTooSmallWarning):
        FeedbackClassifier().fit(X[:300], validator=local(words(Y[:300]), feedback(epsilon=0.2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FeedbackClassifier().fit(X, validator=local(words(Y), feedback(epsilon=2.0)))


def test_refusals_say_what_to_do_and_no_cell() -> None:
    validator = local(words(Y), feedback())
    with pytest.raises(JalousieError) as refused:
        FeedbackClassifier().fit(X[:100], validator=validator)
    assert refused.value.code == "U151"
    with pytest.raises(JalousieError) as refused:
        FeedbackClassifier(label="lable").fit(X, validator=validator)
    assert refused.value.code == "V208"
    assert 'did you mean "label"' in refused.value.hint
    with pytest.raises(JalousieError):
        FeedbackClassifier().fit(X, Y, validator=validator)
    assert validator.budget("label").questions == 0


def test_it_is_a_scikit_learn_estimator() -> None:
    model = FeedbackClassifier(bins=8).fit(X, Y)
    assert clone(model).get_params()["bins"] == 8
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(X_NEW) == model.predict_proba(X_NEW)).all()


def test_it_passes_scikit_learns_own_checks() -> None:
    results = check_estimator(FeedbackClassifier(), on_fail=None, on_skip=None)
    failed = {result["check_name"]: str(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
