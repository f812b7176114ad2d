"""How two partitions of one population overlap: for the report, not for the guarantee.

Two groups that differ by one record would, without noise, give that record's label away by subtraction. The budget covers
that, and an attacker can always choose groups that are far apart; so overlaps are shown and never refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jalousie.validator.types import Partition


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of two partitions; counts of records of the population."""

    both: int
    """Records that both ask about."""
    nearest: int
    """The fewest records by which a group of the one differs from a group of the other; 0 where a group recurs."""


def overlap(first: Partition, second: Partition) -> Overlap:
    """Compare every group of `first` with every group of `second`, which are about the same records in the same order.

    One pass over the records, and a table of `first.count` times `second.count`.
    """
    width = second.count + 1
    key = (first.groups.astype(np.int64) + 1) * width + second.groups + 1
    table = np.bincount(key, minlength=(first.count + 1) * width).reshape(first.count + 1, width)
    shared = table[1:, 1:]
    sizes = table[1:].sum(axis=1)[:, None] + table[:, 1:].sum(axis=0)[None, :]
    return Overlap(int(shared.sum()), int((sizes - 2 * shared).min()))
