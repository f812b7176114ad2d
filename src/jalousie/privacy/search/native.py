"""The bridge to the native kernel: says what it can take, and lays a problem out for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from jalousie.privacy.models import Model, NativeRule
from jalousie.privacy.recoding import Candidate
from jalousie.privacy.search.found import Found
from jalousie.privacy.search.metrics import Entropy, Loss, Metric
from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Floats, Histogram

METRIC_NUMBERS = {
    "loss": 0,
    "loss-free": 1,
    "entropy-monotone": 2,
    "entropy": 3,
    "discernibility": 4,
    "class-size": 5,
}
MOST_COLUMNS, MOST_LEVELS, MOST_ROWS, MOST_GROUPS = 64, 32, 2**32 - 1, 2**28
CACHE_BYTES = 1 << 28
"""Tables kept to count from, in bytes."""


def load_kernel() -> ModuleType | None:
    """The extension, or None where it was not built."""
    try:
        return import_module("jalousie.privacy.search._kernel")
    except ImportError:
        return None


def rules_of(models: Sequence[Model]) -> list[NativeRule] | None:
    """The kernel's rule of every model; None where a model has none."""
    rules = [model.native() for model in models]
    known = [rule for rule in rules if rule is not None]
    return known if len(known) == len(rules) else None


def fits(problem: Problem, models: Sequence[Model], metric: Metric) -> bool:
    """Whether the kernel can take this problem."""
    return (
        rules_of(models) is not None
        and metric.name in METRIC_NUMBERS
        and problem.dimensions <= MOST_COLUMNS
        and all(axis.levels <= MOST_LEVELS for axis in problem.axes)
        and problem.groups <= MOST_GROUPS
        and problem.rows <= MOST_ROWS
    )


def native_search(
    kernel: ModuleType,
    problem: Problem,
    models: Sequence[Model],
    metric: Metric,
    limit: int,
    *,
    stop: Callable[[float], bool],
    keep: int = 64,
) -> Found:
    """As `numpy_search`, in C; `stop` is asked every 50 ms."""
    rules = rules_of(models)
    assert rules is not None
    closed = limit == 0 and all(model.rises for model in models)
    sensitive = sorted({model.column for model in models if model.column})
    sizes = [
        problem.dimensions,
        problem.groups,
        limit,
        metric.minimum_size,
        METRIC_NUMBERS[metric.name],
        int(closed),
        keep,
        CACHE_BYTES,
    ]
    answer = kernel.search(
        np.array(sizes, np.int64),
        _layout(problem, metric),
        np.ascontiguousarray(problem.codes, np.int32),
        problem.counts.astype(np.uint32),
        np.concatenate([map_ for axis in problem.axes for map_ in axis.maps]).astype(np.int32),
        np.concatenate([share for axis in problem.axes for share in axis.shares]),
        entries(problem, metric),
        tuple(_rule(rule, model, sensitive) for rule, model in zip(rules, models, strict=True)),
        tuple(_cells(problem, problem.sensitive[name]) for name in sensitive),
        stop,
    )
    levels, score, bound, checked, complete, tried = answer
    candidates = [Candidate(at, metric.loss_of(value), gone, classes) for at, value, gone, classes in tried]
    return Found(levels, score, bound, checked, complete, candidates)


def _layout(problem: Problem, metric: Metric) -> Floats:
    """(D, 6) values, levels, low, high, power, span."""
    rows = []
    for d, axis in enumerate(problem.axes):
        power, span = axis.weight, 1.0
        if isinstance(metric, Loss):
            power, span = metric.power[d], metric.span[d] if metric.span[d] > 0 else np.inf
        rows.append([axis.values, axis.levels, axis.low, axis.high, power, span])
    return np.array(rows, np.float64)


def entries(problem: Problem, metric: Metric) -> Floats:
    """(4, levels of all columns) closed-form term; scaled column loss; entropy in nats; what a suppressed row should cost."""
    floor = np.concatenate(metric.floor())
    base, cost = np.zeros(len(floor)), np.zeros(len(floor))
    entropy = []
    for d, axis in enumerate(problem.axes):
        for level in range(axis.levels):
            rows = np.bincount(axis.maps[level], weights=problem.marginals[d])
            shares = rows[rows > 0] / problem.rows
            entropy.append(float(-(shares @ np.log(shares))))
    nats = np.array(entropy)
    if isinstance(metric, Loss):
        sums = np.concatenate(metric.sums)
        least = np.repeat(metric.least, [axis.levels for axis in problem.axes])
        span = np.repeat(metric.span, [axis.levels for axis in problem.axes])
        base = np.divide(sums - least, span, out=base, where=span > 0)
        cost = 1.0 - sums / problem.rows
    elif isinstance(metric, Entropy):
        weights = np.repeat([axis.weight for axis in problem.axes], [axis.levels for axis in problem.axes])
        cost = weights * nats / np.log(2.0)
    return np.stack([floor, base, nats, cost])


def _rule(rule: NativeRule, model: Model, sensitive: list[str]) -> tuple[Any, ...]:
    place = sensitive.index(model.column) if model.column else -1
    shares = np.asarray(rule.shares, np.float64)
    views = tuple(np.ascontiguousarray(view, np.int32) for view in rule.views)
    return (rule.operation, place, rule.number, rule.second, rule.ordered, shares, views)


def _cells(problem: Problem, h: Histogram) -> tuple[Any, ...]:
    start = np.searchsorted(h.group, np.arange(problem.groups + 1)).astype(np.uint32)
    return (len(h.values), start, h.code.astype(np.int32), h.count.astype(np.uint32))
