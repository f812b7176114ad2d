"""From a contract's columns and their compiled hierarchies to the spaces that are published with a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jalousie.contract.model import (
    Column,
    DateHierarchy,
    FileHierarchy,
    FrequencyHierarchy,
    MaskHierarchy,
    OrderedHierarchy,
    PrefixHierarchy,
    SetHierarchy,
)
from jalousie.learning.labels import interval_of
from jalousie.learning.spaces import ColumnSpace, Kind, Match
from jalousie.tables.types import Hierarchy

AGREED = (FileHierarchy, OrderedHierarchy, SetHierarchy)
"""Hierarchies whose every value stands in the contract or its files: both parties know the whole domain."""


def describe_spaces(
    columns: Mapping[str, Column],
    hierarchies: Sequence[Hierarchy],
    released: Mapping[str, Sequence[str | None]] | None = None,
) -> tuple[ColumnSpace, ...]:
    """A space for each hierarchy; `released` holds the labels that occur in each column of the release.

    Of a domain that is not agreed in the contract, only what the released labels tell apart is described. Without
    `released` the whole domain is: for the attacks, which stay at home; such spaces may never be published.
    """
    return tuple(_space(columns[h.column], h, None if released is None else released[h.column]) for h in hierarchies)


def _space(column: Column, hierarchy: Hierarchy, released: Sequence[str | None] | None) -> ColumnSpace:
    agreed = isinstance(column.hierarchy, AGREED)
    match, mark = _pattern(column)
    return ColumnSpace.from_hierarchy(
        hierarchy,
        _kind(column, hierarchy, released or ()),
        released=None if agreed or released is None else set(released),
        whole=column.type == "integer" or column.type == "date" or _all_whole(hierarchy),
        match=match,
        mark=mark,
    )


def _kind(column: Column, hierarchy: Hierarchy, released: Sequence[str | None]) -> Kind:
    if isinstance(column.hierarchy, DateHierarchy) or column.type in ("date", "datetime"):
        return "date"
    if isinstance(column.hierarchy, OrderedHierarchy) or column.order:
        return "ordered"
    own = {label for level in hierarchy.labels for label in level}
    if any(label not in own and interval_of(label, "number") for label in released):
        return "number"  # the search cut the column's values by size
    if isinstance(column.hierarchy, MaskHierarchy | PrefixHierarchy):
        return "categorical"  # the digits of a postcode are no quantity
    if column.type in ("integer", "decimal") or _all_numbers(hierarchy):
        return "number"
    return "categorical"


def _pattern(column: Column) -> tuple[Match, str]:
    spec = column.hierarchy
    if isinstance(spec, MaskHierarchy):
        return ("mask-right" if spec.side == "right" else "mask-left"), spec.character
    if isinstance(spec, PrefixHierarchy):
        return "prefix", spec.ignore
    if isinstance(spec, FrequencyHierarchy):
        return "other", spec.other
    return "exact", ""


def _all_numbers(hierarchy: Hierarchy) -> bool:
    return bool(hierarchy.bounds) or all(value is None or _number(value) is not None for value in hierarchy.labels[0])


def _all_whole(hierarchy: Hierarchy) -> bool:
    numbers = [_number(value) for value in hierarchy.labels[0] if value is not None]
    return bool(numbers) and all(number is not None and number.is_integer() for number in numbers)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
