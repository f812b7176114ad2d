"""How the records of a question overlap those of earlier ones: for the report, not for the guarantee.

Two groups that differ by one record would, without noise, give that record's label away by subtraction. The budget covers
that, and an attacker can always choose sets that are far apart; so overlaps are shown and never refused.

Compared are the sets of records that were charged, not the groups within them: a set is one bit a record, and few different ones
occur. The nearest is looked for among the `REMEMBERED` newest different sets of the same population; how many records were
asked about before, in whatever population, the tallies tell of all of history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.canonical import Mask

REMEMBERED: Final = 64
Bits = NDArray[np.uint8]


@dataclass(slots=True, eq=False)
class RecentSets:
    """The newest different sets of records of one population of `size` records."""

    size: int
    _rows: Bits = field(init=False)
    _count: int = 0
    """Sets ever kept; the newest overwrites the oldest."""
    _compared: tuple[Bits, NDArray[np.int64]] | None = None
    """What was compared last: a set that is charged was compared just before."""
    _everybody: int = -1
    """Which of the sets ever kept is that of all records: the usual one, so that it is not compared bit by bit."""

    def __post_init__(self) -> None:
        self._rows = np.empty((0, -(-self.size // 8)), dtype=np.uint8)

    def nearest(self, asked: Mask | None) -> int | None:
        """The fewest records in which one of them differs from `asked` (None: everybody); None where there is none yet."""
        if not len(self._rows):
            return None
        if asked is None and self._has_everybody:
            return 0
        return int(self._apart(self._bits(asked)).min())

    def add(self, asked: Mask | None) -> None:
        """Remember a set, unless it is among them."""
        if asked is None and self._has_everybody:
            return
        bits = self._bits(asked)
        if len(self._rows) and not self._apart(bits).all():
            return
        if len(self._rows) < REMEMBERED:
            self._rows = np.concatenate([self._rows, bits[None]])
        else:
            self._rows[self._count % REMEMBERED] = bits
        self._compared = None
        if asked is None:
            self._everybody = self._count
        self._count += 1

    @property
    def _has_everybody(self) -> bool:
        return self._everybody >= 0 and self._count - self._everybody <= REMEMBERED

    def _apart(self, bits: Bits) -> NDArray[np.int64]:
        """(sets,) records in which each differs from `bits`."""
        if self._compared is not None and np.array_equal(self._compared[0], bits):
            return self._compared[1]
        different = self._rows ^ bits
        words = different.shape[1] // 8 * 8
        apart: NDArray[np.int64] = np.bitwise_count(different[:, words:]).sum(axis=1, dtype=np.int64)
        if words:
            eight = np.ascontiguousarray(different[:, :words]).view(np.uint64)
            apart += np.bitwise_count(eight).sum(axis=1, dtype=np.int64)
        self._compared = (bits, apart)
        return apart

    def _bits(self, asked: Mask | None) -> Bits:
        return np.packbits(np.ones(self.size, dtype=np.bool_) if asked is None else asked)
