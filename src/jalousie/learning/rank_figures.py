"""AUC, average precision and lift of two classes from counts by slice of the score; each as a ratio of two sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jalousie.learning.inside_groups import Inside
from jalousie.learning.score_groups import ScoreGroups
from jalousie.tables.types import Floats

RANKED = ("auc", "average_precision", "lift")
BEST = 0.1
"""Share of the records that lift is about."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Counts by slice of the groups' scores, from the highest score down.

    positive, all_  (..., S) records of the second class, and of both
    ties            (S,) other records of the population that have a record's very score
    records         (S,) of the population
    """

    positive: Floats
    all_: Floats
    ties: Floats
    records: Floats

    @classmethod
    def of(cls, counts: Floats, inside: Inside, groups: ScoreGroups) -> Ranked:
        """From (..., G, 2) counts."""
        sliced = counts[..., :, None, :] * inside.profile
        flat = sliced.reshape(*counts.shape[:-2], -1, 2)[..., ::-1, :]
        cells = groups.partition.groups * groups.ties.shape[1] + groups.slices
        records = np.bincount(cells, minlength=groups.ties.size)[::-1].astype(np.float64)
        return cls(flat[..., 1], flat.sum(axis=-1), groups.ties.ravel()[::-1], records)

    def parts(self) -> tuple[Floats, Floats]:
        """(..., 3) numerators and denominators, in the order of RANKED."""
        hits = self.positive.sum(axis=-1)
        negative = self.all_ - self.positive
        beaten = negative.sum(axis=-1)[..., None] - np.cumsum(negative, axis=-1) + negative / 2
        precision, _ = self._precision()
        best = (self.positive * self._best()).sum(axis=-1)
        above = [(self.positive * beaten).sum(axis=-1), (self.positive * precision).sum(axis=-1), best]
        below = [hits * negative.sum(axis=-1), hits, BEST * hits]
        return np.stack(above, axis=-1), np.stack(below, axis=-1)

    def hidden(self, count: int) -> Floats:
        """(3,) variance of the figures by which records of each of `count` groups are its positives.

        Positives are a draw by their odds among the records of a group, their number being known: for a figure that changes by
        h_s where a positive of slice s takes a negative's place, the variance is the sum of n q (1 - q) (h - mean h)^2.
        """
        positive, all_ = np.maximum(self.positive, 0.0), np.maximum(self.all_, 0.0)
        hits = max(float(positive.sum()), 1.0)
        negative = np.maximum(all_ - positive, 0.0)
        misses = max(float(negative.sum()), 1.0)
        weight = positive * negative / np.maximum(positive + negative, 1e-12)
        below = misses - np.cumsum(negative) + negative / 2
        over = np.cumsum(positive) - positive / 2
        precision, place = self._precision()
        later = positive / place
        gains = (below + over) / misses, precision + later.sum() - np.cumsum(later) + later / 2, self._best() / BEST
        found = []
        for gain in gains:
            by, heavy = (gain / hits).reshape(count, -1), weight.reshape(count, -1)
            mean = (heavy * by).sum(axis=1) / np.maximum(heavy.sum(axis=1), 1e-12)
            found.append(float((heavy * (by - mean[:, None]) ** 2).sum()))
        return np.array(found)

    def _precision(self) -> tuple[Floats, Floats]:
        """(..., S) precision at a positive of the slice, itself and those of its very score included; and its rank."""
        known = np.maximum(self.records, 1.0)
        own = 1 + self.ties * np.clip(self.positive / known, 0, 1), 1 + self.ties * np.clip(self.all_ / known, 0, 1)
        over = np.cumsum(self.positive, axis=-1) - self.positive / 2 + own[0] / 2
        place = np.maximum(np.cumsum(self.all_, axis=-1) - self.all_ / 2 + own[1] / 2, 0.5)
        return np.clip(over / place, 0.0, 1.0), place

    def _best(self) -> Floats:
        """(..., S) share of each slice that is among the best tenth; a slice that is cut counts in part."""
        called = np.cumsum(self.all_, axis=-1)
        wanted = BEST * called[..., -1:]
        return np.asarray(np.clip((wanted - (called - self.all_)) / np.maximum(self.all_, 1e-9), 0, 1))
