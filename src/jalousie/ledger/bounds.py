"""What a ledger says about tallies without telling who was asked: bounds from the sizes of sets, and exact ones from members.

Two sets of n and m of a population's N records have at least n + m - N records in common, so spends on large sets add up
whoever is in them; and whatever the sets, some record has spent the average. Where the records of a set are at hand,
their tallies are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pseudonyms = Callable[[str], Iterable[bytes] | None]
"""From the digest of a set of asked records to their pseudonyms, or None where the auditor does not have them."""
_REMEMBERED: Final = 16
"""Sets whose records are kept as numbers; more are looked up again."""


class _Sums:
    """Spends by how many records their set leaves out; a Fenwick tree, so that each of many sets costs O(log size)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._spent: defaultdict[int, int] = defaultdict(int)
        self._weighted: defaultdict[int, int] = defaultdict(int)

    def add(self, left_out: int, spent: int) -> None:
        place = left_out + 1
        while place <= self._size:
            self._spent[place] += spent
            self._weighted[place] += spent * left_out
            place += place & -place

    def certain(self, records: int) -> int:
        """The sum over sets of their spend times the records that they certainly share with a set of `records`."""
        place, spent, weighted = min(records, self._size), 0, 0
        while place > 0:
            spent += self._spent.get(place, 0)
            weighted += self._weighted.get(place, 0)
            place -= place & -place
        return spent * records - weighted


@dataclass(slots=True)
class _Population:
    size: int
    sums: _Sums
    total: int = 0
    """Spends times records."""
    largest_set: int = 0
    by_set: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a set of records stood before a spend, as far as the ledger and the members at hand tell."""

    own: int
    """Spent on this very set."""
    least: int
    """The most that one of its records has certainly spent."""
    most: int
    """The most that one of its records can have spent."""
    before: tuple[int, int]
    """The fewest and the most of its records that can have been asked about before."""


class Bounds:
    """The tallies of one label under one contract. Budgets in billionths of rho."""

    def __init__(self) -> None:
        self._by_set: defaultdict[str, int] = defaultdict(int)
        self._populations: dict[str, _Population] = {}
        self._average = 0
        self._certain = 0
        self._tallies: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._unknown = 0
        """Spends whose records are not at hand."""
        self._total = 0

    @property
    def exact(self) -> bool:
        return not self._unknown

    @property
    def lowest(self) -> int:
        """The most that some record has certainly spent."""
        return max(self._certain, self._average, int(self._tallies.max(initial=0)))

    @property
    def highest(self) -> int:
        """The most that any record can have spent."""
        return int(self._tallies.max(initial=0)) + self._unknown

    def charged(self, asked: str) -> bool:
        return self._by_set[asked] > 0

    def seen(self, asked: str, records: int, population: str, size: int, members: NDArray[np.int64] | None) -> Seen:
        """Before a spend on a set of `records` of a population's `size`; `members` are their numbers, if at hand."""
        own = self._by_set[asked]
        least, most, fewest = own, self.highest, 0
        at = self._populations.get(population)
        if at is not None and records:
            others = at.sums.certain(records) - at.by_set[asked] * max(0, 2 * records - size)
            least += -(-others // records)
            fewest = max(0, records + at.largest_set - size)
        if members is None:
            return Seen(own, least, most, (records if own else fewest, records if self._total else 0))
        tallies = self._grown(members)[members]
        known, counted = int(tallies.max(initial=0)), int(np.count_nonzero(tallies))
        upper = counted if self.exact else records
        return Seen(own, max(least, known), known + self._unknown, (max(fewest, counted), upper))

    def spend(
        self, asked: str, records: int, population: str, size: int, members: NDArray[np.int64] | None, spent: int
    ) -> None:
        """Charge a set of records."""
        if not spent:
            return
        self._certain = max(self._certain, self.seen(asked, records, population, size, members).least + spent)
        self._by_set[asked] += spent
        self._total += spent
        at = self._populations.setdefault(population, _Population(size, _Sums(size)))
        at.sums.add(max(0, size - records), spent)
        at.by_set[asked] += spent
        at.total += spent * records
        at.largest_set = max(at.largest_set, records)
        self._average = max(self._average, -(-at.total // max(1, size)))
        if members is None:
            self._unknown += spent
        else:
            self._grown(members)[members] += spent

    def _grown(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        needed = int(members.max(initial=-1)) + 1
        if needed > len(self._tallies):
            self._tallies = np.concatenate([self._tallies, np.zeros(needed - len(self._tallies), dtype=np.int64)])
        return self._tallies


class Numbers:
    """A number for every pseudonym that was ever seen."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._sets: dict[str, NDArray[np.int64]] = {}

    def of(self, asked: str, pseudonyms: Pseudonyms) -> NDArray[np.int64] | None:
        """Those of a set of records, all different; None where they are not at hand."""
        found = self._sets.get(asked)
        if found is None:
            records = pseudonyms(asked)
            if records is None:
                return None
            numbers = self._numbers
            found = np.array([numbers.setdefault(item, len(numbers)) for item in records], dtype=np.int64)
            if len(self._sets) >= _REMEMBERED:
                del self._sets[next(iter(self._sets))]
            self._sets[asked] = found
        return found
