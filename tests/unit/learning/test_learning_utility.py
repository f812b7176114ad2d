"""Learning utility: honest rows, honest yardsticks, and figures that fall when the release loses what matters."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jalousie.contract.model import Learning
from jalousie.errors import UsageError
from jalousie.learning import ColumnSpace, learning_utility
from jalousie.learning.utility import MOST_ROWS, least_gain

BAND = ColumnSpace(name="x", kind="number", labels=("[0, 50)", "[50, 100)"), bounds=((0, 50), (50, 100)), whole=True)
BINARY = Learning(target="y", learners=("logistic-regression", "lightgbm"))


def table(rows: int = 600, seed: int = 1) -> pd.DataFrame:
    """y is mostly x >= 50."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 100, rows)
    y = np.where(rng.random(rows) < 0.9, x >= 50, x < 50)
    return pd.DataFrame({"x": x, "y": np.where(y, "yes", "no")})


def banded(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(x=np.where(raw["x"] < 50, "[0, 50)", "[50, 100)"))


def rows_of(frame: Any) -> Any:
    return np.arange(len(frame))


def test_a_release_that_keeps_what_matters_keeps_the_learning() -> None:
    raw = table()
    found = learning_utility(raw, banded(raw), rows_of(raw), BINARY, [BAND])
    assert (found.target, found.task, found.encoder) == ("y", "classification", "draws")
    assert found.train_rows + found.test_rows == 600
    for learner in found.learners:
        assert (learner.metric, learner.baseline) == ("auc", 0.5)
        assert learner.raw > 0.8
        assert learner.release > 0.8
        assert learner.kept == pytest.approx((learner.release - 0.5) / (learner.raw - 0.5))
        assert learner.release_log_loss is not None
        assert learner.release_log_loss < np.log(2)


def test_a_release_of_stars_teaches_nothing() -> None:
    raw = table()
    found = learning_utility(raw, raw.assign(x="*"), rows_of(raw), BINARY, [BAND])
    for learner in found.learners:
        assert learner.release == pytest.approx(0.5, abs=0.12)
        assert learner.raw > 0.8


def test_no_released_row_of_a_test_record_is_learned_from() -> None:
    """The released targets of the test rows are all wrong; whoever learned from them would be wrong too."""
    raw = table()
    test = np.zeros(600, bool)
    test[300:] = True
    release = banded(raw)
    release.loc[test, "y"] = np.where(raw.loc[test, "y"] == "yes", "no", "yes")
    for learner in learning_utility(raw, release, rows_of(raw), BINARY, [BAND], test=test).learners:
        assert learner.release > 0.8


def test_rows_tell_which_raw_row_a_released_row_comes_from() -> None:
    """Shuffled, thinned, and with row labels that look like positions but are none."""
    raw = table()
    order = np.random.default_rng(3).permutation(600)[:500]
    release = banded(raw).iloc[order].set_axis(np.arange(500)[::-1])
    labelled = raw.set_axis(np.random.default_rng(4).permutation(600))
    test = np.zeros(600, bool)
    test[:200] = True
    found = learning_utility(labelled, release, order, BINARY, [BAND], test=test)
    plain = learning_utility(raw, banded(raw).iloc[order].reset_index(drop=True), order, BINARY, [BAND], test=test)
    assert found == plain
    assert found.train_rows == int((order >= 200).sum())
    assert found.test_rows == 200  # the suppressed ones too


def test_it_is_the_same_for_every_kind_of_data_frame_and_every_run() -> None:
    raw = table()
    first = learning_utility(raw, banded(raw), rows_of(raw), BINARY, [BAND])
    second = learning_utility(pl.from_pandas(raw), pl.from_pandas(banded(raw)), rows_of(raw), BINARY, [BAND])
    assert first == second


def test_several_classes_and_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, 900)
    many = pd.DataFrame({"x": x, "y": np.array(["a", "b", "c"])[np.minimum(x // 34, 2)]})
    found = learning_utility(many, banded(many), rows_of(many), Learning(target="y"), [BAND]).learners[0]
    assert (found.metric, found.baseline) == ("macro-auc", 0.5)
    assert found.raw > found.release > 0.6
    number = pd.DataFrame({"x": x, "y": x * 2.0 + rng.normal(size=900)})
    task = Learning(target="y", task="regression", learners=("lightgbm", "logistic-regression"))
    for learner in learning_utility(number, banded(number), rows_of(number), task, [BAND]).learners:
        assert (learner.metric, learner.baseline, learner.raw_log_loss) == ("r2", 0.0, None)
        assert learner.raw > 0.95
        assert 0.5 < learner.release < learner.raw


def test_a_class_that_the_training_rows_lack_is_measured_by_accuracy() -> None:
    raw = table()
    test = np.zeros(600, bool)
    test[:200] = True
    raw.loc[:3, "y"] = "perhaps"
    found = learning_utility(raw, banded(raw), rows_of(raw), BINARY, [BAND], test=test).learners[0]
    assert found.metric == "accuracy"
    assert found.baseline == pytest.approx(0.5, abs=0.1)
    assert found.raw > 0.8


def test_rows_whose_target_was_generalised_are_left_out() -> None:
    raw = table()
    release = banded(raw)
    release.loc[:99, "y"] = "*"
    found = learning_utility(raw, release, rows_of(raw), BINARY, [BAND])
    whole = learning_utility(raw, banded(raw), rows_of(raw), BINARY, [BAND])
    assert found.train_rows < whole.train_rows
    assert found.test_rows == whole.test_rows


def test_large_tables_are_sampled() -> None:
    raw = table(2000)
    found = learning_utility(raw, banded(raw), rows_of(raw), BINARY, [BAND], most_rows=300)
    assert (found.train_rows, found.test_rows) == (300, 300)
    assert MOST_ROWS >= 50_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda raw: raw.drop(columns="y"), "U150"),
        (lambda raw: raw[["y"]], "U152"),
        (lambda raw: raw.assign(y="*"), "U152"),
        (lambda raw: raw.assign(y="yes"), "U152"),
    ],
    ids=["no target", "no feature", "no exact target", "one class"],
)
def test_a_release_that_cannot_be_learned_from_is_refused(change: Any, code: str) -> None:
    raw = table()
    with pytest.raises(UsageError) as caught:
        learning_utility(raw, change(banded(raw)), rows_of(raw), BINARY, [BAND])
    assert caught.value.code == code


def test_wrong_row_numbers_are_refused() -> None:
    raw = table()
    for rows in (np.arange(10), np.arange(600) + 1, np.arange(600) - 1):
        with pytest.raises(UsageError) as caught:
            learning_utility(raw, banded(raw), rows, BINARY, [BAND])
        assert caught.value.code == "U152"


def test_adult_keeps_most_of_its_worth_by_tens_of_age_and_two_kinds_of_schooling(adult_csv: Path) -> None:
    with adult_csv.open(newline="", encoding="utf-8") as file:
        kept = ["age", "education", "marital-status", "sex", "salary-class"]
        raw = pd.DataFrame([{name: row[name] for name in kept} for row in csv.DictReader(file)])
    age = raw["age"].astype(int) // 10 * 10
    spaces = [ColumnSpace(name="age", kind="number", whole=True)]
    release = raw.assign(age=[f"[{low}, {low + 10})" for low in age])
    found = learning_utility(raw, release, rows_of(raw), Learning(target="salary-class"), spaces).learners[0]
    assert found.raw == pytest.approx(0.875, abs=0.02)
    assert found.kept > 0.97


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_no_share_is_stated_of_a_gain_that_is_none(task: str) -> None:
    raw = table(4000)
    rng = np.random.default_rng(5)
    raw["y"] = rng.random(4000) if task == "regression" else rng.choice(["no", "yes"], 4000)
    learning = Learning(target="y", task=task, learners=("logistic-regression", "lightgbm"))  # type: ignore[arg-type]
    for learner in learning_utility(raw, banded(raw), rows_of(raw), learning, [BAND]).learners:
        assert learner.raw - learner.baseline < 0.06
        assert learner.kept is None


def test_a_small_gain_is_judged_by_how_many_rows_were_tested() -> None:
    halves = np.repeat([0, 1], 50)
    assert least_gain("auc", halves, 0.5) == pytest.approx(2 * np.sqrt(101 / (12 * 50 * 50)))
    assert least_gain("macro-auc", halves, 0.5) == pytest.approx(least_gain("auc", halves, 0.5))
    assert least_gain("accuracy", halves, 0.5) == pytest.approx(0.1)
    assert least_gain("r2", halves, 0.0) == pytest.approx(0.16)
    assert {least_gain(m, np.repeat([0, 1], 10**6), 0.5) for m in ("auc", "macro-auc", "accuracy", "r2")} == {0.02}


def test_a_class_for_every_row_is_refused() -> None:
    raw = table().assign(y=np.arange(600) / 7)
    with pytest.raises(UsageError) as caught:
        learning_utility(raw, raw, rows_of(raw), BINARY, [])
    assert caught.value.code == "U153"
    assert "task: regression" in caught.value.hint
