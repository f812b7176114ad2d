"""FeedbackRegressor on made-up inspections."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

from feedback_double import exact_sums, feedback, local, number_feedback, words
from jalousie.errors import JalousieError
from jalousie.learning import FeedbackRegressor
from jalousie.learning.plan import asked_matrix

CONTRACT = number_feedback(0, 100, 1.0, epsilon=2.0)


def inspections(seed: int, size: int = 6000) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"size": rng.gamma(2, 20, size), "kind": rng.choice(["a", "b", "c"], size)})
    mean = 50 + 15 * np.sin(X["size"] / 25) + 12 * (X["kind"] == "b")
    return X, np.clip(np.round(mean + rng.normal(0, 8, size)), 0, 100)


X, Y = inspections(1)
X_NEW, Y_NEW = inspections(2)


def r2(model: FeedbackRegressor) -> float:
    return float(model.score(X_NEW, Y_NEW))


CENTRAL = r2(FeedbackRegressor().fit(X, Y))


@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
def test_it_learns_nearly_as_much_as_from_all_labels(neighbours: str) -> None:
    contract = number_feedback(0, 100, 1.0, epsilon=2.0, neighbours=neighbours)
    model = FeedbackRegressor().fit(X, validator=local(Y, contract))
    assert CENTRAL > 0.5
    assert r2(model) > CENTRAL - 0.08  # 0.03 below on average, with a deviation of 0.01


def test_coverage_is_told_where_sums_cannot_tell_it() -> None:
    present = np.random.default_rng(1).random(len(X)) < 0.5
    contract = number_feedback(0, 100, 1.0, epsilon=4.0, neighbours="add-or-remove")
    told = FeedbackRegressor(coverage=0.5).fit(X, validator=local(Y, contract, present=present))
    assert r2(told) > CENTRAL - 0.22  # 0.08 below on average, with a deviation of 0.03
    untold = FeedbackRegressor().fit(X, validator=local(Y, contract, present=present))
    assert r2(untold) < 0


def test_records_that_the_provider_lacks_are_no_zeros_where_that_is_public() -> None:
    present = np.random.default_rng(1).random(len(X)) < np.where(X["kind"] == "b", 0.9, 0.3)
    model = FeedbackRegressor().fit(X, validator=local(Y, CONTRACT, present=present))
    assert r2(model) > CENTRAL - 0.18  # 0.08 below on average, with a deviation of 0.02


def test_sums_without_noise_tell_as_much_as_the_labels() -> None:
    model = FeedbackRegressor(combine=False).fit(X, validator=local(Y, CONTRACT))
    partitions = model.plan_.partitions(model._table(X, reset=False))
    exact = model._sums([exact_sums(partitions, Y, CONTRACT)], asked_matrix(partitions))
    model._solve(model._table(X, reset=False), exact, None)
    assert r2(model) == pytest.approx(CENTRAL, abs=0.01)


def test_a_baseline_is_repaired() -> None:
    class Shifted:
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return np.asarray(30 + 15 * np.sin(frame["size"] / 25))

    model = FeedbackRegressor(baseline=Shifted(), epsilon=1.0).fit(X, validator=local(Y, CONTRACT))
    assert r2(model) > CENTRAL - 0.12  # 0.02 below on average, with a deviation of 0.02


def test_a_label_of_classes_is_refused() -> None:
    with pytest.raises(JalousieError) as refused:
        FeedbackRegressor().fit(X, validator=local(words(np.zeros(len(X), int)), feedback()))
    assert refused.value.code == "V212"


def test_it_passes_scikit_learns_own_checks() -> None:
    results = check_estimator(FeedbackRegressor(), on_fail=None, on_skip=None)
    failed = {result["check_name"]: str(result["exception"]) for result in results if result["status"] == "failed"}
    assert failed == {}
