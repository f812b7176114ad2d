"""The exact search: one scheme for all rows, with a proof that no other is better, or an honest gap when time runs out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace

from jalousie.errors import PrivacyError, UsageError
from jalousie.privacy.models import Classes, EntropyLDiversity, KAnonymity, Model, RecursiveCLDiversity
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.privacy.search.found import Found
from jalousie.privacy.search.look import class_cells, look_at
from jalousie.privacy.search.metrics import METRICS, Metric
from jalousie.privacy.search.native import fits, load_kernel, native_search
from jalousie.privacy.search.problem import Problem
from jalousie.tables.types import Floats

Kernel = Literal["auto", "native", "numpy"]
Progress = Callable[[float], None]
"""Called now and then with the share of schemes decided, 0 to 1."""

_USUAL_K = 5


def row_limit(problem: Problem, suppression: float) -> int:
    """The largest number of rows that a share allows."""
    return min(problem.rows, math.floor(suppression * problem.rows + 1e-9))


def least_size(models: Sequence[Model]) -> int:
    """No smaller class is released under these models."""
    return max((model.minimum_size for model in models if not model.of_table), default=1)


def exact_search(
    problem: Problem,
    models: Sequence[Model],
    *,
    metric: str = "loss",
    suppression: float = 0.0,
    limit: int | None = None,
    seconds: float = 60.0,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
) -> Recoding:
    """The scheme of the lowest loss that satisfies all models and suppresses at most a share (or `limit` rows).

    When `seconds` run out, the best scheme so far is returned; its proof then states a valid lower bound and the gap.
    Losses within a relative 1e-9 count as equal. Raises PrivacyError P400 (unsatisfiable; the hint says what would do),
    P401 (only by suppressing everything), P402 (nothing found in time).
    """
    measure = METRICS[metric](problem, least_size(models))
    allowed = row_limit(problem, suppression) if limit is None else min(limit, problem.rows)
    found, used = find(problem, models, measure, allowed, seconds=seconds, progress=progress, kernel=kernel)
    if found.levels is None:
        if not found.complete:
            raise PrivacyError(
                "P402",
                f"no scheme that satisfies the models was found in {seconds:g} seconds",
                hint="allow more seconds or more suppression, or use recoding: local",
            )
        raise unsatisfiable(problem, models, allowed)
    found = replace(found, levels=least_general(problem, models, measure, found.levels, allowed))
    return _recoding(problem, models, measure, found, used)


def least_general(
    problem: Problem, models: Sequence[Model], metric: Metric, levels: Sequence[int], limit: int
) -> tuple[int, ...]:
    """Of schemes with equal loss, one with lower levels: a label that covers no more values than the raw one says less.

    A level whose values cover no more of the domain than those below it costs nothing, so the search may stop at either.
    """
    floor, best = metric.floor(), tuple(int(level) for level in levels)
    score = metric.score(look_at(problem, models, best)) if _may_settle(floor, best, problem) else 0.0
    for d in range(problem.dimensions):
        while _may_lower(floor[d], best[d], problem.bottom[d]):
            lower = (*best[:d], best[d] - 1, *best[d + 1 :])
            look = look_at(problem, models, lower)
            if look.suppressed > limit or not look.released.any() or metric.score(look) > score + 1e-9 * abs(score):
                break
            best = lower
    return best


def _may_settle(floor: Sequence[Floats], levels: Sequence[int], problem: Problem) -> bool:
    return any(_may_lower(floor[d], levels[d], problem.bottom[d]) for d in range(problem.dimensions))


def _may_lower(floor: Floats, level: int, bottom: int) -> bool:
    return level > bottom and bool(floor[level - 1] >= floor[level] - 1e-12)


def find(
    problem: Problem,
    models: Sequence[Model],
    metric: Metric,
    limit: int,
    *,
    seconds: float,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
) -> tuple[Found, str]:
    """Run a kernel; `Found` holds scores, and the second value names the kernel used."""
    deadline = time.monotonic() + seconds

    def stop(share: float) -> bool:
        if progress is not None:
            progress(share)
        return time.monotonic() >= deadline

    native = load_kernel() if kernel != "numpy" else None
    usable = native is not None and fits(problem, models, metric)
    if native is not None and usable:
        return native_search(native, problem, models, metric, limit, stop=stop), "native"
    if kernel == "native":
        why = "was not built" if native is None else "cannot take this table or these models"
        raise UsageError("U100", f"the native search kernel {why}", hint="use the kernel auto")
    from jalousie.privacy.search.numpy_search import numpy_search

    return numpy_search(problem, models, metric, limit, stop=stop), "numpy"


def _recoding(problem: Problem, models: Sequence[Model], metric: Metric, found: Found, kernel: str) -> Recoding:
    assert found.levels is not None
    look = look_at(problem, models, found.levels)
    if not look.released.any():
        raise PrivacyError(
            "P401",
            "the models can only be satisfied by suppressing every row",
            hint="ask for less, or add rows",
        )
    loss = metric.loss_of(metric.score(look))
    bound = loss if found.complete else min(loss, metric.loss_of(found.bound))
    proof = Proof(
        exact=found.complete,
        lattice=problem.lattice,
        checked=found.checked,
        pruned=problem.lattice - found.checked if found.complete else 0,
        lower_bound=bound,
        gap=loss - bound,
        method="best-first with box bounds",
        kernel=kernel,
    )
    return problem.recoding(found.levels, ~look.released, look.group_class, loss, proof, tuple(found.candidates))


def unsatisfiable(problem: Problem, models: Sequence[Model], limit: int) -> PrivacyError:
    """Why there is no release, and what would make one."""
    top = look_at(problem, models, problem.top)
    rows = problem.rows
    needed = top.suppressed
    k = max((model.minimum_size for model in models if isinstance(model, KAnonymity)), default=0)
    ways = []
    if needed < rows:
        ways.append(f"suppression of {math.ceil(1e4 * needed / rows) / 1e4:g} ({needed} rows) would do")
    classes = Classes(top.sizes, class_cells(problem, models, top.group_class))
    failing = [model for model in models if not _holds(model, classes)]
    if all(isinstance(model, KAnonymity) for model in failing):
        sizes = np.sort(top.sizes)
        fits = np.cumsum(sizes) - sizes <= limit  # classes that are smaller than this one may all be suppressed
        largest = int(sizes[fits].max(initial=0))
        if k > rows:
            largest = min(largest, _USUAL_K)
        if 1 < largest < least_size(failing):
            ways.append(f"k = {largest} would do at this suppression")
    elif all(weaker := [_reached(model, classes) for model in failing]):
        ways.append(f"{' and '.join(weaker)} would do")
    if not ways:
        ways.append("weaken the models, or add rows")
    if k > rows:
        message = f"k is {k:,}: more than the table has rows when it is generalised ({rows:,})"
        return PrivacyError("P400", message, hint="; ".join(ways))
    return PrivacyError(
        "P400",
        f"no scheme satisfies the models: even the most general one would suppress {needed} of {rows} rows, "
        f"and {limit} are allowed",
        hint="; ".join(ways),
    )


def _holds(model: Model, classes: Classes) -> bool:
    """Whether a model holds with nothing suppressed."""
    return model.forced(classes.sizes) == 0 if model.of_table else bool(model.satisfied(classes).all())


def _reached(model: Model, classes: Classes) -> str:
    """A model with a number that these classes satisfy, rounded to the safe side; empty where it has none."""
    if isinstance(model, EntropyLDiversity) and model.estimator == "grassberger":
        return ""  # its number also asks for as many different values
    value = model.reached(classes)
    if not math.isfinite(value):
        return ""
    if model.better == "higher":
        number = math.floor(value * 1000 + 1e-6) / 1000
        if number <= 1:
            return ""
    else:
        number = (
            math.floor(value * 1000) + 1
        ) / 1000  # above the value: one of these models asks for less than its number
        if not isinstance(model, RecursiveCLDiversity):
            number = min(number, 1.0)
    name = f"{model.name} of {model.column}" if model.column else model.name
    return f"{name} with {number:g} in place of {model.required:g}"
