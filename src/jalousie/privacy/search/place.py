"""What becomes of rows that the sweep did not release: the class where they cost least, a class of their own, or suppression."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jalousie.privacy.models.base import Cells, Classes, Model, satisfied
from jalousie.privacy.models.size import AverageRisk
from jalousie.privacy.search.labels import dense_classes, tightest_levels
from jalousie.privacy.search.problem import Problem
from jalousie.privacy.search.schemes import column_factors
from jalousie.privacy.search.sweep import Judge, large_classes
from jalousie.tables.types import Counts, Floats, Mask

HOSTS_TRIED = (16, 256, 4096)
"""Classes whose models are checked for one row, the cheapest first: so many at once, and more where none of them holds."""

MOST_PLACED = 3_000
"""Distinct rows placed one by one at most."""

MOST_COMPARED = 2_000_000_000
"""Cells compared in placing, at most: each row is held against every class in every column."""

MOST_CELLS = 4_000_000
"""Of the dense histograms of all classes."""


class Hosts:
    """The classes so far, and what a row more would cost in each.

    A class knows one member (`member`, a row) and the share of the domain that its label covers in each column; hierarchies are
    nested, so the label that covers a further row is the higher of the class's own and that of the member and the row.
    """

    def __init__(self, problem: Problem, judge: Judge, classes: Counts) -> None:
        self.problem = problem
        self.judge = judge
        self.factors = column_factors(problem)
        inside = np.flatnonzero(classes >= 0)
        count = int(classes.max(initial=-1)) + 1
        self.sizes = np.bincount(classes[inside], weights=problem.counts[inside], minlength=count).astype(np.int64)
        self.member = np.zeros(count, np.int64)
        self.member[classes[inside][::-1]] = inside[::-1]
        levels = tightest_levels(problem, classes)
        self.shares = np.empty((problem.dimensions, count))
        for d, axis in enumerate(problem.axes):
            table = np.array([axis.shares[level][axis.maps[level]] for level in range(axis.levels)])
            self.shares[d] = table[levels[:, d], problem.codes[d][self.member]]
        self.dense = _dense_cells(judge.classes(inside, classes[inside], self.sizes)) if not judge.trivial else {}

    @property
    def cost(self) -> Floats:
        """(C,) weighted cell shares of one record."""
        return weighted(self.factors, self.shares)

    def joined(self, row: int) -> Floats:
        """(D, C) share of the label that would cover the class and the row; infinite where no level allowed covers both."""
        out = np.empty_like(self.shares)
        for d, axis in enumerate(self.problem.axes):
            value = self.problem.codes[d][row]
            covering = np.full(axis.values, np.inf)
            for level in range(axis.high, axis.low - 1, -1):
                same = axis.maps[level] == axis.maps[level][value]
                covering[same] = axis.shares[level][axis.maps[level][value]]
            np.maximum(self.shares[d], covering[self.problem.codes[d][self.member]], out=out[d])
        return out

    def added(self, joined: Floats, records: int) -> Floats:
        """(C,) what the row would add to the table's weighted cell shares in each class."""
        open_ = np.isinf(joined).any(axis=0)
        after = np.where(open_, np.inf, weighted(self.factors, np.where(np.isinf(joined), 0.0, joined)))
        added: Floats = (self.sizes + records) * after - self.sizes * self.cost
        return added

    def accepting(self, hosts: Counts, row: int) -> Mask:
        """Which of these classes would satisfy the models with the row in them."""
        if self.judge.trivial:
            return np.ones(len(hosts), bool)
        one = _dense_cells(self.judge.classes(np.array([row]), np.zeros(1, np.int64), self.problem.counts[[row]]))
        sizes = self.sizes[hosts] + self.problem.counts[row]
        cells = {name: _sparse_cells(table[hosts] + one[name]) for name, table in self.dense.items()}
        return self.judge.satisfied(Classes(sizes, cells))

    def take(self, host: int, row: int, joined: Floats) -> None:
        """Put the row into the class."""
        self.sizes[host] += self.problem.counts[row]
        self.shares[:, host] = joined[:, host]
        if not self.judge.trivial:
            one = _dense_cells(self.judge.classes(np.array([row]), np.zeros(1, np.int64), self.problem.counts[[row]]))
            for name, table in self.dense.items():
                table[host] += one[name][0]


def weighted(factors: Floats, shares: Floats) -> Floats:
    """(C,) sum over the columns; not a matrix product, for which the linear algebra library would start threads."""
    total = np.zeros(shares.shape[1])
    for factor, column in zip(factors.tolist(), shares, strict=True):
        total += factor * column
    return total


def _dense_cells(classes: Classes) -> dict[str, Counts]:
    """(C, S) histograms by column."""
    tables = {}
    for name, cells in classes.cells.items():
        tables[name] = np.zeros((len(classes), cells.values), np.int64)
        tables[name][cells.group, cells.code] = cells.count
    return tables


def _sparse_cells(table: Counts) -> Cells:
    group, code = np.nonzero(table)
    return Cells(group.astype(np.int64), code.astype(np.int32), table[group, code], table.shape[1])


