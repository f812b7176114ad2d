"""Attribute disclosure: what a class says about a sensitive value though nobody in it is singled out.

k-anonymity does not bound it. Whoever knows that a person belongs to a class in which every row has the same sensitive
value knows that value. A null is a value: "nothing recorded" can be as telling as any other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jalousie.privacy.card import DisclosureFacts
from jalousie.tables.types import Counts, FrequencyTable


def disclosure(
    column: str, class_index: ArrayLike, codes: ArrayLike, counts: ArrayLike, values: tuple[str | None, ...]
) -> DisclosureFacts:
    """Facts about one sensitive column from the cells of its histogram.

    Parameters
    ----------
    class_index
        (H,) equivalence class of each cell, -1 where its rows are suppressed
    codes
        (H,) sensitive value of each cell, as a position in `values`
    counts
        (H,) rows of each cell; several cells may share class and value
    values
        the distinct sensitive values, None (the null) among them

    Arrays are read by position: the labels of a pandas index never matter.
    """
    group = np.asarray(class_index, np.int64)
    code = np.asarray(codes, np.int64)
    count = np.asarray(counts, np.int64)
    if not group.shape == code.shape == count.shape:
        raise ValueError("class_index, codes and counts must have one length")
    if len(code) and not (code.min() >= 0 and code.max() < len(values)):
        raise ValueError("a code lies outside the values")
    released = (group >= 0) & (count > 0)
    cell_class, cell_count = _sum_cells(group[released], code[released], count[released], len(values))
    rows = int(cell_count.sum())
    if rows == 0:
        return DisclosureFacts(
            column=column, certain_share=0.0, almost_certain_share=0.0, best_guess=0.0, baseline_guess=0.0
        )
    start = np.flatnonzero(np.diff(cell_class, prepend=-1))
    size = np.add.reduceat(cell_count, start)
    top = np.maximum.reduceat(cell_count, start)
    # The stranger guesses the commonest value of the whole table, suppressed rows included, for every released row.
    common = int(np.bincount(code, weights=count, minlength=len(values)).argmax())
    return DisclosureFacts(
        column=column,
        certain_share=float(size[top == size].sum() / rows),
        # In whole numbers: 9 of 10 rows must count as 90 %, which 0.9 * 10 in floats does not promise.
        almost_certain_share=float(size[10 * top >= 9 * size].sum() / rows),
        best_guess=float(top.sum() / rows),
        baseline_guess=float(count[released & (code == common)].sum() / rows),
    )


def disclosures(table: FrequencyTable, classes: Counts) -> tuple[DisclosureFacts, ...]:
    """Facts for every sensitive column of a frequency table; `classes` is (G,), -1 where suppressed."""
    return tuple(disclosure(h.name, classes[h.group], h.code, h.count, h.values) for h in table.sensitive)


def class_sizes(table: FrequencyTable, classes: Counts) -> Counts:
    """(C,) rows of each released class, for `risk`."""
    released = classes >= 0
    if not released.any():
        return np.zeros(0, np.int64)
    sizes: Counts = np.bincount(classes[released], weights=table.counts[released]).astype(np.int64)
    return sizes


def _sum_cells(group: Counts, code: Counts, count: Counts, values: int) -> tuple[Counts, Counts]:
    """Class and rows of each distinct (class, value), sorted by class."""
    cell, position = np.unique(group * max(values, 1) + code, return_inverse=True)
    summed = np.zeros(len(cell), np.int64)
    np.add.at(summed, position, count)
    return cell // max(values, 1), summed
