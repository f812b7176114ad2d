"""Figures of each class: precision, recall, F1 and their probabilistic forms, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.learning.estimate import NORMAL, Estimate, NoisyTable, average, ratios
from jalousie.learning.inside_groups import Inside
from jalousie.learning.score_groups import ScoreGroups
from jalousie.tables.types import Floats

CLASS_FIGURES = (
    "precision",
    "recall",
    "f1",
    "probabilistic_precision",
    "probabilistic_recall",
    "probabilistic_f1",
)
_HARD = CLASS_FIGURES[:3]
_THRESHOLD = "take another threshold"
_REMEDY = "ask about a larger population, or spend more epsilon"


@dataclass(frozen=True, slots=True, eq=False)
class ClassFigures:
    """Of one answer, `names` being the contract's classes.

    Where records of several predicted classes share a group, how many of the label are among them is known within limits
    only: no more than are predicted so, and no more than have the label.
    """

    table: NoisyTable
    groups: ScoreGroups
    names: Sequence[str]

    def by_class(self, here: Inside, bent: list[Inside]) -> dict[str, dict[str, Estimate]]:
        """By class and figure. A class that is never predicted by itself has no precision, recall and F1, only limits."""
        found = {}
        for k, name in enumerate(self.names):
            slack = bent_slack(lambda inner, k=k: self._parts(self.table.counts, inner, k), here, bent)  # type: ignore[misc]
            slack[:3] = self._slack(here, k)
            figures = ratios(
                self.table,
                lambda counts, k=k: self._parts(counts, here, k),  # type: ignore[misc]
                np.tile([0.0, 1.0], (6, 1)),
                np.zeros(6),
                slack,
            )
            found[name] = dict(zip(CLASS_FIGURES, figures, strict=True))
            if self.rare(k):
                found[name] |= {figure: found[name][figure].unmeasured() for figure in _HARD}
        return found

    def rare(self, k: int) -> bool:
        """Whether records are predicted as class k, but too few for a group of their own."""
        called = self.groups.called[:, k]
        return bool(called.any() and self.groups.mixed[called > 0].all())

    def macro(self, name: str, here: Inside, by_class: dict[str, dict[str, Estimate]]) -> Estimate:
        """The mean of a figure over classes."""
        parts = [figures[name] for figures in by_class.values()]
        cautious = average(parts)
        if not all(one.measurable for one in parts):
            return cautious
        at, classes = CLASS_FIGURES.index(name), range(len(self.names))

        def mean(counts: Floats) -> tuple[Floats, Floats]:
            each = [self._parts(counts, here, k) for k in classes]
            value = np.mean([above[..., at] / np.maximum(below[..., at], 1.0) for above, below in each], axis=0)
            return value[..., None], np.ones_like(value)[..., None]

        slack = np.mean([self._slack(here, k)[2] for k in classes], axis=0) if name == "f1" else np.zeros(2)
        found = ratios(self.table, mean, np.array([[0.0, 1.0]]), np.zeros(1), slack[None])[0]
        # where a class's own figure was cut to its range, the sum of them moves otherwise than noise moves counts
        return found if abs(found.value - cautious.value) < 1e-6 else cautious

    def confusion(self, here: Inside) -> tuple[tuple[Estimate, ...], ...]:
        """(C, C) records of label [k] that are predicted as [c]."""
        size = len(self.names)
        cells = [(k, c) for k in range(size) for c in range(size)]
        slack = np.array([self._hits(here, k, c) for k, c in cells])

        def parts(counts: Floats) -> tuple[Floats, Floats]:
            found = np.stack([counts[..., k] @ here.called[:, k, c] for k, c in cells], axis=-1)
            return found, np.ones_like(found)

        most = np.array([[0.0, float(self.groups.called[:, c].sum())] for _, c in cells])
        found = ratios(self.table, parts, most, np.zeros(len(cells)), slack)
        return tuple(tuple(found[k * size : (k + 1) * size]) for k in range(size))

    def accuracy_slack(self, here: Inside) -> Floats:
        """(2,) how far below and above accuracy may be, for records that share a group with those of another class."""
        called = self.groups.called
        usual = called.argmax(axis=1)
        both = np.zeros(2)
        for k in range(called.shape[1]):
            few = self.groups.mixed & (usual != k) & (called[:, k] > 0)
            # where one of the few is right, so is one more of the many that they would have been taken from
            both += 2 * self._hits(here, k, k, few)
        return np.asarray(both / max(float(self.table.counts.sum()), 1.0))

    def notes(self, figures: dict[str, Estimate], by_class: dict[str, dict[str, Estimate]]) -> tuple[str, ...]:
        """Why figures have no value, and what helps."""
        found = []
        for k, name in enumerate(self.names):
            many = int(self.groups.called[:, k].sum())
            if not many:
                found.append(f'no record is predicted as "{name}", which leaves it without a precision: {_THRESHOLD}')
            elif self.rare(k):
                are = "record is" if many == 1 else "records are"
                found.append(
                    f'{many} {are} predicted as "{name}", too few for a group of their own: of its precision, recall and F1 '
                    f"only limits are known: {_THRESHOLD}, or ask about a larger population"
                )
            else:
                lost = [figure for figure, one in by_class[name].items() if not one.measurable]
                if lost:
                    found.append(f'the noise swamps how many records are "{name}" ({", ".join(lost)}): {_REMEDY}')
        lost = [
            name for name, one in figures.items() if not one.measurable and name not in _HARD and "macro" not in name
        ]
        if lost:
            found.append(f"the noise swamps {', '.join(lost)}: {_REMEDY}")
        return tuple(found)

    def _parts(self, counts: Floats, inner: Inside, k: int) -> tuple[Floats, Floats]:
        """(..., 6) numerators and denominators of CLASS_FIGURES; the probabilistic ones as by Yacouby & Axman (2020)."""
        label = counts[..., k].sum(axis=-1)
        above, below = [], []
        for share in (inner.called, inner.probability):
            hit, called = counts[..., k] @ share[:, k, k], (counts * share[:, :, k]).sum(axis=(-2, -1))
            above += [hit, hit, 2 * hit]
            below += [called, label, called + label]
        return np.stack(above, axis=-1), np.stack(below, axis=-1)

    def _slack(self, here: Inside, k: int) -> Floats:
        """(3, 2) how far below and above precision, recall and F1 may be, see the class."""
        # the denominator may be smaller than it seems
        doubt = NORMAL * self.table.deviation * np.sqrt(self.table.counts.size)
        below = np.maximum(self._parts(self.table.counts, here, k)[1][:3] - doubt, 1.0)
        return np.asarray(self._hits(here, k, k) * np.array([1.0, 1.0, 2.0])[:, None] / below[:, None])

    def _hits(self, here: Inside, k: int, c: int, where: Any = None) -> Floats:
        """(2,) how many fewer and more records of label k than expected may be predicted as c, in mixed groups."""
        mixed = self.groups.mixed if where is None else where
        counts, doubt = self.table.counts[:, k], NORMAL * self.table.deviation
        expected = counts * here.called[:, k, c]
        called, others = self.groups.called[:, c], self.groups.sizes - self.groups.called[:, c]
        least = np.clip(counts - doubt - others, 0.0, called)
        most = np.clip(counts + doubt, 0.0, called)
        ends = np.stack([expected - least, most - expected])
        return np.asarray(np.where(mixed, np.maximum(ends, 0.0), 0.0).sum(axis=1))


def bent_slack(parts: Callable[[Inside], tuple[Floats, Floats]], here: Inside, bent: list[Inside]) -> Floats:
    """(F, 2) how far below and above each ratio is under the other odds."""

    def of(inner: Inside) -> Floats:
        above, below = parts(inner)
        return np.asarray(above / np.maximum(below, 1.0), np.float64)

    value, others = of(here), np.stack([of(inner) for inner in bent])
    return np.stack([value - others.min(axis=0), others.max(axis=0) - value], axis=-1).clip(0.0)
