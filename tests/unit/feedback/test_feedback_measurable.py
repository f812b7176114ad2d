"""Figures that cannot be measured, or hardly: they say so, and never leave their range."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from feedback_double import exact_answer, feedback, local, number_feedback, words
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import JalousieError
from jalousie.learning import (
    ModelSelector,
    NotMeasurableWarning,
    ask_bias,
    ask_errors,
    ask_scores,
    make_feedback_scorer,
)
from jalousie.learning.estimate import Estimate, fieller
from jalousie.learning.metrics import Scores, scores_of
from jalousie.learning.score_groups import score_groups
from jalousie.validator.types import Partition

RANGES = {"log_loss": 14.0, "lift": 10.0}


def rare(seed: int = 3, size: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of which 15 are above 0.3; 2 % positives."""
    rng = np.random.default_rng(seed)
    score = np.clip(rng.beta(0.3, 12, size), 1e-4, 0.99)
    return score, (rng.random(size) < score).astype(int)


def in_range(name: str, one: Estimate) -> bool:
    ends = (one.noise_interval, one.sampling_interval, one.total_interval)
    inside = all(0 <= low <= high <= RANGES.get(name, 1.0) for low, high in ends)
    return inside and (not one.measurable or all(low <= one.value <= high for low, high in ends))


def holds(one: Estimate, truth: float, *, more: float = 0.0) -> bool:
    return one.noise_interval[0] - more <= truth <= one.noise_interval[1] + more


def mostly(draws: Iterable[bool]) -> bool:
    """Of three, two at least."""
    return sum(draws) >= 2


@pytest.mark.parametrize("threshold", [0.3, 0.4])
@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
def test_records_of_a_rarely_predicted_class_are_not_left_out(threshold: float, neighbours: str) -> None:
    score, labels = rare()
    hard = score > threshold
    assert 0 < hard.sum() < 25
    told = rf"{hard.sum()} records? (is|are) predicted.*another threshold"
    draws = []
    for _ in range(3):
        contract = feedback(epsilon=8.0, neighbours=neighbours)
        with pytest.warns(NotMeasurableWarning, match=told):
            draws.append(ask_scores(local(words(labels), contract), score, threshold=threshold))
    for found in draws:
        assert (found.groups.partition.groups >= 0).all()
        assert found.groups.sizes.sum() == len(score)
        assert not any(found[name].measurable for name in ("precision", "recall", "f1"))
        assert found["recall"].noise_interval[1] < 0.2
        # nothing is known of it; where presence is hidden, the group's noisy count may exclude the last hundredth
        assert found["precision"].noise_interval[1] == 1.0
        assert found["precision"].noise_interval[0] <= (0.02 if neighbours == "add-or-remove" else 0.0)
        assert found.by_class["no"]["precision"].measurable
        assert found.confusion[1][1].noise_interval[1] <= hard.sum()
    # an interval leaves the truth out once in twenty draws: of three, two are right
    for name, truth in (
        ("precision", precision_score(labels, hard)),
        ("recall", recall_score(labels, hard)),
        ("f1", f1_score(labels, hard)),
    ):
        assert mostly(holds(found[name], truth) for found in draws), name
    for name, truth in (
        ("accuracy", accuracy_score(labels, hard)),
        ("auc", roc_auc_score(labels, score)),
        ("average_precision", average_precision_score(labels, score)),
        ("brier", brier_score_loss(labels, score)),
        ("log_loss", log_loss(labels, score)),
    ):
        assert mostly(holds(found[name], truth, more=0.003) for found in draws), name
        assert all(found[name].measurable for found in draws), name


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    score, labels = rare()
    with pytest.warns(NotMeasurableWarning, match='no record is predicted as "yes"'):
        found = ask_scores(local(words(labels), feedback(epsilon=8.0)), score, threshold=1.0)
    assert not found["precision"].measurable
    assert found["recall"].value == 0.0
    assert found["accuracy"].measurable


def test_rarely_predicted_classes_of_several_join_a_group() -> None:
    rng = np.random.default_rng(4)
    raw = rng.gamma(0.5, 1, (3000, 3)) * np.array([1.0, 1.0, 0.0001]) + 1e-6
    raw[:9, 2] += 50
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    codes = np.array([rng.choice(3, p=row) for row in probabilities])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = ask_scores(local(words(codes, ("x", "y", "z")), feedback(("x", "y", "z"), epsilon=8.0)), probabilities)
    assert any('9 records are predicted as "z"' in str(warning.message) for warning in told)
    assert found.groups.called.sum() == 3000
    assert found.groups.sizes.min() >= 25
    assert not found.by_class["z"]["precision"].measurable
    assert found.by_class["x"]["f1"].measurable
    assert holds(found["accuracy"], (probabilities.argmax(axis=1) == codes).mean(), more=0.01)


