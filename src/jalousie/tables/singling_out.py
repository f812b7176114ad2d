"""Which few columns together single people out, and which column gives another away: on the distinct rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from jalousie.tables.types import FrequencyTable

_LARGEST_SET = 4
_WORK = 30_000_000  # distinct rows looked at over all sets: some seconds
_BEAM = 12  # sets of each size that are extended
_SAME = 0.95  # a set that a part of it explains this well is not minimal


class ColumnSet(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Columns that single people out when they are known together."""

    columns: tuple[str, ...]
    unique_rows: float
    """Share of rows whose combination nobody else has."""
    classes: int
    """Different combinations."""


class Keys:
    """Fast keys for sets of columns of a frequency table: a random 64-bit word a value, added up over the columns.

    Two combinations share a key with a chance of about groups^2 / 2^64, which a report can bear (a release never uses it).
    """

    def __init__(self, table: FrequencyTable) -> None:
        generator = np.random.default_rng(0)  # protects nothing: the same figures every time
        self.table = table
        self._words: list[NDArray[np.uint64]] = [
            generator.integers(0, 2**64, size=len(values), dtype=np.uint64)[codes]
            for values, codes in zip(table.values, table.codes, strict=True)
        ]

    def measure(self, members: Sequence[int]) -> tuple[int, int]:
        """(rows that are alone in their class, classes) under the columns `members`."""
        key = np.zeros(self.table.groups, dtype=np.uint64)
        for member in members:
            key = key + self._words[member]
        order = np.argsort(key)
        key = key[order]
        starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
        sizes = np.add.reduceat(self.table.counts[order], starts)
        return int(np.count_nonzero(sizes == 1)), len(starts)


def singling_out_sets(table: FrequencyTable, *, most: int = 6) -> tuple[ColumnSet, ...]:
    """Minimal sets of up to four columns by the share of rows that they single out, worst first.

    Sets grow from the worst sets one column smaller (a beam), so a large table costs no more than a few seconds. A set
    is left out where a part of it singles out nearly as many, or where it singles out nobody.
    """
    rows, width = max(1, table.rows), len(table.names)
    if not width or not table.groups:
        return ()
    keys = Keys(table)
    left = max(width, _WORK // table.groups)
    found: dict[tuple[int, ...], tuple[float, int]] = {}
    frontier: list[tuple[int, ...]] = [()]
    for _ in range(min(_LARGEST_SET, width)):
        grown = dict.fromkeys(
            tuple(sorted((*base, extra))) for base in frontier for extra in range(width) if extra not in base
        )
        fresh = list(grown)[: max(0, left)]
        for members in fresh:
            unique, classes = keys.measure(members)
            found[members] = unique / rows, classes
        left -= len(fresh)
        frontier = sorted(fresh, key=lambda members: -found[members][0])[:_BEAM]
    minimal = [members for members, (share, _) in found.items() if share > 0 and _is_minimal(members, found)]
    worst = sorted(minimal, key=lambda members: (-found[members][0], len(members), members))[:most]
    return tuple(
        ColumnSet(
            columns=tuple(table.names[member] for member in members),
            unique_rows=found[members][0],
            classes=found[members][1],
        )
        for members in worst
    )


def _is_minimal(members: tuple[int, ...], found: dict[tuple[int, ...], tuple[float, int]]) -> bool:
    parts = (part for size in range(1, len(members)) for part in combinations(members, size))
    return all(found[part][0] < _SAME * found[members][0] for part in parts if part in found)


def unique_share(table: FrequencyTable, names: Sequence[str]) -> float:
    """Share of rows whose combination of `names` nobody else has."""
    if not names or not table.groups:
        return 0.0
    return Keys(table).measure([table.names.index(name) for name in names])[0] / table.rows


def tells(table: FrequencyTable, teller: str, told: str) -> bool:
    """Whether each value of `teller` occurs with one value of `told` alone, `told` having several."""
    first, second = table.names.index(teller), table.names.index(told)
    keys = Keys(table)
    alone, classes = keys.measure([first])[1], keys.measure([second])[1]
    return 1 < classes <= alone and keys.measure([first, second])[1] == alone
