"""Partitions grown as trees: what they must respect, what they must find, and when they are asked about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from feedback_double import feedback, local, words
from jalousie.learning import FeedbackClassifier
from jalousie.learning.additive import AdditiveFit, Fit, Part, Prior, one_hot
from jalousie.learning.questions import Belief, Limits, expected_doubt, grow_trees, same_groups
from jalousie.learning.split_tree import Grower, best_split, groups_of

PARTS = (Part(6, 6), Part(4), Part(3))
ORDERED = (6, 0, 0)


def codes_of(size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(-1, part.count, size) for part in PARTS], axis=1).astype(np.int32)


def belief_of(codes: np.ndarray) -> Belief:
    rows = one_hot(codes, PARTS)
    return Belief.of(rows, AdditiveFit(rows, PARTS, None).fit(Prior()))


def test_groups_of_a_tree_are_large_enough_and_few_enough() -> None:
    codes = codes_of(3000)
    trees = grow_trees(codes, ORDERED, belief_of(codes), 1.0, Limits(trees=3, least=40, groups=30))
    assert trees
    for tree in trees:
        sizes = np.bincount(tree.codes(codes), minlength=tree.count)
        assert sizes.min() >= 40
        assert 1 < tree.count <= 10


def test_no_group_is_too_small_where_trees_grow_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jalousie.learning.questions._ROWS", 500)
    codes = codes_of(4100)
    trees = grow_trees(codes, ORDERED, belief_of(codes), 1.0, Limits(trees=4, least=31, groups=400))
    for tree in trees:
        assert np.bincount(tree.codes(codes), minlength=tree.count).min() >= 31


def test_a_split_takes_the_column_that_is_in_doubt() -> None:
    codes = codes_of(2000)
    doubtful = (codes[:, 1] == 2).astype(float)
    nodes = Grower(codes, (True, False, False)).grow(np.ones(2000), doubtful[:, None], noise=5.0, least=25, most=2)
    assert nodes[0].column == 1
    groups = groups_of(nodes, codes)
    assert set(groups[doubtful == 1]).isdisjoint(groups[doubtful == 0])


def test_an_ordered_column_is_split_between_neighbours() -> None:
    codes = codes_of(2000)
    nodes = Grower(codes[:, :1], (True,)).grow(
        np.ones(2000), (codes[:, :1] >= 3).astype(float), noise=1.0, least=25, most=2
    )
    left = nodes[0].left.astype(int)
    assert np.count_nonzero(np.diff(left)) == 1


def test_the_gain_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(3)
    sums = np.abs(rng.normal(size=(1, 4, 3)))
    sums[:, :, 0] = 50
    gain, column, left = best_split(sums, (True,), 2.0, 25) or (0.0, -1, np.zeros(4, bool))

    def told(part: np.ndarray) -> float:
        return float(part[:, 2].sum() ** 2 / (part[:, 1].sum() + 2.0))

    every = [told(sums[0, :cut]) + told(sums[0, cut:]) - told(sums[0]) for cut in (1, 2, 3)]
    assert column == 0
    assert gain == pytest.approx(max(every))
    assert told(sums[0][left]) + told(sums[0][~left]) - told(sums[0]) == pytest.approx(gain)


def test_large_noise_ends_splitting() -> None:
    codes = codes_of(3000)
    belief, limits = belief_of(codes), Limits(trees=1, least=25, groups=500)
    few, many = (grow_trees(codes, ORDERED, belief, noise, limits)[0].count for noise in (1e5, 1.0))
    assert few < many


def test_doubt_after_an_answer_is_that_of_the_posterior() -> None:
    """Against the fit itself: with the weights of the mode, `after` is the covariance that `AdditiveFit` has."""
    codes = codes_of(400)
    belief = belief_of(codes)
    asked = [codes[:, 0] + 1, codes[:, 2] + 1]
    matrix = one_hot(np.stack(asked, axis=1), (Part(7), Part(4))).matrix[:, :-1].toarray()
    weighted = matrix * belief.weights[:, None]
    scatter = weighted.T @ matrix + 9.0 * np.eye(11)
    effect = weighted.T @ belief.matrix.toarray()
    precision = np.linalg.inv(belief.covariance) + effect.T @ np.linalg.solve(scatter, effect)
    after = belief.after(asked, 9.0)
    np.testing.assert_allclose(after, np.linalg.inv(precision), atol=1e-9)
    assert belief.doubt(after) < belief.doubt(belief.covariance)
    assert expected_doubt(belief, asked, 4.5) == pytest.approx(belief.doubt(after))


def test_groups_are_the_same_whatever_their_numbers() -> None:
    one = np.array([0, 0, 1, 2, 2], np.int32)
    assert same_groups(one, np.array([2, 2, 0, 1, 1], np.int32))
    assert not same_groups(one, np.array([0, 1, 1, 2, 2], np.int32))
    assert not same_groups(one, np.array([0, 0, 1, 1, 1], np.int32))


def test_no_partition_is_asked_twice() -> None:
    codes = np.repeat(np.arange(2, dtype=np.int32), 200)[:, None]
    rows = one_hot(codes, (Part(2),))
    belief = Belief.of(rows, Fit(np.zeros(3), np.eye(3), 0.0, 1))
    trees = grow_trees(codes, (0,), belief, 1e-3, Limits(trees=8, least=25, groups=100))
    assert len(trees) == 1


def ask(columns: int, labelled: int, **contract: int) -> FeedbackClassifier:
    """A model of a label that the first and the last of some categorical columns tell, which are mostly alike."""
    rng = np.random.default_rng(1)
    common, letters = rng.choice(list("abcdefgh"), 6000), list("abcdefgh")
    X = pd.DataFrame(
        {f"x{i}": np.where(rng.random(6000) < 0.8, common, rng.choice(letters, 6000)) for i in range(columns)}
    )
    logits = 2.0 * X["x0"].isin(["a", "b"]) - 2.0 * X[f"x{columns - 1}"].isin(["c", "d"])
    y = (rng.random(6000) < 1 / (1 + np.exp(-logits))).to_numpy(int)
    validator = local(words(y[300:], ("0", "1")), feedback(("0", "1"), epsilon=1.0, **contract))
    at_hand = (X[:labelled], y[:labelled]) if labelled else None
    return FeedbackClassifier().fit(X[300:], validator=validator, labelled=at_hand)


def test_trees_are_asked_about_within_the_limits_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jalousie.learning.plan.expected_doubt", lambda _, asked, __: float(len(asked)))  # trees win
    model = ask(16, 300, min_group=60, max_groups=300, max_partitions=6)
    assert len(model.plan_.trees) == 6
    (answer,) = model.answers_
    assert sum(len(part) for part in answer.counts) <= 300
    assert min(int(np.min(part)) for part in answer.totals) >= 60


def test_without_labels_at_hand_columns_are_asked_about() -> None:
    assert not ask(3, 0).plan_.trees


def test_one_column_needs_no_trees() -> None:
    assert not ask(1, 300).plan_.trees
