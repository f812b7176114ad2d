"""l-diversity (Machanavajjhala et al. 2007): how many different sensitive values a class holds, by three measures."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from jalousie.privacy.models.base import Classes, Model, NativeRule, group_sums, worst
from jalousie.tables.types import Counts, Floats, Mask

TOLERANCE = 1e-12
"""Of comparisons of entropies and distances, so that equal values computed in another order stay equal."""


def distinct(classes: Classes, column: str) -> Counts:
    """(C,) number of different sensitive values."""
    return np.bincount(classes.cells[column].group, minlength=len(classes)).astype(np.int64)


class DistinctLDiversity(Model):
    """Every class has at least l different sensitive values, a null being one."""

    name = "distinct-l-diversity"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, column: str, l: int) -> None:  # noqa: E741 (the field's own name)
        self.column = column
        self.l = l

    @property
    def required(self) -> float:
        return float(self.l)

    @property
    def minimum_size(self) -> int:
        return self.l

    def satisfied(self, classes: Classes) -> Mask:
        return np.asarray(distinct(classes, self.column) >= self.l)

    def reached(self, classes: Classes) -> float:
        return worst(distinct(classes, self.column).astype(np.float64), "higher", empty=float(self.l))

    def sentence(self) -> str:
        return f"Every class holds at least {self.l} different values of {self.column}."

    def native(self) -> NativeRule:
        return NativeRule(1, float(self.l))


def grassberger_terms(largest: int) -> Floats:
    """(largest + 1,) G(0..n) of Grassberger 2003, "Entropy estimates from insufficient samplings", equations 32 to 34.

    G(1) = -gamma - ln 2, G(2) = 2 - gamma - ln 2, G(2n+1) = G(2n), G(2n+2) = G(2n) + 2/(2n+1).
    """
    terms = np.zeros(largest + 3)
    first = -np.euler_gamma - math.log(2)
    terms[1] = first
    terms[2::2] = first + np.cumsum(2.0 / np.arange(1, largest + 2, 2))[: len(terms[2::2])]
    terms[3::2] = terms[2:-1:2][: len(terms[3::2])]
    return terms[: largest + 1]


class EntropyLDiversity(Model):
    """The entropy of the sensitive values of every class is at least log l.

    `shannon` is the entropy of the observed shares; `grassberger` the estimate for small samples with G in place of every
    logarithm (Stammler, Katzenbeisser & Hamacher 2016). It may overshoot, so l different values are asked for besides (with
    Shannon that follows, since the entropy of m values is at most log m). Under suppression the model is not monotone: a class
    that loses its commonest value may come to satisfy it. What stays is that a class needs l different values.
    """

    name = "entropy-l-diversity"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    monotone = False

    def __init__(
        self,
        column: str,
        l: float,  # noqa: E741
        estimator: Literal["shannon", "grassberger"] = "shannon",
    ) -> None:
        self.column = column
        self.l = l
        self.estimator = estimator
        self.rises = estimator == "shannon"

    @property
    def required(self) -> float:
        return self.l

    @property
    def minimum_size(self) -> int:
        return math.ceil(self.l - 1e-9)

    def entropies(self, classes: Classes) -> Floats:
        """(C,) in nats."""
        cells = classes.cells[self.column]
        count = cells.count.astype(np.float64)
        whole, terms = np.log(classes.sizes), np.log(count)
        if self.estimator == "grassberger":
            table = grassberger_terms(int(classes.sizes.max(initial=1)))
            whole, terms = table[classes.sizes], table[cells.count]
        entropy: Floats = whole - group_sums(cells, count * terms, len(classes)) / classes.sizes
        return entropy

    def satisfied(self, classes: Classes) -> Mask:
        return self.possible(classes) & (self.entropies(classes) >= math.log(self.l) - TOLERANCE)

    def possible(self, classes: Classes) -> Mask:
        return np.asarray(distinct(classes, self.column) >= self.minimum_size)

    def reached(self, classes: Classes) -> float:
        return worst(np.exp(self.entropies(classes)), "higher", empty=self.l)

    def sentence(self) -> str:
        return f"The values of {self.column} in every class are as hard to guess as {self.l:g} equally common ones."

    def native(self) -> NativeRule:
        return NativeRule(2 if self.estimator == "shannon" else 3, self.l, float(self.minimum_size))


class RecursiveCLDiversity(Model):
    """In every class r1 < c (rl + ... + rm), r the counts of the sensitive values in falling order.

    Not monotone under suppression; what stays is that a class needs l different values.
    """

    name = "recursive-cl-diversity"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    monotone = False

    def __init__(self, column: str, c: float, l: int) -> None:  # noqa: E741
        self.column = column
        self.c = c
        self.l = l

    @property
    def required(self) -> float:
        return self.c

    @property
    def minimum_size(self) -> int:
        return self.l

    def _head_and_tail(self, classes: Classes) -> tuple[Floats, Floats]:
        """(C,) r1 and (C,) rl + ... + rm."""
        cells = classes.cells[self.column]
        order = np.lexsort((-cells.count, cells.group))
        group, count = cells.group[order], cells.count[order].astype(np.float64)
        starts = np.searchsorted(group, np.arange(len(classes)))
        rank = np.arange(len(group)) - starts[group]
        tail = np.bincount(group, weights=np.where(rank >= self.l - 1, count, 0.0), minlength=len(classes))
        return count[starts], tail.astype(np.float64)

    def satisfied(self, classes: Classes) -> Mask:
        if len(classes) == 0:
            return np.zeros(0, bool)
        head, tail = self._head_and_tail(classes)
        return np.asarray(head < self.c * tail)

    def possible(self, classes: Classes) -> Mask:
        return np.asarray(distinct(classes, self.column) >= self.l)

    def reached(self, classes: Classes) -> float:
        """The largest r1 / (rl + ... + rm); the model asks for less than c. Infinite where a class has under l values."""
        if len(classes) == 0:
            return 0.0
        head, tail = self._head_and_tail(classes)
        return float(np.max(np.divide(head, tail, out=np.full(len(head), np.inf), where=tail > 0)))

    def sentence(self) -> str:
        return (
            f"In every class the commonest value of {self.column} is less than {self.c:g} times as frequent as those from "
            f"the {self.l}th on together."
        )

    def native(self) -> NativeRule:
        return NativeRule(4, self.c, float(self.l))
