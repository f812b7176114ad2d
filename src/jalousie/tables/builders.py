"""Hierarchies built from a line of the contract instead of a file: categories and codes (numbers: `intervals`, `dates`).

Each builder takes the observed distinct values (nulls apart) and returns a `Built`. The domain, which is the denominator
of Loss, is what the definition alone fixes where it can (ordered, sets, whole numbers between `low` and `high`), and
the observed values otherwise; then a cell's share says which part of the *observed* values it could be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.contract import model
from jalousie.errors import HierarchyError, Where
from jalousie.tables.built import Built, Level, level_of, misfit

_DEEPEST_MASK = 24  # levels; a deeper mask is a long text, for which single characters mean nothing


def build_none(values: Sequence[str]) -> Built:
    """The value or `*`."""
    return Built(sorted(values), [])


def build_ordered(spec: model.OrderedHierarchy) -> Built:
    """Neighbours in the given order, `sizes[l]` groups of the level below at a time; a label is `first .. last`."""
    place = np.arange(len(spec.values))
    levels, size = [], 1
    for factor in spec.sizes:
        size *= factor
        starts = range(0, len(spec.values), size)
        groups = [spec.values[start : start + size] for start in starts]
        labels = [group[0] if len(group) == 1 else f"{group[0]} .. {group[-1]}" for group in groups]
        levels.append(Level(labels, (place // size).astype(np.int32)))
    return Built(spec.values, levels)


def build_sets(spec: model.SetHierarchy) -> Built:
    """Named groups of the values, then named groups of groups; a group that no level mentions stays itself up to `*`."""
    domain = [value for group in spec.levels[0].values() for value in group]
    labels, levels = domain, []
    for groups in spec.levels:
        above = {member: name for name, group in groups.items() for member in group}
        labels = [above.get(label, label) for label in labels]
        levels.append(level_of(labels))
    return Built(domain, levels)


def build_frequency(spec: model.FrequencyHierarchy, values: Sequence[str], counts: Sequence[int], rows: int) -> Built:
    """Values rarer than the threshold become `other`. Which values are common is a fact of the data that this shows."""
    share = dict(zip(values, (count / rows for count in counts), strict=True))
    domain = sorted(values)
    levels = [
        level_of([spec.other if share[value] < threshold else value for value in domain])
        for threshold in spec.thresholds
    ]
    return Built(domain, levels)


def build_mask(column: str, spec: model.MaskHierarchy, values: Sequence[str], where: Where | None) -> Built:
    """Characters hidden from one side; shorter values count as hidden where they have no character."""
    domain = sorted(values)
    longest = max(map(len, domain), default=0)
    if spec.length and longest > spec.length:
        wrong = sum(len(value) > spec.length for value in domain)
        raise misfit(column, wrong, f"have more than {spec.length} characters", "raise `length`", where)
    length = spec.length or longest
    steps = spec.steps or tuple(range(1, length))
    if len(steps) > _DEEPEST_MASK:
        message = f'column "{column}": values have up to {length} characters, one level each'
        hint = "give a few `steps`, such as [2, 4, 8], or take the hierarchy prefix or frequency"
        raise HierarchyError("H305", message, hint=hint, where=where)
    levels = []
    for hidden in steps:
        keep, mask = max(0, length - hidden), spec.character * min(hidden, length)
        if spec.side == "right":
            labels = [value[:keep].ljust(keep, spec.character) + mask for value in domain]
        else:
            labels = [mask + value.rjust(length, spec.character)[length - keep :] for value in domain]
        levels.append(level_of(labels))
    return Built(domain, levels)


def build_prefix(spec: model.PrefixHierarchy, values: Sequence[str]) -> Built:
    """Values cut to their first characters, those of `ignore` left out; shorter values stay whole."""
    domain = sorted(values)
    drop = str.maketrans("", "", spec.ignore)
    stripped = [value.translate(drop) for value in domain]
    return Built(domain, [level_of([value[:length] for value in stripped]) for length in spec.lengths])
