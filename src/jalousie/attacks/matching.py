"""Which released rows a person may be behind: by the meaning of the written labels, and by nothing else.

An adversary sees a released row `([20, 40), Higher education, *)` and knows that a person is 27 and has a Bachelor's.
The row is *compatible* with the person when every cell covers the person's true value. Class numbers of the search play
no part; the evaluator alone knows which row is really whose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.errors import InternalError, ReleaseError, UsageError
from jalousie.learning.categories import CategoryColumn
from jalousie.learning.frames import as_number
from jalousie.learning.labels import is_inside, members_of
from jalousie.learning.numeric import NumberColumn
from jalousie.learning.spaces import STAR, ColumnSpace
from jalousie.privacy.recoding import Recoding
from jalousie.tables.types import Counts, Floats, FrequencyTable, Histogram, Mask

Bits = NDArray[np.uint8]
CHUNK = 1 << 25  # bytes of a person x row matrix of bits that are held at once


@dataclass(frozen=True, slots=True, eq=False)
class AsRead:
    """The table as it was read, where steps changed it before it was generalised: what "in the raw table" is about.

    table    its distinct rows; None where it has no figures: no quasi-identifiers of its own, or too many
    of       (G,) for each of the people the row of `table` that is theirs
    counted  the table that was generalised, of which the models speak
    """

    table: FrequencyTable | None
    of: Counts
    counted: FrequencyTable


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What was written, and the evaluator's knowledge of whose it is.

    table   the distinct released rows of quasi-identifiers (W of them), as text, with counts and sensitive values
    row     (G,) for each distinct raw row the released row that it became, -1 where it was suppressed
    read    the table as it was read; None where the people are counted as they were read
    loose   whether a person's own row may not cover the person's true values: a column was changed at random
    """

    table: FrequencyTable
    row: Counts
    read: AsRead | None = None
    loose: bool = False


def written_by(
    raw: FrequencyTable, recoding: Recoding, *, suppressed: str = "drop", counted: FrequencyTable | None = None
) -> Written:
    """What became of each distinct raw row.

    `counted` is an independent count of the written file; the evaluator's link is found by the labels of its rows.
    Without it the rows are those that the recoding's labels give. Raises ReleaseError R540 where a row that should have
    been written is not in `counted`.
    """
    hidden = recoding.suppressed
    cells = [np.array(text, dtype=object)[codes] for text, codes in zip(recoding.labels, recoding.codes, strict=True)]
    for column in cells:
        column[hidden] = STAR
    shown = np.arange(raw.groups) if suppressed == "star" else np.flatnonzero(~hidden)
    row = np.full(raw.groups, -1, np.int64)
    if counted is not None:
        row[shown] = _find(counted, [column[shown] for column in cells])
        return Written(counted, row)
    values: list[tuple[str | None, ...]] = []
    codes = np.empty((len(cells), raw.groups), np.int32)
    for d, column in enumerate(cells):
        place: dict[str | None, int] = {}
        codes[d] = [place.setdefault(text, len(place)) for text in column.tolist()]
        values.append(tuple(place))
    distinct, inverse = np.unique(codes[:, shown], axis=1, return_inverse=True)
    row[shown] = inverse.ravel()
    return Written(_gather(raw, values, distinct.astype(np.int32), row), row)


def _find(counted: FrequencyTable, cells: Sequence[NDArray[np.object_]]) -> Counts:
    """The counted row that has just these cells, for each of n rows of cells."""
    texts = [np.array(values, dtype=object)[codes] for values, codes in zip(counted.values, counted.codes, strict=True)]
    place = {labels: w for w, labels in enumerate(zip(*(column.tolist() for column in texts), strict=True))}
    found = np.array([place.get(labels, -1) for labels in zip(*(c.tolist() for c in cells), strict=True)], np.int64)
    if (found < 0).any():
        raise ReleaseError("R540", "rows that should have been written are not among the written rows")
    return found


def _gather(
    raw: FrequencyTable, values: Sequence[tuple[str | None, ...]], codes: NDArray[np.int32], row: Counts
) -> FrequencyTable:
    """The frequency table of the written rows, sensitive values included."""
    shown, size = row >= 0, codes.shape[1]
    counts = np.bincount(row[shown], weights=raw.counts[shown], minlength=size).astype(np.int64)
    histograms = []
    for given in raw.sensitive:
        owner = row[given.group]
        key = owner * len(given.values) + given.code
        kept, place = np.unique(key[owner >= 0], return_inverse=True)
        total = np.bincount(place.ravel(), weights=given.count[owner >= 0], minlength=len(kept)).astype(np.int64)
        group, code = np.divmod(kept, len(given.values))
        histograms.append(Histogram(given.name, given.values, group, code.astype(np.int32), total))
    return FrequencyTable(raw.names, tuple(values), codes, counts, tuple(histograms))


def covered(space: ColumnSpace, values: Sequence[str | None], labels: Sequence[str | None]) -> Mask:
    """(L, V) whether label l may stand for the raw value v. A label that is not understood stands for itself alone."""
    if space.kind == "categorical" or space.values:
        result = _covered_sets(space, values, labels)
    else:
        result = _covered_bounds(space, values, labels)
    place = {text: v for v, text in enumerate(values)}
    for i, label in enumerate(labels):
        if label == STAR:
            result[i] = True
        elif label in place and (label is None or not result[i].any()):
            result[i, place[label]] = True
        elif not result[i].any() and (members := members_of(label)) is not None:
            result[i] = covered(space, values, members).any(axis=0)
    return result


