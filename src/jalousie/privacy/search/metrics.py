"""Quality measures that a search minimises, behind one interface.

A search works on *scores*: numbers in which bounds add up cheaply, turned into the published loss at the end by `loss_of`.
For each measure three things are needed, all of them exact:

floor   a lower bound of every scheme's score in closed form, from the marginals alone
score   the score of a scheme whose classes have been looked at
below   from a look at one scheme: a lower bound for every scheme that is nowhere more general (its *box*), of use because
        the rows that no part of their class could release stay suppressed there
above   from the same look: a lower bound for every scheme that is nowhere less general
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from msgspec import Struct

from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Counts, Floats, Mask

SAFETY = 1e-9
"""Relative part by which bounds made of sums are lowered, so that rounding never excludes an optimum."""


class Look(Struct, frozen=True, eq=False):
    """A scheme seen on the data.

    problem the table looked at: the searched one, or one rolled up from it
    sizes  (C,) rows per class; released (C,); core (C,) True where no part of the class can ever be released
    group_class (G,) class of each distinct row
    forced rows that a model of the table makes this and every less general scheme suppress, whichever they are
    """

    problem: Problem
    levels: tuple[int, ...]
    group_class: Counts
    sizes: Counts
    released: Mask
    core: Mask
    forced: int = 0

    @property
    def suppressed(self) -> int:
        return int(self.sizes[~self.released].sum())

    @property
    def lost(self) -> int:
        """Rows that every scheme below suppresses as well."""
        return int(self.sizes[self.core].sum())


class Metric(ABC):
    """One measure on one problem. `additive` measures bound a box column by column, the others by one number."""

    name: ClassVar[str]
    additive: ClassVar[bool] = True

    def __init__(self, problem: Problem, minimum_size: int = 1) -> None:
        self.problem = problem
        self.minimum_size = max(1, minimum_size)
        self.rows = problem.rows

    def floor(self) -> tuple[Floats, ...]:
        """Per axis (levels,) terms whose sum over the axes is a lower bound of a scheme's score."""
        return tuple(np.zeros(axis.levels) for axis in self.problem.axes)

    def floor_joint(self, log_width: Floats) -> Floats:
        """A lower bound for measures that do not add up by column, from log2 of the number of classes that there can be."""
        return np.full_like(log_width, -math.inf)

    @abstractmethod
    def score(self, look: Look) -> float:
        """Of the scheme looked at."""

    def below(self, look: Look) -> tuple[Floats, ...]:
        """Additive measures: per axis (own level + 1,) terms for the box of schemes that are nowhere more general."""
        return tuple(terms[: level + 1] for terms, level in zip(self.floor(), look.levels, strict=True))

    def below_joint(self, look: Look) -> float:
        """The others: one number for that box."""
        return -math.inf

    def above(self, look: Look) -> float:
        """One number for the schemes that are nowhere less general."""
        return -math.inf

    def foreseen(self, levels: tuple[int, ...], rows: float) -> float:
        """About the score if `rows` typical rows were suppressed: for steering only."""
        return float(sum(terms[level] for terms, level in zip(self.floor(), levels, strict=True)))

    def loss_of(self, score: float) -> float:
        """The published number."""
        return score

    def rows_of(self, classes: Mask, look: Look) -> list[Counts]:
        """Per axis, rows by generalised value at the look's level, over the classes in a (C,) mask."""
        problem = look.problem
        mask = classes[look.group_class]
        counts = problem.counts[mask]
        return [
            np.bincount(axis.maps[level][problem.codes[d][mask]], weights=counts, minlength=axis.width(level)).astype(
                np.int64
            )
            for d, (axis, level) in enumerate(zip(problem.axes, look.levels, strict=True))
        ]


class Loss(Metric):
    """Geometric mean of (1 + column loss), minus 1; a column's loss is the mean share of the domain that its cells cover.

    Suppressed cells count 1, and each column is scaled so that rows / domain size gives 0 and rows gives 1. With weights the
    mean is weighted. Score: log(1 + loss).
    """

    name = "loss"

    def __init__(self, problem: Problem, minimum_size: int = 1) -> None:
        super().__init__(problem, minimum_size)
        total = sum(axis.weight for axis in problem.axes)
        self.power = [axis.weight / total for axis in problem.axes]
        self.least = [self.rows / axis.hierarchy.size for axis in problem.axes]
        self.span = [self.rows - least for least in self.least]
        self.kept: dict[tuple[int, int], Floats] = {}
        self.sums = [self._covered(d, marginal) for d, marginal in enumerate(problem.marginals)]
        self.covered: list[list[float]] = [sums.tolist() for sums in self.sums]

    def floor(self) -> tuple[Floats, ...]:
        return tuple(self.terms(d, sums) for d, sums in enumerate(self.sums))

    def _covered(self, d: int, rows: Counts) -> Floats:
        """(levels,) sum of the shares over rows given by value."""
        axis = self.problem.axes[d]
        return np.array([float(rows @ axis.shares[level][axis.maps[level]]) for level in range(axis.levels)])

    def terms(self, d: int, sums: Floats) -> Floats:
        """Sums of shares -> terms of the score."""
        if self.span[d] <= 0:  # a domain of one value has nothing to lose
            return np.zeros(len(sums))
        terms: Floats = np.log1p(np.maximum((sums - self.least[d]) / self.span[d], 0.0)) * self.power[d]
        return terms

    def _with(self, classes: Mask, look: Look) -> list[Floats]:
        """Per axis (own level + 1,) terms when these classes are suppressed: exact at the look's level, from below under it."""
        result = []
        for d, rows in enumerate(self.rows_of(classes, look)):
            own = look.levels[d]
            lost = rows.sum() - self._largest(d, own) @ rows
            result.append(self.terms(d, self.sums[d][: own + 1] + lost))
        return result

    def _largest(self, d: int, own: int) -> Floats:
        """(own + 1, width) per level up to `own`, the largest share of the values under each value at `own`."""
        if (d, own) not in self.kept:
            axis = self.problem.axes[d]
            self.kept[d, own] = np.stack([axis.covered(own, level) for level in range(own + 1)])
        return self.kept[d, own]

    def score(self, look: Look) -> float:
        return float(sum(terms[-1] for terms in self._with(~look.released, look)))

    def below(self, look: Look) -> tuple[Floats, ...]:
        return tuple(self._with(look.core, look))

    def foreseen(self, levels: tuple[int, ...], rows: float) -> float:
        # `terms` of single numbers, tens of thousands of them a search: arrays would cost ten times as much
        left = 1.0 - rows / self.rows
        score = 0.0
        for sums, level, least, span, power in zip(
            self.covered, levels, self.least, self.span, self.power, strict=True
        ):
            if span > 0:
                score += power * math.log1p(max((sums[level] * left + rows - least) / span, 0.0))
        return score

    def loss_of(self, score: float) -> float:
        return math.expm1(score)


