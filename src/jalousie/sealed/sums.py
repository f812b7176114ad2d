"""Sums by group modulo 2^64, exact: of masked words at the mediator, of pads at the ML party."""

from __future__ import annotations

import numpy as np

from jalousie.sealed.types import Words
from jalousie.validator.types import Groups

_CHUNK = 1 << 17  # records at a time: they fit into the processor's cache
_HALF = np.uint64(32)


def group_sums(words: Words, groups: Groups, count: int) -> Words:
    """(count, W) sums modulo 2^64 of (n, W) words by group; -1 in `groups` is not summed.

    NumPy's counting of weights adds floats. Halves of 32 bits stay exact in these: 2^17 of them are below 2^53. It is
    three times as fast as to sort.
    """
    width = words.shape[1]
    total = np.zeros((count + 1, width), dtype=np.uint64)  # one more group, at the front, for what is not asked about
    for start in range(0, len(groups), _CHUNK):
        part = slice(start, start + _CHUNK)
        keys = groups[part].astype(np.int64) + 1
        halves = np.ascontiguousarray(words[part], dtype="<u8").view("<u4")
        for word in range(width):
            low, high = (
                np.bincount(keys, weights=halves[:, 2 * word + half], minlength=count + 1).astype(np.uint64)
                for half in (0, 1)
            )
            total[:, word] += low + (high << _HALF)
    return total[1:]
