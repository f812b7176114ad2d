"""Lattices too large to be searched one by one: a good scheme by local search, and a lower bound by halving the lattice.

The two share one memory of schemes looked at. *Local search*: from the most general scheme, one column a step, then pairs of
columns (one up, one down), then from random neighbours of the best. *Halving*: a box of schemes is bounded by a look at its most
general scheme, since what is lost there is lost everywhere below, and by the closed form at its least general one; the box with
the lowest bound is halved next. The lowest bound of all open boxes holds for the whole lattice: with the best scheme found it
gives an honest gap, or a proof where it reaches the best.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Sequence

import numpy as np

from jalousie.contract.model import Privacy
from jalousie.errors import PrivacyError
from jalousie.privacy.models import Model
from jalousie.privacy.recoding import Candidate, Proof, Recoding
from jalousie.privacy.search.exact import Kernel, Progress, least_size, row_limit, unsatisfiable
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS, SAFETY, Look, Metric
from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Floats

Levels = tuple[int, ...]

SEED = 1
"""Of the local search. A search is no protection, so a fixed seed is right: the same table gives the same scheme."""

LOCAL_SHARE = 0.6
"""Of the time, for the local search; the rest is for the bound."""

KICKS = 40
"""Restarts from a random neighbour without any gain after which the local search ends."""

MOST_BOXES = 20_000
CANDIDATES = 64


def wide_search(
    problem: Problem,
    models: Sequence[Model],
    privacy: Privacy,
    *,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
) -> Recoding:
    """The best scheme found within `privacy.seconds`, its lower bound and the gap (`proof.exact` where the gap is closed).

    Raises PrivacyError P400 where no scheme satisfies the models, P402 where none was found in time.
    """
    metric = METRICS[privacy.metric](problem, least_size(models))
    limit = row_limit(problem, privacy.suppression)
    search = _Search(problem, models, metric, limit, time.monotonic(), privacy.seconds, progress)
    search.climb_all()
    bound, complete = search.halve()
    if search.best is None:
        if complete:
            raise unsatisfiable(problem, models, limit)
        raise PrivacyError(
            "P402",
            f"no scheme that satisfies the models was found in {privacy.seconds:g} seconds",
            hint="allow more seconds or more suppression, or use recoding: local",
        )
    look = look_at(problem, models, search.best)
    loss = metric.loss_of(metric.score(look))
    lower = loss if complete else min(loss, metric.loss_of(bound))
    proof = Proof(
        exact=complete,
        lattice=problem.lattice,
        checked=len(search.known),
        pruned=problem.lattice - len(search.known) if complete else 0,
        lower_bound=lower,
        gap=loss - lower,
        method="local search, bounded by halving the lattice",
        kernel="numpy",
    )
    return problem.recoding(search.best, ~look.released, look.group_class, loss, proof, tuple(search.candidates))


class _Seen:
    """What is kept of a look: its score (infinite over the limit), what no scheme below can do, and terms for its box."""

    __slots__ = ("dead", "joint", "score", "terms")

    def __init__(self, score: float, dead: bool, terms: tuple[Floats, ...], joint: float) -> None:
        self.score, self.dead, self.terms, self.joint = score, dead, terms, joint


class _Search:
    def __init__(
        self,
        problem: Problem,
        models: Sequence[Model],
        metric: Metric,
        limit: int,
        begin: float,
        seconds: float,
        progress: Progress | None,
    ) -> None:
        self.problem, self.models, self.metric, self.limit = problem, models, metric, limit
        self.begin, self.seconds, self.progress = begin, seconds, progress
        self.known: dict[Levels, _Seen] = {}
        self.floor = metric.floor()
        self.closed = limit == 0 and all(model.rises for model in models)
        self.best: Levels | None = None
        self.best_score = math.inf
        self.candidates: list[Candidate] = []

    def over(self, share: float) -> bool:
        """Is this share of the time over?"""
        spent = (time.monotonic() - self.begin) / self.seconds
        if self.progress is not None:
            self.progress(min(1.0, spent))
        return spent >= share

    def see(self, levels: Levels) -> _Seen:
        found = self.known.get(levels)
        if found is None:
            found = self._look(levels)
            self.known[levels] = found
        return found

    def _look(self, levels: Levels) -> _Seen:
        look: Look = look_at(self.problem, self.models, levels)
        fits = look.suppressed <= self.limit and bool(look.released.any())
        score = self.metric.score(look) if fits else math.inf
        if fits and len(self.candidates) < CANDIDATES:
            loss = self.metric.loss_of(score)
            self.candidates.append(Candidate(levels, loss, look.suppressed, int(look.released.sum())))
        if score < self.best_score:
            self.best, self.best_score = levels, score
        dead = max(look.lost, look.forced) > self.limit or (self.closed and look.suppressed > 0)
        joint = -math.inf if self.metric.additive else self.metric.below_joint(look)
        terms = self.metric.below(look) if self.metric.additive and not dead else ()
        return _Seen(score, dead, terms, joint)

    # -- local search ------------------------------------------------------------------------------------------------

    def climb_all(self) -> None:
        """Local search from the most general scheme, then from neighbours of the best."""
        draw = np.random.default_rng(SEED)
        self._climb(self.problem.top, draw)
        idle = 0
        while idle < KICKS and self.best is not None and not self.over(LOCAL_SHARE):
            before = self.best_score
            self._climb(self._kicked(self.best, draw), draw)
            idle = 0 if self.best_score < before else idle + 1

    def _kicked(self, levels: Levels, draw: np.random.Generator) -> Levels:
        kicked = list(levels)
        for d in draw.choice(len(levels), size=min(len(levels), max(2, len(levels) // 4)), replace=False).tolist():
            axis = self.problem.axes[d]
            kicked[d] = int(np.clip(kicked[d] + draw.integers(-2, 3), axis.low, axis.high))
        return tuple(kicked)

    def _climb(self, levels: Levels, draw: np.random.Generator) -> None:
        score = self.see(levels).score
        improved = True
        while improved and not self.over(LOCAL_SHARE):
            improved = False
            for moved in self._neighbours(levels, draw):
                if self._closed_form(moved) >= score:
                    continue
                found = self.see(moved).score
                if found < score:
                    levels, score, improved = moved, found, True
                    break
                if self.over(LOCAL_SHARE):
                    return

    def _neighbours(self, levels: Levels, draw: np.random.Generator) -> list[Levels]:
        """One column down or up, in random order; then one up and another down."""
        order = draw.permutation(len(levels)).tolist()
        axes = self.problem.axes
        down = [d for d in order if levels[d] > axes[d].low]
        up = [d for d in order if levels[d] < axes[d].high]
        single = [_moved(levels, d, -1) for d in down] + [_moved(levels, d, 1) for d in up]
        return single + [_moved(_moved(levels, d, 1), e, -1) for d in up for e in down if d != e]

    def _closed_form(self, levels: Levels) -> float:
        """No look can give less."""
        return sum(float(terms[level]) for terms, level in zip(self.floor, levels, strict=True)) * (1 - SAFETY)

    # -- lower bound -------------------------------------------------------------------------------------------------

    def halve(self) -> tuple[float, bool]:
        """(A lower bound of every scheme's score, whether it proves the best one found)."""
        first = (self.problem.bottom, self.problem.top)
        boxes = [(self._bound(*first), 0, *first)]
        made = 0
        while boxes:
            bound, _, low, high = boxes[0]
            if bound >= self.best_score - SAFETY * abs(self.best_score):
                return self.best_score, True
            if made >= MOST_BOXES or self.over(1.0):
                return bound, False
            heapq.heappop(boxes)
            if low == high:  # a scheme that was looked at: it is the best, or over the limit
                continue
            for part in self._halves(low, high):
                found = max(bound, self._bound(*part))
                if found < self.best_score:
                    made += 1
                    heapq.heappush(boxes, (found, made, *part))
        return self.best_score, True

    def _bound(self, low: Levels, high: Levels) -> float:
        """A lower bound of the scores in a box; infinite where nothing in it satisfies the models."""
        seen = self.see(high)
        if seen.dead:
            return math.inf
        if low == high:
            return seen.score
        if self.metric.additive:
            parts = zip(seen.terms, low, high, strict=True)
            return sum(float(terms[a : b + 1].min()) for terms, a, b in parts) * (1 - SAFETY)
        width = sum(math.log2(axis.width(level)) for axis, level in zip(self.problem.axes, low, strict=True))
        return max(seen.joint, float(self.metric.floor_joint(np.array([width]))[0])) * (1 - SAFETY)

    def _halves(self, low: Levels, high: Levels) -> list[tuple[Levels, Levels]]:
        """The box cut in two in the column whose levels differ most in the closed form."""
        gain = [float(terms[b] - terms[a]) + 1e-12 * (b - a) for terms, a, b in zip(self.floor, low, high, strict=True)]
        d = max((d for d in range(len(low)) if low[d] < high[d]), key=lambda d: gain[d])
        middle = (low[d] + high[d]) // 2
        return [(low, _put(high, d, middle)), (_put(low, d, middle + 1), high)]


def _moved(levels: Levels, d: int, step: int) -> Levels:
    return _put(levels, d, levels[d] + step)


def _put(levels: Levels, d: int, level: int) -> Levels:
    return (*levels[:d], level, *levels[d + 1 :])
