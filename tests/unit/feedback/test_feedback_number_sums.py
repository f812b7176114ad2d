"""MAE, RMSE and bias of a number by sums of deviations: the truth, its intervals, and what the provider gets to see."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import JalousieError, UsageError, ValidatorError
from jalousie.learning import NotMeasurableWarning, ask_bias, ask_errors, make_feedback_scorer
from jalousie.validator.local import Simulated
from jalousie.validator.types import Answer, Question

SIZE = 10_000
UNIT = 0.1
FIGURES = ("mae", "rmse", "bias")
RELATIONS = pytest.mark.parametrize("relation", ["change-label", "add-or-remove"])


def sample(seed: int, size: int = SIZE, shape: str = "normal") -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and labels that are off by 1 and a deviation of about 8."""
    rng = np.random.default_rng(seed)
    predicted = rng.normal(50, 15, size)
    errors = {
        "normal": rng.normal(0, 8, size),
        "laplace": rng.laplace(0, 5, size),
        "skew": rng.exponential(8, size) - 8,
    }
    return predicted, predicted + 1 + errors[shape]


class Watched(Simulated):
    """Keeps the questions."""

    def ask(self, question: Question) -> Answer:
        self.questions = [*getattr(self, "questions", []), question]
        return super().ask(question)


def validator(labels: np.ndarray, relation: str, share: float = 1.0, **terms: Any) -> Watched:
    return watched(labels, relation, np.arange(len(labels)) % 100 < 100 * share, **terms)


def watched(labels: np.ndarray, relation: str, present: np.ndarray, unit: float = UNIT, **terms: Any) -> Watched:
    label = Label(column="y", kind="number", low=0.0, high=100.0, unit=unit)
    contract = Feedback(identifier="id", labels={"y": label}, neighbours=relation, **terms)  # type: ignore[arg-type]
    return Watched.from_arrays({"y": labels}, contract, present=present)  # type: ignore[return-value]


def truth(predicted: np.ndarray, labels: np.ndarray, share: float = 1.0, within: float = np.inf) -> dict[str, float]:
    present = np.arange(len(labels)) % 100 < 100 * share
    gap = np.round(np.clip(labels, 0, 100) / UNIT) * UNIT - np.clip(predicted, 0, 100)
    gap = np.clip(gap, -within, within)[present]
    return {"mae": np.abs(gap).mean(), "rmse": np.sqrt((gap**2).mean()), "bias": gap.mean()}


def asked(where: Any, predicted: np.ndarray, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotMeasurableWarning)
        return ask_errors(where, predicted, **options)


def held(draws: int, relation: str, share: float, shape: str, options: dict[str, Any], **terms: Any) -> dict[str, int]:
    """How often the noise interval holds the truth of the records, over draws of records and noise."""
    found = dict.fromkeys(FIGURES, 0)
    for seed in range(draws):
        predicted, labels = sample(seed, shape=shape)
        wanted = truth(predicted, labels, share)
        for name, figure in asked(validator(labels, relation, share, **terms), predicted, **options).items():
            found[name] += figure.noise_interval[0] <= wanted[name] <= figure.noise_interval[1]
    return found


TOLD: dict[str, Any] = {"levels": 50}
CUT: dict[str, Any] = {"levels": 50, "within": 45.0}
HIDDEN: dict[str, Any] = {}
CASES = [
    pytest.param("change-label", 1.0, "normal", TOLD, {"epsilon": 1.0}, id="told"),
    pytest.param("add-or-remove", 0.7, "normal", CUT, {"epsilon": 1.0}, id="told-cut-add-or-remove"),
    pytest.param("change-label", 0.7, "skew", HIDDEN, {"epsilon": 1.0}, id="hidden-skew"),
    pytest.param("add-or-remove", 0.7, "normal", HIDDEN, {"epsilon": 2.0}, id="hidden-add-or-remove"),
    pytest.param("add-or-remove", 1.0, "laplace", TOLD, {"epsilon": 4.0, "noise": "laplace"}, id="told-laplace"),
]


@pytest.mark.parametrize(("relation", "share", "shape", "options", "terms"), CASES)
def test_noise_intervals_hold_the_truth(
    relation: str, share: float, shape: str, options: dict[str, Any], terms: dict[str, Any]
) -> None:
    # 95 of 100 are right: fewer than 84 are a chance of 1 in 100,000
    assert min(held(100, relation, share, shape, options, **terms).values()) >= 84


@RELATIONS
def test_rmse_holds_where_records_of_low_predictions_are_absent(relation: str) -> None:
    """The gaps of groups that are hardly there do not count."""
    held = 0
    for seed in range(40):
        predicted, labels = sample(seed)
        present = np.random.default_rng(seed).random(SIZE) < 1 / (1 + np.exp((55 - predicted) / 3))
        gap = np.clip(labels, 0, 100) - np.clip(predicted, 0, 100)
        wanted = np.sqrt((gap[present] ** 2).mean())
        low, high = asked(watched(labels, relation, present), predicted)["rmse"].noise_interval
        held += low <= wanted <= high
    # 38 of 40 are right: fewer than 28 are a chance of 1 in 10 million
    assert held >= 28


