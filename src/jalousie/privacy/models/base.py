"""The interface of a privacy model, and what it looks at: the classes of a table with their sensitive values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from msgspec import Struct, field

from jalousie.tables.types import Codes, Counts, Floats, Mask


class Cells(Struct, frozen=True, eq=False):
    """Sensitive values of C classes, sparse and sorted by (class, code): `count` rows of class `group` have value `code`.

    `values` is the number of values of the whole column, a null counted as one of them.
    """

    group: Counts
    code: Codes
    count: Counts
    values: int

    def select(self, mask: Mask) -> Cells:
        """The cells of the classes in a (C,) mask, renumbered in their order."""
        place = np.cumsum(mask) - 1
        kept = mask[self.group]
        return Cells(place[self.group[kept]], self.code[kept], self.count[kept], self.values)


class Classes(Struct, frozen=True, eq=False):
    """Equivalence classes: their (C,) sizes in rows, and per sensitive column their cells."""

    sizes: Counts
    cells: Mapping[str, Cells] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sizes)

    def select(self, mask: Mask) -> Classes:
        return Classes(self.sizes[mask], {name: cells.select(mask) for name, cells in self.cells.items()})


class NativeRule(Struct, frozen=True):
    """How the native kernel checks a model: an operation it knows (the enumeration in kernel.h) and its numbers.

    A distance brings the table's shares by value, and the views that its values are seen in.
    """

    operation: int
    number: float = 0.0
    second: float = 0.0
    ordered: bool = False
    shares: Floats | tuple[()] = ()
    views: tuple[Codes, ...] = ()


class Model(ABC):
    """A privacy model. To add one: subclass, give its two masks and the value reached, register it in `build_models`.

    A model of *classes* says of each class on its own whether it may be released. A model of the *table*
    (`of_table` True) holds for a release as a whole; `threshold` says which classes must go until it does.

    monotone      a class that fails fails in every part of it too, so what a scheme suppresses, every less general
                  scheme suppresses. Where it is False, `possible` is what the search may rely on instead.
    minimum_size  no smaller class can satisfy the model
    rises         without suppression, a scheme that satisfies it is satisfied by every more general one
    """

    name: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]
    of_table: ClassVar[bool] = False
    rises: bool = True
    monotone: bool = True
    column: str = ""

    @property
    @abstractmethod
    def required(self) -> float:
        """The value that the contract asks for."""

    @property
    def minimum_size(self) -> int:
        return 1

    @abstractmethod
    def satisfied(self, classes: Classes) -> Mask:
        """(C,) which classes satisfy the model."""

    def possible(self, classes: Classes) -> Mask:
        """(C,) False where neither the class nor any part of it can satisfy the model.

        It must be false for every part of a class for which it is false.
        """
        return self.satisfied(classes) if self.monotone else np.asarray(classes.sizes >= self.minimum_size)

    @abstractmethod
    def reached(self, classes: Classes) -> float:
        """The value that a release of all these classes reaches: that of its worst class."""

    @abstractmethod
    def sentence(self) -> str:
        """What the model promises, for a reader."""

    def native(self) -> NativeRule | None:
        """The rule for the native kernel; None sends the search to numpy."""
        return None

    def threshold(self, sizes: Counts) -> int:
        """Of a model of the table: classes smaller than this are suppressed so that the rest satisfies it."""
        return 0

    def forced(self, sizes: Counts) -> int:
        """Of a model of the table: rows that a release of these or of finer classes must suppress for it, whichever they are."""
        return 0


def worst(values: Floats, better: str, *, empty: float) -> float:
    """Worst of the classes' values; `empty` where nothing is released."""
    if len(values) == 0:
        return empty
    return float(values.min() if better == "higher" else values.max())


def group_sums(cells: Cells, weights: Floats | Counts, classes: int) -> Floats:
    """(C,) sum of a weight per cell."""
    sums: Floats = np.bincount(cells.group, weights=weights, minlength=classes).astype(np.float64)
    return sums


def satisfied(models: Sequence[Model], classes: Classes) -> Mask:
    """(C,) which classes satisfy every model; models of the table are applied to what the others leave."""
    keep = np.ones(len(classes), bool)
    for model in models:
        if not model.of_table:
            keep &= model.satisfied(classes)
    for model in models:
        if model.of_table:
            keep &= classes.sizes >= model.threshold(classes.sizes[keep])
    return keep


def possible(models: Sequence[Model], classes: Classes) -> Mask:
    """(C,) False where a class, and every part of it, is suppressed by some model."""
    keep = np.ones(len(classes), bool)
    for model in models:
        if not model.of_table:
            keep &= model.possible(classes)
    return keep
