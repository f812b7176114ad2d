"""Models of class sizes: k-anonymity and average risk."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from jalousie.privacy.models.base import Classes, Model, NativeRule, worst
from jalousie.tables.types import Counts, Mask


class KAnonymity(Model):
    """Every class has at least k rows (Sweeney 2002)."""

    name = "k-anonymity"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int) -> None:
        self.k = k

    @property
    def required(self) -> float:
        return float(self.k)

    @property
    def minimum_size(self) -> int:
        return self.k

    def satisfied(self, classes: Classes) -> Mask:
        return np.asarray(classes.sizes >= self.k)

    def reached(self, classes: Classes) -> float:
        return worst(classes.sizes.astype(np.float64), "higher", empty=float(self.k))

    def sentence(self) -> str:
        return f"Every released row shares its quasi-identifiers with at least {self.k - 1} others."

    def native(self) -> NativeRule:
        return NativeRule(0, float(self.k))


class AverageRisk(Model):
    """The mean over released rows of 1 / class size is at most `risk`; it equals classes / rows.

    It is a model of the table. Under suppression it must hold after the classes that other models reject are gone; where it
    does not, the smallest classes are suppressed as well: all those under the least size with which it holds.
    Classes of one size are kept or suppressed together, so that the result does not hang on an order.
    """

    name = "average-risk"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    of_table = True
    monotone = False

    def __init__(self, risk: float) -> None:
        self.risk = risk

    @property
    def required(self) -> float:
        return self.risk

    def satisfied(self, classes: Classes) -> Mask:
        return np.asarray(classes.sizes >= self.threshold(classes.sizes))

    def threshold(self, sizes: Counts) -> int:
        """The least size so that the classes of that size and over satisfy the model (1 where all do)."""
        if len(sizes) == 0 or self._holds(len(sizes), int(sizes.sum())):
            return 1
        steps, number = np.unique(sizes, return_counts=True)
        classes = np.cumsum(number[::-1])[::-1]
        rows = np.cumsum((number * steps)[::-1])[::-1]
        good = np.flatnonzero(classes <= self.risk * rows * (1 + 1e-12))
        return int(steps[good[0]]) if len(good) else int(steps[-1]) + 1

    def forced(self, sizes: Counts) -> int:
        """Smallest classes first, one by one: no other choice of classes needs fewer rows, and finer classes need no fewer."""
        steps = np.sort(sizes)
        removed = np.concatenate(([0], np.cumsum(steps)))
        left = np.arange(len(steps), -1, -1)
        good = left <= self.risk * (removed[-1] - removed) * (1 + 1e-12)
        return int(removed[int(np.argmax(good))])

    def _holds(self, classes: int, rows: int) -> bool:
        return classes <= self.risk * rows * (1 + 1e-12)

    def reached(self, classes: Classes) -> float:
        rows = int(classes.sizes.sum())
        return len(classes) / rows if rows else 0.0

    def sentence(self) -> str:
        return f"A released row is singled out with a chance of at most {self.risk:g} on average."

    def native(self) -> NativeRule:
        return NativeRule(6, self.risk)
