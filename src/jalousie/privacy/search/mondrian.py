"""Strict Mondrian: cut the table in two, again and again, as long as both parts satisfy every model.

LeFevre, DeWitt & Ramakrishnan 2006, on weighted distinct rows. Each column's values stand in one order: numbers by size, others
as the leaves of their hierarchy. A part is cut in the column whose cells cost most (weighted share of the domain that its label
covers), at the most even cut that is allowed; where there is none, in the next column. Numbers may be cut anywhere, other
columns between two children of the lowest label that covers the part.

Labels. A number's class is written as the value itself or as the interval `[20, 40)` whose ends lie between its values and
the next ones of the domain, at the roundest number there; `< 20` and `>= 40` are the first and the last. Any other column is
written as the lowest label of its hierarchy that covers the class. Where that would be the most general one, it is the set
`{a, b}` of the values that occur in it, if they are few and can be read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jalousie.contract.model import Privacy
from jalousie.privacy.models.base import Model
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search.blocks import BLOCKS
from jalousie.privacy.search.exact import Kernel, Progress, row_limit
from jalousie.privacy.search.intervals import NumberLine, number_line, number_words, tree_words
from jalousie.privacy.search.labels import Vocabulary, local_result, written_classes
from jalousie.privacy.search.place import least_sizes, settle
from jalousie.privacy.search.problem import Axis, Problem
from jalousie.privacy.search.rules import histogram_of, holds
from jalousie.privacy.search.schemes import column_factors
from jalousie.privacy.search.sweep import Judge, rule_buffers
from jalousie.tables.types import Codes, Counts, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """A problem as Mondrian sees it: values renumbered in the order in which they may be cut.

    codes   (G, D) place of each row's value
    order   per column: place -> value of the axis
    lines   per column its number line, None where it is cut along its hierarchy
    maps    per column and level: place -> code of the cell
    costs   per column and level: place -> share of the domain that the cell covers
    factors (D,) weights of the columns, scaled as in Loss
    """

    problem: Problem
    codes: Codes
    order: tuple[Counts, ...]
    lines: tuple[NumberLine | None, ...]
    maps: tuple[tuple[Codes, ...], ...]
    costs: tuple[tuple[Floats, ...], ...]
    factors: Floats


def mondrian(
    problem: Problem,
    models: Sequence[Model],
    privacy: Privacy,
    *,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
) -> Recoding:
    """Recode by multidimensional cuts so that all models hold. Deterministic.

    Rows are suppressed only where not even the most general label satisfies the models; where that would be more than the limit,
    local recoding is used instead, which can trim and place rows. Raises PrivacyError where nothing satisfies the models.
    """
    found = cut_table(problem, models, row_limit(problem, privacy.suppression), kernel)
    if found is not None:
        if progress is not None:
            progress(1.0)
        return found
    from jalousie.privacy.search.local import local_recoding

    return local_recoding(problem, models, privacy, progress=progress, kernel=kernel)


def cut_table(problem: Problem, models: Sequence[Model], limit: int, kernel: Kernel) -> Recoding | None:
    """Mondrian's recoding with at most `limit` rows suppressed, or None where it does not satisfy the models."""
    judge = Judge(problem, models)
    ordered = order_values(problem)
    for minimum in least_sizes(judge.minimum, models):
        judge.minimum = minimum
        classes, used = _cut_roots(ordered, judge, kernel)
        if int(problem.counts[classes < 0].sum()) > limit or not (classes >= 0).any():
            return None
        labels, words = _labels(ordered, classes)
        final = settle(problem, judge, models, written_classes(labels, words, classes >= 0))
        suppressed = int(problem.counts[final < 0].sum())
        if suppressed <= limit and suppressed < problem.rows:
            return local_result(problem, words, labels, final, checked=0, method="strict Mondrian", kernel=used)
    return None


def order_values(problem: Problem) -> Ordered:
    """Put every column's values into the order in which they are cut."""
    lines = tuple(number_line(axis) for axis in problem.axes)
    order = tuple(_order(axis, line) for axis, line in zip(problem.axes, lines, strict=True))
    codes = np.empty((problem.groups, problem.dimensions), np.int32)
    maps, costs = [], []
    for d, axis in enumerate(problem.axes):
        place = np.empty(axis.values, np.int32)
        place[order[d]] = np.arange(axis.values, dtype=np.int32)
        codes[:, d] = place[problem.codes[d]]
        levels = range(axis.high + 1)
        maps.append(tuple(np.ascontiguousarray(axis.maps[level][order[d]]) for level in levels))
        costs.append(tuple(axis.shares[level][axis.maps[level]][order[d]] for level in levels))
    return Ordered(problem, codes, order, lines, tuple(maps), tuple(costs), column_factors(problem))


def _order(axis: Axis, line: NumberLine | None) -> Counts:
    if line is not None:
        return np.argsort(line.numbers, kind="stable")
    return np.lexsort(axis.maps).astype(np.int64)  # the most general level first


