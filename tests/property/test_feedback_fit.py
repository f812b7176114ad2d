"""The fit from counts against a plain one from the labels themselves, and the batch of figures against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, roc_auc_score

from feedback_double import exact_answer
from jalousie.learning.additive import AdditiveFit, Measured, Part, Prior, one_hot
from jalousie.learning.bins import TableBins, confidence_bins, cut_numbers
from jalousie.learning.joint import Design, best_partitions, combine
from jalousie.learning.linear import LinearFit, Sums
from jalousie.learning.metrics import scores_of
from jalousie.learning.pools import pool
from jalousie.learning.score_groups import score_groups

SEEDS = st.integers(0, 2**32 - 1)


def table(seed: int, rows: int = 400) -> tuple[np.ndarray, tuple[Part, ...], np.ndarray]:
    """Codes of three columns, the parts, and labels that depend on them."""
    rng = np.random.default_rng(seed)
    parts = (Part(5, 5), Part(3), Part(4, 3))
    codes = np.stack([rng.integers(0, part.count, rows) for part in parts], axis=1).astype(np.int32)
    effects = [rng.normal(0, 1, part.count) for part in parts]
    logits = sum(effect[codes[:, at]] for at, effect in enumerate(effects)) - 0.5
    return codes, parts, (rng.random(rows) < 1 / (1 + np.exp(-logits))).astype(float)


def plain_mode(codes: np.ndarray, parts: tuple[Part, ...], labels: np.ndarray, prior: Prior) -> np.ndarray:
    """Penalised logistic regression on the labels, by a general minimiser."""
    matrix = one_hot(codes, parts).matrix.toarray()
    precision, _ = prior.precision(parts)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        logits = matrix @ theta
        p = 1 / (1 + np.exp(-logits))
        value = np.logaddexp(0, logits).sum() - labels @ logits + theta @ precision @ theta / 2
        return value, matrix.T @ (p - labels) + precision @ theta

    found = minimize(loss, np.zeros(matrix.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-7})
    return np.asarray(found.x)


@given(SEEDS, st.sampled_from([0.5, 1.0, 2.0]))
def test_counts_without_noise_tell_as_much_as_the_labels(seed: int, width: float) -> None:
    codes, parts, labels = table(seed)
    rows = one_hot(codes, parts)
    counts = np.asarray(rows.matrix.T @ labels).ravel()[:-1]
    sizes = np.asarray(rows.matrix.sum(axis=0)).ravel()[:-1]
    measured = Measured(counts, sizes, 1e-6, 0.0, np.ones(rows.size))
    fit = AdditiveFit(rows, parts, measured).fit(Prior(width))
    assert np.abs(fit.theta - plain_mode(codes, parts, labels, Prior(width))).max() < 0.02


@given(SEEDS)
def test_labels_alone_are_fitted_as_plain_logistic_regression(seed: int) -> None:
    codes, parts, labels = table(seed, 100)
    rows = one_hot(codes, parts)
    fit = AdditiveFit(rows, parts, None, rows, labels).fit(Prior())
    assert np.abs(fit.theta - plain_mode(codes, parts, labels, Prior())).max() < 0.02


@given(SEEDS)
def test_useless_answers_change_nothing(seed: int) -> None:
    codes, parts, labels = table(seed, 100)
    rows = one_hot(codes, parts)
    sizes = np.asarray(rows.matrix.sum(axis=0)).ravel()[:-1]
    wild = np.random.default_rng(seed).normal(0, 1e6, len(sizes))
    measured = Measured(wild, sizes, 1e12, 0.0, np.ones(rows.size))
    with_answers = AdditiveFit(rows, parts, measured, rows, labels).fit(Prior())
    without = AdditiveFit(rows, parts, None, rows, labels).fit(Prior())
    assert np.abs(with_answers.theta - without.theta).max() < 0.02


@given(SEEDS)
def test_the_linear_fit_is_that_of_the_normal_equations(seed: int) -> None:
    codes, parts, _ = table(seed)
    rng = np.random.default_rng(seed)
    rows = one_hot(codes, parts)
    values = rng.normal(0, 1, len(codes)) + codes[:, 0]
    asked = rows.matrix[:, :-1]
    sums = np.asarray(asked.T @ values).ravel()
    span, spread = 4.0, 0.25
    fit = LinearFit(rows, parts, Sums(sums, 1e-6, np.ones(len(sums)), asked), span).fit(Prior(0.2), spread)
    precision, _ = Prior(0.2 * span).precision(parts)
    precision[-1, -1] = 1 / span**2
    matrix = rows.matrix.toarray()
    plain = np.linalg.solve(matrix.T @ matrix + precision * (spread * span) ** 2, matrix.T @ values)
    assert fit.theta == pytest.approx(plain, abs=1e-3)


@given(SEEDS, st.integers(1, 12))
def test_figures_of_groups_of_one_score_are_those_of_the_records(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice(np.linspace(0.03, 0.97, 2 * levels), 300)
    labels = (rng.random(300) < score).astype(int)
    labels[:2] = 0, 1
    groups = score_groups(np.column_stack([1 - score, score]), 300, 1)
    found = scores_of(exact_answer([groups.partition], labels, ("no", "yes")), groups).figures
    assert found["accuracy"].value == pytest.approx(accuracy_score(labels, score > 0.5))
    assert found["f1"].value == pytest.approx(f1_score(labels, score > 0.5, zero_division=0.0), abs=1e-9)
    if groups.partition.count == len(np.unique(score)):
        assert found["auc"].value == pytest.approx(roc_auc_score(labels, score))
        assert found["log_loss"].value == pytest.approx(log_loss(labels, score))
        assert found["brier"].value == pytest.approx(brier_score_loss(labels, score))


@given(SEEDS, st.integers(2, 30), st.integers(1, 40), st.integers(1, 60))
def test_no_group_is_smaller_than_the_contract_allows(seed: int, most: int, least: int, distinct: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.gamma(0.3, 5, 300), 1)
    values[rng.random(300) < 0.1] = np.nan
    texts = np.array([f"v{code}" for code in rng.zipf(1.5, 300) % distinct], dtype=object)
    binned = TableBins(most, least).fit(_frame(values, texts))
    codes = binned.codes(_frame(values, texts))
    for at, column in enumerate(binned.columns):
        sizes = np.bincount(codes[codes[:, at] >= 0, at], minlength=column.count)
        assert len(sizes) == column.count or column.count == 0
        if column.count > 1:
            assert sizes.min() >= least
    score = rng.random(300)
    groups = score_groups(np.column_stack([1 - score, score]), most, least)
    inside = groups.partition.groups >= 0
    assert np.bincount(groups.partition.groups[inside], minlength=groups.partition.count).min() >= least
    assert (np.diff(cut_numbers(values, most, least)) > 0).all()
    assert (np.diff(confidence_bins(score, most, least)) > 0).all()


def _frame(values: np.ndarray, texts: np.ndarray) -> object:
    import pyarrow as pa

    return pa.table({"a": values, "b": texts.tolist()})


@given(SEEDS, st.integers(1, 60))
def test_combinations_hold_whole_groups_and_number_them_alike_for_further_rows(seed: int, least: int) -> None:
    codes, parts, _ = table(seed)
    codes[:, 1] = np.minimum(codes[:, 0], 2)  # columns that go together
    counts = tuple(part.count for part in parts)
    joint = combine(codes, [0, 1], counts, least)
    found = joint.codes(codes)
    own = found[(found >= 0) & (found < len(joint.known))]
    if len(own):
        assert np.bincount(own).min() >= least
    for group in np.unique(own):
        assert len(np.unique(codes[found == group][:, [0, 1]], axis=0)) == 1
    assert (joint.codes(codes[::-1]) == found[::-1]).all()
    joints = best_partitions(Design(codes, counts, (5, 0, 3), 5.0, least), 400)
    assert sorted(column for one in joints for column in one.columns) == [0, 1, 2]


@given(SEEDS, st.integers(1, 40), st.integers(1, 3))
def test_pools_hold_whole_bins_are_large_enough_and_number_further_rows_alike(seed: int, least: int, ways: int) -> None:
    rng = np.random.default_rng(seed)
    counts = (12, 5, 3)
    codes = np.stack([np.minimum(rng.zipf(1.5, 300) - 2, count - 1) for count in counts], axis=1).astype(np.int32)
    for found in pool(codes, counts, least, ways):
        groups = found.codes(codes)
        assert (np.bincount(groups[groups >= 0], minlength=found.count) >= least).all()
        assert (found.codes(codes[::-1]) == groups[::-1]).all()
        of_bin: dict[tuple[int, int], set[int]] = {}
        own = np.stack([np.where(codes[:, at] >= 0, size[codes[:, at]], 999) for at, size in enumerate(found.sizes)])
        for record, column in enumerate(own.argmin(axis=0)):
            of_bin.setdefault((int(column), int(codes[record, column])), set()).add(int(groups[record]))
        assert all(len(found_groups) == 1 for found_groups in of_bin.values())
