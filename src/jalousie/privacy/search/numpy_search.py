"""The exact search in numpy: best-first over the lattice with box bounds. Twin, reference and fallback of the native kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from jalousie.privacy.models import Model
from jalousie.privacy.recoding import Candidate
from jalousie.privacy.search.lattice import Lattice
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import SAFETY, Look, Metric
from jalousie.privacy.search.problem import Problem


@dataclass(slots=True)
class Found:
    """What a kernel hands back. Scores, not losses; `levels` None where no scheme satisfies the models."""

    levels: tuple[int, ...] | None
    score: float
    bound: float
    checked: int
    complete: bool
    candidates: list[Candidate] = field(default_factory=list)


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

    `stop(share of schemes decided)` is asked after each check; once true, the best so far is returned with its bound.
    """
    return _Search(problem, models, metric, limit, keep).run(stop)


class _Search:
    def __init__(self, problem: Problem, models: Sequence[Model], metric: Metric, limit: int, keep: int) -> None:
        self.problem, self.models, self.metric, self.limit, self.keep = problem, models, metric, limit, keep
        self.lattice = Lattice(problem.bottom, problem.top)
        log_width = self.lattice.spread(
            [np.log2([axis.width(level) for level in range(axis.levels)]) for axis in problem.axes]
        )
        self.bound = self.lattice.spread(metric.floor())
        if not metric.additive:
            self.bound = np.maximum(self.bound, metric.floor_joint(log_width))
        # what no scheme can do with nothing suppressed is not undone by suppressing nothing
        self.closed = limit == 0 and all(model.rises for model in models)
        self.best: tuple[float, tuple[int, ...] | None] = (math.inf, None)
        self.candidates: list[Candidate] = []
        self.checked = 0

    def run(self, stop: Callable[[float], bool]) -> Found:
        self.check(self.problem.top)
        flat = self.bound.reshape(-1)
        while True:
            i = int(flat.argmin())
            score = self.best[0]
            if flat[i] == math.inf or flat[i] >= score - SAFETY * abs(score):
                return self._found(score, complete=True)
            if stop(1.0 - float((flat < score).mean())):
                return self._found(min(float(flat[i]), score), complete=False)
            self.check(self.lattice.levels(i))

    def check(self, levels: tuple[int, ...]) -> None:
        look = look_at(self.problem, self.models, levels)
        self.checked += 1
        if len(self.candidates) < self.keep and look.suppressed <= self.limit:
            self._note(look)
        score = self.metric.score(look)
        if look.suppressed <= self.limit and score < self.best[0]:
            self.best = (score, levels)
        self._raise_bounds(look)
        self.bound[self.lattice.cell(levels)] = math.inf

    def _note(self, look: Look) -> None:
        loss = self.metric.loss_of(self.metric.score(look))
        self.candidates.append(Candidate(look.levels, loss, look.suppressed, int(look.released.sum())))

    def _raise_bounds(self, look: Look) -> None:
        box = self.bound[self.lattice.below(look.levels)]
        if max(look.lost, look.forced) > self.limit or (self.closed and look.suppressed > 0):
            box[...] = math.inf
        elif self.metric.additive:
            if look.lost:
                low = self.lattice.low
                terms = self.metric.below(look)
                part = Lattice(low, look.levels).spread(terms) * (1 - SAFETY)
                np.maximum(box, part, out=box)
        else:
            np.maximum(box, self.metric.below_joint(look) * (1 - SAFETY), out=box)
        if not self.metric.additive:
            up = self.bound[self.lattice.above(look.levels)]
            np.maximum(up, self.metric.above(look) * (1 - SAFETY), out=up)

    def _found(self, bound: float, *, complete: bool) -> Found:
        return Found(self.best[1], self.best[0], bound, self.checked, complete, self.candidates)