class FreeLoss(Loss):
    """Loss with suppression for free: what local recoding minimises, since the rows left over are recoded again."""

    name = "loss-free"

    def foreseen(self, levels: tuple[int, ...], rows: float) -> float:
        return Metric.foreseen(self, levels, rows)

    def score(self, look: Look) -> float:
        return float(sum(terms[level] for terms, level in zip(self.floor(), look.levels, strict=True)))

    def below(self, look: Look) -> tuple[Floats, ...]:
        return Metric.below(self, look)


class MonotoneEntropy(Metric):
    """Non-uniform entropy: over columns and rows, -log2(rows of the raw value / rows of its generalised value). Bits.

    Suppression is ignored, so that the closed form is the score itself.
    """

    name = "entropy-monotone"

    def floor(self) -> tuple[Floats, ...]:
        return tuple(self._bits(d) for d in range(self.problem.dimensions))

    def _bits(self, d: int) -> Floats:
        axis, rows = self.problem.axes[d], self.problem.marginals[d]
        seen = rows > 0
        bits = np.zeros(axis.levels)
        for level in range(axis.levels):
            general = np.bincount(axis.maps[level], weights=rows)[axis.maps[level]]
            bits[level] = axis.weight * float(rows[seen] @ np.log2(general[seen] / rows[seen]))
        return bits

    def score(self, look: Look) -> float:
        return float(sum(terms[level] for terms, level in zip(self.floor(), look.levels, strict=True)))


class Entropy(MonotoneEntropy):
    """Non-uniform entropy, plus per column the entropy of the suppressed rows' generalised values, in bits times rows.

    That part grows with the set of suppressed rows and with finer values, so it bounds the box below too.
    """

    name = "entropy"

    def _with(self, classes: Mask, look: Look) -> list[Floats]:
        rows = self.rows_of(classes, look)
        return [
            terms[: level + 1] + axis.weight * spread(gone)
            for axis, terms, level, gone in zip(self.problem.axes, self.floor(), look.levels, rows, strict=True)
        ]

    def score(self, look: Look) -> float:
        return float(sum(terms[-1] for terms in self._with(~look.released, look)))

    def below(self, look: Look) -> tuple[Floats, ...]:
        return tuple(self._with(look.core, look))


def spread(rows: Floats | Counts) -> float:
    """Sum of -s_v log2(s_v / s): the entropy of the values of s rows, times s."""
    rows = rows[rows > 0]
    total = rows.sum()
    return float(rows @ np.log2(total / rows)) if len(rows) else 0.0


class Discernibility(Metric):
    """Sum over released rows of their class's size, suppressed rows costing the table's size each (Bayardo & Agrawal 2005)."""

    name = "discernibility"
    additive = False

    def floor_joint(self, log_width: Floats) -> Floats:
        most = np.minimum(np.exp2(np.minimum(log_width, 60.0)) * (1 + SAFETY), self.problem.groups)
        return np.maximum(float(self.rows) ** 2 / most, float(self.rows) * self.minimum_size)

    def score(self, look: Look) -> float:
        sizes = look.sizes[look.released].astype(np.float64)
        return float(sizes @ sizes) + float(look.suppressed) * self.rows

    def below_joint(self, look: Look) -> float:
        """Rows lost here are lost below; the others sit in classes of the least size or more."""
        return float(look.lost) * self.rows + float(self.rows - look.lost) * self.minimum_size

    def above(self, look: Look) -> float:
        """Rows that are together stay together, and suppression costs a row no less than its class does."""
        sizes = look.sizes.astype(np.float64)
        return float(sizes @ sizes)


class ClassSize(Metric):
    """Rows / classes, all suppressed rows counted as one class (LeFevre et al. 2006, without the division by k)."""

    name = "class-size"
    additive = False

    def floor_joint(self, log_width: Floats) -> Floats:
        most = np.minimum(np.exp2(np.minimum(log_width, 60.0)) * (1 + SAFETY), self.problem.groups)
        return self.rows / np.minimum(most, self.rows // self.minimum_size + 1)

    def score(self, look: Look) -> float:
        released = int(look.released.sum())
        return self.rows / (released + (released < len(look.sizes)))

    def below_joint(self, look: Look) -> float:
        return self.rows / ((self.rows - look.lost) // self.minimum_size + 1)

    def above(self, look: Look) -> float:
        return self.rows / len(look.sizes)


METRICS: dict[str, type[Metric]] = {
    metric.name: metric for metric in (Loss, FreeLoss, MonotoneEntropy, Entropy, Discernibility, ClassSize)
}
"""By the name that a contract uses (`loss-free` is for local recoding only)."""
