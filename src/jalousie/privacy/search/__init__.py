"""The search for a recoding: exact, local, Mondrian, and for lattices too large to prove. One function, `search`, chooses."""

from __future__ import annotations

from collections.abc import Sequence

from jalousie.contract.model import Privacy
from jalousie.privacy.models import Model
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search.exact import Kernel, Progress, exact_search
from jalousie.privacy.search.problem import Axis, Problem, build_problem
from jalousie.tables.types import FrequencyTable, Hierarchy

__all__ = ["Axis", "Kernel", "Problem", "Progress", "build_problem", "exact_search", "search"]

LARGEST_LATTICE = 20_000_000
"""Schemes for which the exact search keeps a bound each (8 bytes); larger lattices get a gap instead of a proof."""


def search(
    table: FrequencyTable,
    hierarchies: Sequence[Hierarchy],
    models: Sequence[Model],
    privacy: Privacy,
    *,
    weights: Sequence[float] | None = None,
    low: Sequence[int] | None = None,
    high: Sequence[int | None] | None = None,
    progress: Progress | None = None,
    kernel: Kernel = "auto",
) -> Recoding:
    """Decide how a table is recoded, as `privacy` asks for.

    `hierarchies` are in the order of the table's columns; so are `weights`, and `low` and `high`, the levels allowed.
    Raises PrivacyError P400 where nothing satisfies the models.
    """
    problem = build_problem(table, hierarchies, weights=weights, low=low, high=high)
    if privacy.recoding == "local":
        from jalousie.privacy.search.local import local_recoding

        return local_recoding(problem, models, privacy, progress=progress, kernel=kernel)
    if privacy.recoding == "mondrian":
        from jalousie.privacy.search.mondrian import mondrian

        return mondrian(problem, models, privacy, progress=progress, kernel=kernel)
    if problem.lattice > LARGEST_LATTICE:
        from jalousie.privacy.search.wide import wide_search

        return wide_search(problem, models, privacy, progress=progress, kernel=kernel)
    return exact_search(
        problem,
        models,
        metric=privacy.metric,
        suppression=privacy.suppression,
        seconds=privacy.seconds,
        progress=progress,
        kernel=kernel,
    )
