"""The provider's own labels are guessed no better than strangers' by whoever has the answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feedback_ground import GRADES, contract
from jalousie.attacks.feedback_guess import People, auc, coded, gap_error, guess_labels, guess_own
from jalousie.contract.feedback import Label
from jalousie.errors import UsageError
from jalousie.validator.match import encode_label
from jalousie.validator.rows import index_rows


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


def test_columns_become_numbers_texts_by_how_often_they_occur() -> None:
    assert coded(["b", "a", "b", None, "c", "b", "c"], numbers=False).tolist() == pytest.approx(
        [0, 2, 0, np.nan, 1, 0, 1], nan_ok=True
    )
    assert coded(["1.5", None, "-2"], numbers=True).tolist() == pytest.approx([1.5, np.nan, -2], nan_ok=True)


def test_one_row_a_record_and_only_those_that_have_the_label_are_guessed() -> None:
    size = 3_000
    rng = np.random.default_rng(4)
    X = rng.normal(0, 1, (size + 100, 2))
    y = np.where(X[:, 0] > 0.3, "yes", "no").astype(object)
    y[:50] = None
    about = Label(column="y", classes=("no", "yes"))
    feedback = contract(about, epsilon=4.0)
    names = np.arange(size + 100).astype(">u8")
    names[size:] = names[:100]  # a hundred records have two rows
    pseudonyms = np.ascontiguousarray(np.repeat(names, 2)).view(np.uint8).reshape(-1, 16)
    index = index_rows(pseudonyms, feedback, None)
    found = guess_own(index, encode_label(y, about, feedback), X, feedback, "it", contract="c")
    assert found is not None
    assert found.contract == "c"
    assert size - 100 <= found.records <= size
    assert found.answers.strangers_auc > 0.95
    alike = np.array(["no"] * len(y), object)
    assert guess_own(index, encode_label(alike, about, feedback), X, feedback, "it") is None