@pytest.mark.parametrize("errors", ["none", "rare"])
def test_mae_holds_where_the_unit_is_larger_than_the_errors(errors: str) -> None:
    """Rounded labels lie in lumps, and errors have no smooth shape."""
    rng = np.random.default_rng(12)
    predicted, held = rng.normal(50, 15, 4_000), 0
    labels = predicted + 1 + (60 * (rng.random(4_000) < 0.01) if errors == "rare" else 0)
    wanted = np.abs(np.round(np.clip(labels, 0, 100) / 5) * 5 - np.clip(predicted, 0, 100)).mean()
    for _ in range(40):
        where = watched(labels, "change-label", np.ones(4_000, bool), unit=5.0, epsilon=8.0)
        low, high = asked(where, predicted, levels=50)["mae"].noise_interval
        held += low <= wanted <= high
    assert held >= 28


@pytest.mark.long
@pytest.mark.parametrize(("relation", "share", "shape", "options", "terms"), CASES)
def test_noise_intervals_hold_the_truth_over_a_thousand_draws(
    relation: str, share: float, shape: str, options: dict[str, Any], terms: dict[str, Any]
) -> None:
    # four standard deviations below 95 %
    assert min(held(1000, relation, share, shape, options, **terms).values()) >= 922


def held_in_all(draws: int, relation: str, options: dict[str, Any]) -> dict[str, int]:
    """How often the total interval holds the figures of the population that the records were drawn from."""
    everybody = truth(*sample(10**6, 2_000_000))
    found = dict.fromkeys(FIGURES, 0)
    for seed in range(draws):
        predicted, labels = sample(seed, 4_000)
        for name, figure in asked(validator(labels, relation, epsilon=8.0), predicted, **options).items():
            found[name] += figure.total_interval[0] <= everybody[name] <= figure.total_interval[1]
    return found


@RELATIONS
@pytest.mark.parametrize("options", [CUT, HIDDEN], ids=["told", "hidden"])
def test_total_intervals_hold_the_figures_of_the_population(relation: str, options: dict[str, Any]) -> None:
    assert min(held_in_all(100, relation, options).values()) >= 84


@pytest.mark.long
@RELATIONS
@pytest.mark.parametrize("options", [CUT, HIDDEN], ids=["told", "hidden"])
def test_total_intervals_hold_them_over_a_thousand_draws(relation: str, options: dict[str, Any]) -> None:
    assert min(held_in_all(1000, relation, options).values()) >= 922


@RELATIONS
def test_figures_are_near_the_truth_and_intervals_are_of_use(relation: str) -> None:
    predicted, labels = sample(1)
    where = validator(labels, relation, epsilon=2.0)
    found, wanted = ask_errors(where, predicted, levels=50, within=45.0), truth(predicted, labels)
    for name, most in (("mae", 0.15), ("rmse", 0.3), ("bias", 0.2)):
        low, high = found[name].noise_interval
        assert low < found[name].value < high
        assert high - low < 2 * most
        assert found[name].value == pytest.approx(wanted[name], abs=2 * most)
        assert found[name].total_interval[1] - found[name].total_interval[0] > high - low
    assert len(where.questions) == 1
    assert where.budget("y").left.nano == 0


def test_with_one_level_the_provider_sees_no_prediction() -> None:
    predicted, labels = sample(2)
    where = validator(labels, "add-or-remove", epsilon=2.0)
    with pytest.warns(NotMeasurableWarning, match="predictions that the provider sees"):
        found = ask_errors(where, predicted)
    (question,) = where.questions
    for part in question.partitions:
        assert part.statistic is not None
        assert part.statistic.centres is None or len(np.unique(part.statistic.centres)) == 1
    assert not found["mae"].measurable
    wanted = truth(predicted, labels)
    assert found["mae"].total_interval[0] <= wanted["mae"] <= found["mae"].total_interval[1]
    assert found["mae"].total_interval[1] == found["rmse"].total_interval[1]


def test_with_several_levels_it_sees_so_many_values() -> None:
    predicted, labels = sample(3)
    where = validator(labels, "change-label")
    ask_errors(where, predicted, levels=20)
    (question,) = where.questions
    for part in question.partitions:
        assert part.count == 1
        assert part.statistic is not None
        assert part.statistic.centres is not None
        assert len(np.unique(part.statistic.centres)) <= 20
    assert [part.statistic.of for part in question.partitions if part.statistic] == ["signed", "square", "absolute"]


def test_cutting_too_much_is_said() -> None:
    predicted, labels = sample(4)
    with pytest.warns(NotMeasurableWarning, match="beyond `within`"):
        found = ask_errors(validator(labels, "change-label", epsilon=4.0), predicted, levels=50, within=10.0)
    wanted = truth(predicted, labels, within=10.0)
    for name in FIGURES:
        assert found[name].value == pytest.approx(wanted[name], abs=0.3)


