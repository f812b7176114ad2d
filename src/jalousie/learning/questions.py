"""What to ask: partitions that are expected to leave least in doubt. Labels have no part in it but those at hand.

What is in doubt is the posterior of the effects, N(theta, C), by the prior and the labels at hand. The expected log-loss falls
with the doubt about the records' logits, sum w var(x' theta), w = p (1 - p): V-optimality, the linear criterion of Bayesian
design (Chaloner & Verdinelli 1995, section 2.2). Its leading components are functions of the records; a tree groups
records that are alike in them (`split_tree`). Then C is what it would be after the tree's answer, whatever that will be, and
the next tree is grown on what is left.

K trees asked together have K times the noise variance of one (for Gaussian noise), and are grown for that noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jalousie.learning.additive import Fit, Part, Rows, one_hot, sigmoid, weighted_gram
from jalousie.learning.split_tree import Grower, Split, groups_of
from jalousie.tables.types import Codes, Floats

_ROWS = 30_000  # records that trees are grown from
_COMPONENTS = 32
_LEAST_NOISE = 1e-6  # of an average group's variance: partitions depend on each other, see `joint`
_LEAST_WEIGHT, _MOST_WEIGHT = 0.01, 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a question: trees, records in a group at least, groups in all."""

    trees: int
    least: int
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A partition of all records by their bins."""

    nodes: list[Split]

    @property
    def count(self) -> int:
        return sum(node.group >= 0 for node in self.nodes)

    def codes(self, codes: Codes) -> Codes:
        """(n,) group of each record, from its bins (n, columns)."""
        return groups_of(self.nodes, codes)


def grow_trees(codes: Codes, ordered: Sequence[int], belief: Belief, noise: float, limits: Limits) -> list[Tree]:
    """At most `limits.trees` trees, no two of which group the records alike.

    codes   (n, columns) bins
    noise   variance of a cell if one partition were asked about
    """
    step = belief.step
    grower = Grower(codes[::step], tuple(count > 0 for count in ordered))
    cell = noise * limits.trees / step
    least, most = -(-limits.least // step), max(1, limits.groups // limits.trees)
    trees: list[Tree] = []
    asked: list[Codes] = []
    covariance = belief.covariance
    for _ in range(limits.trees):
        found = Tree(grower.grow(belief.weights, belief.functions(covariance), noise=cell, least=least, most=most))
        groups = found.codes(codes)
        if np.bincount(groups, minlength=found.count).min() < limits.least:  # grown from a sample: too small in all
            break
        if any(same_groups(groups, other) for other in asked):
            break
        trees.append(found)
        asked.append(groups)
        covariance = belief.after(asked, cell)
    return trees


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What is known of one class's effects, on every `step`-th record of the population."""

    matrix: Any
    weights: Floats
    covariance: Floats
    gram: Floats
    step: int

    @classmethod
    def of(cls, rows: Rows, fit: Fit) -> Belief:
        step = -(-rows.size // _ROWS)
        matrix = rows.matrix[::step].tocsr()
        variance = np.asarray(matrix.multiply(matrix @ fit.covariance).sum(axis=1)).ravel()
        p = sigmoid((matrix @ fit.theta + rows.offset[::step]) / np.sqrt(1 + np.pi / 8 * variance))
        weights = np.clip(p * (1 - p), _LEAST_WEIGHT, _MOST_WEIGHT)
        return cls(matrix, weights, fit.covariance, weighted_gram(matrix, weights, matrix), step)

    def functions(self, covariance: Floats) -> Floats:
        """(n, k) leading components of the doubt about the records' logits."""
        from scipy.linalg import eigh

        size = len(covariance)
        root = np.linalg.cholesky(covariance + 1e-9 * np.eye(size))
        first = max(0, size - _COMPONENTS)
        _, directions = eigh(root.T @ self.gram @ root, subset_by_index=[first, size - 1])
        return np.asarray(self.matrix @ (root @ directions))

    def after(self, asked: Sequence[Codes], noise: float) -> Floats:
        """(d, d) covariance once these partitions (each (n,) groups) are answered; `noise` as on the records here."""
        groups = np.stack([part[:: self.step] for part in asked], axis=1)
        parts = tuple(Part(int(part.max()) + 1) for part in asked)
        matrix = one_hot(groups, parts).matrix[:, :-1].tocsr()
        effect = weighted_gram(matrix, self.weights, self.matrix)
        scatter = weighted_gram(matrix, self.weights, matrix)
        scatter[np.diag_indices_from(scatter)] += max(noise, _LEAST_NOISE * float(scatter.diagonal().mean()))
        told = effect @ self.covariance
        left = self.covariance - told.T @ np.linalg.solve(scatter + told @ effect.T, told)
        return np.asarray((left + left.T) / 2)

    def doubt(self, covariance: Floats) -> float:
        """Weighted variance of the records' logits, summed."""
        return float(np.sum(self.gram * covariance))


def expected_doubt(belief: Belief, asked: Sequence[Codes], noise: float) -> float:
    """What asking about these partitions together would leave; `noise` as of one partition."""
    return belief.doubt(belief.after(asked, noise * len(asked) / belief.step))


def same_groups(one: Codes, other: Codes) -> bool:
    """Whether two partitions differ in the numbering of groups at most: the validator would answer once."""
    count = int(one.max()) + 1
    if count != int(other.max()) + 1:
        return False
    pairs = one.astype(np.int64) * count + other
    return len(np.unique(pairs)) == count
