"""Partitions grown as trees: groups of records that are alike in what is in doubt, and as large as the noise needs.

A tree splits groups by bins of columns. What is in doubt is a set of functions of the records (`questions`); a group of
weight W (the variance of its labels) and noise L tells of a function f

    (sum of w f over the group)^2 / (W + L)

which is the gain of boosted trees (Chen & Guestrin 2016, equation 7) with the noise in place of their ridge: where noise is
large, small groups do not pay, and splitting ends by itself. No label is looked at.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jalousie.tables.types import Codes, Floats

_Split = tuple[float, int, "np.ndarray[Any, np.dtype[np.bool_]]"]


@dataclass(slots=True, eq=False)
class Split:
    """A node: which bins (by code + 1) of a column go left, or a group's number."""

    column: int = -1
    left: Any = None
    children: tuple[int, int] = (-1, -1)
    group: int = -1


@dataclass(eq=False)
class Grower:
    """Grows trees over the same records: (n, columns) codes, -1 for none; `ordered` columns are split between neighbours."""

    codes: Codes
    ordered: tuple[bool, ...]
    _matrix: Any = field(init=False)
    _bins: int = field(init=False)

    def __post_init__(self) -> None:
        from scipy.sparse import csr_matrix

        size, columns = self.codes.shape
        self._bins = int(self.codes.max()) + 2
        places = (self.codes + 1 + np.arange(columns) * self._bins).astype(np.int32).ravel()
        ends = np.arange(0, size * columns + 1, columns)
        self._matrix = csr_matrix((np.ones(places.size), places, ends), shape=(size, columns * self._bins))

    def grow(self, weights: Floats, functions: Floats, *, noise: float, least: int, most: int) -> list[Split]:
        """At most `most` groups of at least `least` records, the most telling split first.

        weights (n,), functions (n, k): what is in doubt; noise: variance of a group's count.
        """
        facts = np.column_stack([np.ones(len(weights)), weights, weights[:, None] * functions])
        nodes: list[Split] = []
        members: dict[int, Any] = {}
        waiting: list[tuple[float, int, _Split, Floats]] = []

        def add(rows: Any, sums: Floats) -> int:
            nodes.append(Split())
            members[len(nodes) - 1] = rows
            split = best_split(sums, self.ordered, noise, least) if len(rows) >= 2 * least else None
            if split is not None:
                heapq.heappush(waiting, (-split[0], len(nodes) - 1, split, sums))
            return len(nodes) - 1

        add(np.arange(len(facts)), self._sums(facts, slice(None)))
        while waiting and len(members) < most:
            _, at, (_, column, left), sums = heapq.heappop(waiting)
            rows = members.pop(at)
            goes = left[self.codes[rows, column] + 1]
            sides = [rows[goes], rows[~goes]]
            small = int(len(sides[1]) < len(sides[0]))
            found = [sums, sums]
            found[small] = self._sums(facts, sides[small])
            found[1 - small] = sums - found[small]
            nodes[at].column, nodes[at].left = column, left
            nodes[at].children = (add(sides[0], found[0]), add(sides[1], found[1]))
        for group, at in enumerate(sorted(members)):
            nodes[at].group = group
        return nodes

    def _sums(self, facts: Floats, rows: Any) -> Floats:
        """(columns, bins, facts) sums by bin."""
        found = np.asarray(self._matrix[rows].T @ facts[rows])
        return found.reshape(self.codes.shape[1], self._bins, facts.shape[1])


def best_split(sums: Floats, ordered: tuple[bool, ...], noise: float, least: int) -> _Split | None:
    """(gain, column, which bins go left); None where no split leaves `least` records on both sides and tells more.

    sums (columns, bins, 2 + k): records, weight and weighted functions by bin. Bins of a column without order are put in the
    order of the function direction in which they differ most.
    """
    order = np.tile(np.arange(sums.shape[1]), (len(sums), 1))
    for column in np.flatnonzero(~np.array(ordered)):
        order[column] = _by_difference(sums[column])
    left = np.cumsum(np.take_along_axis(sums, order[:, :, None], axis=1), axis=1)
    whole = sums[0].sum(axis=0)
    right = whole - left
    gain = _told(left, noise) + _told(right, noise) - _told(whole, noise)
    gain[(left[:, :, 0] < least) | (right[:, :, 0] < least)] = -np.inf
    column, cut = divmod(int(np.argmax(gain)), gain.shape[1])
    if not gain[column, cut] > 0:
        return None
    goes = np.zeros(sums.shape[1], bool)
    goes[order[column, : cut + 1]] = True
    return float(gain[column, cut]), column, goes


def _told(sums: Floats, noise: float) -> Floats:
    return np.asarray(np.square(sums[..., 2:]).sum(axis=-1) / (sums[..., 1] + noise))


def _by_difference(sums: Floats) -> Any:
    """Bins in the order of their means along the leading direction (two steps of the power method)."""
    weights = np.maximum(sums[:, 1], 0)
    centred = sums[:, 2:] / np.maximum(weights, 1e-9)[:, None]
    centred = centred - weights @ centred / max(float(weights.sum()), 1e-9)
    direction = centred[int(np.argmax(np.square(centred).sum(axis=1) * weights))]
    for _ in range(2):
        direction = centred.T @ (weights * (centred @ direction))
        direction = direction / max(float(np.linalg.norm(direction)), 1e-300)
    return np.argsort(centred @ direction, kind="stable")


def groups_of(nodes: list[Split], codes: Codes) -> Codes:
    """(n,) group of each record."""
    found = np.empty(len(codes), np.int32)
    waiting = [(0, np.arange(len(codes)))]
    while waiting:
        at, rows = waiting.pop()
        node = nodes[at]
        if node.group >= 0:
            found[rows] = node.group
            continue
        goes = node.left[codes[rows, node.column] + 1]
        waiting += [(node.children[0], rows[goes]), (node.children[1], rows[~goes])]
    return found
