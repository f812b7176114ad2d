"""Cells as sets of atoms: how likely each atom is, and a drawn atom for each cell.

An *atom* is the smallest thing that the encoder tells apart in a column (a value, or a small interval); a *cell* of the
release covers one or several. Exact cells cover one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.tables.types import Counts, Floats

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Which of `size` atoms each of L cells covers: cell i covers `atoms[start[i]:start[i + 1]]`."""

    start: Index
    atoms: Index
    size: int

    @classmethod
    def of(cls, sets: Sequence[Index], size: int) -> Cover:
        start = np.zeros(len(sets) + 1, np.int64)
        np.cumsum([len(inside) for inside in sets], out=start[1:])
        atoms = np.concatenate(sets) if sets else np.empty(0, np.int64)
        return cls(start, atoms.astype(np.int64), size)

    @property
    def lengths(self) -> Index:
        return np.diff(self.start)

    @property
    def cell(self) -> Index:
        """The cell that each entry of `atoms` belongs to."""
        return np.repeat(np.arange(len(self.start) - 1), self.lengths)

    def sums(self, entries: Floats) -> Floats:
        """(L,) sum of the entries of each cell; 0 for a cell that covers nothing."""
        total: Floats = np.bincount(self.cell, weights=entries, minlength=len(self.start) - 1).astype(np.float64)
        return total

    def shares(self, weights: Floats) -> Floats:
        """Per entry of `atoms` its part of the cell; a cell's parts sum to 1 (evenly where all its weights are 0)."""
        entries = weights[self.atoms]
        total = self.sums(entries)[self.cell]
        even = 1.0 / self.lengths[self.cell]
        return np.where(total > 0, entries / np.where(total > 0, total, 1.0), even)


def release_weights(cover: Cover, counts: Counts, prior: Floats, *, rounds: int = 30) -> Floats:
    """How often each atom occurs, estimated from the release alone.

    The maximum-likelihood estimate for coarsened data (Turnbull 1976) by expectation-maximisation: each cell's rows are
    shared among the atoms it covers in proportion to the estimate so far. `prior` (sums to 1) starts it and adds one
    row, so that no covered atom is impossible.
    """
    weights = prior
    rows = counts.astype(np.float64)
    for _ in range(rounds):
        entries = cover.shares(weights) * rows[cover.cell]
        found = np.bincount(cover.atoms, weights=entries, minlength=cover.size) + prior
        updated = found / found.sum()
        settled = float(np.abs(updated - weights).max()) < 1e-6
        weights = updated
        if settled:
            break
    return weights


def published(values: Sequence[str | None], given: Mapping[str, float]) -> Floats:
    """Published marginals as weights that sum to 1; a value that they leave out weighs nothing, unless all do."""
    weights = np.array([max(float(given.get(text, 0.0)), 0.0) if text is not None else 0.0 for text in values])
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(values), 1.0 / max(len(values), 1))


def draw(cover: Cover, weights: Floats, cells: Index, rng: np.random.Generator) -> Index:
    """(n,) an atom for each of n rows, drawn by weight among those its cell covers; -1 where the cell covers nothing.

    Draws are stratified: the rows of one cell spread evenly over its distribution, which keeps the cell's own histogram
    close to the expected one.
    """
    upto = np.cumsum(cover.shares(weights))
    before = np.concatenate(([0.0], upto))[cover.start[:-1]] if len(upto) else np.zeros(len(cover.start) - 1)
    position = before[cells] + stratified(cells, rng)
    entry = np.searchsorted(upto, position, side="right")
    entry = np.clip(entry, cover.start[cells], np.maximum(cover.start[cells + 1] - 1, cover.start[cells]))
    empty = cover.lengths[cells] == 0
    atom = np.full(len(cells), -1, np.int64)
    atom[~empty] = cover.atoms[entry[~empty]]
    return atom


def stratified(cells: Index, rng: np.random.Generator) -> Floats:
    """(n,) uniform numbers in [0, 1); the m rows of one cell get one in each of the m equal parts, in random order."""
    shuffled = rng.permutation(len(cells))
    order = shuffled[np.argsort(cells[shuffled], kind="stable")]
    count = np.bincount(cells)
    first = np.concatenate(([0], np.cumsum(count)))[cells[order]]
    place: Floats = np.empty(len(cells), np.float64)
    place[order] = (np.arange(len(cells)) - first + rng.random(len(cells))) / count[cells[order]]
    return np.minimum(place, np.nextafter(1.0, 0.0))
