"""A provider copies the ML party's model from confidence bins, however coarse and opaque; bins of attributes carry no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from feedback_ground import YES_OR_NO, contract
from jalousie.attacks.feedback_all import Ground
from jalousie.attacks.feedback_steal import (
    Overheard,
    Provider,
    explained_by_one,
    group_ranks,
    learn_alone,
    score_bins,
    shuffled,
    steal_from_questions,
    steal_model,
)
from jalousie.tables.types import Floats
from jalousie.validator.types import Partition


class Model:
    """The ML party's: it looks at the first two of six columns, and at one of them with a taste of its own."""

    classes_ = np.array([False, True])

    def predict_proba(self, X: Any) -> Floats:
        values = np.asarray(X, np.float64)
        odds = 1.5 * values[:, 0] + 2.0 * np.sin(3 * values[:, 1])
        p = 1 / (1 + np.exp(-odds))
        return np.column_stack([1 - p, p])


@dataclass(frozen=True)
class Scene:
    provider: Provider
    scores: Floats
    scores_out: Floats
    texts: NDArray[Any]


@pytest.fixture(scope="module")
def scene() -> Scene:
    rng = np.random.default_rng(8)
    X, X_out = rng.normal(0, 1, (4_000, 6)), rng.normal(0, 1, (4_000, 6))

    def labels(values: Floats) -> NDArray[np.bool_]:
        odds = values[:, 0] + values[:, 2] - values[:, 3]
        return rng.random(len(values)) < 1 / (1 + np.exp(-odds))

    provider = Provider(X, labels(X), X_out, labels(X_out))
    model = Model()
    texts = np.where(provider.labels, "pass", "fail").astype(object)
    return Scene(provider, model.predict_proba(X)[:, 1], model.predict_proba(X_out)[:, 1], texts)


@pytest.mark.parametrize(("count", "least"), [(20, 0.95), (5, 0.93), (2, 0.8)])
def test_a_model_is_copied_from_its_confidence_bins(scene: Scene, count: int, least: float) -> None:
    bins = score_bins(scene.scores, count)
    copy = steal_model(scene.provider, bins, scene.scores_out, how="bins", ordered=True)
    assert copy.fidelity > least
    assert copy.auc > 0.5 + 0.6 * (copy.model_auc - 0.5)


def test_opaque_group_numbers_are_put_in_order_by_the_providers_own_labels(scene: Scene) -> None:
    opaque = shuffled(score_bins(scene.scores, 5), np.random.default_rng(1))
    naive = steal_model(scene.provider, opaque, scene.scores_out, how="as numbered", ordered=True)
    sorted_ = steal_model(scene.provider, opaque, scene.scores_out, how="sorted", ordered=False)
    assert naive.fidelity < 0.9 < sorted_.fidelity


def test_questions_of_the_feedback_classifier_carry_a_model_only_where_it_starts_from_one(scene: Scene) -> None:
    from jalousie.learning.feedback import FeedbackClassifier

    where = Ground(contract(YES_OR_NO, epsilon=4.0), {"it": scene.texts})
    found = []
    for baseline in (None, Model()):
        validator = Overheard(where.protected())
        FeedbackClassifier(bins=8, width=0.5, baseline=baseline, combine=False).fit(
            scene.provider.X, validator=validator
        )
        found.append(steal_from_questions(scene.provider, validator.questions, scene.scores_out, how=""))
    plain, with_baseline = found
    # bins of one attribute, which the provider has anyway; then the bins of the baseline's own scores
    single = max(spearmanr(column, scene.scores_out).statistic for column in scene.provider.X_out.T)
    assert plain.fidelity < single + 0.03
    assert with_baseline.fidelity > 0.93


def test_what_one_attribute_explains_is_told_from_a_models_output(scene: Scene) -> None:
    X = scene.provider.X
    by_one, texts = score_bins(X[:, 4], 7), np.where(X[:, 4] > 0, "high", "low").astype(object)
    assert explained_by_one(by_one, X) > 0.95
    assert explained_by_one(score_bins(scene.scores, 7), X) < 0.7
    assert explained_by_one(Partition((texts == "low").astype(np.int32), 2), texts[:, None]) == 1


def test_the_yardstick_learns_the_provider_s_labels_and_not_the_model(scene: Scene) -> None:
    alone = learn_alone(scene.provider, scene.scores_out)
    assert alone.auc > 0.75
    assert alone.fidelity < 0.6


def test_groups_are_ranked_by_number_or_by_label() -> None:
    partition = Partition(np.array([0, 0, 1, 1, 2, -1], np.int32), 3)
    assert group_ranks(partition, None).tolist() == pytest.approx([0.2, 0.6, 0.9])
    having = np.array([True, True, True, False, False, True])
    assert np.argsort(group_ranks(partition, having)).tolist() == [2, 1, 0]


def test_score_bins_are_equally_frequent_and_ordered() -> None:
    scores = np.random.default_rng(0).random(103)
    bins = score_bins(scores, 4)
    assert set(np.bincount(bins.groups)) <= {25, 26}
    assert all(scores[bins.groups == b].max() < scores[bins.groups == b + 1].min() for b in range(3))
