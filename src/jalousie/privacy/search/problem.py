"""What a search works on: the frequency table with its hierarchies, cut down to the values that occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from jalousie.errors import ContractError, HierarchyError, TableError
from jalousie.privacy.recoding import Candidate, Proof, Recoding
from jalousie.tables.types import Codes, Counts, Floats, FrequencyTable, Hierarchy, Histogram, Mask

KEY_BITS = 62
"""Widest mixed-radix key that int64 holds with room to spare."""


class Axis(Struct, frozen=True, eq=False):
    """One quasi-identifier: its hierarchy over the n values that occur. Levels count from 0 (raw).

    hierarchy  the full one (its size is the denominator of Loss)
    leaves     (n,) domain code of each value that occurs
    maps       per level (n,) code of the generalised value, dense over those that occur
    origin     per level: dense code -> code in hierarchy.labels[level]
    shares     per level: dense code -> share of the full domain that it covers
    weight     in the quality measure
    low, high  levels allowed, both included
    """

    hierarchy: Hierarchy
    leaves: Codes
    maps: tuple[Codes, ...]
    origin: tuple[Codes, ...]
    shares: tuple[Floats, ...]
    weight: float = 1.0
    low: int = 0
    high: int = 0

    @property
    def name(self) -> str:
        return self.hierarchy.column

    @property
    def levels(self) -> int:
        return len(self.maps)

    @property
    def values(self) -> int:
        """Number of values that codes stand for."""
        return len(self.maps[0])

    def width(self, level: int) -> int:
        """Number of generalised values that occur at `level`."""
        return len(self.origin[level])

    def covered(self, level: int, below: int) -> Floats:
        """(width of `level`,) the largest share that values at level `below` cover under each value at `level`."""
        largest = np.zeros(self.width(level))
        np.maximum.at(largest, self.maps[level], self.shares[below][self.maps[below]])
        return largest

    def rolled(self, level: int) -> Axis:
        """The axis of a table whose values were generalised to `level`; levels under it lose their meaning."""
        same = np.arange(self.width(level), dtype=np.int32)
        maps = tuple(same if to <= level else self.step(level, to) for to in range(self.levels))
        return replace(self, maps=maps)

    def step(self, below: int, above: int) -> Codes:
        """Dense codes at level `below` -> dense codes at level `above`."""
        step = np.zeros(self.width(below), np.int32)
        step[self.maps[below]] = self.maps[above]
        return step


class Problem(Struct, frozen=True, eq=False):
    """A frequency table of G distinct rows over D axes, ready to be searched.

    codes     (D, G) int32 value of each distinct row on each axis
    counts    (G,) int64
    sensitive histograms by column name
    marginals per axis (n,) rows by value; made from codes and counts
    """

    axes: tuple[Axis, ...]
    codes: Codes
    counts: Counts
    sensitive: Mapping[str, Histogram] = field(default_factory=dict)
    marginals: tuple[Counts, ...] = ()

    def __post_init__(self) -> None:
        if not self.marginals:
            made = tuple(
                np.bincount(self.codes[d], weights=self.counts, minlength=axis.values).astype(np.int64)
                for d, axis in enumerate(self.axes)
            )
            force_setattr(self, "marginals", made)

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def groups(self) -> int:
        return len(self.counts)

    @property
    def dimensions(self) -> int:
        return len(self.axes)

    @property
    def lattice(self) -> int:
        """Number of schemes between the lowest and highest levels allowed."""
        size = 1
        for axis in self.axes:
            size *= axis.high - axis.low + 1
        return size

    @property
    def bottom(self) -> tuple[int, ...]:
        return tuple(axis.low for axis in self.axes)

    @property
    def top(self) -> tuple[int, ...]:
        return tuple(axis.high for axis in self.axes)

    def part(self, keep: Mask) -> Problem:
        """The same problem on some of the distinct rows ((G,) mask). Axes stay as they are, so codes keep their meaning."""
        place = np.cumsum(keep) - 1
        return replace(
            self,
            codes=np.ascontiguousarray(self.codes[:, keep]),
            counts=self.counts[keep],
            sensitive={name: _cells_of(h, keep, place) for name, h in self.sensitive.items()},
            marginals=(),
        )

    def classes(self, levels: Sequence[int]) -> tuple[Counts, Counts]:
        """Equivalence classes under one scheme: ((G,) class of each distinct row, (C,) rows of each class)."""
        key, space = self._key(levels)
        if space <= 4 * self.groups + 1000:
            sizes = np.bincount(key, weights=self.counts, minlength=space).astype(np.int64)
            seen = np.zeros(space, bool)
            seen[key] = True  # by the keys, not by the sizes: a distinct row may stand for no row of this table
            used = np.flatnonzero(seen)
            dense = np.zeros(space, np.int64)
            dense[used] = np.arange(len(used))
            return dense[key], sizes[used]
        _, inverse = np.unique(key, return_inverse=True)
        inverse = inverse.reshape(-1).astype(np.int64)
        return inverse, np.bincount(inverse, weights=self.counts).astype(np.int64)

    def rolled(self, levels: Sequence[int], group_class: Counts, sizes: Counts) -> Problem:
        """The classes of a scheme as distinct rows: more general schemes can be formed from them as well, with fewer rows."""
        first = np.zeros(len(sizes), np.int64)
        first[group_class] = np.arange(self.groups)
        codes = np.stack(
            [
                axis.maps[level].take(self.codes[d][first])
                for d, (axis, level) in enumerate(zip(self.axes, levels, strict=True))
            ]
        )
        sensitive = {}
        for name, h in self.sensitive.items():
            group, code, count = self.class_histogram(name, group_class)
            sensitive[name] = Histogram(name, h.values, group, code, count)
        axes = tuple(axis.rolled(level) for axis, level in zip(self.axes, levels, strict=True))
        marginals = tuple(
            np.bincount(axis.maps[level], weights=rows, minlength=made.values).astype(np.int64)
            for axis, level, rows, made in zip(self.axes, levels, self.marginals, axes, strict=True)
        )
        return Problem(axes, codes, sizes, sensitive, marginals)

    def _key(self, levels: Sequence[int]) -> tuple[Counts, int]:
        """(G,) one number per distinct row that is equal exactly where the generalised rows are, and its upper end."""
        key = np.zeros(self.groups, np.int64)
        space = 1
        for d, (axis, level) in enumerate(zip(self.axes, levels, strict=True)):
            width = axis.width(level)
            if width == 1:
                continue
            if space * width >= 1 << KEY_BITS:  # too many columns for one word: number the prefixes that occur
                _, inverse = np.unique(key, return_inverse=True)
                key = inverse.reshape(-1).astype(np.int64)
                space = int(key.max(initial=0)) + 1
            key *= width
            key += axis.maps[level].take(self.codes[d])  # thrice as fast as brackets, for narrow codes
            space *= width
        return key, space

    def class_histogram(self, name: str, group_class: Counts) -> tuple[Counts, Codes, Counts]:
        """Sensitive cells by class, sparse and sorted by (class, code): (class, code, rows)."""
        h = self.sensitive[name]
        width = len(h.values)
        key = group_class[h.group] * width + h.code
        cells, inverse = np.unique(key, return_inverse=True)
        rows = np.bincount(inverse.reshape(-1), weights=h.count, minlength=len(cells)).astype(np.int64)
        return cells // width, (cells % width).astype(np.int32), rows

    def recoding(
        self,
        levels: Sequence[int],
        suppressed_class: Mask,
        group_class: Counts,
        loss: float,
        proof: Proof,
        candidates: tuple[Candidate, ...] = (),
    ) -> Recoding:
        """The recoding of one scheme whose classes ((C,) mask) are released or suppressed."""
        suppressed = suppressed_class[group_class]
        renumbered = np.where(suppressed_class, -1, np.cumsum(~suppressed_class) - 1)
        codes = np.empty_like(self.codes)
        cells = np.empty(self.codes.shape, np.float32)
        for d, (axis, level) in enumerate(zip(self.axes, levels, strict=True)):
            dense = axis.maps[level][self.codes[d]]
            codes[d] = axis.origin[level][dense]
            cells[d] = np.where(suppressed, 1.0, axis.shares[level][dense])
        return Recoding(
            levels=tuple(int(level) for level in levels),
            labels=tuple(axis.hierarchy.labels[level] for axis, level in zip(self.axes, levels, strict=True)),
            codes=codes,
            suppressed=suppressed,
            classes=renumbered[group_class],
            cell_loss=cells,
            loss=loss,
            proof=proof,
            candidates=candidates,
        )


def build_problem(
    table: FrequencyTable,
    hierarchies: Sequence[Hierarchy],
    *,
    weights: Sequence[float] | None = None,
    low: Sequence[int] | None = None,
    high: Sequence[int | None] | None = None,
) -> Problem:
    """Put a frequency table and its hierarchies (in the order of its columns) together.

    `weights` are per column (1 where not given); `low` and `high` are the levels allowed, `high` None for the top.
    Raises TableError T204 (no rows), HierarchyError H310 (a value outside), H311 (levels that are not nested) and
    ContractError C103 (level limits that cannot be met, no weight above zero).
    """
    if table.groups == 0 or table.rows == 0:
        raise TableError("T204", "the table has no rows", hint="check the rules that drop rows, and the file")
    if not table.names:
        raise ContractError("C103", "no column is a quasi-identifier", hint="give at least one column that role")
    count = len(table.names)
    given = tuple(weights) if weights is not None else (1.0,) * count
    if not any(weight > 0 for weight in given):
        raise ContractError("C103", "every quasi-identifier has weight 0", hint="give at least one a weight above 0")
    axes = []
    codes = np.empty(table.codes.shape, np.int32)
    for d, hierarchy in enumerate(hierarchies):
        axis, codes[d] = _axis(table.values[d], table.codes[d], hierarchy)
        first = low[d] if low is not None else 0
        last = high[d] if high is not None else None
        last = axis.levels - 1 if last is None else last
        if not 0 <= first <= last < axis.levels:
            raise ContractError(
                "C103",
                f"column {axis.name} is limited to levels {first} to {last}, but its hierarchy has 0 to {axis.levels - 1}",
                hint="mend min-level and max-level",
            )
        axes.append(replace(axis, weight=float(given[d]), low=first, high=last))
    return Problem(tuple(axes), codes, table.counts, {h.name: h for h in table.sensitive})


def _axis(values: Sequence[str | None], codes: Codes, hierarchy: Hierarchy) -> tuple[Axis, Codes]:
    """The axis of one column, and the column's codes renumbered over the values that occur."""
    place = {value: i for i, value in enumerate(hierarchy.labels[0])}
    used = np.flatnonzero(np.bincount(codes, minlength=len(values)))
    found = [place.get(values[i], -1) for i in used.tolist()]
    if min(found) < 0:
        raise HierarchyError(
            "H310",
            f"{found.count(-1)} values of column {hierarchy.column} are not in its hierarchy",
            hint="add them to the hierarchy, or drop the rows that have them",
        )
    leaves = np.array(found, np.int32)
    renumber = np.zeros(len(values), np.int32)
    renumber[used] = np.arange(len(used), dtype=np.int32)
    maps: list[Codes] = []
    origin: list[Codes] = []
    shares: list[Floats] = []
    for level in range(hierarchy.levels):
        width = len(hierarchy.labels[level])
        covered = np.bincount(hierarchy.maps[level], minlength=width) / hierarchy.size
        general = hierarchy.maps[level][leaves]
        if level == 0:  # values that occur keep their own order
            kept, dense = general, np.arange(len(used), dtype=np.int32)
        else:
            kept, inverse = np.unique(general, return_inverse=True)
            dense = inverse.reshape(-1).astype(np.int32)
            _check_nested(hierarchy, level, maps[-1], dense)
        maps.append(dense)
        origin.append(kept.astype(np.int32))
        shares.append(covered[kept])
    axis = Axis(hierarchy, leaves, tuple(maps), tuple(origin), tuple(shares), high=hierarchy.levels - 1)
    return axis, renumber[codes]


def _check_nested(hierarchy: Hierarchy, level: int, below: Codes, above: Codes) -> None:
    """Every bound of the search rests on this: what is equal at one level stays equal at the next."""
    step = np.zeros(int(below.max()) + 1, np.int32)
    step[below] = above
    if not np.array_equal(step[below], above):
        raise HierarchyError(
            "H311",
            f"the hierarchy of column {hierarchy.column} is not nested at level {level}",
            hint=f"values that are equal at level {level - 1} must stay equal at level {level}",
        )


def _cells_of(h: Histogram, keep: Mask, place: Counts) -> Histogram:
    kept = keep[h.group]
    return Histogram(h.name, h.values, place[h.group[kept]], h.code[kept], h.count[kept])
