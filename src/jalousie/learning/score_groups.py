"""Which groups to ask about to judge a model: confidence intervals, by predicted class.

How many? The noise of a figure grows with the square root of the number of groups, what is lost by binning falls with its
square (see `inside_groups`). Both together are least, and flat about, where the groups number about sqrt(records / noise) / 4,
noise being the standard deviation of a cell: 8 for 10,000 records at epsilon 0.5, 28 at epsilon 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError, library_boundary
from jalousie.learning.bins import confidence_bins, partition_of
from jalousie.tables.types import Codes, Floats
from jalousie.validator.match import as_floats
from jalousie.validator.types import Partition

_LEAST, _MOST = 6, 100
MOST_GROUPS = 200
"""More would only add noise, and take long to work out."""
SLICES = 25
"""Of a group, for figures that depend on ranks."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreGroups:
    """A partition by a model's own scores, and what its owner knows of each group without asking.

    Groups of two classes stand in the order of the second class's probability.
    """

    partition: Partition
    probabilities: Floats
    """(n, C) of the records."""
    predicted: Codes
    """(n,) predicted class of each record."""
    called: Floats
    """(G, C) records of the population by predicted class; one class a group, unless its records are too few for their own."""
    confidence: Floats
    """(G,) mean probability of the predicted class."""
    slices: Codes
    """(n,) which of its group's slices of about equally many scores a record is in; equal scores are in the same."""
    ties: Floats
    """(G, Q) how many other records have the same score as one of the slice, on average."""

    @property
    def sizes(self) -> Floats:
        """(G,) records of the population."""
        return np.asarray(self.called.sum(axis=1))

    @property
    def mixed(self) -> Any:
        """(G,) whether records of several predicted classes are in the group."""
        return (self.called > 0).sum(axis=1) > 1


def wanted_groups(records: int, deviation: float) -> int:
    """Groups that balance noise against binning, see above."""
    return int(np.clip(round(float(np.sqrt(records / max(deviation, 0.1))) / 4.2), _LEAST, _MOST))


def checked_groups(groups: int, feedback: Feedback) -> int:
    """A number of groups that can be asked about. Raises UsageError U151."""
    most = min(MOST_GROUPS, feedback.max_groups)
    if isinstance(groups, bool) or not isinstance(groups, Integral) or not 1 <= groups <= most:
        raise UsageError(
            "U151",
            "`groups` is not a whole number that makes sense",
            hint=f"choose 1 to {most}; more groups only add noise",
            effect="nothing was asked",
        )
    return int(groups)


def checked_threshold(threshold: float) -> float:
    """Raises UsageError U151 where it is no probability."""
    if not 0 <= threshold <= 1:
        raise UsageError("U151", "the threshold is not between 0 and 1", effect="nothing was asked")
    return float(threshold)


def plain_numbers(values: Any, what: str) -> Floats:
    """An array, list or column of numbers as float64, in its shape. NumPy's own message would quote a cell.

    Raises
    ------
    UsageError
        U151: cells that are no numbers, dates and complex numbers among them
    """
    with library_boundary(UsageError, "U151", f"{what} are not numbers", hint="give floats, one for each record"):
        return as_floats(values)


def probabilities_of(scores: Floats, classes: int) -> Floats:
    """(n, C) probabilities from (n,) of the second class or (n, C)."""
    found = plain_numbers(scores, "scores")
    if found.ndim == 1 and classes == 2:
        found = np.column_stack([1 - found, found])
    if found.ndim != 2 or found.shape[1] != classes:
        raise UsageError("U151", f"probabilities of {classes} classes are needed", effect="nothing was asked")
    if not np.isfinite(found).all() or found.min() < 0 or abs(found.sum(axis=1) - 1).max() > 1e-3:
        raise UsageError("U151", "scores are not probabilities that sum to 1", effect="nothing was asked")
    return found


def score_groups(probabilities: Floats, groups: int, least: int, *, threshold: float = 0.5) -> ScoreGroups:
    """Cut records into about `groups` groups of at least `least` records. Every record is in one.

    probabilities
        (n, C)
    threshold
        of two classes: the second is predicted where its probability is above it; the border of a group, where there are
        `least` records on both sides
    """
    classes = probabilities.shape[1]
    if classes == 2:
        predicted = (probabilities[:, 1] > threshold).astype(np.int32)
        score = probabilities[:, 1]
    else:
        predicted = np.argmax(probabilities, axis=1).astype(np.int32)
        score = probabilities.max(axis=1)
    if len(score) < max(least, 1):
        raise UsageError("U151", "the population has fewer records than the smallest group", effect="nothing was asked")
    codes, count = _cut(predicted, score, groups, least)
    codes, count = _with_rare(codes, count, predicted, least, ordered=classes == 2)
    called = np.bincount(codes * classes + predicted, minlength=count * classes).reshape(count, classes)
    top = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
    slices, ties = _slices(score, codes, count)
    return ScoreGroups(
        partition_of(codes, count),
        probabilities,
        predicted,
        called.astype(np.float64),
        np.bincount(codes, weights=top, minlength=count) / called.sum(axis=1),
        slices,
        ties,
    )


def _cut(predicted: Codes, score: Floats, groups: int, least: int) -> tuple[Codes, int]:
    """By predicted class, then by score into shares of what is uncertain: figures change most where p is near a half.

    -1 are records of a predicted class that has fewer than `least`.
    """
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
    return codes, count


def _with_rare(codes: Codes, count: int, predicted: Codes, least: int, *, ordered: bool) -> tuple[Codes, int]:
    """Records of rarely predicted classes join others, so that all are asked about.

    Of two classes: those across the threshold. Of several: each other, or, where they are still too few, the smallest group.
    """
    rare = codes < 0
    if not rare.any():
        return codes, count
    if not count or (not ordered and np.count_nonzero(rare) >= least):
        found, count = count, count + 1
    elif ordered:
        found = count - 1 if predicted[rare][0] == 1 else 0
    else:
        found = int(np.argmin(np.bincount(codes[~rare])))
    return np.where(rare, np.int32(found), codes).astype(np.int32), count


def _slices(score: Floats, codes: Codes, count: int) -> tuple[Codes, Floats]:
    """(n,) slice of each record, and (G, Q) mean number of other records of the same score."""
    order = np.lexsort((score, codes))
    ordered, groups = score[order], codes[order]
    sizes = np.bincount(codes, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    fresh = np.ones(len(score), bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]) | (groups[1:] != groups[:-1])
    first = np.flatnonzero(fresh)
    run = np.cumsum(fresh) - 1
    place = first[run] - starts[groups]  # of the first record of the same score
    found = np.empty(len(score), np.int32)
    found[order] = place * SLICES // sizes[groups]
    others = np.empty(len(score))
    others[order] = np.diff(np.concatenate([first, [len(score)]]))[run] - 1
    cells = codes * SLICES + found
    records = np.bincount(cells, minlength=count * SLICES)
    ties = np.bincount(cells, weights=others, minlength=count * SLICES) / np.maximum(records, 1)
    return found, ties.reshape(count, SLICES)
