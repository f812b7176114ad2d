"""Compile a hierarchy: build or read it, complete it with null and `*`, check that it is one.

What every compiled hierarchy keeps:
- level 0 is the domain, the last level is the single label `*` (added where a file or definition does not end in it);
- levels are nested: two values that are equal at a level are equal at every level above;
- a null is a value of its own: it stays a null at every level below `*`, unless a hierarchy file has a line for it
  (the line whose raw value is empty);
- every observed value is in the domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from jalousie.contract import model
from jalousie.contract.positions import Positions
from jalousie.contract.specs import spec_faults
from jalousie.errors import HierarchyError, Where
from jalousie.tables import builders
from jalousie.tables.built import Built
from jalousie.tables.dates import build_dates
from jalousie.tables.hierarchy_file import read_hierarchy_file
from jalousie.tables.intervals import build_intervals
from jalousie.tables.types import Codes, Floats, FrequencyTable, Hierarchy

TOP = "*"


def compile_hierarchy(
    column: str,
    spec: model.Hierarchy,
    values: Sequence[str | None],
    counts: Sequence[int],
    folder: Path,
    where: Where | None = None,
) -> Hierarchy:
    """Compile the hierarchy of one column for its observed values.

    Parameters
    ----------
    values
        the distinct observed values as text, None for null
    counts
        rows with each of them
    folder
        what a hierarchy file's path is relative to
    where
        the definition's place in the contract, for messages

    Raises HierarchyError: H300 and H301 (file), H302 (observed values outside the domain), H303 (not nested), H304 (a
    value twice), H305 (values that a builder cannot place), H306 (a definition that contradicts itself).
    """
    for fault in spec_faults(spec):
        level = f", level {fault.level}" if fault.level else ""
        raise HierarchyError("H306", f'column "{column}"{level}: {fault.message}', hint=fault.hint, where=where)
    built = _build(column, spec, values, counts, folder, where)
    _complete(column, built, values, where)
    _nested(column, built, where)
    return _finish(column, built, with_null=None in values)


def compile_hierarchies(
    columns: Mapping[str, model.Column], table: FrequencyTable, folder: Path, positions: Positions | None = None
) -> tuple[Hierarchy, ...]:
    """The hierarchy of every quasi-identifier of a frequency table, in its order. `columns` is the contract's part."""
    places = positions or Positions()
    compiled = []
    for index, name in enumerate(table.names):
        values = table.values[index]
        counts = np.bincount(table.codes[index], weights=table.counts, minlength=len(values)).astype(np.int64)
        where = places.where(f"columns.{name}.hierarchy")
        compiled.append(compile_hierarchy(name, columns[name].hierarchy, values, counts.tolist(), folder, where))
    return tuple(compiled)


def _build(
    column: str,
    spec: model.Hierarchy,
    values: Sequence[str | None],
    counts: Sequence[int],
    folder: Path,
    where: Where | None,
) -> Built:
    texts = [value for value in values if value is not None]
    match spec:
        case model.FileHierarchy():
            return read_hierarchy_file(column, spec, folder, where, empty_is_null="" not in values)
        case model.IntervalHierarchy():
            return build_intervals(column, spec, texts, where)
        case model.DateHierarchy():
            return build_dates(column, spec, texts, where)
        case model.OrderedHierarchy():
            return builders.build_ordered(spec)
        case model.SetHierarchy():
            return builders.build_sets(spec)
        case model.MaskHierarchy():
            return builders.build_mask(column, spec, texts, where)
        case model.PrefixHierarchy():
            return builders.build_prefix(spec, texts)
        case model.FrequencyHierarchy():
            known = [count for value, count in zip(values, counts, strict=True) if value is not None]
            return builders.build_frequency(spec, texts, known, max(1, sum(counts)))
        case model.NoHierarchy():
            return builders.build_none(texts)


def _complete(column: str, built: Built, values: Sequence[str | None], where: Where | None) -> None:
    """Every observed value is in the domain. The message says how many are not, never which."""
    missing = set(values).difference(built.domain) - {None}
    if missing:
        what = "1 value" if len(missing) == 1 else f"{len(missing)} different values"
        message = f'column "{column}", level 0: {what} of the table {"is" if len(missing) == 1 else "are"} not in its hierarchy'
        hint = (
            "its file needs a line for each value of the table"
            if built.lines
            else "its definition must list each value of the table"
        )
        raise HierarchyError("H302", message, hint=f"{hint}; `jalousie inspect` counts them by column", where=where)


def _nested(column: str, built: Built, where: Where | None) -> None:
    """Values equal at one level are equal at the next. Builders nest by construction; files and labels may not."""
    for number, (level, above) in enumerate(pairwise(built.levels), start=1):
        first = np.zeros(len(level.labels), dtype=np.int64)
        # the last write wins, so writing backwards leaves each label's first value
        first[level.codes[::-1]] = np.arange(len(level.codes))[::-1]
        wrong = np.flatnonzero(above.codes != above.codes[first[level.codes]])
        if len(wrong):
            other = int(first[level.codes[wrong[0]]])
            lines = f": lines {built.lines[other]} and {built.lines[wrong[0]]} of its file" if built.lines else ""
            message = f'column "{column}", level {number + 1}{lines}: values that are equal at level {number} differ'
            raise HierarchyError("H303", message, hint=f"give them one label at level {number + 1}", where=where)


def _finish(column: str, built: Built, *, with_null: bool) -> Hierarchy:
    """Add the null's own class and the top, and freeze."""
    null_class = with_null and None not in built.domain
    domain = (*built.domain, None) if null_class else tuple(built.domain)
    size = len(domain)
    labels: list[tuple[str | None, ...]] = [domain]
    maps: list[Codes] = [np.arange(size, dtype=np.int32)]
    bounds: list[Floats] = [] if built.bounds is None else [_with_null(built.bounds, null_class)]
    for level in built.levels:
        if level is built.levels[-1] and level.labels == [TOP]:
            break
        codes = np.append(level.codes, np.int32(len(level.labels))) if null_class else level.codes
        labels.append((*level.labels, None) if null_class else tuple(level.labels))
        maps.append(codes.astype(np.int32, copy=False))
        if level.bounds is not None:
            bounds.append(_with_null(level.bounds, null_class))
    labels.append((TOP,))
    maps.append(np.zeros(size, dtype=np.int32))
    if bounds:
        bounds.append(np.full((1, 2), np.nan))
    return Hierarchy(column, tuple(labels), tuple(maps), built.kind, tuple(bounds))


def _with_null(bounds: Floats, null_class: bool) -> Floats:
    return np.vstack((bounds, np.full((1, 2), np.nan))) if null_class else bounds