def swamped(seed: int) -> Scores:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=4000)
    labels = (rng.random(4000) < 1 / (1 + np.exp(5.5 - 1.5 * x))).astype(int)
    contract = feedback(epsilon=0.5, neighbours="add-or-remove")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotMeasurableWarning)
        return ask_scores(
            local(words(labels), contract, present=rng.random(4000) < 0.5),
            1 / (1 + np.exp(5.2 - 1.9 * x)),
            threshold=0.2,
        )


def test_no_figure_leaves_its_range_however_large_the_noise() -> None:
    without = 0
    for seed in range(12):
        found = swamped(seed)
        for name, one in (*found.figures.items(), *found.by_class["yes"].items()):
            assert in_range(name, one), (seed, name, one)
        assert (found.roc_intervals[..., 0] <= found.roc_intervals[..., 1]).all()
        if not found["auc"].measurable:
            without += 1
            assert found["auc"].noise_interval == (0.0, 1.0)
            assert any("noise swamps" in note for note in found.notes)
    assert without > 3


def test_a_mean_over_classes_stays_inside_of_its_interval() -> None:
    """Where a class's own figure was cut to its range the mean is of what was cut."""
    score = np.repeat([0.1, 0.9], 500)
    groups = score_groups(np.column_stack([1 - score, score]), 2, 25)
    answer = exact_answer(
        [groups.partition], np.zeros(1000, int), ("no", "yes"), variance=900.0, neighbours="add-or-remove"
    )
    answer.counts[0][:] = [[500, 100], [200, -40]]
    found = scores_of(answer, groups)
    assert found.by_class["yes"]["f1"].value == 0.0
    assert in_range("macro_f1", found["macro_f1"])


def test_a_scorer_gives_nan_rather_than_nonsense_and_a_selector_passes_over_it() -> None:
    score, labels = rare()
    always = type("Model", (), {"predict_proba": lambda self, X: np.column_stack([1 - X[:, 0], X[:, 0]])})()
    validator = local(words(labels), feedback(epsilon=1.0))
    with pytest.warns(NotMeasurableWarning):
        assert np.isnan(make_feedback_scorer(validator, "precision", epsilon=0.5)(always, score[:, None]))
    bolder = type(
        "Model", (), {"predict_proba": lambda self, X: np.column_stack([1 - X[:, 0] ** 0.5, X[:, 0] ** 0.5])}
    )()
    contract = feedback(epsilon=8.0)
    chosen = ModelSelector({"never": always, "bolder": bolder}, aim="precision")
    assert chosen.fit(score[:, None], validator=local(words(labels), contract)).best_ == "bolder"
    with pytest.raises(JalousieError) as refused:
        ModelSelector({"never": always}, aim="precision").fit(score[:, None], validator=local(words(labels), contract))
    assert refused.value.code == "U151"


def test_an_interval_of_a_ratio_holds_it_where_the_denominator_is_hardly_there() -> None:
    rng = np.random.default_rng(5)
    for below in (3.0, 8.0, 40.0):
        draws = [fieller(0.3 * below + a, below + b, 4.0, 0.0, 4.0) for a, b in rng.normal(0, 2, (4000, 2))]
        held = np.mean([ends is None or ends[0] <= 0.3 <= ends[1] for ends in draws])
        assert held >= 0.94
    assert fieller(1.0, 1.0, 4.0, 0.0, 4.0) is None


def test_roc_has_an_interval_at_every_point() -> None:
    rng = np.random.default_rng(6)
    score = rng.random(6000)
    labels = (rng.random(6000) < score).astype(int)
    groups = score_groups(np.column_stack([1 - score, score]), 12, 25)
    exact = scores_of(exact_answer([groups.partition], labels, ("no", "yes")), groups)
    assert exact.roc_intervals == pytest.approx(np.repeat(exact.roc[..., None], 2, axis=2))
    held = 0.0
    for _ in range(20):
        found = ask_scores(local(words(labels), feedback(epsilon=1.0)), score, groups=12)
        low, high = found.roc_intervals[..., 0], found.roc_intervals[..., 1]
        assert found.roc.shape == (found.groups.partition.count + 1, 2)
        held += float(((low <= exact.roc) & (exact.roc <= high))[1:-1].mean()) / 20
    assert held > 0.85


@pytest.mark.parametrize(
    "wrong", [{"groups": 0}, {"groups": -3}, {"groups": 100_000}, {"groups": 2.5}, {"groups": True}]
)
def test_numbers_of_groups_that_make_no_sense_are_refused_unasked(wrong: dict[str, Any]) -> None:
    score, labels = rare()
    validator = local(words(labels), feedback())
    numbers = local(labels.astype(float), number_feedback(0, 1, 0.1))
    for ask in (lambda: ask_scores(validator, score, **wrong), lambda: ask_bias(numbers, score, **wrong)):
        with pytest.raises(JalousieError) as refused:
            ask()
        assert refused.value.code == "U151"
    assert validator.budget("label").questions == 0


