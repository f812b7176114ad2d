"""What local recoding writes: generalised values of several levels side by side, and the classes that a reader sees.

Under local recoding neighbouring rows may be generalised to different levels, so a class is defined by what is *written*: two
schemes that write the same row make one class. Every class here is computed from the written labels, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jalousie.privacy.recoding import Candidate, Proof, Recoding
from jalousie.privacy.search.problem import Axis, Problem
from jalousie.tables.types import Codes, Counts, Floats, Mask

KEY_SPACE = 1 << 62
"""Largest mixed-radix number that int64 holds with room to spare."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The labels of one column over all its levels; equal texts are one label.

    texts   the labels
    nodes   per level (n,) label of each value that occurs
    shares  (labels,) share of the domain covered (the widest reading where levels share a text)
    """

    texts: tuple[str | None, ...]
    nodes: tuple[Codes, ...]
    shares: Floats


def vocabulary(axis: Axis) -> Vocabulary:
    """Collect the labels of an axis, raw values first."""
    place: dict[str | None, int] = {}
    nodes = []
    shares: list[float] = []
    for level in range(axis.levels):
        written = axis.hierarchy.labels[level]
        dense = np.empty(axis.width(level), np.int32)
        for i, code in enumerate(axis.origin[level].tolist()):
            label = place.setdefault(written[code], len(place))
            if label == len(shares):
                shares.append(0.0)
            shares[label] = max(shares[label], float(axis.shares[level][i]))
            dense[i] = label
        nodes.append(dense[axis.maps[level]])
    return Vocabulary(tuple(place), tuple(nodes), np.array(shares))


def number_rows(columns: Sequence[Codes | Counts], widths: Sequence[int]) -> tuple[Counts, int]:
    """((G,) dense number of each distinct tuple, how many there are), numbered in the order of the tuples.

    Exact for any number of columns: where a mixed-radix key would overflow, the prefixes that occur are numbered first.
    """
    key = np.zeros(len(columns[0]), np.int64)
    space = 1
    for column, width in zip(columns, widths, strict=True):
        if space * max(width, 1) >= KEY_SPACE:
            key, space = _dense(key)
        key = key * width + column
        space *= max(width, 1)
    return _dense(key)


def _dense(key: Counts) -> tuple[Counts, int]:
    kept, inverse = np.unique(key, return_inverse=True)
    return inverse.reshape(-1).astype(np.int64), len(kept)


def dense_classes(classes: Counts) -> Counts:
    """Classes renumbered 0..C-1 in the order of their numbers; -1 stays."""
    numbers = _dense(classes)[0]
    return numbers - 1 if len(classes) and classes.min() < 0 else numbers


def tightest_levels(problem: Problem, classes: Counts) -> Codes:
    """(C, D) the lowest level in each column at which all rows of a class agree, within the levels allowed.

    `classes` (G,) holds 0..C-1, or -1 for rows outside. Rows of a class must agree at the highest level.
    """
    order = np.argsort(classes, kind="stable")
    order = order[np.searchsorted(classes[order], 0) :]
    ordered = classes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    levels = np.empty((len(starts), problem.dimensions), np.int32)
    for d, axis in enumerate(problem.axes):
        values = problem.codes[d][order]
        first = values[starts]
        level = np.full(len(starts), axis.high, np.int32)
        for below in range(axis.high - 1, axis.low - 1, -1):
            general = axis.maps[below]
            same = general[values] == np.repeat(general[first], np.diff(starts, append=len(order)))
            level[np.logical_and.reduceat(same, starts)] = below
        levels[:, d] = level
    return levels


def written(problem: Problem, words: Sequence[Vocabulary], classes: Counts, levels: Codes) -> Codes:
    """(D, G) label of each row under the levels of its class; 0 outside."""
    labels = np.zeros(problem.codes.shape, np.int32)
    inside = classes >= 0
    for d, axis in enumerate(problem.axes):
        chosen = levels[classes[inside], d]
        values = problem.codes[d][inside]
        column = np.zeros(len(values), np.int32)
        for level in range(axis.low, axis.high + 1):
            at = chosen == level
            column[at] = words[d].nodes[level][values[at]]
        labels[d, inside] = column
    return labels


def written_classes(labels: Codes, words: Sequence[Vocabulary], inside: Mask) -> Counts:
    """(G,) class of each row by what is written, 0..C-1, and -1 outside."""
    classes = np.full(labels.shape[1], -1, np.int64)
    if inside.any():
        columns = [labels[d, inside] for d in range(len(labels))]
        classes[inside] = number_rows(columns, [len(w.texts) for w in words])[0]
    return classes


def column_losses(problem: Problem, cells: np.ndarray) -> Floats:
    """(D,) Loss of each column from (D, G) cell shares, scaled to 0..1 (a domain of one value costs nothing)."""
    losses = np.zeros(problem.dimensions)
    rows = problem.rows
    for d, axis in enumerate(problem.axes):
        least = rows / axis.hierarchy.size
        if axis.hierarchy.size > 1:
            # not a product of vectors: the linear algebra library would start threads for it, and let them spin
            covered = float((cells[d] * problem.counts).sum(dtype=np.float64))
            losses[d] = max(0.0, (covered - least) / (rows - least))
    return losses


def geometric_loss(problem: Problem, losses: Floats) -> float:
    """Weighted geometric mean of (1 + column loss), minus 1."""
    weights = np.array([axis.weight for axis in problem.axes])
    return float(np.expm1((weights * np.log1p(losses)).sum() / weights.sum()))


def local_result(
    problem: Problem,
    words: Sequence[Vocabulary],
    labels: Codes,
    classes: Counts,
    *,
    checked: int,
    method: str,
    kernel: str,
    candidates: tuple[Candidate, ...] = (),
) -> Recoding:
    """The recoding of labels and their written classes (-1: suppressed)."""
    suppressed = classes < 0
    cells = np.empty(labels.shape, np.float32)
    for d, word in enumerate(words):
        cells[d] = np.where(suppressed, 1.0, word.shares[labels[d]])
    loss = geometric_loss(problem, column_losses(problem, cells))
    bound = min(loss, geometric_loss(problem, least_losses(problem)))
    proof = Proof(
        exact=False,
        lattice=problem.lattice,
        checked=checked,
        pruned=0,
        lower_bound=bound,
        gap=loss - bound,
        method=method,
        kernel=kernel,
    )
    return Recoding(
        levels=None,
        labels=tuple(word.texts for word in words),
        codes=labels,
        suppressed=suppressed,
        classes=classes,
        cell_loss=cells,
        loss=loss,
        proof=proof,
        candidates=candidates,
    )


def least_losses(problem: Problem) -> Floats:
    """(D,) a bound for every local recoding: no cell is written below the lowest level allowed."""
    cells = np.stack(
        [axis.shares[axis.low][axis.maps[axis.low][problem.codes[d]]] for d, axis in enumerate(problem.axes)]
    )
    return column_losses(problem, cells)