def _covered_sets(space: ColumnSpace, values: Sequence[str | None], labels: Sequence[str | None]) -> Mask:
    known = {text: code for code, text in enumerate(space.values)}
    code = np.array([known.get(text, -1) for text in values], np.int64)
    cover = CategoryColumn(space).cover(list(labels))
    inside = np.zeros((len(labels), len(space.values) + 1), bool)
    inside[cover.cell, cover.atoms] = True
    inside[:, -1] = False  # where code -1 points: values that the space does not know
    result: Mask = inside[:, code]
    if space.kind in ("number", "date"):  # intervals that a recoding made by itself
        unread = cover.lengths == 0
        result[unread] = _covered_bounds(space, values, [label for label, no in zip(labels, unread, strict=True) if no])
    return result


def _covered_bounds(space: ColumnSpace, values: Sequence[str | None], labels: Sequence[str | None]) -> Mask:
    reading = NumberColumn(space).read(list(labels))
    number = np.array([as_number(text, space.kind) for text in values], np.float64)
    low = np.where(np.isfinite(reading.exact), reading.exact, reading.low)
    high = np.where(np.isfinite(reading.exact), reading.exact, reading.high)
    with np.errstate(invalid="ignore"):
        within: Mask = (low[:, None] <= number) & (number < high[:, None])
        alone: Mask = (low == high)[:, None] & (low[:, None] == number)
    return within | alone


def covered_plainly(space: ColumnSpace, value: str | None, label: str | None) -> bool:
    """The slow reference of `covered`, for one pair."""
    if label == STAR:
        return True
    if value is None or label is None:
        return value == label or (label in space.labels and _in_cover(space, value, label))
    if label in space.labels and space.covers:
        return _in_cover(space, value, label)
    if label == value:
        return True
    if label in space.labels:
        low, high = space.bounds[space.labels.index(label)]
        number = as_number(value, space.kind)
        return is_inside(number, -np.inf if low is None else low, np.inf if high is None else high)
    return False


def _in_cover(space: ColumnSpace, value: str | None, label: str | None) -> bool:
    codes = space.covers[space.labels.index(label)] if space.covers else ()
    return any(space.values[code] == value for code in codes)


def must_fit(inside: Mask, released: Mask, *, loose: bool = False) -> None:
    """An attack that misreads labels would fail, and its failure would pass for protection."""
    if not loose and not inside[released].all():
        raise InternalError("X930", "released rows are not compatible with the raw rows that they come from", effect="")


@dataclass(frozen=True, slots=True, eq=False)
class Matcher:
    """People (distinct raw rows) against written rows, column by column, as bits."""

    bits: tuple[Bits, ...]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, people: FrequencyTable, written: FrequencyTable, spaces: Sequence[ColumnSpace]) -> Matcher:
        """`spaces` in any order, one for each column of both tables."""
        if people.names != written.names:
            raise UsageError("U151", "the raw and the written table have different quasi-identifiers", effect="")
        known = {space.name: space for space in spaces}
        bits = []
        for d, name in enumerate(people.names):
            if name not in known:
                raise UsageError("U151", f'no description of the column "{name}" was given', effect="")
            label_covers = covered(known[name], people.values[d], written.values[d])
            bits.append(np.packbits(label_covers[written.codes[d]].T, axis=1))
        return cls(tuple(bits), people.codes)

    def pairs(self, people: Counts) -> Iterator[Pairs]:
        """The compatible pairs of `people` (positions of distinct raw rows), a part of the people at a time."""
        bytes_each = max(self.bits[0].shape[1] if self.bits else 1, 1)
        size = max(1, CHUNK // bytes_each)
        for start in range(0, len(people), size):
            part = people[start : start + size]
            bits = self.bits[0][self.codes[0, part]]
            for d in range(1, len(self.bits)):
                bits &= self.bits[d][self.codes[d, part]]
            # few bytes have any bit set: those alone are unpacked
            person, place = np.nonzero(bits)
            entry, bit = np.nonzero(np.unpackbits(bits[person, place][:, None], axis=1))
            yield Pairs(slice(start, start + len(part)), len(part), person[entry], place[entry] * 8 + bit)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Compatible pairs, sorted by person: `person` counts from 0 within the `part` of `people` persons."""

    part: slice
    people: int
    person: Counts
    row: Counts

    def best(self, order: Counts) -> Counts:
        """(people,) of each person's compatible rows the first in `order` (a permutation of all rows); -1 without any."""
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        first = np.flatnonzero(np.diff(self.person, prepend=-1))
        chosen = np.full(self.people, -1, np.int64)
        if len(first):
            chosen[self.person[first]] = order[np.minimum.reduceat(rank[self.row], first)]
        return chosen

    def sums(self, weights: Floats) -> Floats:
        """(people,) sum of the rows' weights over each person's compatible rows."""
        return np.bincount(self.person, weights=weights[self.row], minlength=self.people).astype(np.float64)

    def has(self, rows: Counts) -> Mask:
        """(people,) whether each person is compatible with the row named for it."""
        result = np.zeros(self.people, bool)
        result[self.person[self.row == rows[self.person]]] = True
        return result