@pytest.mark.parametrize("threshold", [float("nan"), -0.1, 1.5, float("inf")])
def test_thresholds_that_are_no_probabilities_are_refused_unasked(threshold: float) -> None:
    score, labels = rare()
    validator = local(words(labels), feedback())
    with pytest.raises(JalousieError) as refused:
        ask_scores(validator, score, threshold=threshold)
    assert refused.value.code == "U151"
    assert validator.budget("label").questions == 0


def fares(size: int = 8000, **changes: Any) -> tuple[np.ndarray, np.ndarray, Feedback]:
    rng = np.random.default_rng(8)
    predicted = rng.uniform(30, 90, size)
    labels = {
        "fare": Label(column="fare", kind="number", low=0.0, high=120.0, unit=1.0),
        "fare_counted": Label(column="fare", cuts=(40.0, 80.0), low=0.0, high=120.0),
    }
    values = predicted + rng.normal(4, 8, size)
    return predicted, values, Feedback(**{"identifier": "id", "labels": labels, "epsilon": 4.0} | changes)


def bias_of(values: np.ndarray, contract: Feedback, predicted: np.ndarray, present: Any, records: str | None) -> Any:
    from jalousie.architectures.ask import LocalValidator

    validator = LocalValidator.from_arrays(dict.fromkeys(contract.labels, values), contract, present=present)
    return ask_bias(validator, predicted, label="fare", records=records)


def test_bias_where_membership_is_hidden_needs_records_to_be_counted() -> None:
    predicted, values, contract = fares()
    present = np.random.default_rng(1).random(8000) < 0.5
    truth, inside = float((values - predicted)[present].mean()), 0
    for _ in range(40):
        found = bias_of(values, contract, predicted, present, "fare_counted").bias
        assert found.value == pytest.approx(truth, abs=1.0)
        inside += found.noise_interval[0] <= truth <= found.noise_interval[1]
    assert inside >= 34
    with pytest.raises(JalousieError) as refused:
        bias_of(values, contract, predicted, present, None)
    assert refused.value.code == "V212"
    assert 'records="fare_counted"' in refused.value.hint
    with pytest.raises(JalousieError) as refused:
        bias_of(values, contract, predicted, present, "fare")
    assert refused.value.code == "V212"


def test_errors_of_too_few_records_are_not_measurable_and_never_negative() -> None:
    predicted, values, contract = fares(60, epsilon=0.05, min_group=5)
    only = Feedback(identifier="id", labels={"fare": contract.labels["fare_counted"]}, epsilon=0.05, min_group=5)
    validator_values = {"fare": values}
    from jalousie.architectures.ask import LocalValidator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotMeasurableWarning)
        for _ in range(10):
            found = ask_errors(LocalValidator.from_arrays(validator_values, only), predicted)
            assert all(0 <= found[name].noise_interval[0] <= found[name].noise_interval[1] for name in ("mae", "rmse"))
            assert not found["mae"].measurable or found["mae"].value >= 0


def drawn(seed: int, size: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores that know a part of what labels depend on, overconfident by a third."""
    rng = np.random.default_rng(seed)
    x, hidden = rng.normal(size=(2, size))
    labels = (rng.random(size) < 1 / (1 + np.exp(-base - 1.5 * x - 0.7 * hidden))).astype(int)
    return 1 / (1 + np.exp(-base - 0.3 - 1.9 * x)), labels


def exact_scores(score: np.ndarray, labels: np.ndarray, groups: int, present: np.ndarray) -> Scores:
    cut = score_groups(np.column_stack([1 - score, score]), groups, 25)
    only = Partition(np.where(present, cut.partition.groups, -1).astype(np.int32), cut.partition.count)
    return scores_of(exact_answer([only], labels, ("no", "yes")), cut)


def test_an_overconfident_model_is_not_judged_by_its_own_odds() -> None:
    errors = []
    for seed in range(20):
        score, labels = drawn(seed, 20_000, 0.0)
        found = exact_scores(score, labels, 40, np.ones(20_000, bool))
        errors.append(found["log_loss"].value - log_loss(labels, score))
        assert holds(found["log_loss"], log_loss(labels, score), more=2e-4)
    assert abs(np.mean(errors)) < 3e-4


def test_average_precision_of_few_positives_counts_each_itself() -> None:
    errors, positives = [], []
    for seed in range(40):
        score, labels = drawn(seed, 10_000, -5.5)
        present = np.random.default_rng(seed).random(10_000) < 0.5
        truth = average_precision_score(labels[present], score[present])
        errors.append(exact_scores(score, labels, 28, present)["average_precision"].value - truth)
        positives.append(labels[present].sum())
    assert np.mean(positives) < 90
    assert abs(np.mean(errors)) < 0.0055
