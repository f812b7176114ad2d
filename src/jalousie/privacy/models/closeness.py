"""t-closeness (Li, Li & Venkatasubramanian 2007): a class may not tell much more about a value than the whole table does."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from jalousie.privacy.models.base import Cells, Classes, Model, NativeRule, group_sums, worst
from jalousie.privacy.models.diversity import TOLERANCE
from jalousie.tables.types import Codes, Floats, Mask

DENSE_CELLS = 4_000_000
"""Ordered distances need dense rows; this many at a time."""


class TCloseness(Model):
    """The earth mover's distance of every class's sensitive values from the whole table's is at most t.

    All three distances are a weighted sum of total variations, one per *view* of the values:
    equal        the values themselves, ground distance 1 between any two
    hierarchical one view per level of the value's hierarchy under the top: ground distance = height of the lowest common
                 ancestor / height of the tree (their section 4.2), which is a tree metric with equal edges
    ordered      ground distance |i - j| / (m - 1): cumulative differences (their section 4.1)

    Not monotone under suppression. What stays: a value that is absent from a class is absent from its parts, and its share
    in the table must travel at least to the nearest value present; where that alone costs more than t, no part can satisfy.
    """

    name = "t-closeness"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    monotone = False

    def __init__(
        self,
        column: str,
        t: float,
        shares: Floats,
        distance: Literal["equal", "ordered", "hierarchical"] = "equal",
        views: tuple[Codes, ...] = (),
    ) -> None:
        """`shares` (m,): the table's distribution by value code.

        `views`, each (m,): for `hierarchical` the generalised value's code per level under the top, level 0 first; for `ordered`
        one view, the value's rank; for `equal` none.
        """
        self.column = column
        self.t = t
        self.shares = shares
        self.distance = distance
        self.views = views or (np.arange(len(shares), dtype=np.int32),)

    @property
    def required(self) -> float:
        return self.t

    def distances(self, classes: Classes) -> Floats:
        """(C,) distance of each class from the table."""
        cells = classes.cells[self.column]
        if self.distance == "ordered":
            return self._ordered(cells, classes)
        total = np.zeros(len(classes))
        for view in self.views:
            total += self._variation(cells, classes, view)
        return total / len(self.views)

    def _variation(self, cells: Cells, classes: Classes, view: Codes) -> Floats:
        """(C,) total variation after mapping values through a view: half of (present |q - p| + absent p)."""
        width = int(view.max(initial=0)) + 1
        table = np.bincount(view, weights=self.shares, minlength=width)
        merged = merge_cells(cells, view, width)
        q = merged.count / classes.sizes[merged.group]
        p = table[merged.code]
        return 0.5 * (1.0 + group_sums(merged, np.abs(q - p) - p, len(classes)))

    def _ordered(self, cells: Cells, classes: Classes) -> Floats:
        width = len(self.shares)
        result = np.zeros(len(classes))
        if width < 2:
            return result
        rank = self.views[0]
        table = np.bincount(rank, weights=self.shares, minlength=width)
        block = max(1, DENSE_CELLS // width)
        bounds = np.searchsorted(cells.group, np.arange(0, len(classes) + block, block))
        for i, start in enumerate(range(0, len(classes), block)):
            stop = min(start + block, len(classes))
            dense = np.zeros((stop - start, width))
            part = slice(bounds[i], bounds[i + 1])
            dense[cells.group[part] - start, rank[cells.code[part]]] = cells.count[part]
            dense /= classes.sizes[start:stop, None]
            result[start:stop] = np.abs(np.cumsum(dense - table, axis=1)).sum(axis=1) / (width - 1)
        return result

    def satisfied(self, classes: Classes) -> Mask:
        return np.asarray(self.distances(classes) <= self.t + TOLERANCE)

    def possible(self, classes: Classes) -> Mask:
        if self.distance == "ordered":
            return np.ones(len(classes), bool)
        cells = classes.cells[self.column]
        absent = np.zeros(len(classes))
        for view in self.views:  # in each view at least the absent values' shares must move
            width = int(view.max(initial=0)) + 1
            table = np.bincount(view, weights=self.shares, minlength=width)
            merged = merge_cells(cells, view, width)
            absent += 1.0 - group_sums(merged, table[merged.code], len(classes))
        return np.asarray(absent / len(self.views) <= self.t + TOLERANCE)

    def reached(self, classes: Classes) -> float:
        return worst(self.distances(classes), "lower", empty=0.0)

    def native(self) -> NativeRule:
        return NativeRule(5, self.t, 0.0, self.distance == "ordered", self.shares, self.views)

    def sentence(self) -> str:
        return f"The values of {self.column} in every class are within {self.distance} distance {self.t:g} of the whole table's."


def merge_cells(cells: Cells, view: Codes, width: int) -> Cells:
    """Cells after mapping their codes through `view`."""
    if width == len(view) and np.array_equal(view, np.arange(width)):
        return cells
    key = cells.group * width + view[cells.code]
    kept, inverse = np.unique(key, return_inverse=True)
    count = np.bincount(inverse.reshape(-1), weights=cells.count, minlength=len(kept)).astype(np.int64)
    return Cells(kept // width, (kept % width).astype(np.int32), count, width)
