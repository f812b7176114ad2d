"""Exact label counts and sums per group. They exist between here and the noise, and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.match import Aligned
from jalousie.validator.types import Groups, Statistic

_CHUNK = 1 << 17  # records at a time: their keys fit into the processor's cache


def class_counts(groups: Groups, count: int, label: Aligned, classes: int) -> NDArray[np.int64]:
    """(count, classes) records of each class by group. Takes the same steps whoever is in the table."""
    # one more group and one more class at the front collect what is not asked about or absent
    width = classes + 1
    total = np.zeros((count + 1) * width, dtype=np.int64)
    # the narrowest numbers that hold every key move fastest
    kind = np.dtype(np.int16 if len(total) < 2**15 else np.int64)
    for start in range(0, len(groups), _CHUNK):
        part = slice(start, start + _CHUNK)
        base = groups[part].astype(kind) * kind.type(width) + kind.type(width + 1)
        for layer in label.values:
            total += np.bincount(base + layer[part], minlength=len(total))
    return total.reshape(count + 1, width)[1:, 1:]


def step_sums(
    groups: Groups, count: int, label: Aligned, statistic: Statistic | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(count,) sum of the steps of a number or of a statistic of them, and (count,) records that have one, by group."""
    assert label.present is not None
    sums = np.zeros(count + 1, dtype=np.int64)
    records = np.zeros(count + 1, dtype=np.int64)
    for start in range(0, len(groups), _CHUNK):
        part = slice(start, start + _CHUNK)
        key = groups[part].astype(np.int64) + 1
        for layer, present in zip(label.values, label.present, strict=True):
            # floats hold these whole numbers exactly: 2^17 records of at most 2^36 stay within 2^53
            values = layer[part] if statistic is None else statistic_of(statistic, layer[part], part) * present[part]
            sums += np.bincount(key, weights=values, minlength=count + 1).astype(np.int64)
            records += np.bincount(key, weights=present[part], minlength=count + 1).astype(np.int64)
    return sums[1:], records[1:]


def statistic_of(statistic: Statistic, steps: NDArray[np.int32], part: slice) -> NDArray[np.int64]:
    """The statistic of each of these records, whether or not they have the label. Whole numbers throughout."""
    if statistic.centres is None:
        return np.ones(len(steps), dtype=np.int64)
    apart = steps.astype(np.int64) - statistic.centres[part]
    np.clip(apart, -statistic.within, statistic.within, out=apart)
    if statistic.of == "absolute":
        np.abs(apart, out=apart)
    elif statistic.of == "square":
        np.multiply(apart, apart, out=apart)
    return apart
