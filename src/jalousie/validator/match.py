"""Which of the asked records the provider has, and what their labels are: worked out once per population.

The result is aligned to the population, so that the time a question takes does not depend on who is in the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError, library_boundary
from jalousie.validator.canonical import half
from jalousie.validator.rows import RowIndex
from jalousie.validator.sensitivity import grid

ABSENT = -1
_BLOCK = 1 << 20
_ROUNDS = 4  # pseudonyms that may share their first half and are still told apart one after another
Codes = NDArray[np.int16]
Steps = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class LabelColumn:
    """A label of every row of the provider's table: class numbers (int16), or steps above the origin (int32).

    `present` is False where the row has none of the classes, or no number.
    """

    values: Codes | Steps
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A label aligned to a population: (L, n), one layer per record that may share a pseudonym.

    Class numbers are int16 with -1 where there is none; numbers are int32 steps, with `present` beside them.
    """

    values: Codes | Steps
    present: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Where the records of a population are in the provider's table: (L, n), one layer per record that may share a pseudonym.

    `rows` names some row everywhere, also where the provider has none: then reading it takes as long.
    """

    rows: NDArray[np.int64]
    has: NDArray[np.bool_]


def as_floats(values: object) -> NDArray[np.float64]:
    """As float64, in their shape. Raises what NumPy raises, which may quote a value; TypeError for dates and complex numbers."""
    found = np.asarray(values)
    if found.dtype.kind in "mMc":  # NumPy has a number for every date
        raise TypeError
    return found.astype(np.float64)


def encode_label(values: NDArray[np.generic] | Sequence[object], label: Label, feedback: Feedback) -> LabelColumn:
    """A label's values as class numbers or steps.

    Classes are compared as text: whole numbers without a decimal point, truth values as `true` and `false` where the
    contract names those and as `1` and `0` otherwise.
    """
    if label.kind == "number" or label.cuts:
        # NumPy's own message would quote the value
        with library_boundary(
            ValidatorError,
            "V212",
            f'label of column "{label.column}" has values that are no numbers',
            hint="declare it as classes, or give the column a type",
        ):
            numbers = as_floats(values)
        return _intervals(numbers, label) if label.cuts else _steps(numbers, label, feedback)
    array = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    wanted = {name: code for code, name in enumerate(label.classes)}
    if array.dtype == object:
        codes = np.fromiter((_code(value, wanted) for value in array), dtype=np.int16, count=len(array))
    else:
        different, inverse = np.unique(array, return_inverse=True)
        codes = np.array([_code(value, wanted) for value in different.tolist()], dtype=np.int16)[inverse.ravel()]
    return LabelColumn(codes, codes >= 0)


def _code(value: object, wanted: Mapping[str, int]) -> int:
    if isinstance(value, bool | np.bool_):
        return wanted.get("true" if value else "false", wanted.get("1" if value else "0", ABSENT))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return ABSENT if value is None else wanted.get(str(value), ABSENT)


def _intervals(numbers: NDArray[np.float64], label: Label) -> LabelColumn:
    """The interval of each number; those beyond the ends are in the outermost ones."""
    present = ~np.isnan(numbers)
    codes = np.searchsorted(np.asarray(label.cuts), numbers, side="right").astype(np.int16)
    return LabelColumn(np.where(present, codes, np.int16(ABSENT)), present)


def _steps(numbers: NDArray[np.float64], label: Label, feedback: Feedback) -> LabelColumn:
    scale = grid(label, feedback.neighbours)
    present = ~np.isnan(numbers)
    clipped = np.clip(np.where(present, numbers, scale.low), scale.low, scale.high)
    steps = np.rint((clipped - scale.origin) / scale.unit)
    # the bounds' own steps are those that the sensitivity is derived from
    return LabelColumn(np.clip(steps, scale.least, scale.most).astype(np.int32), present)


def match_rows(population: NDArray[np.uint8], index: RowIndex) -> Matched:
    """Find every record of the population. The same steps on as many places of memory, whoever is in the table.

    So nothing is selected by what was found: that would take longer, the more there is of it, and half of it longest.
    """
    counts = np.diff(index.start)
    layers = max(1, int(counts.max(initial=0)))
    rows = np.zeros((layers, len(population)), dtype=np.int64)
    has = np.zeros((layers, len(population)), dtype=bool)
    if not len(index.rows):
        return Matched(rows, has)
    last = len(index.rows) - 1
    for part, at, found in _located(population, index.pseudonyms):
        first, many = index.start[at], counts[at]
        for layer in range(layers):
            rows[layer, part] = index.rows[np.minimum(first + layer, last)]
            has[layer, part] = found & (many > layer)
    return Matched(rows, has)


def find_pseudonyms(wanted: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Place of every wanted pseudonym among the known ones, which are different and in order; -1 for none."""
    place = np.full(len(wanted), ABSENT, dtype=np.int64)
    if len(known):
        for part, at, found in _located(wanted, known):
            place[part] = (at + 1) * found - 1
    return place


def _located(
    wanted: NDArray[np.uint8], known: NDArray[np.uint8]
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.bool_]]]:
    """For one block of `wanted` after another: its place among the known ones or one beside it, and whether it is there."""
    first, second = half(known, 0), half(known, 1)
    rounds = _longest_run(first)
    for start in range(0, len(wanted), _BLOCK):  # in blocks, for the memory
        part = slice(start, start + _BLOCK)
        keys = half(wanted[part], 0), half(wanted[part], 1)
        if rounds <= _ROUNDS:
            yield part, *_by_halves(*keys, first, second, rounds)
        else:
            yield part, *_by_whole(*keys, first, second)


def _longest_run(ordered: NDArray[np.uint64]) -> int:
    """How many known pseudonyms share their first half at most: 1, unless somebody chose them so."""
    longest = 1
    while longest <= _ROUNDS and bool((ordered[longest:] == ordered[:-longest]).any()):
        longest += 1
    return longest


def _by_halves(
    wanted_first: NDArray[np.uint64],
    wanted_second: NDArray[np.uint64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    rounds: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    last = len(first) - 1
    begin = np.searchsorted(first, wanted_first).astype(np.int64)
    place = np.minimum(begin, last)
    found = (first[place] == wanted_first) & (second[place] == wanted_second)
    for step in range(1, rounds):
        here = np.minimum(begin + step, last)
        same = (first[here] == wanted_first) & (second[here] == wanted_second)
        place += (here - place) * same
        found |= same
    return place, found


def _by_whole(
    wanted_first: NDArray[np.uint64],
    wanted_second: NDArray[np.uint64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Slower and bounded, where many known pseudonyms share their first half. The provider's own, made under a key, never do."""
    known, wanted = _whole(first, second), _whole(wanted_first, wanted_second)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1).astype(np.int64)
    return place, known[place] == wanted


def _whole(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.bytes_]:
    """(n,) pseudonyms that compare as bytes do. NumPy ignores zeros at the end, which among equally long ones is no matter."""
    return np.stack([first, second], axis=1).astype(">u8").view("S16").ravel()


def align(matched: Matched, column: LabelColumn) -> Aligned:
    """A label's values in the order of the population, by the same steps whoever is in the table."""
    values, has = column.values, column.present
    if not len(values):  # a place to point at for rows that are all absent
        values, has = np.zeros(1, dtype=values.dtype), np.zeros(1, dtype=bool)
    present = matched.has & has[matched.rows]
    if values.dtype == np.int16:  # the largest class is 2^15 - 2, so that one more still fits
        return Aligned((values[matched.rows] + np.int16(1)) * present - np.int16(1))
    return Aligned(values[matched.rows] * present, present)
