"""The schemes that local recoding sweeps: all of a small lattice in order of loss, or chains through a large one."""

from __future__ import annotations

import numpy as np

from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Codes, Floats

LARGEST_LATTICE = 15_000
"""Schemes that are swept one by one. A larger lattice is covered by chains; tightening brings back the levels between."""

CHAIN_SCHEMES = 6_000
"""Schemes taken from a larger lattice."""

SEED = 1
"""Of the chains. A search is no protection, so a fixed seed is right: the same table gives the same release."""


def scheme_list(problem: Problem, largest: int = LARGEST_LATTICE, chained: int = 0) -> Codes:
    """(M, D) schemes in the order of the sweep: least loss first, and the most general first among equals.

    A lattice of more than `largest` schemes is covered by about `chained` of them (by default CHAIN_SCHEMES).
    """
    costs = level_costs(problem)
    entropies = [[_entropy(problem, d, level) for level in range(axis.levels)] for d, axis in enumerate(problem.axes)]
    schemes = (
        _all_schemes(problem)
        if problem.lattice <= largest
        else _chains(problem, costs, entropies, chained or CHAIN_SCHEMES)
    )
    loss = np.zeros(len(schemes))
    entropy = np.zeros(len(schemes))
    for d in range(problem.dimensions):
        loss += costs[d][schemes[:, d]]
        entropy += np.array(entropies[d])[schemes[:, d]]
    return np.ascontiguousarray(schemes[np.lexsort((entropy, loss))])


def column_factors(problem: Problem) -> Floats:
    """(D,) what a cell's share of its domain costs: the column's weight, scaled as in Loss."""
    return np.array([a.weight / (1 - 1 / a.hierarchy.size) if a.hierarchy.size > 1 else 0.0 for a in problem.axes])


def level_costs(problem: Problem) -> list[Floats]:
    """Per column (levels,) mean cost of a cell at each level, from the marginals."""
    factors = column_factors(problem)
    return [
        factors[d]
        * np.array([problem.marginals[d] @ a.shares[level][a.maps[level]] for level in range(a.levels)])
        / problem.rows
        for d, a in enumerate(problem.axes)
    ]


def _level_entropies(problem: Problem) -> list[list[float]]:
    return [[_entropy(problem, d, level) for level in range(a.levels)] for d, a in enumerate(problem.axes)]


def _entropy(problem: Problem, d: int, level: int) -> float:
    rows = np.bincount(problem.axes[d].maps[level], weights=problem.marginals[d])
    p = rows[rows > 0] / rows.sum()
    return float(-(p * np.log(p)).sum())


def _all_schemes(problem: Problem) -> Codes:
    ranges = [np.arange(axis.low, axis.high + 1, dtype=np.int32) for axis in problem.axes]
    return np.stack([grid.reshape(-1) for grid in np.meshgrid(*ranges, indexing="ij")], axis=1)


def _chains(problem: Problem, costs: list[Floats], entropies: list[list[float]], wanted: int) -> Codes:
    """Ways from the least to the most general scheme, each going up in the column that loses least for the distinction given up.

    The first chain is the greedy one; the others see every column's price through a random factor, so that they spread.
    """
    draw = np.random.default_rng(SEED)
    low = np.array(problem.bottom, np.int32)
    high = np.array(problem.top, np.int32)
    length = int((high - low).sum()) + 1
    seen: dict[bytes, None] = {}
    for turn in range(max(2, 2 * wanted // length)):
        factor = np.ones(len(low)) if turn == 0 else np.exp(draw.normal(0.0, 1.0, len(low)))
        for levels in _chain(low, high, costs, entropies, factor):
            seen.setdefault(levels.tobytes())
        if len(seen) >= wanted:
            break
    return np.frombuffer(b"".join(seen), np.int32).reshape(len(seen), len(low)).copy()


def _chain(low: Codes, high: Codes, costs: list[Floats], entropies: list[list[float]], factor: Floats) -> list[Codes]:
    """From `low` to `high`, each step in the column that loses least for the entropy given up, prices times `factor`."""
    chain = [low.copy()]
    while (chain[-1] < high).any():
        levels = chain[-1].copy()
        price = np.full(len(low), np.inf)
        for d in np.flatnonzero(levels < high):
            level = int(levels[d])
            gain = entropies[d][level] - entropies[d][level + 1] + 1e-3
            price[d] = (costs[d][level + 1] - costs[d][level] + 1e-6) * factor[d] / gain
        levels[int(price.argmin())] += 1
        chain.append(levels)
    return chain


def greedy_chain(problem: Problem) -> list[Codes]:
    """Schemes from the least to the most general one, as a person would go who wants to lose little at each step."""
    low, high = np.array(problem.bottom, np.int32), np.array(problem.top, np.int32)
    return _chain(low, high, level_costs(problem), _level_entropies(problem), np.ones(problem.dimensions))
