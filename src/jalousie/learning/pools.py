"""Asking about values that few records have, in company: what is too small to be asked about alone is still learnt.

A group may not be smaller than the contract allows, so a column's bins merge rare values with their neighbours, and a model
of such bins cannot tell them apart. On Adult that costs about what interactions would gain (docs/explanation).

So the model's bins are finer than any group. Each record with a rare value is in one group of a further partition, by
the rarest value it has; values too small for a group share one with others of their column. A second partition pools
them otherwise, and the sums tell the values apart, as pooled samples do (Dorfman 1943). How values are pooled follows from
the population's columns alone. One record is in one group of each partition: the price is that of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jalousie.learning.bins import NOT_ASKED
from jalousie.tables.types import Codes, Counts

RARE = 4  # times the least group: bins below are asked about once more
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """A partition of the records that have a rare value.

    sizes   by column (count,): records of each bin in the population
    groups  by column (count,): group of each bin, -1 for none
    """

    sizes: tuple[Counts, ...]
    groups: tuple[Codes, ...]
    count: int

    def codes(self, codes: Codes) -> Codes:
        """(n,) groups, from the model's bins (n, columns); -1 where no value is rare."""
        column = rarest(codes, self.sizes)[0]
        found = np.full(len(codes), NOT_ASKED, np.int32)
        for at, groups in enumerate(self.groups):
            rows = np.flatnonzero((column == at) & (codes[:, at] >= 0))
            found[rows] = groups[codes[rows, at]]
        return found


def rarest(codes: Codes, sizes: Sequence[Counts]) -> tuple[Codes, Counts]:
    """(n,) column in which each record's bin is smallest, and that bin's size."""
    own = np.full(codes.shape, _NEVER)
    for at, size in enumerate(sizes):
        known = codes[:, at] >= 0
        own[known, at] = size[codes[known, at]]
    column = own.argmin(axis=1)
    return column.astype(np.int32), own[np.arange(len(codes)), column]


def pool(codes: Codes, counts: Sequence[int], least: int, ways: int) -> list[Pools]:
    """`ways` partitions of the population into groups of at least `least` records; none where no bin is below `least`.

    codes (n, columns), counts: the model's bins.
    """
    sizes = tuple(
        np.bincount(codes[codes[:, at] >= 0, at], minlength=count).astype(np.int64) for at, count in enumerate(counts)
    )
    if not any((size[size > 0] < least).any() for size in sizes):
        return []
    column, size = rarest(codes, sizes)
    rare = size < RARE * least
    found = []
    for way in range(ways):
        rng = np.random.default_rng(way)
        groups, start = [], 0
        for at, count in enumerate(counts):
            rows = rare & (column == at)
            own, many = _grouped(np.bincount(codes[rows, at], minlength=count), least, rng)
            groups.append(np.where(own >= 0, own + start, NOT_ASKED).astype(np.int32))
            start += many
        if start:
            found.append(Pools(sizes, tuple(groups), start))
    return found


def _grouped(sizes: Counts, least: int, rng: np.random.Generator) -> tuple[Codes, int]:
    """(count,) group of each bin, -1 for none, and how many there are: large bins alone, small ones by chance together."""
    bins = np.flatnonzero(sizes)
    large = sizes[bins] >= least
    found = np.full(len(sizes), NOT_ASKED, np.int32)
    group, waiting, records = 0, [], 0
    for at in [*bins[large], *rng.permutation(bins[~large])]:
        waiting.append(at)
        records += int(sizes[at])
        if records >= least:
            found[waiting] = group
            group, waiting, records = group + 1, [], 0
    if group:
        found[waiting] = group - 1
    return found, group