def _cut_roots(ordered: Ordered, judge: Judge, kernel: Kernel) -> tuple[Counts, str]:
    """((G,) class of each row, the kernel used); -1 where even the most general label allowed does not satisfy the models."""
    problem = ordered.problem
    root, sizes = problem.classes(problem.top)
    rows = np.arange(problem.groups)
    good = (sizes >= judge.minimum) & judge.satisfied(judge.classes(rows, root, sizes))
    classes = np.full(problem.groups, -1, np.int64)
    native = (
        BLOCKS is not None
        and kernel != "numpy"
        and problem.dimensions <= 64
        and (judge.trivial or judge.rules is not None)
    )
    for r in np.flatnonzero(good).tolist():
        members = np.flatnonzero(root == r)
        found = native_partition(ordered, judge, members) if native else plain_partition(ordered, judge, members)
        classes[members] = found + int(classes.max(initial=-1)) + 1
    return classes, "native" if native else "numpy"


def native_partition(ordered: Ordered, judge: Judge, rows: Counts) -> Counts:
    """(rows,) class of each of these rows, from the native kernel."""
    assert BLOCKS is not None
    depth = max(len(levels) for levels in ordered.maps)
    start = np.full((len(ordered.maps), depth), -1, np.int64)
    maps, costs, places = [], [], []
    at = 0
    for d, levels in enumerate(ordered.maps):
        line = ordered.lines[d]
        for level, codes in enumerate(levels):
            start[d, level] = at
            maps.append(codes)
            costs.append(ordered.costs[d][level])
            places.append(line.before if line is not None and level == 0 else np.zeros(len(codes)))
            at += len(codes)
    part = judge.rules.part(rows) if judge.rules is not None else None
    class_of = np.empty(len(rows), np.int32)
    BLOCKS.mondrian(
        np.ascontiguousarray(ordered.codes[rows]),
        np.ascontiguousarray(ordered.problem.counts[rows]),
        start,
        np.concatenate(maps).astype(np.int32),
        np.concatenate(costs),
        np.array([line is not None for line in ordered.lines], np.uint8),
        np.array(ordered.problem.bottom, np.uint8),
        np.concatenate(places),
        ordered.factors,
        class_of,
        *rule_buffers(part),
        judge.minimum,
    )
    return class_of.astype(np.int64)


def plain_partition(ordered: Ordered, judge: Judge, rows: Counts) -> Counts:
    """The reference of the native partition, for all models: (rows,) class of each of these rows, numbered in the same order."""
    class_of = np.empty(len(rows), np.int64)
    stack = [np.arange(len(rows))]
    classes = 0
    while stack:
        part = stack.pop()
        sides = _cut(ordered, judge, rows[part])
        if sides is None:
            class_of[part] = classes
            classes += 1
        else:
            stack.append(part[~sides])
            stack.append(part[sides])
    return class_of


def _cut(ordered: Ordered, judge: Judge, rows: Counts) -> np.ndarray | None:
    """Which of the rows go left at the first cut that is allowed, or None."""
    codes = ordered.codes[rows]
    counts = ordered.problem.counts[rows]
    records = int(counts.sum())
    if records < 2 * judge.minimum:
        return None
    low, high = codes.min(axis=0), codes.max(axis=0)
    spread = []
    for d, axis in enumerate(ordered.problem.axes):
        a, b = int(low[d]), int(high[d])
        level = next((x for x, m in enumerate(ordered.maps[d]) if x >= axis.low and m[a] == m[b]), axis.high)
        if level == axis.low:
            continue
        line = ordered.lines[d]
        cost = float(line.before[b] - line.before[a]) if line is not None else float(ordered.costs[d][level][a])
        spread.append((-(cost * float(ordered.factors[d])), d, axis.low if line is not None else level - 1))
    for _, d, below in sorted(spread):
        values, first = np.unique(codes[:, d], return_inverse=True)
        weight = np.bincount(first.reshape(-1), weights=counts).astype(np.int64)
        left = np.cumsum(weight)[:-1]
        general = ordered.maps[d][below][values]
        allowed = (left >= judge.minimum) & (records - left >= judge.minimum) & (general[1:] != general[:-1])
        away = np.abs(left - 0.5 * records)
        for i in sorted(np.flatnonzero(allowed).tolist(), key=lambda i: (away[i], i)):
            sides: np.ndarray = codes[:, d] <= values[i]
            if _both_hold(judge, rows, sides, int(left[i]), records - int(left[i])):
                return sides
    return None


def _both_hold(judge: Judge, rows: Counts, sides: np.ndarray, left: int, right: int) -> bool:
    if judge.trivial:
        return True
    if judge.rules is not None:
        return holds(judge.rules, histogram_of(judge.rules, rows[sides].tolist()), left) and holds(
            judge.rules, histogram_of(judge.rules, rows[~sides].tolist()), right
        )
    return bool(judge.satisfied(judge.classes(rows, (~sides).astype(np.int64), np.array([left, right]))).all())


def _labels(ordered: Ordered, classes: Counts) -> tuple[Codes, list[Vocabulary]]:
    """((D, G) label of each row, the labels of each column)."""
    problem = ordered.problem
    labels = np.zeros(problem.codes.shape, np.int32)
    words = []
    for d, axis in enumerate(problem.axes):
        line = ordered.lines[d]
        if line is not None:
            word, of_class = number_words(axis, line, ordered.order[d], ordered.codes[:, d], classes)
        else:
            word, of_class = tree_words(axis, problem.codes[d], classes)
        words.append(word)
        labels[d] = np.where(classes >= 0, of_class[np.maximum(classes, 0)], 0)
    return labels, words
