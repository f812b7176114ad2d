"""The exact search in numpy: best-first over the lattice with box bounds. Twin and fallback of the native kernel (search.c).

Every scheme has a lower bound of its score, at first in closed form. One look at a scheme raises the bound of all schemes below
it (rows that no part of their class could release stay suppressed there) and, for measures of class sizes, above it. The
scheme of the lowest bound is decided next: by looking at it, or at one above it that should exclude it and much besides. When
no bound is under the best score found, that is the optimum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from jalousie.privacy.models import Model
from jalousie.privacy.recoding import Candidate
from jalousie.privacy.search.found import Found
from jalousie.privacy.search.lattice import Lattice
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import SAFETY, Look, Metric
from jalousie.privacy.search.problem import Problem
from jalousie.privacy.search.steer import Foresight, log_odds, normal_share
from jalousie.tables.types import Floats

REFRESH = 8
"""Looks after which the number of undecided schemes under each scheme is counted anew."""
KEPT_TABLES = 200
HUB_SHARE = 0.3
"""A table is worth keeping to count from if it has under this share of its source's rows."""
RECENT = 48


def numpy_search(
    problem: Problem,
    models: Sequence[Model],
    metric: Metric,
    limit: int,
    *,
    stop: Callable[[float], bool],
    keep: int = 64,
) -> Found:
    """Find the scheme of the lowest score that suppresses at most `limit` rows.

    `stop(share of schemes decided)` is asked after each look; once true, the best so far is returned with its bound.
    """
    return _Search(problem, models, metric, limit, keep).run(stop)


