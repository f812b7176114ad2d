"""The few types in which a table's content moves between rooms. Raw data, counted data and hierarchies differ by type."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Guarded(Struct, frozen=True, eq=False):
    """A struct that holds cells and shows none. Subclasses say in `__repr__` what they are; other printers get no field."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Histogram(Guarded, frozen=True, eq=False):
    """Sensitive values by distinct row of quasi-identifiers, sparse, sorted by (group, code).

    `group` indexes the rows of the frequency table; `code` indexes `values` (None is the null, a value like any other).
    """

    name: str
    values: tuple[str | None, ...]
    group: Counts
    code: Codes
    count: Counts

    def __repr__(self) -> str:
        return f"Histogram({self.name!r}, {len(self.values)} values, {len(self.count)} cells)"


class FrequencyTable(Guarded, frozen=True, eq=False):
    """Distinct rows of the quasi-identifiers with counts: all that the search ever sees of the data.

    names       the D quasi-identifiers, in contract order
    values      per column its distinct values as text (None is the null, a value like any other), in code order
    codes       (D, G) int32: codes[d, g] indexes values[d]
    counts      (G,) rows that share the combination
    sensitive   one histogram per sensitive column that a model or a risk measure needs
    """

    names: tuple[str, ...]
    values: tuple[tuple[str | None, ...], ...]
    codes: Codes
    counts: Counts
    sensitive: tuple[Histogram, ...] = ()

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def groups(self) -> int:
        return len(self.counts)

    def __repr__(self) -> str:
        return f"FrequencyTable({len(self.names)} columns, {self.groups} groups, {self.rows} rows)"


class Hierarchy(Guarded, frozen=True, eq=False):
    """A compiled generalisation hierarchy over a domain of n values.

    labels   labels[l]: the distinct generalised values of level l as text, in code order; labels[0] is the domain itself
    maps     maps[l]: (n,) int32, code in labels[l] of each domain value; maps[0] is arange(n)
    kind     how a level's labels may be read back: "intervals" and "dates" carry `bounds`, "sets" are sets of domain values
    bounds   per level an (len(labels[l]), 2) float array [low, high) for numbers and dates (days since 1970-01-01), NaN
             where open or not a number, low = high for raw values; empty for sets
    """

    column: str
    labels: tuple[tuple[str | None, ...], ...]
    maps: tuple[Codes, ...]
    kind: str = "sets"
    bounds: tuple[Floats, ...] = ()

    @property
    def levels(self) -> int:
        """Number of levels, the raw one included."""
        return len(self.maps)

    @property
    def size(self) -> int:
        """Size of the domain (observed or not): the denominator of Loss."""
        return len(self.labels[0])

    def shares(self, level: int) -> Floats:
        """(n,) share of the domain that each value's generalised value covers at `level`."""
        covered = np.bincount(self.maps[level], minlength=len(self.labels[level]))
        share: Floats = (covered / self.size)[self.maps[level]]
        return share

    def __repr__(self) -> str:
        return f"Hierarchy({self.column!r}, {self.size} values, {self.levels} levels)"
