"""The lattice of generalisation schemes as flat arrays: index arithmetic, boxes, and sums over axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.tables.types import Floats

Box = tuple[slice, ...]


class Lattice:
    """All schemes between the lowest and highest levels allowed. Arrays over it have `shape`, one axis per column.

    Levels are always the hierarchy's own; only the shape is cut to the levels allowed.
    """

    def __init__(self, low: Sequence[int], high: Sequence[int]) -> None:
        self.low = tuple(low)
        self.high = tuple(high)
        self.shape = tuple(last - first + 1 for first, last in zip(low, high, strict=True))

    def spread(self, per_axis: Sequence[Floats]) -> Floats:
        """The array whose entry for a scheme is the sum of its levels' entries in `per_axis` (indexed by level)."""
        total: Floats = np.zeros(())
        for low, high, values in zip(self.low, self.high, per_axis, strict=True):
            total = total[..., None] + values[low : high + 1]
        return total

    def along(self, values: Floats, d: int) -> Floats:
        """One axis's values, shaped to broadcast over the lattice."""
        return values.reshape([-1 if axis == d else 1 for axis in range(len(self.shape))])

    def cell(self, levels: Sequence[int]) -> tuple[int, ...]:
        return tuple(level - first for level, first in zip(levels, self.low, strict=True))

    def levels(self, flat: int) -> tuple[int, ...]:
        return tuple(int(i) + first for i, first in zip(np.unravel_index(flat, self.shape), self.low, strict=True))

    def below(self, levels: Sequence[int]) -> Box:
        """The schemes that are nowhere more general."""
        return tuple(slice(0, i + 1) for i in self.cell(levels))

    def above(self, levels: Sequence[int]) -> Box:
        """The schemes that are nowhere less general."""
        return tuple(slice(i, None) for i in self.cell(levels))
