"""Labels beside the population's records, and their exact sums by group. What these functions return never leaves as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.records import CanonicalPopulation, find, sorting_order
from jalousie.validator.sensitivity import EXACT, Steps, steps_of
from jalousie.validator.types import Partition

# a block of groups and codes stays in the processor's cache, and 10 million records need no more memory than their arrays
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class ClassLabels:
    """(n,) class of each record of the population, in its order; -1 where the provider has no record or no class."""

    codes: NDArray[np.int16]
    classes: int

    def __repr__(self) -> str:
        return f"ClassLabels({len(self.codes)} records)"


@dataclass(frozen=True, slots=True, eq=False)
class NumberLabels:
    """(n,) whole steps of each record above the label's origin, as float64; NaN where there is none."""

    steps: NDArray[np.float64]
    grid: Steps

    def __repr__(self) -> str:
        return f"NumberLabels({len(self.steps)} records)"


Labels = ClassLabels | NumberLabels


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Of one partition: (G, C) counts or (G, 1) sums of steps, and (G,) records that have a label. Exact: secret."""

    cells: NDArray[np.int64]
    records: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"Sums({len(self.records)} groups)"


def label_sums(labels: Labels, partition: Partition) -> Sums:
    """One pass over the records."""
    groups, count = partition.groups, partition.count
    if isinstance(labels, ClassLabels):
        # one more row and column for -1: nothing needs to be filtered out
        width = labels.classes + 1
        total = np.zeros((count + 1) * width, np.int64)
        for start in range(0, len(groups), _BLOCK):
            part = slice(start, start + _BLOCK)
            cells = (groups[part].astype(np.int64) + 1) * width + (labels.codes[part] + 1)
            total += np.bincount(cells, minlength=len(total))
        table = total.reshape(count + 1, width)[1:, 1:]
        return Sums(np.ascontiguousarray(table), table.sum(axis=1))
    sums, records = np.zeros(count + 1), np.zeros(count + 1, np.int64)
    for start in range(0, len(groups), _BLOCK):
        part = slice(start, start + _BLOCK)
        known = ~np.isnan(labels.steps[part])
        numbers = groups[part][known].astype(np.int64) + 1
        # whole numbers whose sums stay below 2^53 add exactly in any order
        sums += np.bincount(numbers, weights=labels.steps[part][known], minlength=count + 1)
        records += np.bincount(numbers, minlength=count + 1)
    return Sums(sums[1:, None].astype(np.int64), records[1:])


def align(
    population: CanonicalPopulation, pseudonyms: NDArray[np.uint8], counted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """(n,) row of the provider's table for each record of the population, -1 where there is none or it is not `counted`.

    pseudonyms: (rows, 16) of the provider's table, all different. Done once per population, not per question.

    Raises
    ------
    ValidatorError
        V207 where two rows have the same pseudonym
    """
    order = sorting_order(pseudonyms)
    keys = pseudonyms if order is None else pseudonyms[order]
    places = find(keys, population.sorted_pseudonyms())
    rows = places if order is None or not len(order) else np.where(places >= 0, order[places], -1)
    if len(counted):
        rows = np.where((rows >= 0) & counted[rows], rows, -1)
    if population.order is None:
        return rows.astype(np.int64)
    aligned = np.empty(population.size, np.int64)
    aligned[population.order] = rows
    return aligned


def bound_subjects(pseudonyms: NDArray[np.uint8], subjects: NDArray[Any] | None, most: int) -> NDArray[np.bool_]:
    """Which rows of the provider's table count, so that no subject has more than `most` of them.

    Of each subject the rows with the smallest pseudonyms: keyed, so as good as random, and fixed for the table, whatever is
    asked and whatever the labels are. Rows without a subject (None, NaN) are taken for subjects of their own.
    """
    counted = np.ones(len(pseudonyms), np.bool_)
    if subjects is None or not len(pseudonyms):
        return counted
    absent = np.array([value is None or value != value for value in subjects.tolist()])
    names = np.array(["" if missing else text_of(v) for v, missing in zip(subjects.tolist(), absent, strict=True)])
    _, codes = np.unique(names, return_inverse=True)
    order = sorting_order(pseudonyms)
    by_name = np.arange(len(pseudonyms)) if order is None else order.astype(np.int64)
    by_subject = by_name[np.argsort(codes[by_name], kind="stable")]
    ordered = codes[by_subject]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    place = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
    counted[by_subject] = place < most
    counted[absent] = True
    return counted


def make_labels(
    label: Label, feedback: Feedback, values: Sequence[Any] | NDArray[Any], rows: NDArray[np.int64]
) -> Labels:
    """Labels of the population's records from a column of the provider's table (`rows` from `align`).

    A value outside the classes, an empty cell or a number that is not one counts nowhere.

    Raises
    ------
    ValidatorError
        V211 where the label is incomplete, or its sums would not be exact
    """
    if label.kind == "classes":
        codes = class_codes(values, label.classes)
        return ClassLabels(_taken(codes, rows, -1).astype(np.int16), len(label.classes))
    grid = steps_of(label, feedback.neighbours)
    largest = max(abs(grid.lowest), abs(grid.highest))
    if largest * max(1, len(rows)) >= EXACT:
        raise ValidatorError("V211", "a numeric label's `unit` is too small for so many records", effect="")
    return NumberLabels(_taken(number_steps(values, grid), rows, math.nan), grid)


def class_codes(values: Sequence[Any] | NDArray[Any], classes: Sequence[str]) -> NDArray[np.int16]:
    """(rows,) position in `classes` of each value as text, -1 where it is none of them."""
    array = np.asarray(values)
    position = {name: number for number, name in enumerate(classes)}
    if array.dtype.kind in "OUS":
        texts = (None if value is None else text_of(value) for value in array.tolist())
        return np.fromiter((position.get(text, -1) if text is not None else -1 for text in texts), np.int16, len(array))
    distinct, inverse = np.unique(array, return_inverse=True)
    lookup = np.array([position.get(text_of(value), -1) for value in distinct.tolist()], np.int16)
    return lookup[inverse] if len(distinct) else np.empty(0, np.int16)


def text_of(value: Any) -> str:
    """A value as classes and subjects are written: whole numbers without a point, truth values as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number_steps(values: Sequence[Any] | NDArray[Any], grid: Steps) -> NDArray[np.float64]:
    """(rows,) clipped and rounded to whole steps above the origin; NaN stays NaN, and what is no number becomes it."""
    array = np.asarray(values)
    numbers = array.astype(np.float64) if array.dtype.kind in "iufb" else np.array([_number(v) for v in array.tolist()])
    steps = np.rint((np.clip(numbers, grid.low, grid.high) - grid.origin) / grid.unit)
    # the bounds once more in whole steps: sensitivity rests on them
    return np.asarray(np.clip(steps, grid.lowest, grid.highest), np.float64)


def _number(value: Any) -> float:
    if value is None or isinstance(value, (str, bytes)):
        return math.nan
    return float(value)


def _taken(values: NDArray[Any], rows: NDArray[np.int64], absent: float) -> NDArray[Any]:
    if not len(values):
        return np.full(len(rows), absent, values.dtype)
    return np.where(rows >= 0, values[rows], np.asarray(absent, values.dtype))
