"""Which groups to ask about to judge a model: confidence intervals, by predicted class.

How many? The noise of a figure grows with the square root of the number of groups, what is lost by binning falls with its
square (see `within`). Both together are least, and flat about, where the groups number about sqrt(records / noise) / 4,
noise being the standard deviation of a cell: 8 for 10,000 records at epsilon 0.5, 28 at epsilon 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jalousie.errors import UsageError
from jalousie.learning.bins import confidence_bins, partition_of
from jalousie.tables.types import Codes, Floats
from jalousie.validator.types import Partition

_LEAST, _MOST = 6, 40
_SLICES = 25  # of a group, for figures that depend on ranks


@dataclass(frozen=True, slots=True, eq=False)
class ScoreGroups:
    """A partition by a model's own scores, and what its owner knows of each group without asking.

    Groups of two classes stand in the order of the second class's probability.
    """

    partition: Partition
    predicted: Codes
    """(G,) class that is predicted there."""
    confidence: Floats
    """(G,) mean probability of the predicted class."""
    sizes: Floats
    """(G,) records of the population."""
    probability: Floats
    """(G, C, C) [g, k, c]: mean probability of class c of those whose label is k."""
    log_loss: Floats
    """(G, C) mean -log probability of their label, of those whose label is k."""
    brier: Floats
    """(G, C) mean squared distance (for two classes: of the second class's probability)."""
    scatter: Floats
    """(2, G, C) variance of the log-loss and of the squared distance, of those whose label is k."""
    profile: Floats
    """(G, Q, 2) share of a group's first and second class in each of Q slices of its scores, two classes only."""


def wanted_groups(records: int, deviation: float) -> int:
    """Groups that balance noise against binning, see above."""
    return int(np.clip(round(float(np.sqrt(records / max(deviation, 0.1))) / 4.2), _LEAST, _MOST))


def probabilities_of(scores: Floats, classes: int) -> Floats:
    """(n, C) probabilities from (n,) of the second class or (n, C)."""
    found = np.asarray(scores, np.float64)
    if found.ndim == 1 and classes == 2:
        found = np.column_stack([1 - found, found])
    if found.ndim != 2 or found.shape[1] != classes:
        raise UsageError("U151", f"probabilities of {classes} classes are needed", effect="nothing was asked")
    if not np.isfinite(found).all() or found.min() < 0 or abs(found.sum(axis=1) - 1).max() > 1e-3:
        raise UsageError("U151", "scores are not probabilities that sum to 1", effect="nothing was asked")
    return found


def score_groups(probabilities: Floats, groups: int, least: int, *, threshold: float = 0.5) -> ScoreGroups:
    """Cut records into about `groups` groups of at least `least` records.

    probabilities
        (n, C)
    threshold
        of two classes: the second is predicted where its probability is above it; always the border of a group
    """
    two = probabilities.shape[1] == 2
    if two:
        predicted = (probabilities[:, 1] > threshold).astype(np.int32)
        score = probabilities[:, 1]
    else:
        predicted = np.argmax(probabilities, axis=1).astype(np.int32)
        score = probabilities.max(axis=1)
    codes, count = _cut(predicted, score, groups, least)
    return _describe(probabilities, score, codes, count, predicted)


def _cut(predicted: Codes, score: Floats, groups: int, least: int) -> tuple[Codes, int]:
    """By predicted class, then by score into shares of what is uncertain: figures change most where p is near a half."""
    doubt = np.sqrt(score * (1 - score)) + 1e-3
    codes, count = np.full(len(score), -1, np.int32), 0
    classes = [c for c in np.unique(predicted) if np.count_nonzero(predicted == c) >= least]
    for c in classes:
        rows = np.flatnonzero(predicted == c)
        share = max(1, round(groups * float(doubt[rows].sum() / doubt.sum())), min(2, groups // len(classes)))
        order = np.argsort(score[rows], kind="stable")
        reached = np.cumsum(doubt[rows][order])
        rank = np.empty(len(rows))
        rank[order] = np.minimum(np.floor(reached / reached[-1] * share), share - 1)
        # records of one score stay together, and small groups join their neighbours
        _, same = np.unique(score[rows], return_inverse=True)
        low = np.full(same.max() + 1, np.inf)
        np.minimum.at(low, same, rank)
        edges = confidence_bins(low[same], share, least)
        codes[rows] = count + np.searchsorted(edges, low[same])
        count += len(edges) + 1
    if not count:
        raise UsageError("U151", "no predicted class has enough records for a group", effect="nothing was asked")
    return codes, count


def _describe(probabilities: Floats, score: Floats, codes: Codes, count: int, predicted: Codes) -> ScoreGroups:
    asked = codes >= 0
    p, where = probabilities[asked], codes[asked]
    classes = p.shape[1]
    clipped = np.clip(p, 1e-6, 1.0)

    def given(values: Floats, label: int) -> Floats:
        """Mean of `values` in each group of those whose label is `label`, if odds within the group go as the scores say."""
        weight = np.bincount(where, weights=clipped[:, label], minlength=count)
        return np.asarray(np.bincount(where, weights=values * clipped[:, label], minlength=count) / weight)

    probability = np.stack([np.stack([given(p[:, c], k) for c in range(classes)], -1) for k in range(classes)], 1)
    log_loss = np.stack([given(-np.log(clipped[:, k]), k) for k in range(classes)], -1)
    if classes == 2:
        distance = [(1 - p[:, k]) ** 2 for k in range(2)]
    else:
        squares = np.sum(p**2, axis=1)
        distance = [squares - 2 * p[:, k] + 1 for k in range(classes)]
    brier = np.stack([given(distance[k], k) for k in range(classes)], -1)
    squared = [np.stack([given(np.log(clipped[:, k]) ** 2, k) for k in range(classes)], -1)]
    squared.append(np.stack([given(distance[k] ** 2, k) for k in range(classes)], -1))
    sizes = np.bincount(where, minlength=count).astype(np.float64)
    first = np.zeros(count, np.int64)
    first[where] = np.flatnonzero(asked)
    top = np.take_along_axis(p, predicted[asked][:, None], axis=1)[:, 0]
    return ScoreGroups(
        partition_of(codes, count),
        predicted[first],
        np.bincount(where, weights=top, minlength=count) / sizes,
        sizes,
        probability,
        log_loss,
        brier,
        np.maximum(np.stack(squared) - np.stack([log_loss, brier]) ** 2, 0.0),
        _profile(score[asked], where, count) if classes == 2 else np.empty(0),
    )


def _profile(score: Floats, where: Codes, count: int) -> Floats:
    """Slices of about equally many records; equal scores are in the same slice. Odds go as the scores say."""
    found = np.zeros((count, _SLICES, 2))
    clipped = np.clip(score, 1e-6, 1 - 1e-6)
    for g in range(count):
        inside = clipped[where == g]
        ordered = np.sort(inside)
        slices = np.searchsorted(ordered, inside, side="left") * _SLICES // len(inside)
        for label, weight in enumerate((1 - inside, inside)):
            found[g, :, label] = np.bincount(slices, weights=weight, minlength=_SLICES) / weight.sum()
    return found
