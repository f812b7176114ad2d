"""Recalibration, thresholds and choice among models, by one answer each."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from feedback_double import feedback, local, words
from jalousie.errors import JalousieError
from jalousie.learning import ModelSelector, Recalibrator, ThresholdTuner

SIZE = 8000


class Model:
    """Believes the log-odds in its one column, bent and shifted."""

    classes_ = np.array([0, 1])

    def __init__(self, bend: float, shift: float = 0.0) -> None:
        self.bend = bend
        self.shift = shift

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-self.bend * X[:, 0] - self.shift))
        return np.column_stack([1 - p, p])


def people(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.5, 2, SIZE)
    return logits[:, None], (rng.random(SIZE) < 1 / (1 + np.exp(-logits))).astype(int)


X, Y = people(1)
X_NEW, Y_NEW = people(2)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
def test_recalibration_mends_overconfidence(method: str, neighbours: str) -> None:
    model = Model(2.5, 1.0)
    validator = local(words(Y), feedback(epsilon=1.0, neighbours=neighbours))
    mended = Recalibrator(model, method=method).fit(X, validator=validator)
    before = log_loss(Y_NEW, model.predict_proba(X_NEW)[:, 1])
    best = log_loss(Y_NEW, Model(1.0).predict_proba(X_NEW)[:, 1])
    after = log_loss(Y_NEW, mended.predict_proba(X_NEW)[:, 1])
    assert after < best + 0.03 < before
    assert set(mended.predict(X_NEW)) == {0, 1}


def test_the_threshold_of_most_f1() -> None:
    model = Model(1.0, -2.0)
    tuned = ThresholdTuner(model, aim="f1").fit(X, validator=local(words(Y), feedback(epsilon=1.0)))
    score = model.predict_proba(X_NEW)[:, 1]
    best = max(f1_score(Y_NEW, score > t) for t in np.linspace(0.01, 0.99, 99))
    assert f1_score(Y_NEW, tuned.predict(X_NEW)) > best - 0.02
    assert f1_score(Y_NEW, tuned.predict(X_NEW)) > f1_score(Y_NEW, score > 0.5) + 0.05


@pytest.mark.parametrize("aim", ["accuracy", "balanced_accuracy"])
def test_other_aims(aim: str) -> None:
    tuned = ThresholdTuner(Model(1.0, -3.0), aim=aim).fit(X, validator=local(words(Y), feedback(epsilon=2.0)))
    wanted = 0.5 if aim == "accuracy" else Y.mean()  # of the true probability
    believed = 1 / (1 + np.exp(-np.log(wanted / (1 - wanted)) + 3))
    assert tuned.threshold_ == pytest.approx(believed, abs=0.04)


def test_the_best_of_several_models_is_chosen_in_one_question() -> None:
    validator = local(words(Y), feedback(epsilon=1.0))
    candidates = {"bold": Model(3.0), "right": Model(1.0), "shy": Model(0.2)}
    chosen = ModelSelector(candidates).fit(X, validator=validator)
    assert chosen.best_ == "right"
    assert chosen.best_estimator_ is candidates["right"]
    assert validator.budget("label").questions == 1
    assert chosen.estimate_.value == pytest.approx(log_loss(Y, Model(1.0).predict_proba(X)[:, 1]), abs=0.05)


def test_unknown_ways_are_refused_unasked() -> None:
    validator = local(words(Y), feedback())
    for tool in (Recalibrator(Model(1.0), method="isotonc"), ThresholdTuner(Model(1.0), aim="f2"), ModelSelector({})):  # type: ignore[arg-type]
        with pytest.raises(JalousieError):
            tool.fit(X, validator=validator)
    assert validator.budget("label").questions == 0
