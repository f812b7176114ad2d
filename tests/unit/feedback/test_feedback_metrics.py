"""Figures from noisy counts: how far off, and how often inside their intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from feedback_double import exact_answer, feedback, local, number_feedback, words
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import JalousieError
from jalousie.learning import ask_bias, ask_errors, ask_scores, make_feedback_scorer
from jalousie.learning.calibration_error import calibration_error
from jalousie.learning.estimate import Estimate
from jalousie.learning.metrics import scores_of
from jalousie.learning.score_groups import score_groups, wanted_groups
from jalousie.validator.budget import account
from jalousie.validator.match import encode_label
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import sensitivity

SIZE = 10_000
FIGURES = ("accuracy", "auc", "f1", "precision", "recall", "log_loss", "brier", "average_precision")


def sample(seed: int, size: int = SIZE, bend: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels whose log-odds are `bend` times the scores': about a quarter positive, AUC about 0.9."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-2, 2.2, size)
    labels = (rng.random(size) < 1 / (1 + np.exp(-bend * logits))).astype(int)
    return 1 / (1 + np.exp(-logits)), labels


def truth(score: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    hard = score > 0.5
    return {
        "accuracy": accuracy_score(labels, hard),
        "auc": roc_auc_score(labels, score),
        "f1": f1_score(labels, hard),
        "precision": precision_score(labels, hard),
        "recall": recall_score(labels, hard),
        "log_loss": log_loss(labels, score),
        "brier": brier_score_loss(labels, score),
        "average_precision": average_precision_score(labels, score),
    }


Draw = Callable[[np.ndarray, np.ndarray], dict[str, object]]


def drawer(neighbours: str, epsilon: float) -> Draw:
    """Answers one question about scores with real noise, without a provider around it."""
    contract = feedback(epsilon=epsilon, neighbours=neighbours)
    terms = account(contract)
    noise = noise_for(terms, sensitivity(contract.labels["label"], contract), terms.reserved)

    def draw(score: np.ndarray, labels: np.ndarray) -> dict[str, object]:
        number = wanted_groups(len(score), float(np.sqrt(noise.variance)))
        groups = score_groups(np.column_stack([1 - score, score]), number, 25)
        answer = exact_answer([groups.partition], labels, ("no", "yes"), variance=noise.variance, neighbours=neighbours)
        counts = answer.counts[0]
        if neighbours == "change-label":
            noisy = noise.add(counts[:, 1])
            counts[:] = np.column_stack([counts.sum(axis=1) - noisy, noisy])
        else:
            counts[:] = noise.add(counts)
        return dict(scores_of(answer, groups).figures)

    return draw


@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
def test_ten_thousand_records_at_epsilon_a_half(neighbours: str) -> None:
    score, labels = sample(1)
    exact, draw = truth(score, labels), drawer(neighbours, 0.5)
    draws = [draw(score, labels) for _ in range(150)]
    worst = {
        name: float(np.quantile([abs(found[name].value - exact[name]) for found in draws], 0.95)) for name in FIGURES
    }
    assert worst["auc"] <= 0.01
    assert worst["accuracy"] <= 0.006
    assert worst["f1"] <= 0.012


def coverage(neighbours: str, draws: int, *, fresh: bool) -> dict[str, float]:
    """Share of intervals that hold the truth: of these records (noise interval) or of the population (total interval)."""
    draw = drawer(neighbours, 1.0)
    score, labels = sample(1)
    exact = truth(*sample(0, 400_000)) if fresh else truth(score, labels)
    inside = dict.fromkeys(FIGURES, 0)
    for number in range(draws):
        if fresh:
            score, labels = sample(number + 10)
        found = draw(score, labels)
        for name in FIGURES:
            low, high = found[name].total_interval if fresh else found[name].noise_interval
            inside[name] += low <= exact[name] <= high
    return {name: count / draws for name, count in inside.items()}


@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
@pytest.mark.parametrize("fresh", [False, True])
def test_intervals_hold_the_truth_about_as_often_as_they_say(neighbours: str, fresh: bool) -> None:
    for name, share in coverage(neighbours, 120, fresh=fresh).items():
        assert share >= 0.87, name


@pytest.mark.long
@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
@pytest.mark.parametrize("fresh", [False, True])
def test_coverage_over_a_thousand_draws(neighbours: str, fresh: bool) -> None:
    for name, share in coverage(neighbours, 1000, fresh=fresh).items():
        assert share >= 0.925, name


def calibration_coverage(draws: int, truth: np.ndarray, *, noise: float, sampling: float) -> tuple[float, float]:
    """Share of noise and of total intervals that hold the error of the records, and of the people they are drawn from."""
    rng = np.random.default_rng(7)
    inside = np.zeros(2)
    for _ in range(draws):
        drawn = truth + rng.normal(0, sampling, len(truth))
        seen = drawn + rng.normal(0, noise, len(truth))
        found = calibration_error(seen, np.full(len(truth), noise), np.full(len(truth), sampling))
        errors = np.abs(drawn).sum(), np.abs(truth).sum()
        ends = found.noise_interval, found.total_interval
        inside += [low <= error <= high for (low, high), error in zip(ends, errors, strict=True)]
    return float(inside[0] / draws), float(inside[1] / draws)


@pytest.mark.parametrize("bend", [0.0, 0.5, 2.0, 20.0])
def test_intervals_of_the_calibration_error_hold_it_near_zero_too(bend: float) -> None:
    truth = bend * 0.001 * np.array([-1.0, 0.5, 2.0, -0.2, 1.0, 0.0, 0.3, -1.5, 0.8, 0.1])
    here, total = calibration_coverage(1000, truth, noise=0.001, sampling=0.002)
    assert here >= 0.9
    assert total >= 0.925


def test_a_calibration_error_without_any_noise_is_the_sum_of_gaps() -> None:
    gaps = np.array([0.01, -0.02, 0.0])
    found = calibration_error(gaps, np.zeros(3), np.zeros(3))
    assert found.value == pytest.approx(0.03, rel=1e-3)
    assert found.total_interval == pytest.approx((0.03, 0.03), rel=1e-2)


def test_intervals_are_no_wider_than_they_need_be() -> None:
    score, labels = sample(1)
    draw = drawer("change-label", 1.0)
    found = [draw(score, labels) for _ in range(150)]
    for name in ("accuracy", "auc", "f1"):
        spread = float(np.std([one[name].value for one in found]))
        half = np.mean([one[name].noise_interval[1] - one[name].value for one in found])
        assert half == pytest.approx(1.96 * spread, rel=0.25)


def test_a_badly_calibrated_model_is_found_out() -> None:
    score, labels = sample(3, bend=0.4)
    validator = local(words(labels), feedback(epsilon=2.0))
    found = ask_scores(validator, score)
    assert found["log_loss"].value == pytest.approx(log_loss(labels, score), abs=0.02)
    assert found["ece"].value > 0.08
    good, right = sample(3)
    assert ask_scores(local(words(right), feedback(epsilon=2.0)), good)["ece"].value < 0.03


def test_confusion_of_three_classes() -> None:
    rng = np.random.default_rng(5)
    raw = rng.gamma(0.5, 1, (6000, 3)) + 0.01
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    codes = np.array([rng.choice(3, p=row) for row in probabilities])
    names = ("x", "y", "z")
    found = ask_scores(local(words(codes, names), feedback(names, epsilon=2.0)), probabilities)
    exact = confusion_matrix(codes, probabilities.argmax(axis=1))
    assert np.array([[one.value for one in row] for row in found.confusion]) == pytest.approx(exact, abs=60)
    assert found["accuracy"].value == pytest.approx((probabilities.argmax(axis=1) == codes).mean(), abs=0.01)
    assert found["log_loss"].value == pytest.approx(log_loss(codes, probabilities), abs=0.03)
    assert set(found.by_class) == set(names)
    assert "auc" not in found.figures


def test_probabilistic_f1_as_published() -> None:
    score, labels = sample(2)
    found = ask_scores(local(words(labels), feedback(epsilon=8.0)), score).by_class["yes"]
    true = score[labels == 1].sum()
    precision, recall = true / score.sum(), true / (labels == 1).sum()
    assert found["probabilistic_precision"].value == pytest.approx(precision, abs=0.01)
    assert found["probabilistic_recall"].value == pytest.approx(recall, abs=0.01)
    assert found["probabilistic_f1"].value == pytest.approx(2 * precision * recall / (precision + recall), abs=0.01)


def test_accuracy_by_interval_and_roc() -> None:
    score, labels = sample(4)
    found = ask_scores(local(words(labels), feedback(epsilon=8.0)), score)
    groups = found.groups.partition.groups
    for g, one in enumerate(found.intervals):
        inside = groups == g
        assert one.value == pytest.approx(((score > 0.5) == labels)[inside].mean(), abs=0.05)
    assert (np.diff(found.roc, axis=0) > -0.01).all()
    assert found.roc[-1].tolist() == pytest.approx([1.0, 1.0])
    assert found["lift"].value == pytest.approx(
        labels[np.argsort(-score)[: SIZE // 10]].mean() / labels.mean(), rel=0.05
    )


def within_noise(found: Estimate, truth: float, *, bend: float) -> bool:
    """Five standard deviations, and `bend` for what grouping itself does."""
    low, high = found.noise_interval
    return abs(found.value - truth) <= bend + (high - low) / 2 / 1.96 * 5


def test_errors_of_a_number_with_few_values_and_bias_of_any() -> None:
    rng = np.random.default_rng(6)
    predicted = rng.uniform(70, 100, 8000)
    codes = np.clip(np.round((predicted + rng.normal(1, 4, 8000) - 70) / 5), 0, 6).astype(int)
    values = 70.0 + 5 * codes
    names = tuple(str(70 + 5 * k) for k in range(7))
    found = ask_errors(local(words(codes, names), feedback(names, epsilon=4.0)), predicted, groups=20)
    gap = values - predicted
    assert within_noise(found["mae"], np.abs(gap).mean(), bend=0.05)
    assert within_noise(found["rmse"], np.sqrt((gap**2).mean()), bend=0.05)
    assert within_noise(found["bias"], gap.mean(), bend=0.05)
    bias = ask_bias(local(values, number_feedback(70, 100, 1.0, epsilon=2.0)), predicted)
    assert bias.bias.value == pytest.approx(gap.mean(), abs=0.2)
    assert bias.bias.noise_interval[0] < bias.bias.value < bias.bias.noise_interval[1]


def cut_feedback(cuts: tuple[float, ...], low: float, high: float, **changes: Any) -> Feedback:
    label = Label(column="label", cuts=cuts, low=low, high=high)
    return Feedback(**{"identifier": "id", "labels": {"label": label}, "neighbours": "change-label", **changes})


def test_errors_of_a_number_counted_by_interval() -> None:
    rng = np.random.default_rng(8)
    predicted = rng.normal(100, 30, 8000)
    values = predicted + rng.normal(5, 20, 8000)
    contract = cut_feedback(tuple(range(10, 200, 10)), 0, 210, epsilon=4.0)
    found = ask_errors(local(values, contract), predicted)
    gap = values - predicted
    assert within_noise(found["mae"], np.abs(gap).mean(), bend=0.3)
    assert within_noise(found["rmse"], np.sqrt((gap**2).mean()), bend=0.3)
    assert within_noise(found["bias"], gap.mean(), bend=0.3)
    low, high = found["mae"].noise_interval
    assert 0 < high - low < 3


def test_intervals_are_classes_with_their_ends() -> None:
    label = Label(column="label", cuts=(1.0, 2.5), low=0, high=10)
    assert label.classes == ("0 to 1", "1 to 2.5", "2.5 to 10")
    contract = cut_feedback((1.0, 2.5), 0, 10)
    column = encode_label([-3.0, 0.5, 1.0, 2.5, 99.0, None, float("nan")], label, contract)
    assert column.values.tolist() == [0, 0, 1, 2, 2, -1, -1]
    assert column.present is not None
    assert column.present.tolist() == [True] * 5 + [False] * 2


def test_a_scorer_for_scikit_learn_replays_what_was_asked() -> None:
    score, labels = sample(7)

    class Model:
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.column_stack([1 - X[:, 0], X[:, 0]])

    validator = local(words(labels), feedback(epsilon=2.0))
    scorer = make_feedback_scorer(validator, "log_loss", epsilon=1.0)
    first = scorer(Model(), score[:, None])
    spent = validator.budget("label").spent
    assert first == pytest.approx(-log_loss(labels, score), abs=0.03)
    assert scorer(Model(), score[:, None]) == first
    assert validator.budget("label").spent == spent
    with pytest.raises(JalousieError):
        make_feedback_scorer(validator, "acuracy", epsilon=1.0)


def test_scores_that_are_no_probabilities_are_refused_unasked() -> None:
    score, labels = sample(8)
    validator = local(words(labels), feedback())
    for wrong in (score * 2, score - 1, np.full(SIZE, np.nan), np.zeros((SIZE, 3))):
        with pytest.raises(JalousieError) as refused:
            ask_scores(validator, wrong)
        assert refused.value.code == "U151"
    assert validator.budget("label").questions == 0
