"""The validator's nouns: who is asked about, what is asked, what is answered. Arrays by position; no cell value anywhere.

One primitive carries architecture 2: **a question is a partition of the population into groups; the answer is a noisy label
count per group and class**, or a clipped noisy sum per group for a numeric label: of the label itself, or of a `Statistic` of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jalousie.errors import ValidatorError

Neighbours = Literal["add-or-remove", "change-label"]
NoiseKind = Literal["gaussian", "laplace"]
StatisticKind = Literal["records", "signed", "absolute", "square"]
Groups = NDArray[np.int32]
PSEUDONYM_BYTES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The records asked about, in a fixed order: (n, 16) uint8 keyed pseudonyms, all different."""

    pseudonyms: NDArray[np.uint8]

    @property
    def size(self) -> int:
        return len(self.pseudonyms)

    def digest(self) -> str:
        """`sha256:` over size and bytes in order: names the population in questions and in the ledger."""
        state = hashlib.sha256(b"jalousie/population/1\0" + self.size.to_bytes(8, "big"))
        state.update(np.ascontiguousarray(self.pseudonyms).tobytes())
        return "sha256:" + state.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """What is summed of a number, where that is not the number itself: whole numbers of the record's deviation d.

    d is the number less the record's centre, both in whole steps of the label's unit, cut to [-within, within].

    of        "records": 1 for every record that has the label; "signed": d; "absolute": |d|; "square": d^2
    centres   (n,) int32 steps above the label's origin (`sensitivity.Grid`), as it is rounded itself, one a record; public,
              and whoever answers sees them. None for "records"
    within    steps; 0 for "records"
    """

    of: StatisticKind
    centres: NDArray[np.int32] | None = None
    within: int = 0

    @property
    def power(self) -> int:
        """Cells are in this power of the label's unit."""
        return {"records": 0, "signed": 1, "absolute": 1, "square": 2}[self.of]

    def to_bytes(self) -> bytes:
        """The same for two statistics of one population that are the same, and else not."""
        centres = b"" if self.centres is None else np.asarray(self.centres).tobytes()
        return f"{self.of}/{self.within}/".encode() + centres


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """(n,) int32 group of each record of the population, 0..count-1, or -1 where it is not asked about; and what is summed."""

    groups: Groups
    count: int
    statistic: Statistic | None = None
    """None: the label is counted by class, or summed as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """K partitions of one population, asked about one label together.

    K partitions in one question have sqrt(K) times the L2 sensitivity of one, and no composition loss. They may sum different
    statistics: each has K times the noise variance that it would have alone.
    rho is the budget offered for all of them, in rho of zCDP; under a contract with Laplace noise it is that share of what the
    contract reserves, and buys the same share of its pure epsilon (`Account.rho_of` turns epsilon into rho either way).
    0 asks for what was answered before.

    Raises
    ------
    ValidatorError
        V209 an offer that is negative or not finite
    """

    population: str
    label: str
    partitions: tuple[Partition, ...]
    rho: float

    def __post_init__(self) -> None:
        if not (isfinite(self.rho) and self.rho >= 0):
            raise ValidatorError(
                "V209",
                "the budget offered is not a number that is positive and finite",
                hint="offer a part of what `budget` says is left",
                effect="nothing was asked",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What comes back.

    counts     per partition (G_k, C) int64 noisy counts by class, or (G_k, 1) noisy sums of a numeric label in units of
               `unit` above `origin` (sum = origin * records + unit * counts where records are known); of a partition with a
               statistic, its sums in units of unit ** power
    totals     per partition (G_k,) exact records per group, only where membership is public (`change-label`); else empty
    variance   variance of the noise of every cell, exactly that of the sampler, in units of counts; where partitions differ
               in it, that of the noisiest (`answer.variances` has all)
    """

    question: str
    label: str
    classes: tuple[str, ...]
    counts: tuple[NDArray[np.int64], ...]
    totals: tuple[NDArray[np.int64], ...]
    variance: float
    noise: NoiseKind
    scale: float
    neighbours: Neighbours
    rho_spent: float
    rho_left: float
    epsilon_spent: float
    epsilon_left: float
    delta: float
    replayed: bool = False
    unit: float = 1.0
    origin: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)
