"""What becomes of rows that the sweep did not release: the class where they cost least, a class of their own, or suppression."""

from __future__ import annotations

import numpy as np

from jalousie.privacy.search.labels import tightest_levels
from jalousie.privacy.search.problem import Problem
from jalousie.privacy.search.schemes import column_factors
from jalousie.privacy.search.sweep import Judge, large_classes
from jalousie.tables.types import Counts, Floats

HOSTS_TRIED = 12
"""Classes whose models are checked for one row, cheapest first."""

MOST_PLACED = 2_000
"""Distinct rows placed one by one; each costs a pass over all classes."""


class Hosts:
    """The classes so far, and what a row more would cost in each.

    A class knows one member (`member`, a row) and the share of the domain that its label covers in each column; hierarchies are
    nested, so the label that covers a further row is the higher of the class's own and that of the member and the row.
    """

    def __init__(self, problem: Problem, classes: Counts) -> None:
        self.problem = problem
        self.factors = column_factors(problem)
        inside = np.flatnonzero(classes >= 0)
        count = int(classes.max(initial=-1)) + 1
        self.sizes = np.bincount(classes[inside], weights=problem.counts[inside], minlength=count)
        self.member = np.zeros(count, np.int64)
        self.member[classes[inside][::-1]] = inside[::-1]
        levels = tightest_levels(problem, classes)
        self.shares = np.stack(
            [
                np.array([axis.shares[level][axis.maps[level]] for level in range(axis.levels)])[
                    levels[:, d], problem.codes[d][self.member]
                ]
                for d, axis in enumerate(problem.axes)
            ]
        )

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

    def costs(self, joined: Floats, records: int) -> Floats:
        """(C,) loss added to the whole table (weighted cell shares, unscaled)."""
        after = np.where(np.isinf(joined).any(axis=0), np.inf, self.factors @ np.where(np.isinf(joined), 0.0, joined))
        cost: Floats = (self.sizes + records) * after - self.sizes * (self.factors @ self.shares)
        return cost


def place_rest(problem: Problem, judge: Judge, classes: Counts, limit: int) -> Counts:
    """(G,) classes after placing what can be placed; -1 where rows are to be suppressed.

    Rows go one by one to the class where they cost least if that costs less than suppressing them, or if the limit of suppressed
    records demands it. What is then still over the limit is pooled (`_pool`).
    """
    classes = classes.copy()
    rest = np.flatnonzero(classes < 0)
    left = int(problem.counts[rest].sum())
    if (classes >= 0).any() and 0 < len(rest) <= MOST_PLACED:
        hosts = Hosts(problem, classes)
        for row in rest.tolist():
            if _place(problem, judge, hosts, classes, row, must=left > limit):
                left -= int(problem.counts[row])
    if left > limit:
        _pool(problem, judge, classes)
    return classes


def _place(problem: Problem, judge: Judge, hosts: Hosts, classes: Counts, row: int, *, must: bool) -> bool:
    records = int(problem.counts[row])
    joined = hosts.joined(row)
    costs = hosts.costs(joined, records)
    price = np.inf if must else records * hosts.factors.sum()
    near = np.argsort(costs, kind="stable")[:HOSTS_TRIED]
    for host in near[costs[near] < price].tolist():
        if judge.trivial or _holds(problem, judge, np.append(np.flatnonzero(classes == host), row)):
            classes[row] = host
            hosts.sizes[host] += records
            hosts.shares[:, host] = joined[:, host]
            return True
    return False


def _holds(problem: Problem, judge: Judge, rows: Counts) -> bool:
    """Do these rows make a class that satisfies every model of classes?"""
    sizes = np.array([problem.counts[rows].sum()], np.int64)
    return bool(
        sizes[0] >= judge.minimum and judge.satisfied(judge.classes(rows, np.zeros(len(rows), np.int64), sizes))[0]
    )


def _pool(problem: Problem, judge: Judge, classes: Counts) -> None:
    """Put what is left into one class per generalised row of the most general scheme allowed.

    Where such a class does not satisfy the models, it takes in released classes, the most general ones first (they lose
    least), until it does.
    """
    top = np.array(problem.top)
    every, of_top, _ = large_classes(problem, np.arange(problem.groups), top, 1)
    for pool in np.unique(of_top[classes[every] < 0]).tolist():
        members = every[of_top == pool]
        left = members[classes[members] < 0]
        number = int(classes.max(initial=-1)) + 1
        taken = _enough(problem, judge, classes, left, members)
        if taken is not None:
            classes[taken] = number


def _enough(problem: Problem, judge: Judge, classes: Counts, left: Counts, members: Counts) -> Counts | None:
    """The rows of the smallest class tried that holds `left` and satisfies the models; None where not even all members do."""
    if _holds(problem, judge, left):
        return left
    released = np.setdiff1d(members, left, assume_unique=True)
    if len(released):
        numbers, place = np.unique(classes[released], return_inverse=True)
        order = _most_general_first(problem, classes, numbers)
        rank = np.empty(len(numbers), np.int64)
        rank[order] = np.arange(len(numbers))
        rank = rank[place.reshape(-1)]
        count = 1
        while count < len(numbers):
            rows = np.concatenate([left, released[rank < count]])
            if _holds(problem, judge, rows):
                return rows
            count *= 2
    return members if _holds(problem, judge, members) else None


def _most_general_first(problem: Problem, classes: Counts, numbers: Counts) -> Counts:
    """Places in `numbers` (classes) by falling loss of their cells."""
    number = np.full(int(classes.max()) + 2, -1, np.int64)
    number[numbers] = np.arange(len(numbers))
    renumbered = np.where(classes >= 0, number[classes], -1)
    hosts = Hosts(problem, renumbered)
    return np.argsort(-(hosts.factors @ hosts.shares), kind="stable").astype(np.int64)
