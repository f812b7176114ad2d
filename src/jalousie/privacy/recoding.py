"""What a search decides, in two forms: one scheme for all rows, or a generalised row for each distinct combination."""

from __future__ import annotations

import numpy as np
from msgspec import Struct, field

from jalousie.tables.types import Codes, Counts, Mask


class Proof(Struct, frozen=True):
    """What stands behind a result.

    exact       True: no scheme has a lower loss. False: `gap` = loss - lower_bound says how far it may be from the best
    lattice     number of schemes; checked: evaluated on the data; pruned: excluded by a bound
    """

    exact: bool
    lattice: int
    checked: int
    pruned: int
    lower_bound: float
    gap: float
    method: str
    kernel: str
    """`native` or `numpy`."""


class Candidate(Struct, frozen=True):
    """A scheme that the search looked at, for the picture of risk against utility."""

    levels: tuple[int, ...]
    loss: float
    suppressed: int
    classes: int


class Recoding(Struct, frozen=True, eq=False):
    """A decided recoding of a frequency table of G distinct rows and D columns.

    levels      the scheme where one scheme serves all rows, else None
    labels      per column the generalised values as text that `codes` index
    codes       (D, G) int32 generalised code of every distinct row; without meaning where suppressed
    suppressed  (G,) True where the rows are suppressed
    classes     (G,) int64 equivalence class of each distinct row, 0..C-1, and -1 where suppressed
    cell_loss   per column (G,) float32 share of the domain that the cell covers (1 where suppressed); with `counts` it gives Loss
    """

    levels: tuple[int, ...] | None
    labels: tuple[tuple[str | None, ...], ...]
    codes: Codes
    suppressed: Mask
    classes: Counts
    cell_loss: np.ndarray
    loss: float
    proof: Proof
    candidates: tuple[Candidate, ...] = field(default=())