class _Search:
    def __init__(self, problem: Problem, models: Sequence[Model], metric: Metric, limit: int, keep: int) -> None:
        self.problem, self.models, self.metric, self.limit, self.keep = problem, models, metric, limit, keep
        self.lattice = Lattice(problem.bottom, problem.top)
        self.bound = self.lattice.spread(metric.floor())
        if not metric.additive:
            widths = [np.array([axis.width(level) for level in range(axis.levels)]) for axis in problem.axes]
            self.bound = np.maximum(self.bound, metric.floor_joint(self.lattice.spread([np.log2(w) for w in widths])))
        # what no scheme can do with nothing suppressed is not undone by suppressing nothing
        self.closed = limit == 0 and all(model.rises for model in models)
        self.best: tuple[float, tuple[int, ...] | None] = (math.inf, None)
        self.candidates: list[Candidate] = []
        self.checked: list[tuple[int, ...]] = []
        self.feasible: list[tuple[tuple[int, ...], float]] = []
        self.seen = np.zeros(self.lattice.shape, bool)
        entropy = [_entropies(problem, d) for d in range(problem.dimensions)]
        self.lost = Foresight(self.lattice, entropy, -7.0, 1.0)
        self.classes = Foresight(self.lattice, entropy, 0.0, 0.7)
        self.tables: list[Problem] = [problem]
        """Tables to count from: `places` has the scheme of each, `groups` its distinct rows."""
        self.places = np.zeros((1, problem.dimensions), np.int64)
        self.groups = np.array([problem.groups])
        self.undecided: Floats | None = None
        self.refreshed = 0

    def run(self, stop: Callable[[float], bool]) -> Found:
        self.check(self.problem.top)
        self.check(tuple((a + b + 1) // 2 for a, b in zip(self.problem.bottom, self.problem.top, strict=True)))
        flat = self.bound.reshape(-1)
        while True:
            i = int(flat.argmin())
            score = self.best[0]
            if flat[i] == math.inf or flat[i] >= score - SAFETY * abs(score):
                self.settle_ties(stop)
                return self._found(score, complete=True)
            if stop(1.0 - float((flat < score).mean())):
                return self._found(min(float(flat[i]), score), complete=False)
            self.check(self.climb(self.lattice.levels(i)))

    def settle_ties(self, stop: Callable[[float], bool]) -> None:
        """Of schemes whose scores are equal, take the first in lexicographic order of the contract's columns.

        One that suppresses every row comes last.
        """
        score, levels = self.best
        if levels is None:
            return
        most = score + SAFETY * abs(score)
        flat = self.bound.reshape(-1)
        first = flat.size
        if tied := [levels for levels, own in self.feasible if own <= most]:
            levels = min(tied)
            first = int(np.ravel_multi_index(self.lattice.cell(levels), self.lattice.shape))
        for i in np.flatnonzero(flat[:first] <= most).tolist():
            if flat[i] > most:
                continue  # a look at another one has excluded it meanwhile
            known = len(self.feasible)
            self.check(self.lattice.levels(i))
            if len(self.feasible) > known and self.feasible[known][1] <= most:
                levels = self.lattice.levels(i)
                break
            if stop(1.0):
                break
        self.best = (score, levels)

    def _found(self, bound: float, *, complete: bool) -> Found:
        return Found(self.best[1], self.best[0], bound, len(self.checked), complete, self.candidates)

    # -- looking -------------------------------------------------------------------------------------------------------

    def check(self, levels: tuple[int, ...]) -> None:
        """Look at one scheme, and draw every conclusion from it."""
        if self.seen[self.lattice.cell(levels)]:
            return
        self.seen[self.lattice.cell(levels)] = True
        self.checked.append(levels)
        source = self.source(levels)
        look = look_at(source, self.models, levels)
        if look.suppressed <= self.limit:
            score = self.metric.score(look)
            if len(self.candidates) < self.keep:
                loss = self.metric.loss_of(score)
                self.candidates.append(Candidate(levels, loss, look.suppressed, int(look.released.sum())))
            if look.released.any():
                self.feasible.append((levels, score))
            if score < self.best[0]:
                self.best = (score, levels)
        self._raise_bounds(look)
        self.bound[self.lattice.cell(levels)] = math.inf
        self.lost.learn(levels, log_odds(look.suppressed if self.closed else look.lost, self.problem.rows))
        self._keep_table(look, source)

    def _keep_table(self, look: Look, source: Problem) -> None:
        classes = len(look.sizes)
        self.classes.learn(look.levels, math.log(classes + 1))
        if 64 < classes < HUB_SHARE * source.groups and len(self.tables) < KEPT_TABLES:
            self._add_table(look.levels, source.rolled(look.levels, look.group_class, look.sizes))

    def source(self, levels: tuple[int, ...]) -> Problem:
        """The smallest table to count from; where that is large, a smaller one is made that later looks should share."""
        at, smallest = self._smallest(levels)
        if smallest.groups < 3000 or len(self.tables) >= KEPT_TABLES or self.classes.seen < 3:
            return smallest
        most = math.log(HUB_SHARE * smallest.groups)
        hub, others = levels, np.array(self.checked[-RECENT:])
        while len(others):
            meets = np.maximum(np.minimum(hub, others), at)
            shared = np.flatnonzero((self.classes.predict(meets) <= most) & (meets != hub).any(axis=1))
            if not len(shared):
                break
            hub, others = tuple(meets[shared[0]].tolist()), others[shared[0] + 1 :]
        if hub == levels:
            return smallest
        group_class, sizes = smallest.classes(hub)
        self.classes.learn(hub, math.log(len(sizes) + 1))
        if len(sizes) > 0.6 * smallest.groups:
            return smallest
        self._add_table(hub, smallest.rolled(hub, group_class, sizes))
        return self.tables[-1]

    def _add_table(self, levels: tuple[int, ...], table: Problem) -> None:
        self.places = np.vstack([self.places, levels])
        self.groups = np.append(self.groups, table.groups)
        self.tables.append(table)

    def _smallest(self, levels: tuple[int, ...]) -> tuple[tuple[int, ...], Problem]:
        """The table of the fewest groups that this scheme can be counted from, and the scheme of which it holds the classes."""
        fitting = np.flatnonzero((self.places <= levels).all(axis=1))
        i = int(fitting[self.groups[fitting].argmin()])
        return tuple(self.places[i].tolist()), self.tables[i]

    def _raise_bounds(self, look: Look) -> None:
        box = self.bound[self.lattice.below(look.levels)]
        if max(look.lost, look.forced) > self.limit or (self.closed and look.suppressed > 0):
            box[...] = math.inf
        elif self.metric.additive:
            if look.lost:
                part = Lattice(self.lattice.low, look.levels).spread(self.metric.below(look)) * (1 - SAFETY)
                np.maximum(box, part, out=box)
        else:
            np.maximum(box, self.metric.below_joint(look) * (1 - SAFETY), out=box)
        if not self.metric.additive:
            up = self.bound[self.lattice.above(look.levels)]
            np.maximum(up, self.metric.above(look) * (1 - SAFETY), out=up)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def climb(self, levels: tuple[int, ...]) -> tuple[int, ...]:
        """The scheme above that is likely to exclude this one and excludes most besides; itself where none is likely to."""
        box = self.lattice.above(levels)
        odds = self.lost.everywhere()[box]
        z = (odds - log_odds(self._rows_needed(levels), self.problem.rows)) / self.lost.sigma
        worth = np.where(z > 0, normal_share(z) * self._undecided()[box], 0.0)
        worth[self.seen[box]] = 0.0
        step = np.unravel_index(int(worth.argmax()), worth.shape)
        if worth[step] <= 0:
            return levels
        return tuple(level + int(up) for level, up in zip(levels, step, strict=True))

    def _undecided(self) -> Floats:
        """Schemes at or below each one that are not decided."""
        if self.undecided is None or len(self.checked) - self.refreshed >= REFRESH:
            count = (self.bound < self.best[0]).astype(np.float64)
            for d in range(count.ndim):
                count = count.cumsum(axis=d)
            self.undecided, self.refreshed = count, len(self.checked)
        return self.undecided

    def _rows_needed(self, levels: tuple[int, ...]) -> float:
        """Rows that a scheme above must lose for its look to exclude this one: over the limit, or costing more than the best."""
        most = 0.5 if self.closed else self.limit + 0.5
        best = self.best[0]
        if best == math.inf or not self.metric.additive:
            return min(most, self.problem.rows)
        low, high = 0.0, float(min(most, self.problem.rows))
        for _ in range(20):
            middle = 0.5 * (low + high)
            if self.metric.foreseen(levels, middle) < best:
                low = middle
            else:
                high = middle
        return max(0.25, high)


def _entropies(problem: Problem, d: int) -> Floats:
    """(levels,) nats that each level of an axis tells."""
    axis = problem.axes[d]
    result = np.zeros(axis.levels)
    for level in range(axis.levels):
        rows = np.bincount(axis.maps[level], weights=problem.marginals[d])
        shares = rows[rows > 0] / problem.rows
        result[level] = -(shares @ np.log(shares))
    return result
