"""Local recoding: rows are generalised only as far as their own neighbourhood needs (the default where learning is meant).

Three stages. The *sweep* releases classes scheme by scheme (sweep.py; after ARX's iterated search, Prasser, Kohlmayer and Kuhn
2016). Each class is then *tightened*: every column goes down to the lowest level at which its rows still agree, which no scheme
for all rows could do. Rows that no scheme released are *placed* into the class where they cost least, or suppressed within the
contract's limit. What comes out is counted again from the written labels and checked against every model. Where models look at
sensitive values, or a number has no hierarchy, Mondrian's cuts are tried as well, and what loses less is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from msgspec.structs import replace

from jalousie.contract.model import Privacy
from jalousie.privacy.models.base import Model
from jalousie.privacy.recoding import Candidate, Recoding
from jalousie.privacy.search.exact import Kernel, Progress, exact_search, least_size, row_limit
from jalousie.privacy.search.intervals import number_line
from jalousie.privacy.search.labels import (
    dense_classes,
    local_result,
    tightest_levels,
    vocabulary,
    written,
    written_classes,
)
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import METRICS
from jalousie.privacy.search.mondrian import cut_table
from jalousie.privacy.search.place import least_sizes, place_rest, settle
from jalousie.privacy.search.problem import Problem
from jalousie.privacy.search.schemes import greedy_chain, scheme_list
from jalousie.privacy.search.sweep import Judge, Swept, sweep
from jalousie.tables.types import Codes

SHARE = 1e-3
"""First portion asked of a scheme, as a share of the rows left. Small is better: a scheme that releases few rows at a low loss is
worth its look. Larger is faster where there are very many distinct rows."""

LARGEST_JUDGED, CHAIN_JUDGED = 15_000, 3_000
"""Schemes swept where models look at sensitive values: each look then costs many times more."""


def local_recoding(
    problem: Problem,
    models: Sequence[Model],
    privacy: Privacy,
    *,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
    share: float = SHARE,
) -> Recoding:
    """Search a local recoding under which all models hold and at most `privacy.suppression` of the rows are suppressed.

    After `privacy.seconds` the rows not yet released are placed under the most general scheme; otherwise the result is
    deterministic. Raises PrivacyError P400 or P401 where nothing satisfies the models.
    """
    end = time.monotonic() + privacy.seconds
    judge = Judge(problem, models)
    limit = row_limit(problem, privacy.suppression)
    schemes = scheme_list(problem) if judge.trivial else scheme_list(problem, LARGEST_JUDGED, CHAIN_JUDGED)
    tick = _ticker(problem.rows, end, progress)
    result = None
    for minimum in least_sizes(judge.minimum, models):
        judge.minimum = minimum
        swept = sweep(problem, judge, schemes, share=share, tick=tick, kernel=kernel)
        result = _finish(problem, judge, models, schemes, swept, limit)
        if result is not None:
            break
    if result is None or not judge.trivial or _has_bare_numbers(problem):
        result = _better(result, cut_table(problem, models, limit, kernel))
    if result is not None:
        return replace(result, candidates=_alternatives(problem, models))
    return _from_one_scheme(problem, models, privacy, max(1.0, end - time.monotonic()), kernel)


def _better(swept: Recoding | None, cut: Recoding | None) -> Recoding | None:
    """The sweep's result, or Mondrian's where that loses less; where both were found, the method names both losses.

    The sweep serves the least general classes first. Where rare sensitive values have to be shared out among all classes, as with
    l-diversity of a column of few values, the last rows can be left without; cutting from the top shares them out better.
    """
    if swept is None or cut is None:
        return cut if swept is None else swept
    taken, other, name = (swept, cut, "strict Mondrian") if swept.loss <= cut.loss else (cut, swept, "the sweep")
    method = f"{taken.proof.method} (loss {taken.loss:.4f}), which loses no more here than {name} ({other.loss:.4f})"
    return replace(taken, proof=replace(taken.proof, method=method))


def _has_bare_numbers(problem: Problem) -> bool:
    """Is there a column of numbers that the sweep can only show or hide, since no hierarchy has intervals for it?"""
    return any(axis.levels <= 2 and number_line(axis) is not None for axis in problem.axes)


def _ticker(rows: int, end: float, progress: Progress | None) -> Callable[[int, int], bool]:
    def tick(rest: int, checked: int) -> bool:
        if progress is not None:
            progress(1.0 - rest / rows)
        return time.monotonic() > end

    return tick


def _finish(
    problem: Problem, judge: Judge, models: Sequence[Model], schemes: Codes, swept: Swept, limit: int
) -> Recoding | None:
    """Tighten and place what the sweep released; None where the models or the limit do not hold."""
    words = [vocabulary(axis) for axis in problem.axes]
    released = swept.scheme_of >= 0
    rows = np.where(released, np.arange(problem.groups), -1)
    levels = schemes[np.maximum(swept.scheme_of, 0)]
    classes = written_classes(written(problem, words, rows, levels), words, released)
    if not released.all():
        classes = dense_classes(place_rest(problem, judge, classes, limit))
    labels = written(problem, words, classes, tightest_levels(problem, classes))
    classes = settle(problem, judge, models, written_classes(labels, words, classes >= 0))
    suppressed = int(problem.counts[classes < 0].sum())
    if suppressed > limit or suppressed == problem.rows:
        return None
    method = "local recoding by sweep"
    if not swept.trimmed:
        method += ", classes not trimmed without the native kernel"
    if swept.stopped:
        method += ", cut short"
    return local_result(problem, words, labels, classes, checked=swept.checked, method=method, kernel=swept.kernel)


def _alternatives(problem: Problem, models: Sequence[Model]) -> tuple[Candidate, ...]:
    """A few schemes for all rows, for the picture of what local recoding is better than."""
    chain = greedy_chain(problem)
    number = 10 if problem.groups <= 50_000 else 3
    chosen = sorted({round(i) for i in np.linspace(0, len(chain) - 1, number)})
    metric = METRICS["loss"](problem, least_size(models))
    candidates = []
    for i in chosen:
        look = look_at(problem, models, chain[i].tolist())
        loss = metric.loss_of(metric.score(look))
        candidates.append(Candidate(look.levels, loss, look.suppressed, int(look.released.sum())))
    return tuple(candidates)


def _from_one_scheme(
    problem: Problem, models: Sequence[Model], privacy: Privacy, seconds: float, kernel: Kernel
) -> Recoding:
    """The best scheme for all rows where no local recoding was found; it also says why where there is none."""
    return exact_search(problem, models, metric="loss", suppression=privacy.suppression, seconds=seconds, kernel=kernel)
