"""What every pseudonym has spent, by label: the memory of the privacy filter.

Every pseudonym that was ever named has a tally, whether or not the provider has the record, so that a refusal tells nothing
about who is in the table. A question touches its records in one vector operation; nothing is written per record: the
tallies follow from the list of spends, which is what a store keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.budget import ZERO, Rho
from jalousie.validator.canonical import KnownPopulation, Mask, pseudonym_order
from jalousie.validator.match import find_pseudonyms
from jalousie.validator.overlap import RecentSets


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a set of records stands, for the monitor and the overlap report."""

    largest: Rho
    """The most that one of them has spent."""
    before: int
    """How many of them were asked about before, for this label."""
    nearest: int | None = None
    """The fewest records in which their set differs from a recent one of this population; None where there is none."""


@dataclass(slots=True, eq=False)
class Tallies:
    """Tallies of all pseudonyms named under one contract."""

    _known: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 16), dtype=np.uint8))
    """(p, 16) in the order in which they were first named."""
    _slots: dict[str, NDArray[np.int64] | None] = field(default_factory=dict)
    """By population: the place of each record in `_known`; None where they are the same list."""
    _spent: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """By label: (p,) billionths of rho."""
    _sets: dict[tuple[str, str], RecentSets] = field(default_factory=dict)
    """By label and population: sets of records that were charged."""

    def name(self, known: KnownPopulation) -> None:
        """Take in a population: pseudonyms that are new bring a tally of nothing."""
        if known.digest in self._slots:
            return
        pseudonyms = known.population.pseudonyms
        if not len(self._known):
            self._known = pseudonyms
            self._slots[known.digest] = None
            return
        order = pseudonym_order(self._known).astype(np.int64)
        place = find_pseudonyms(pseudonyms, self._known[order])
        slots = np.where(place >= 0, order[place], -1)
        new = slots < 0
        slots[new] = len(self._known) + np.arange(int(new.sum()))
        if new.any():
            self._known = np.concatenate([self._known, pseudonyms[new]])
        self._slots[known.digest] = slots

    def standing(self, label: str, population: str, size: int, asked: Mask | None) -> Standing:
        """Of the asked records (None: all) of a population of `size` records that was named."""
        spent = self._view(label, population, size, asked)
        sets = self._sets.get((label, population))
        nearest = None if sets is None else sets.nearest(asked)
        return Standing(Rho(int(spent.max(initial=0))), int(np.count_nonzero(spent)), nearest)

    def add(self, label: str, population: str, size: int, asked: Mask | None, charge: Rho) -> None:
        """Charge every asked record. The store makes this durable before anything is computed."""
        if charge == ZERO:
            return
        self._sets.setdefault((label, population), RecentSets(size)).add(asked)
        tallies = self._of(label)
        slots = self._slots[population]
        if slots is None:
            tallies[:size][slice(None) if asked is None else asked] += charge.nano
        else:  # slots of one population are all different, so that no addition is lost
            tallies[slots if asked is None else slots[asked]] += charge.nano

    def largest(self, label: str) -> Rho:
        """The most that any pseudonym has spent."""
        return Rho(int(self._of(label).max(initial=0)))

    def _view(self, label: str, population: str, size: int, asked: Mask | None) -> NDArray[np.int64]:
        tallies = self._of(label)
        slots = self._slots[population]
        if slots is None:
            return tallies[:size] if asked is None else tallies[:size][asked]
        return tallies[slots if asked is None else slots[asked]]

    def _of(self, label: str) -> NDArray[np.int64]:
        found = self._spent.get(label)
        if found is None or len(found) < len(self._known):
            grown = np.zeros(len(self._known), dtype=np.int64)
            if found is not None:
                grown[: len(found)] = found
            self._spent[label] = found = grown
        return found
