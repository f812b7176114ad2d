"""What a generalised cell of a column may stand for: the description that travels with a release.

A `ColumnSpace` is published, so it must say no more than the release and the contract say already. A hierarchy that is
written out in the contract (a file, named sets, an ordered list) is agreed material and may be published whole. Where the
domain is only what was observed (masks, prefixes, frequency, dates, intervals), the space is cut to the labels that the
release contains: two values that no released label tells apart are one value of the space.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
import numpy as np

from jalousie.learning.labels import members_of
from jalousie.tables.types import Hierarchy

STAR = "*"
Kind = Literal["categorical", "ordered", "number", "date"]
Match = Literal["exact", "mask-right", "mask-left", "prefix", "other"]


class ColumnSpace(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One quasi-identifier: its domain and what each generalised label covers.

    kind     `number` and `date` are read as numbers (dates in days since 1970-01-01), `ordered` by the place in `values`
    values   the domain as text, in code order; empty where a number is known by bounds alone
    labels   generalised labels; `covers` or `bounds` says what each stands for
    covers   per label the codes of the values covered; empty: the whole domain
    bounds   per label [low, high) of a number or date, None where open; empty for sets
    whole    numbers are whole numbers (or whole days)
    match    how a raw value that `values` lacks finds its label: a mask's or a prefix's pattern, or the label of all others
    mark     the masking character, the characters that a prefix ignores, or the label of all others
    """

    name: str
    kind: Kind
    values: tuple[str | None, ...] = ()
    labels: tuple[str | None, ...] = ()
    covers: tuple[tuple[int, ...], ...] = ()
    bounds: tuple[tuple[float | None, float | None], ...] = ()
    whole: bool = False
    match: Match = "exact"
    mark: str = ""

    @classmethod
    def from_hierarchy(
        cls,
        hierarchy: Hierarchy,
        kind: Kind,
        *,
        released: Collection[str | None] | None = None,
        whole: bool = False,
        match: Match = "exact",
        mark: str = "",
    ) -> ColumnSpace:
        """Describe a compiled hierarchy.

        `released` None publishes the whole hierarchy, which must then be agreed in the contract; else only what the
        released labels tell apart is published. A number whose hierarchy carries bounds is described by them alone.
        """
        if released is not None:
            # the members of a set label are released with it
            released = {*released, *(part for label in released for part in members_of(label) or ())}
        if kind in ("number", "date") and hierarchy.bounds:
            return _by_bounds(cls, hierarchy, kind, released, whole)
        values, labels, covers = _by_sets(hierarchy, released)
        return cls(
            name=hierarchy.column,
            kind=kind,
            values=values,
            labels=labels,
            covers=covers,
            whole=whole,
            match=match,
            mark=mark,
        )


def _by_bounds(
    cls: type[ColumnSpace], hierarchy: Hierarchy, kind: Kind, released: Collection[str | None] | None, whole: bool
) -> ColumnSpace:
    found: dict[str | None, tuple[float | None, float | None]] = {}
    for level in range(1, hierarchy.levels):
        for label, (low, high) in zip(hierarchy.labels[level], hierarchy.bounds[level], strict=True):
            if label not in (STAR, None) and (released is None or label in released):
                found.setdefault(label, (_finite(low), _finite(high)))
    return cls(name=hierarchy.column, kind=kind, labels=tuple(found), bounds=tuple(found.values()), whole=whole)


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _by_sets(
    hierarchy: Hierarchy, released: Collection[str | None] | None
) -> tuple[tuple[str | None, ...], tuple[str | None, ...], tuple[tuple[int, ...], ...]]:
    """Domain values merged where no released label tells them apart; such a merged value is named by its finest label."""
    base = np.full(hierarchy.size, -1, np.int64)
    names: dict[str | None, int] = {}
    for level in range(hierarchy.levels):
        texts = hierarchy.labels[level]
        shown = np.array([released is None or text in released for text in texts], bool)
        for code in np.flatnonzero(np.bincount(hierarchy.maps[level][(base < 0) & shown[hierarchy.maps[level]]])):
            free = (hierarchy.maps[level] == code) & (base < 0)
            base[free] = names.setdefault(texts[code], len(names))
    covers: dict[str | None, tuple[int, ...]] = {}
    for level in range(1, hierarchy.levels):
        order = np.argsort(hierarchy.maps[level], kind="stable")
        ends = np.cumsum(np.bincount(hierarchy.maps[level], minlength=len(hierarchy.labels[level])))
        for text, inside in zip(hierarchy.labels[level], np.split(order, ends[:-1]), strict=True):
            if text == STAR or (released is not None and text not in released):
                continue
            # the same text at two levels stands for both
            covers[text] = tuple(sorted({*covers.get(text, ()), *(int(code) for code in base[inside])}))
    kept = {text: codes for text, codes in covers.items() if text not in names or codes != (names[text],)}
    return tuple(names), tuple(kept), tuple(kept.values())
