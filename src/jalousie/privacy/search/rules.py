"""Models that the sweep checks by itself, and how it trims a class that does not satisfy them until its rest does.

A class that is too one-sided can often be released in part: rows with the value that it has too much of stay behind for a more
general class. `trim` finds such a part. It works in turns: on the class's histogram it gives up records of the value with
the largest surplus until the models hold, which leaves a quota for each value; then it takes the rows, in their order, that fit
into the quotas. A row is never split, so the result may still fail; the next turn starts from what was taken.

This is the reference of the same functions in rules.c; both do the same arithmetic in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from jalousie.privacy.models.base import Model
from jalousie.privacy.models.closeness import TCloseness
from jalousie.privacy.models.diversity import TOLERANCE, DistinctLDiversity, EntropyLDiversity, RecursiveCLDiversity
from jalousie.privacy.models.size import KAnonymity
from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Codes, Counts, Floats

DISTINCT, ENTROPY, RECURSIVE, CLOSENESS = 1, 2, 4, 5
TRIM_TURNS = 12
BISECTIONS = 24
MOST_VALUES = 1024
"""Sensitive values up to which a class has a full histogram in the sweep."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Rules (operation, number, second number) on one sensitive column of S values, and its cells by distinct row.

    view (V, S) int32 and shares (V, S): the views of t-closeness and the table's shares in them
    first (G + 1,), code, records: the cells of distinct row g are first[g]:first[g + 1]
    """

    rules: tuple[tuple[int, float, float], ...]
    view: Codes
    shares: Floats
    first: Counts
    code: Codes
    records: Counts

    @property
    def values(self) -> int:
        return int(self.view.shape[1])

    def part(self, rows: Counts) -> Rules:
        """The same rules for some of the distinct rows, renumbered in the order given."""
        length = self.first[rows + 1] - self.first[rows]
        first = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        at = np.repeat(self.first[rows] - first[:-1], length) + np.arange(int(first[-1]))
        return replace(self, first=first, code=self.code[at], records=self.records[at])


def rules_of(problem: Problem, models: Sequence[Model]) -> Rules | None:
    """The rules of these models of classes, None where one of them is not known here or they are on several columns."""
    columns = {m.column for m in models if m.column}
    rules = []
    views: tuple[Codes, ...] = ()
    table: Floats | None = None
    for model in models:
        if isinstance(model, DistinctLDiversity):
            rules.append((DISTINCT, float(model.l), 0.0))
        elif isinstance(model, EntropyLDiversity) and model.estimator == "shannon":
            rules.append((ENTROPY, float(model.l), 0.0))
        elif isinstance(model, RecursiveCLDiversity):
            rules.append((RECURSIVE, float(model.c), float(model.l)))
        elif isinstance(model, TCloseness) and model.distance != "ordered" and not views:
            rules.append((CLOSENESS, model.t, 0.0))
            views, table = model.views, model.shares
        elif not isinstance(model, KAnonymity):
            return None
    if len(columns) != 1 or len(rules) > 8:
        return None
    histogram = problem.sensitive[columns.pop()]
    values = len(histogram.values)
    if values > MOST_VALUES:
        return None
    if table is None:
        views, table = (np.arange(values, dtype=np.int32),), np.zeros(values)
    return Rules(
        rules=tuple(rules),
        view=np.ascontiguousarray(np.stack(views), np.int32),
        shares=np.stack([np.bincount(view, weights=table, minlength=values) for view in views]),
        first=np.searchsorted(histogram.group, np.arange(problem.groups + 1)).astype(np.int64),
        code=np.ascontiguousarray(histogram.code, np.int32),
        records=np.ascontiguousarray(histogram.count, np.int64),
    )


def histogram_of(rules: Rules, rows: Sequence[int]) -> list[int]:
    """Records by sensitive value."""
    have = [0] * rules.values
    for row in rows:
        for cell in range(int(rules.first[row]), int(rules.first[row + 1])):
            have[int(rules.code[cell])] += int(rules.records[cell])
    return have


def _masses(rules: Rules, have: list[int], v: int) -> list[float]:
    masses = [0.0] * rules.values
    for s, w in enumerate(rules.view[v].tolist()):
        masses[w] += have[s]
    return masses


def distance(rules: Rules, have: list[int], size: int) -> float:
    """Mean over the views of the total variation from the table."""
    total = 0.0
    for v in range(len(rules.view)):
        for mass, share in zip(_masses(rules, have, v), rules.shares[v].tolist(), strict=True):
            total += abs(mass / size - share)
    return 0.5 * total / len(rules.view)


def holds(rules: Rules, have: list[int], size: int) -> bool:
    """Does a class with this histogram satisfy every rule?"""
    for operation, number, second in rules.rules:
        if operation == DISTINCT:
            if sum(n > 0 for n in have) < number:
                return False
        elif operation == ENTROPY:
            total = 0.0
            for n in have:
                if n > 0:
                    total += n * math.log(n)
            if math.log(size) - total / size < math.log(number) - TOLERANCE:
                return False
        elif operation == RECURSIVE:
            falling = sorted(have, reverse=True)
            if not falling[0] < number * sum(falling[int(second) - 1 :]):
                return False
        elif distance(rules, have, size) > number + TOLERANCE:
            return False
    return True


def reachable(rules: Rules, have: list[int], size: int) -> int:
    """The most records that parts of the class can have: 0 where it has too few values for l-diversity, fewer under t-closeness.

    A part of n records within total variation t of shares p has min(q, p) summing to at least 1 - t, and its counts are at most
    the class's: so the sum of min(count / n, p) must be at least 1 - t, which falls with n. Parts that each
    satisfy it satisfy it together, so the bound holds for everything that any less general scheme releases of the class.
    """
    distinct = sum(n > 0 for n in have)
    for operation, number, second in rules.rules:
        needed = second if operation == RECURSIVE else 1.0 if operation == CLOSENESS else number
        if distinct < needed - 1e-9:
            return 0
    levels = [number for operation, number, _ in rules.rules if operation == CLOSENESS]
    if not levels:
        return size
    t = levels[-1]
    low, high = 0.0, float(size)
    for turn in range(BISECTIONS):
        n = 0.5 * (low + high) if turn else high
        total = 0.0
        for v in range(len(rules.view)):
            for mass, share in zip(_masses(rules, have, v), rules.shares[v].tolist(), strict=True):
                total += min(mass / n, share)
        if total / len(rules.view) >= 1 - t - 1e-9:
            low = n
        else:
            high = n
        if high - low < 0.5:
            break
    return int(high)


def surplus(rules: Rules, have: list[int], size: int) -> tuple[int, float]:
    """The value that the class has too much of, and by how many records.

    Under t-closeness the one furthest over the table's shares in the mean over the views, else the commonest.
    """
    closeness = any(operation == CLOSENESS for operation, _, _ in rules.rules)
    excess = [0.0 if closeness else n / size for n in have]
    if closeness:
        for v in range(len(rules.view)):
            masses, shares = _masses(rules, have, v), rules.shares[v].tolist()
            for s, w in enumerate(rules.view[v].tolist()):
                excess[s] += (masses[w] / size - shares[w]) / len(rules.view)
    worst, most = 0, -1e300
    for s, n in enumerate(have):
        if n > 0 and excess[s] > most:
            most, worst = excess[s], s
    return worst, most * size


def trim(rules: Rules, rows: list[int], counts: Sequence[int], minimum: int) -> list[int]:
    """The rows of a class that may be released together, empty where none of at least `minimum` records were found.

    `rows` of the class, which does not hold; `counts` records by row of the table.
    """
    have = histogram_of(rules, rows)
    size = sum(counts[row] for row in rows)
    for _ in range(TRIM_TURNS):
        quota, left = _quotas(rules, have, size, minimum)
        if left < minimum:
            return []
        have = [0] * rules.values
        size = 0
        taken = []
        for row in rows:
            cells = range(int(rules.first[row]), int(rules.first[row + 1]))
            if all(have[rules.code[c]] + int(rules.records[c]) <= quota[rules.code[c]] for c in cells):
                for c in cells:
                    have[rules.code[c]] += int(rules.records[c])
                size += counts[row]
                taken.append(row)
        if size < minimum:
            return []
        rows = taken
        if holds(rules, have, size):
            return rows
    return []


def _quotas(rules: Rules, have: list[int], size: int, minimum: int) -> tuple[list[int], int]:
    """Records of each value that may stay, and their sum: an eighth of the largest surplus is given up at a time."""
    quota = list(have)
    left = size
    while left >= minimum and (left == size or not holds(rules, quota, left)):
        value, over = surplus(rules, quota, left)
        less = min(max(1, int(0.125 * over)), quota[value])
        quota[value] -= less
        left -= less
    return quota, left
