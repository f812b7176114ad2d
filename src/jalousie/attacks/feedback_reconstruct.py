"""Reconstruction: the sums of many subsets, solved for the labels of all records (Dinur & Nissim 2003).

Every answer is about a half of the records, far above any smallest group. In the `far-apart` design the halves are rows of a
Hadamard matrix: any two groups of different partitions differ in exactly half of the records, so that no rule about overlap
between questions finds anything to refuse.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from jalousie.attacks.feedback_facts import Flags
from jalousie.attacks.feedback_repeat import Outcome, random_halves
from jalousie.attacks.feedback_scores import TOO_SMALL, highest
from jalousie.attacks.feedback_targets import Asker, Secret
from jalousie.errors import UsageError
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Counts, Floats
from jalousie.validator.types import Partition

Design = Literal["random", "far-apart"]
EACH = 2
"""Random halves asked about for every record."""


def reconstruction(
    validator: Validator, label: str, secret: Secret, *, design: Design, size: int = 256, blocks: int = 4, seed: int = 0
) -> Outcome:
    """Reconstruct the labels of `blocks` times `size` records; the blocks are attacked side by side, at no further cost.

    `size` is lowered to the largest power of two that the population and the smallest group allow.

    Raises
    ------
    UsageError
        U151: the population has fewer than twice the records of the smallest group
    """
    rng = np.random.default_rng(seed)
    asker, population = Asker(validator, label, secret), validator.population.size
    while size > population:
        size //= 2
    if size < 4 * validator.feedback.min_group:
        raise UsageError("U151", TOO_SMALL, hint="attack a larger table, or lower `min-group`", effect="")
    blocks = min(blocks, population // size)
    board = rng.permutation(population)[: blocks * size].reshape(blocks, size)
    halves = halves_of(size, design, rng, validator.feedback.min_group)
    sums = asker.ask([_partition(board, half, population) for half in halves], asker.whole)
    truth = secret.above[board]
    if sums is None:
        return Outcome(np.zeros(board.size, bool), truth.ravel(), asker.answered, asker.refused)
    # (partitions, blocks, 2): sums of those outside and inside of the half
    found = np.array(sums).reshape(len(halves), blocks, 2)
    guessed = np.empty(board.shape, bool)
    for block in range(blocks):
        guessed[block] = highest(_solved(halves, found[:, block], design), int(truth[block].sum()))
    return Outcome(guessed.ravel(), truth.ravel(), asker.answered, asker.refused)


def halves_of(size: int, design: Design, rng: np.random.Generator, least: int = 1) -> Flags:
    """(K, size) the subsets, with at least `least` records in and outside of each."""
    if design == "random":
        return random_halves(EACH * size, size, least, rng)
    rows = np.arange(size, dtype=np.uint32)
    # Sylvester's matrix: sign by the parity of the bits that row and column share
    odd: Flags = np.bitwise_count(rows[1:, None] & rows[None, :]) % 2 == 1
    return odd


def closest(halves: Flags) -> int:
    """The fewest records by which two groups of different partitions differ."""
    signs = np.where(halves, 1, -1)
    same = np.abs(signs @ signs.T)
    np.fill_diagonal(same, 0)
    return int((halves.shape[1] - same.max()) // 2)


def _partition(board: Counts, half: Flags, population: int) -> Partition:
    groups = np.full(population, -1, np.int32)
    groups[board] = 2 * np.arange(len(board), dtype=np.int32)[:, None] + half
    return Partition(groups, 2 * len(board))


def _solved(halves: Flags, found: Floats, design: Design) -> Floats:
    """(size,) estimate of each record's value from (K, 2) sums."""
    signs = np.where(halves, 1.0, -1.0)
    difference, total = found[:, 1] - found[:, 0], float(found.sum(axis=1).mean())
    size = halves.shape[1]
    if design == "far-apart":
        # the rows, and that of all ones, are orthogonal
        return np.asarray((signs.T @ difference + total) / size)
    mean = total / size
    penalty = 0.3 * len(halves) / size
    normal = signs.T @ signs + penalty * np.eye(size)
    return np.asarray(mean + np.linalg.solve(normal, signs.T @ (difference - signs.sum(axis=1) * mean)))
