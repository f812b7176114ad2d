"""What a feedback model looks at and what it asks about: bins of columns, of a baseline's score, and combinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jalousie.learning.additive import Fit, Part, Rows, one_hot
from jalousie.learning.bins import TableBins, confidence_bins, partition_of
from jalousie.learning.joint import NARROW, Design, Joint, best_partitions, combine, model_parts
from jalousie.learning.pools import Pools, pool
from jalousie.learning.questions import Belief, Limits, Tree, expected_doubt, grow_trees
from jalousie.tables.types import Codes, Floats
from jalousie.validator.types import Partition

Score = Callable[[Any], Floats]
_MOST_GROUPS = 400  # of a combination
FINEST = 5  # records in a bin of the model, where rare values are pooled


@dataclass(slots=True, eq=False)
class Plan:
    """Learnt from the population's columns alone.

    bins, least
        about how many bins of a column, and records in a group at least
    score
        a baseline's score of rows: its bins are one more column
    """

    bins: int
    least: int
    score: Score | None = None
    table: TableBins = field(init=False)
    edges: Floats = field(init=False)
    columns: list[int] = field(init=False)
    counts: tuple[int, ...] = field(init=False)
    ordered: tuple[int, ...] = field(init=False)
    joints: list[Joint] = field(init=False)
    parts: tuple[Part, ...] = field(init=False)
    trees: list[Tree] = field(init=False, default_factory=list)
    """Where there are some they are asked about, and `joints` are not."""
    coarse: Plan | None = field(init=False, default=None)
    """Where there is one, its partitions are asked about and `pools`; the bins here are the model's alone."""
    pools: list[Pools] = field(init=False, default_factory=list)

    def fit(self, X: Any, *, noise: float | None) -> Plan:
        """Cut columns into bins; with `noise` (variance of a cell if one partition were asked about) combine some."""
        self.table = TableBins(self.bins, self.least).fit(X)
        self.edges = np.empty(0) if self.score is None else confidence_bins(self.score(X), self.bins, self.least)
        self.columns = [at for at, column in enumerate(self.table.columns) if column.count > 1]
        counts = [self.table.columns[at].count for at in self.columns]
        ordered = [self.table.columns[at].ordered for at in self.columns]
        if len(self.edges):
            counts.append(len(self.edges) + 1)
            ordered.append(len(self.edges) + 1)
        if not counts:  # nothing to tell records by: one group of all
            counts, ordered = [1], [0]
        self.counts, self.ordered = tuple(counts), tuple(ordered)
        codes = self.codes(X)
        if noise is None:
            self.joints = [combine(codes, [at], self.counts, self.least) for at in range(len(self.counts))]
        else:
            design = Design(codes, self.counts, self.ordered, noise, self.least)
            self.joints = best_partitions(design, _MOST_GROUPS)
        self.parts = model_parts(self.counts, self.ordered, self.joints)
        return self

    def codes(self, X: Any) -> Codes:
        """(n, columns) bin of each column."""
        codes = [self.table.codes(X)[:, self.columns]]
        if self.score is not None and len(self.edges):
            codes.append(np.searchsorted(self.edges, self.score(X)).astype(np.int32)[:, None])
        if not self.columns and not len(self.edges):
            codes.append(np.zeros((len(X), 1), np.int32))
        return np.concatenate(codes, axis=1)

    def rows(self, X: Any, offset: Floats | None = None) -> Rows:
        """Rows of the model."""
        own = self.codes(X)
        further = (self.coarse or self).combinations(X)
        further += [tree.codes(own)[:, None] for tree in self.trees]
        return one_hot(np.concatenate([own, *further], axis=1), self.parts, offset)

    def combinations(self, X: Any) -> list[Codes]:
        """(n, 1) groups of each combination of columns."""
        own = self.codes(X)
        return [joint.codes(own)[:, None] for joint in self.joints if len(joint.columns) > 1]

    def partitions(self, X: Any) -> list[Partition]:
        """What to ask about."""
        own = self.codes(X)
        if self.coarse is not None:
            return self.coarse.partitions(X) + [partition_of(part.codes(own), part.count) for part in self.pools]
        if self.trees:
            return [partition_of(tree.codes(own), tree.count) for tree in self.trees]
        return [partition_of(joint.codes(own), joint.count) for joint in self.joints]

    def refine(self, X: Any, bins: int, ways: int) -> Plan | None:
        """A plan that asks about the same and, in `ways` partitions more, about rare values; None where none are rare.

        Its model has about `bins` bins of a column, of at least FINEST records.
        """
        finer = Plan(bins, min(FINEST, self.least), self.score).fit(X, noise=None)
        finer.pools = pool(finer.codes(X), finer.counts, self.least, ways)
        if not finer.pools:
            return None
        finer.coarse = self
        finer.parts = (
            *finer.parts,
            *(Part(joint.count, width=NARROW) for joint in self.joints if len(joint.columns) > 1),
        )
        return finer

    def grow(self, X: Any, rows: Rows, fit: Fit, noise: float, limits: Limits, instead: list[Partition]) -> bool:
        """Ask about trees, where less doubt is expected after them than after asking about `instead`; tells whether.

        rows, fit   of this plan, without trees: what is known before anything is asked
        noise       variance of a cell if one partition were asked about
        """
        codes, belief = self.codes(X), Belief.of(rows, fit)
        trees = grow_trees(codes, self.ordered, belief, noise, limits)
        if not trees:
            return False
        left = expected_doubt(belief, [tree.codes(codes) for tree in trees], noise)
        if left >= expected_doubt(belief, [partition.groups for partition in instead], noise):
            return False
        self.trees = trees
        self.parts = (*self.parts, *(Part(tree.count, width=NARROW) for tree in trees))
        return True


def asked_matrix(partitions: list[Partition]) -> Any:
    """(n, m) sparse: which groups a record is in."""
    codes = np.stack([partition.groups for partition in partitions], axis=1)
    return one_hot(codes, tuple(Part(partition.count) for partition in partitions)).matrix[:, :-1].tocsr()
