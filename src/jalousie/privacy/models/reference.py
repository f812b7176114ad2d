"""Each privacy model once more, plainly: pure Python over the list of a class's sensitive values. Slow, and made to be read.

Tests hold the vectorised models and the native kernel against these. `None` is a value like any other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

Value = str | None
TOLERANCE = 1e-12


def k_anonymous(values: Sequence[Value], k: int) -> bool:
    return len(values) >= k


def distinct_diverse(values: Sequence[Value], l: int) -> bool:  # noqa: E741 (the field's own name)
    return len(set(values)) >= l


def shannon_entropy(values: Sequence[Value]) -> float:
    """In nats."""
    total = len(values)
    return -sum(count / total * math.log(count / total) for count in Counter(values).values())


def grassberger_entropy(values: Sequence[Value]) -> float:
    """G(N) - 1/N sum n G(n); Grassberger 2003, equations 28 to 30: G(n) = digamma(n) + (-1)^n integral of x^(n-1) / (1 + x)."""
    total = len(values)
    return _g(total) - sum(count * _g(count) for count in Counter(values).values()) / total


def _g(n: int) -> float:
    digamma = -0.5772156649015329 + sum(1.0 / i for i in range(1, n))
    # the integral from 0 to 1 is (-1)^(n-1) (log 2 - sum over i < n of (-1)^(i-1) / i)
    integral = (-1) ** (n - 1) * (math.log(2) - sum((-1) ** (i - 1) / i for i in range(1, n)))
    return float(digamma + (-1) ** n * integral)


def entropy_diverse(values: Sequence[Value], l: float, estimator: str) -> bool:  # noqa: E741
    entropy = shannon_entropy(values) if estimator == "shannon" else grassberger_entropy(values)
    return len(set(values)) >= l - 1e-9 and entropy >= math.log(l) - TOLERANCE


def recursive_diverse(values: Sequence[Value], c: float, l: int) -> bool:  # noqa: E741
    counts = sorted(Counter(values).values(), reverse=True)
    return counts[0] < c * sum(counts[l - 1 :])


def equal_distance(values: Sequence[Value], table: Sequence[Value]) -> float:
    """Half the sum of |q - p|."""
    q, p = _shares(values), _shares(table)
    return sum(abs(q.get(value, 0.0) - share) for value, share in p.items()) / 2


def ordered_distance(values: Sequence[Value], table: Sequence[Value], order: Sequence[Value]) -> float:
    """Li et al. 2007, section 4.1: mean over steps of |cumulated difference|."""
    q, p = _shares(values), _shares(table)
    run = total = 0.0
    for value in order:
        run += q.get(value, 0.0) - p.get(value, 0.0)
        total += abs(run)
    return total / (len(order) - 1) if len(order) > 1 else 0.0


def hierarchical_distance(
    values: Sequence[Value], table: Sequence[Value], paths: Mapping[Value, tuple[str, ...]]
) -> float:
    """Li et al. 2007, section 4.2: each inner node moves min(surplus, shortage) of its children, at its height / the tree's.

    `paths`: value -> its ancestors, parent first, root last; all of one length.
    """
    q, p = _shares(values), _shares(table)
    height = len(next(iter(paths.values())))
    extra: dict[tuple[int, object], float] = {(0, value): p[value] - q.get(value, 0.0) for value in p}
    parent_of: dict[tuple[int, object], tuple[int, object]] = {(0, value): (1, paths[value][0]) for value in p}
    cost = 0.0
    for level in range(1, height + 1):
        children: dict[tuple[int, object], list[float]] = {}
        for node, parent in parent_of.items():
            children.setdefault(parent, []).append(extra[node])
        for shares in children.values():
            surplus = sum(share for share in shares if share > 0)
            shortage = -sum(share for share in shares if share < 0)
            cost += level / height * min(surplus, shortage)
        extra = {node: sum(shares) for node, shares in children.items()}
        if level < height:
            parent_of = {(level, path[level - 1]): (level + 1, path[level]) for path in paths.values()}
            parent_of = {node: parent for node, parent in parent_of.items() if node in extra}
    return cost


def average_risk_threshold(sizes: Sequence[int], risk: float) -> int:
    """Classes under this size must go so that classes / rows <= risk holds for the rest."""
    if len(sizes) <= risk * sum(sizes) * (1 + TOLERANCE):
        return 1
    for size in sorted(set(sizes)):
        rest = [other for other in sizes if other >= size]
        if len(rest) <= risk * sum(rest) * (1 + TOLERANCE):
            return size
    return max(sizes) + 1


def distance(
    kind: Literal["equal", "ordered", "hierarchical"],
    values: Sequence[Value],
    table: Sequence[Value],
    order: Sequence[Value],
    paths: Mapping[Value, tuple[str, ...]],
) -> float:
    """The distance of a class from the table by the contract's name for it."""
    if kind == "equal":
        return equal_distance(values, table)
    if kind == "ordered":
        return ordered_distance(values, table, order)
    return hierarchical_distance(values, table, paths)


def _shares(values: Sequence[Value]) -> dict[Value, float]:
    return {value: count / len(values) for value, count in Counter(values).items()}