def place_rest(problem: Problem, judge: Judge, classes: Counts, limit: int) -> Counts:
    """(G,) classes after placing what can be placed; -1 where rows are to be suppressed.

    Rows go one by one to the class where they cost least if that costs less than suppressing them, or if the limit of suppressed
    records demands it. What is then still over the limit is pooled (`_pool`).
    """
    classes = classes.copy()
    rest = np.flatnonzero(classes < 0)
    left = int(problem.counts[rest].sum())
    count = int(classes.max(initial=-1)) + 1
    width = sum(len(problem.sensitive[name].values) for name in judge.columns)
    compared = len(rest) * count * problem.dimensions
    if count and 0 < len(rest) <= MOST_PLACED and compared <= MOST_COMPARED and count * width <= MOST_CELLS:
        hosts = Hosts(problem, judge, classes)
        for row in rest.tolist():
            host = _place(hosts, row, must=left > limit)
            if host >= 0:
                classes[row] = host
                left -= int(problem.counts[row])
    if left > limit:
        _pool(problem, judge, classes)
    return classes


def _place(hosts: Hosts, row: int, *, must: bool) -> int:
    """The class that took the row in, or -1."""
    records = int(hosts.problem.counts[row])
    joined = hosts.joined(row)
    added = hosts.added(joined, records)
    price = np.inf if must else records * hosts.factors.sum()
    near = np.argsort(added, kind="stable")
    near = near[added[near] < price]
    begin = 0
    for end in HOSTS_TRIED:
        tried = near[begin:end]
        good = np.flatnonzero(hosts.accepting(tried, row)) if len(tried) else tried
        if len(good):
            host = int(tried[good[0]])
            hosts.take(host, row, joined)
            return host
        begin = end
    return -1


def _holds(problem: Problem, judge: Judge, rows: Counts) -> bool:
    """Do these rows make a class that satisfies every model of classes?"""
    sizes = np.array([problem.counts[rows].sum()], np.int64)
    if sizes[0] < judge.minimum:
        return False
    return bool(judge.satisfied(judge.classes(rows, np.zeros(len(rows), np.int64), sizes))[0])


def _pool(problem: Problem, judge: Judge, classes: Counts) -> None:
    """Put what is left into one class per generalised row of the most general scheme allowed.

    Where such a class does not satisfy the models, it takes in released classes until it does.
    """
    top = np.array(problem.top)
    every, of_top, _ = large_classes(problem, np.arange(problem.groups), top, 1)
    for pool in np.unique(of_top[classes[every] < 0]).tolist():
        members = every[of_top == pool]
        taken = _enough(problem, judge, classes, members)
        if taken is not None:
            classes[taken] = int(classes.max(initial=-1)) + 1


def _enough(problem: Problem, judge: Judge, classes: Counts, members: Counts) -> Counts | None:
    """Rows that make a class with all that is left of `members`: the smallest found, or None where not even all do."""
    left = members[classes[members] < 0]
    if _holds(problem, judge, left):
        return left
    released = members[classes[members] >= 0]
    if len(released):
        numbers, place = np.unique(classes[released], return_inverse=True)
        rank = np.empty(len(numbers), np.int64)
        rank[_helpful_first(problem, judge, left, released, place.reshape(-1))] = np.arange(len(numbers))
        rank = rank[place.reshape(-1)]
        low, high = 0, 1
        while high < len(numbers) and not _holds(problem, judge, np.concatenate([left, released[rank < high]])):
            low, high = high, 2 * high
        if high < len(numbers):
            while high - low > 1:
                middle = (low + high) // 2
                if _holds(problem, judge, np.concatenate([left, released[rank < middle]])):
                    high = middle
                else:
                    low = middle
            return np.concatenate([left, released[rank < high]])
    return members if _holds(problem, judge, members) else None


def _helpful_first(problem: Problem, judge: Judge, left: Counts, released: Counts, place: Counts) -> Counts:
    """Order of the classes (`place` numbers them by row of `released`): most help for the detail that their records lose.

    Help is counted in records of sensitive values that the rest has too few of, against the whole table; where
    no model looks at sensitive values every record helps alike.
    """
    classes = np.full(problem.groups, -1, np.int64)
    classes[released] = place
    hosts = Hosts(problem, judge, classes)
    lost = hosts.sizes * (hosts.factors.sum() - hosts.cost) + 1e-9
    helped = np.zeros(len(lost)) if hosts.dense else hosts.sizes.astype(np.float64)
    for name, table in hosts.dense.items():
        rest = judge.classes(left, np.zeros(len(left), np.int64), np.array([problem.counts[left].sum()]))
        have = _dense_cells(rest)[name][0]
        h = problem.sensitive[name]
        all_ = np.bincount(h.code, weights=h.count, minlength=len(h.values))
        helped += table @ (all_ / all_.sum() - have / have.sum())
    return np.argsort(-helped / lost, kind="stable").astype(np.int64)


def least_sizes(minimum: int, models: Sequence[Model]) -> list[int]:
    """Least class sizes to try, in order: an average risk is reached by larger classes, for certain by those of 1 / risk."""
    risks = [m.risk for m in models if isinstance(m, AverageRisk)]
    if not risks:
        return [minimum]
    largest = max(minimum, math.ceil(1 / min(risks) - 1e-9))
    return sorted({int(x) for x in np.ceil(np.linspace(minimum, largest, 5))})


def settle(problem: Problem, judge: Judge, models: Sequence[Model], classes: Counts) -> Counts:
    """Classes that satisfy every model by a fresh count; those that do not are given up (-1)."""
    while (classes >= 0).any():
        inside = np.flatnonzero(classes >= 0)
        sizes = np.bincount(classes[inside], weights=problem.counts[inside]).astype(np.int64)
        good = satisfied(models, judge.classes(inside, classes[inside], sizes))
        if good.all():
            break
        classes = dense_classes(np.where((classes >= 0) & good[np.maximum(classes, 0)], classes, -1))
    return classes
