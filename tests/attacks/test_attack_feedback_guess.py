"""The provider's own labels are guessed no better than strangers' by whoever has the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feedback_ground import GRADES, contract
from jalousie.attacks.feedback_guess import People, auc, gap_error, guess_labels
from jalousie.contract.feedback import Label
from jalousie.errors import UsageError


def test_answers_teach_about_people_and_not_about_these_people(adult_csv: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(adult_csv)
    target = table.columns[-1]
    order = np.random.default_rng(3).permutation(len(table))
    parts = [table.iloc[order[start : start + 5_000]].reset_index(drop=True) for start in (0, 5_000)]
    columns = ["age", "education-num", "marital-status", "occupation", "capital-gain", "hours-per-week"]
    one, other = (People(part[columns], part[target].to_numpy(object)) for part in parts)
    label = Label(column=target, classes=tuple(sorted(set(one.y))))
    found = guess_labels(one, other, contract(label, epsilon=4.0), "it")
    assert found.verdict == "PASS"
    assert found.answers.strangers_auc > 0.87  # something was learnt
    assert found.answers.gap < 0.02
    assert found.response.surely(0.05)
    assert found.response.inside_right > 0.97
    assert found.answers.inside_right < 0.9
    assert ">50K" not in found.sentence


def test_labels_of_more_than_two_classes_are_not_guessed() -> None:
    nobody = People(np.zeros((3, 1)), np.array(["a", "b", "c"], object))
    with pytest.raises(UsageError, match="two classes"):
        guess_labels(nobody, nobody, contract(GRADES), "it")


def test_the_area_under_the_curve_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.random(80) < 0.4, rng.integers(0, 9, 80).astype(float)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in score[truth] for b in score[~truth]]
    assert auc(truth, score) == pytest.approx(np.mean(pairs))


def test_the_error_of_a_gap_is_what_samples_show() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(300) < 90
    gaps, errors = [], []
    for _ in range(400):
        shared = rng.normal(0, 1, 300) + truth
        one, other = (shared + rng.normal(0, 0.5, 300) for _ in range(2))
        gaps.append(auc(truth, one) - auc(truth, other))
        errors.append(gap_error(truth, one, other))
    assert np.mean(errors) == pytest.approx(np.std(gaps), rel=0.2)
