"""The other direction: a provider that has the attributes steals the ML party's model from the groups that it is asked about.

Confidence bins are a model's output. A provider that trains on them (attributes in, bin out) gets a copy; it needs no label
for that, and where the groups are not numbered in order its own labels put them in order. Bins of attributes carry no
prediction: what can be learnt from them the provider could have learnt by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.attacks.feedback_facts import Flags
from jalousie.attacks.feedback_guess import auc, learner
from jalousie.contract.feedback import Feedback
from jalousie.learning.validator_protocol import Validator
from jalousie.privacy.card import Part
from jalousie.tables.types import Floats
from jalousie.validator.budget import Budget
from jalousie.validator.types import Answer, Partition, Population, Question

SINGLE = 0.9
"""Share of records from which on a partition is taken for bins of one attribute."""
MOST_VALUES = 200


class Stolen(Part, frozen=True, kw_only=True):
    """A copy of the ML party's model."""

    how: str
    fidelity: float
    """Rank correlation (Spearman) between the copy's and the model's scores of people that were not asked about."""
    auc: float
    """Of the copy, on the labels of those people."""
    model_auc: float
    """Of the model itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """What a provider has: attributes and (n,) labels of the population; and other people to try the copy on."""

    X: Any
    labels: Flags
    X_out: Any
    labels_out: Flags


def steal_model(provider: Provider, partition: Partition, scores_out: Floats, *, how: str, ordered: bool) -> Stolen:
    """Copy the model behind one partition.

    ordered
        group numbers follow the model's scores; otherwise the provider orders the groups by its own labels
    scores_out
        the model's scores of `X_out`, to measure the copy by; the thief does not see them
    """
    asked = np.flatnonzero(partition.groups >= 0)
    rank = group_ranks(partition, None if ordered else provider.labels)
    model = learner(provider.X, numbers=True)
    model.fit(_rows(provider.X, asked), rank[partition.groups[asked]])
    return _measured(how, np.asarray(model.predict(provider.X_out), np.float64), provider, scores_out)


def steal_from_questions(provider: Provider, questions: Sequence[Question], scores_out: Floats, *, how: str) -> Stolen:
    """Copy what it can from all partitions of questions of which it was not told what the groups mean.

    A partition that no single attribute explains is a model's output. Where there is none, the thief takes the partition
    whose groups tell its own labels apart best.
    """
    partitions = [partition for question in questions for partition in question.partitions]
    explained = [explained_by_one(part, provider.X) for part in partitions]
    chosen = partitions[int(np.argmin(explained))]
    if min(explained) > SINGLE:
        chosen = max(partitions, key=lambda part: _told(part, provider.labels))
    return steal_model(provider, chosen, scores_out, how=how, ordered=False)


def explained_by_one(partition: Partition, X: Any) -> float:
    """Share of records whose group follows from the value of a single attribute, of the attribute that explains most."""
    asked = partition.groups >= 0
    groups = partition.groups[asked].astype(np.int64)
    best = 0.0
    for column in _columns(X):
        code = _codes(column)[asked]
        cells = np.bincount(code * partition.count + groups, minlength=(int(code.max()) + 1) * partition.count)
        best = max(best, float(cells.reshape(-1, partition.count).max(axis=1).sum() / len(groups)))
    return best


def _columns(X: Any) -> list[NDArray[Any]]:
    return [np.asarray(X[name]) for name in X.columns] if hasattr(X, "columns") else list(np.asarray(X).T)


def _codes(column: NDArray[Any]) -> NDArray[np.int64]:
    """Values as numbers from 0; many different numbers as `MOST_VALUES` equally frequent intervals."""
    if column.dtype.kind in "iufb":
        numbers = column.astype(np.float64)
        if len(np.unique(numbers)) > MOST_VALUES:
            edges = np.nanquantile(numbers, np.linspace(0, 1, MOST_VALUES + 1)[1:-1])
            return np.searchsorted(edges, numbers).astype(np.int64)
    return np.unique(column.astype(str), return_inverse=True)[1].astype(np.int64).ravel()


def learn_alone(provider: Provider, scores_out: Floats) -> Stolen:
    """What the provider learns from its own labels, with nothing that the ML party sent: the yardstick."""
    model = learner(provider.X)
    model.fit(provider.X, provider.labels)
    scores = np.asarray(model.predict_proba(provider.X_out), np.float64)[:, 1]
    return _measured("the provider's own labels, no question", scores, provider, scores_out)


def group_ranks(partition: Partition, labels: Flags | None) -> Floats:
    """(G,) a rank between 0 and 1 for each group: by number, or by the share of its records that have the label."""
    sizes = np.bincount(partition.groups[partition.groups >= 0], minlength=partition.count).astype(np.float64)
    order = np.arange(partition.count)
    if labels is not None:
        having = np.bincount(partition.groups[(partition.groups >= 0) & labels], minlength=partition.count)
        order = np.argsort(having / np.maximum(sizes, 1), kind="stable")
    ends = np.cumsum(sizes[order])
    rank = np.empty(partition.count)
    rank[order] = (ends - sizes[order] / 2) / max(sizes.sum(), 1)
    return rank


def score_bins(scores: Floats, count: int) -> Partition:
    """Equally frequent confidence bins, numbered from low to high."""
    place = np.empty(len(scores), np.int64)
    place[np.argsort(scores, kind="stable")] = np.arange(len(scores))
    return Partition((place * count // len(scores)).astype(np.int32), count)


def shuffled(partition: Partition, rng: np.random.Generator) -> Partition:
    """The same groups under other numbers."""
    numbers = rng.permutation(partition.count).astype(np.int32)
    groups = np.where(partition.groups >= 0, numbers[partition.groups], -1).astype(np.int32)
    return Partition(groups, partition.count)


@dataclass(slots=True, eq=False)
class Overheard:
    """A validator that remembers what it was asked: the provider's view of the ML party's questions."""

    validator: Validator
    questions: list[Question] = field(default_factory=list)

    @property
    def population(self) -> Population:
        return self.validator.population

    @property
    def feedback(self) -> Feedback:
        return self.validator.feedback

    def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        return self.validator.ask(question)

    def budget(self, label: str) -> Budget:
        return self.validator.budget(label)


def _told(partition: Partition, labels: Flags) -> float:
    """AUC of the groups' own label shares on the same labels: how much of the label the partition tells."""
    asked = partition.groups >= 0
    if labels[asked].all() or not labels[asked].any():
        return 0.5
    return auc(labels[asked], group_ranks(partition, labels)[partition.groups[asked]])


def _measured(how: str, copy: Floats, provider: Provider, scores_out: Floats) -> Stolen:
    from scipy.stats import rankdata

    return Stolen(
        how=how,
        fidelity=float(np.corrcoef(rankdata(copy), rankdata(scores_out))[0, 1]),
        auc=auc(provider.labels_out, copy),
        model_auc=auc(provider.labels_out, scores_out),
    )


def _rows(X: Any, places: NDArray[np.int64]) -> Any:
    return X.iloc[places] if hasattr(X, "iloc") else X[places]
