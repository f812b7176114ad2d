"""Looking at one scheme on the data, plainly: the reference that every faster path must agree with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.privacy.models import Cells, Classes, Model, possible, satisfied
from jalousie.privacy.search.metrics import Look
from jalousie.privacy.search.problem import Problem


def look_at(problem: Problem, models: Sequence[Model], levels: Sequence[int]) -> Look:
    """Form the classes of a scheme, and say which are released and which no less general scheme could release.

    `problem` may be one that was rolled up, to levels that are nowhere higher.
    """
    group_class, sizes = problem.classes(levels)
    classes = Classes(sizes, class_cells(problem, models, group_class))
    return Look(
        problem=problem,
        levels=tuple(int(level) for level in levels),
        group_class=group_class,
        sizes=sizes,
        released=satisfied(models, classes),
        core=~possible(models, classes),
        forced=max((model.forced(sizes) for model in models), default=0),
    )


def class_cells(problem: Problem, models: Sequence[Model], group_class: np.ndarray) -> dict[str, Cells]:
    """The cells of every sensitive column that a model needs."""
    columns = {model.column for model in models if model.column}
    return {
        name: Cells(*problem.class_histogram(name, group_class), len(problem.sensitive[name].values))
        for name in sorted(columns)
    }