@pytest.mark.filterwarnings("ignore::jalousie.learning.NotMeasurableWarning")
@RELATIONS
def test_good_and_constant_predictions_stay_in_range(relation: str) -> None:
    values = np.random.default_rng(5).uniform(20, 80, 2_000)
    for predicted in (values, np.full(2_000, 50.0), np.full(2_000, -7.0)):
        for levels in (1, 50):
            found = ask_errors(validator(values, relation, epsilon=4.0), predicted, levels=levels)
            for name, figure in found.items():
                for low, high in (figure.noise_interval, figure.sampling_interval, figure.total_interval):
                    assert -100 <= low <= high <= 100
                    assert name == "bias" or low >= 0
                assert np.isnan(figure.value) or abs(figure.value) <= 100
            wanted = truth(predicted, values)
            low, high = found["rmse"].noise_interval
            assert low - 1 <= wanted["rmse"] <= high + 1


@pytest.mark.parametrize(
    "predictions",
    [
        ["CANARY"] * 400,
        [object()] * 400,
        [[1.0], [2.0, 3.0]],
        [10**400] * 400,
        np.full(400, "2020-01-01", "M8[D]"),
        np.full(400, 1 + 1j),
        np.zeros((400, 1)),
        np.zeros(399),
        [None] * 400,
    ],
)
@pytest.mark.parametrize("ask", [ask_errors, ask_bias])
def test_predictions_that_are_no_numbers_are_told_and_not_quoted(ask: Any, predictions: Any) -> None:
    where = validator(sample(6, 400)[1], "change-label")
    with pytest.raises(UsageError) as caught:
        ask(where, predictions)
    assert caught.value.code == "U151"
    assert caught.value.__cause__ is None
    assert "CANARY" not in caught.value.local_text()


def nothing_measured(relation: str) -> bool:
    """Whether it is said that nothing could be measured where nobody is there."""
    predicted, labels = sample(6, 400)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = ask_errors(validator(labels, relation, 0.0, epsilon=0.5), predicted, levels=50)
    if not any("swamps" in str(one.message) for one in told):
        return False
    assert any(one.category is NotMeasurableWarning for one in told)
    assert not any(figure.measurable for figure in found.values())
    assert found["mae"].total_interval[0] == 0.0
    return True


def test_where_nobody_is_there_nothing_is_measured() -> None:
    assert nothing_measured("change-label")
    # a noisy number of nobody is surely above zero once in forty times
    assert sum(nothing_measured("add-or-remove") for _ in range(5)) >= 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"levels": 0}, "U151"),
        ({"levels": 2.5}, "U151"),
        ({"levels": True}, "U151"),
        ({"levels": 10**12}, "U151"),
        ({"levels": 10**20}, "U151"),
        ({"levels": 5, "within": "3"}, "U151"),
        ({"levels": 5, "within": [3.0]}, "U151"),
        ({"levels": 5, "within": 0.0}, "U151"),
        ({"levels": 5, "within": float("nan")}, "U151"),
        ({"epsilon": -1.0}, "U151"),
        ({"groups": 0}, "U151"),
        ({"label": "z"}, "V208"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_asked(options: dict[str, Any], code: str) -> None:
    predicted, labels = sample(7, 1_000)
    where = validator(labels, "change-label")
    with pytest.raises(JalousieError) as caught:
        ask_errors(where, predicted, **options)
    assert caught.value.code == code
    assert not hasattr(where, "questions")
    with pytest.raises(UsageError):
        ask_errors(where, np.where(predicted > 60, np.nan, predicted))


def test_a_unit_too_fine_for_squares_is_refused_with_a_way_out() -> None:
    predicted, labels = sample(8, 1_000)
    label = Label(column="y", kind="number", low=0.0, high=100.0, unit=1e-4)
    where = Simulated.from_arrays({"y": labels}, Feedback(identifier="id", labels={"y": label}))
    with pytest.raises(ValidatorError, match="squares too many steps") as caught:
        ask_errors(where, predicted, levels=50)
    assert caught.value.code == "V217"
    assert where.budget("y").spent.nano == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether the cut is told of depends on the noise
        ask_errors(where, predicted, levels=50, within=25.0)


def test_a_scorer_of_numbers() -> None:
    predicted, labels = sample(9)

    class Model:
        def predict(self, X: np.ndarray) -> np.ndarray:
            return X[:, 0]

    where = validator(labels, "change-label", epsilon=4.0)
    wanted = truth(predicted, labels)
    mae = make_feedback_scorer(where, "mae", epsilon=2.0, levels=50, within=45.0)
    assert mae(Model(), predicted[:, None]) == pytest.approx(-wanted["mae"], abs=0.3)
    assert mae(Model(), predicted[:, None]) == pytest.approx(-wanted["mae"], abs=0.3)
    spent = where.budget("y").spent
    rmse = make_feedback_scorer(where, "rmse", epsilon=2.0, levels=50, within=45.0)
    assert rmse(Model(), predicted[:, None]) == pytest.approx(-wanted["rmse"], abs=0.5)
    assert where.budget("y").spent == spent  # the same question
