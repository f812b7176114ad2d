"""Public bins: the ML party cuts its own columns into groups that a validator can be asked about.

Only the columns are looked at, never a label, so the bins are public and cost nothing.

- a number: values that recur often get bins of their own (no gain, 40 hours a week, a gain of 15,024), what lies between
  is cut into about equally frequent intervals; neighbouring bins are neighbours in the model
- a category: frequent values get groups of their own, the others share one
- no group is smaller than the contract allows; records that would be in a smaller one are not asked about (-1)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from jalousie.errors import UsageError, did_you_mean
from jalousie.learning.frames import as_frame, as_number, distinct_cells, is_number, numbers
from jalousie.tables.types import Codes, Counts, Floats
from jalousie.validator.types import Partition

NOT_ASKED = -1


@dataclass(frozen=True, slots=True, eq=False)
class NumberBins:
    """Bin b holds edges[b-1] < value <= edges[b]; nulls have a bin of their own or none."""

    name: str
    edges: Floats
    null: int
    """Bin of nulls, or -1."""

    @property
    def count(self) -> int:
        return len(self.edges) + 1 + (self.null >= 0)

    @property
    def ordered(self) -> int:
        """The first so many bins stand in order."""
        return len(self.edges) + 1

    def codes(self, values: Floats) -> Codes:
        found = np.searchsorted(self.edges, values, side="left").astype(np.int32)
        found[np.isnan(values)] = self.null
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CategoryBins:
    """Group of each known text; further texts belong to `other`, which is -1 where it would be too small."""

    name: str
    groups: dict[str | None, int]
    other: int

    @property
    def count(self) -> int:
        return len(set(self.groups.values()) | {self.other} - {NOT_ASKED})

    @property
    def ordered(self) -> int:
        return 0

    def codes(self, texts: Sequence[str | None], places: Codes) -> Codes:
        groups = np.array([self.groups.get(text, self.other) for text in texts], np.int32)
        return groups[places] if len(groups) else places


Bins = NumberBins | CategoryBins


def cut_numbers(values: Floats, most: int, least: int) -> Floats:
    """Upper edges of at most `most` bins of at least `least` records each, in increasing order.

    A value gets a bin of its own when it alone fills one: found by taking such values out, which makes the bins of the
    others smaller, until there are none.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(distinct) < 2:
        return np.empty(0)
    own = np.zeros(len(distinct), bool)
    target = float(least)
    while True:
        target = max(float(least), counts[~own].sum() / max(1, most - int(own.sum())))
        frequent = ~own & (counts >= target)
        if not frequent.any():
            break
        own |= frequent
    ends = _ends(counts, own, target, least)
    # the middle between neighbouring values, so that values that were not seen fall to the nearer one
    return (distinct[ends[:-1]] + distinct[ends[:-1] + 1]) / 2


def _ends(counts: Counts, own: NDArray[np.bool_], target: float, least: int) -> NDArray[np.int64]:
    """Position of the last value of each bin."""
    starts, sizes, size = [0], [], 0
    for i, count in enumerate(counts.tolist()):
        if i and (own[i] or own[i - 1] or size >= target):
            starts.append(i)
            sizes.append(size)
            size = 0
        size += count
    sizes.append(size)
    while len(sizes) > 1 and min(sizes) < least:
        small = int(np.argmin(sizes))
        right = small + 1 < len(sizes) and (small == 0 or sizes[small + 1] < sizes[small - 1])
        first = small if right else small - 1
        sizes[first : first + 2] = [sizes[first] + sizes[first + 1]]
        del starts[first + 1]
    return np.array([*(start - 1 for start in starts[1:]), len(counts) - 1], np.int64)


def fit_numbers(name: str, values: Floats, most: int, least: int) -> NumberBins:
    """Bins of a column of numbers (nulls are NaN)."""
    edges = cut_numbers(values, most, least)
    enough = int(np.isnan(values).sum()) >= least
    return NumberBins(name, edges, len(edges) + 1 if enough else NOT_ASKED)


def fit_categories(name: str, texts: Sequence[str | None], places: Codes, most: int, least: int) -> CategoryBins:
    """Groups of a column of texts: the most frequent ones, ties by text."""
    counts = np.bincount(places, minlength=len(texts))
    order = sorted(range(len(texts)), key=lambda i: (-int(counts[i]), str(texts[i])))
    kept = [i for i in order if counts[i] >= least]
    if len(kept) == len(texts) <= most:
        return CategoryBins(name, {texts[i]: group for group, i in enumerate(kept)}, NOT_ASKED)
    kept = kept[: most - 1]
    rest = int(counts.sum() - counts[kept].sum())
    return CategoryBins(
        name, {texts[i]: group for group, i in enumerate(kept)}, len(kept) if rest >= least else NOT_ASKED
    )


@dataclass(slots=True, eq=False)
class TableBins:
    """The bins of all columns of a table, learnt from the population and applied to any rows.

    most
        bins of a column at most
    least
        records in a bin at least (the contract's `min_group`)
    """

    most: int = 32
    least: int = 25
    columns: list[Bins] = field(default_factory=list)

    def fit(self, X: Any) -> TableBins:
        self.columns = [self._fit_column(series) for series in _series(X)]
        return self

    def _fit_column(self, series: nw.Series[Any]) -> Bins:
        values = _as_numbers(series)
        if values is not None:
            return fit_numbers(str(series.name), values, self.most, self.least)
        texts, places = distinct_cells(series)
        return fit_categories(str(series.name), texts, places, self.most, self.least)

    def codes(self, X: Any) -> Codes:
        """(n, columns) int32 group of each cell, -1 for none."""
        series_of = {str(series.name): series for series in _series(X)}
        for column in self.columns:
            if column.name not in series_of:
                hint = did_you_mean(column.name, series_of)
                raise UsageError("U150", f'the table lacks the column "{column.name}"', hint=hint, effect="")
        size = len(next(iter(series_of.values()))) if series_of else 0
        found = np.empty((size, len(self.columns)), np.int32)
        for at, column in enumerate(self.columns):
            series = series_of[column.name]
            if isinstance(column, NumberBins):
                values = _as_numbers(series)
                found[:, at] = column.codes(numbers(series) if values is None else values)
            else:
                found[:, at] = column.codes(*distinct_cells(series))
        return found


def partition_of(codes: Codes, count: int) -> Partition:
    return Partition(np.ascontiguousarray(codes, np.int32), count)


def confidence_bins(scores: Floats, most: int, least: int) -> Floats:
    """Upper edges of about equally frequent bins of a model's scores."""
    return cut_numbers(np.asarray(scores, np.float64), most, least)


def _frame(X: Any) -> nw.DataFrame[Any]:
    """A data frame as it is; an array with columns x0, x1, ..."""
    frame = as_frame(X)
    if frame is not None:
        return frame
    array = np.asarray(X)
    return nw.from_dict({f"x{i}": array[:, i].tolist() for i in range(array.shape[1])}, backend="pyarrow")


def _series(X: Any) -> list[nw.Series[Any]]:
    """The columns; a pandas frame may name them by numbers, which must not be taken for rows."""
    return list(_frame(X).iter_columns())


def _as_numbers(series: nw.Series[Any]) -> Floats | None:
    """Numbers and dates as numbers, None for texts (and for truth values, which are categories)."""
    if is_number(series) and series.dtype != nw.Boolean:
        return numbers(series)
    if series.dtype.is_temporal():
        texts, places = distinct_cells(series)
        return np.array([as_number(text, "date") for text in texts], np.float64)[places]
    return None
