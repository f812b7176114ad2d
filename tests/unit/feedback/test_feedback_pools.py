"""Rare values pooled: what the groups must respect, when they are asked about, and that they tell what bins cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from feedback_double import feedback, local, words
from jalousie.learning import FeedbackClassifier
from jalousie.learning.pools import pool


def people(seed: int, size: int = 6000) -> tuple[pd.DataFrame, np.ndarray]:
    """Gains of which each one is rare, and says yes or no nearly for certain."""
    rng = np.random.default_rng(seed)
    gain = np.where(rng.random(size) < 0.8, 0, rng.integers(1, 61, size))
    says = np.where(np.random.default_rng(99).random(61) < 0.5, 3.0, -3.0)
    logits = np.where(gain > 0, says[gain], 0.0)
    return pd.DataFrame({"gain": gain, "age": rng.integers(18, 60, size)}), (
        rng.random(size) < 1 / (1 + np.exp(-logits))
    ).astype(int)


def fitted(epsilon: float, **contract: object) -> FeedbackClassifier:
    X, y = people(1)
    return FeedbackClassifier().fit(X, validator=local(words(y), feedback(epsilon=epsilon, **contract)))


def test_rare_values_are_told_apart_though_no_group_is_small() -> None:
    X, y = people(2)
    pooled, bins = fitted(8.0), FeedbackClassifier(combine=False)
    own_X, own_y = people(1)
    bins.fit(own_X, validator=local(words(own_y), feedback(epsilon=8.0)))
    assert len(pooled.plan_.pools) == 2
    assert min(int(np.min(part)) for answer in pooled.answers_ for part in answer.totals) >= 25
    better, plain = (roc_auc_score(y, model.predict_proba(X)[:, 1]) for model in (pooled, bins))
    assert better > plain + 0.01


@pytest.mark.parametrize(("epsilon", "neighbours"), [(0.5, "change-label"), (8.0, "add-or-remove")])
def test_they_are_left_alone_where_noise_is_large_or_membership_hidden(epsilon: float, neighbours: str) -> None:
    assert not fitted(epsilon, neighbours=neighbours).plan_.pools


def test_they_keep_to_the_partitions_that_the_contract_allows() -> None:
    assert not fitted(8.0, max_partitions=2).plan_.pools


def test_without_rare_values_nothing_is_pooled() -> None:
    codes = np.repeat(np.arange(4, dtype=np.int32), 50)[:, None]
    assert pool(codes, [4], 25, 2) == []


def test_a_record_is_asked_about_by_its_rarest_value() -> None:
    codes = np.zeros((200, 2), np.int32)
    codes[:20, 0], codes[10:40, 1] = 1, 1  # 20 and 30 records; 10 have both
    codes[40:50, 0] = 2
    (found,) = pool(codes, [3, 2], 25, 1)
    groups = found.codes(codes)
    assert (groups[50:] == -1).all()
    assert len(set(groups[:20]) | set(groups[40:50])) == 1  # the two rare values of the first column, in company
    assert (groups[20:40] == -1).all()  # the 20 that are left of the second column's value are too few


def test_unknown_cells_are_in_no_group() -> None:
    codes = np.array([[0]] * 60 + [[1]] * 15 + [[2]] * 15 + [[-1]] * 10, np.int32)
    (found,) = pool(codes, [3], 25, 1)
    assert (found.codes(codes)[-10:] == -1).all()
    assert found.codes(np.array([[-1], [1]], np.int32)).tolist()[0] == -1
