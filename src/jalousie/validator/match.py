"""Which of the asked records the provider has, and what their labels are: worked out once per population.

The result is aligned to the population, so that the time a question takes does not depend on who is in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError, library_boundary
from jalousie.validator.canonical import half, pseudonym_order
from jalousie.validator.sensitivity import grid

ABSENT = -1
_BLOCK = 1 << 20
_ROUNDS = 4
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
class RowIndex:
    """The provider's rows that count, by pseudonym. Made by `index_rows` once per table and key."""

    pseudonyms: NDArray[np.uint8]
    """(p, 16) different pseudonyms, in order."""
    start: NDArray[np.int64]
    """(p + 1,) where each one's rows begin in `rows`."""
    rows: NDArray[np.int64]


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
            numbers = np.asarray(values, dtype=np.float64)
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


def index_rows(
    pseudonyms: NDArray[np.uint8], feedback: Feedback, subjects: NDArray[np.generic] | Sequence[object] | None = None
) -> RowIndex:
    """Choose the rows that count, by nothing but pseudonyms, subjects and places in the table; never by labels.

    Per pseudonym the first row counts. Where the unit is the subject: of each subject the first `records_per_subject` rows
    in the order of pseudonyms, and without a column of subjects the pseudonym itself is the subject. The choice is made
    once per table, since the bound of a subject's budget rests on it (see `sensitivity`).

    Parameters
    ----------
    pseudonyms
        (rows, 16) of the provider's table
    subjects
        (rows,) who each row is about; needed where the contract's unit is `subject` and names a column
    """
    order = pseudonym_order(pseudonyms).astype(np.int64)
    ordered = pseudonyms[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    most = feedback.records_per_subject if feedback.unit == "subject" else 1
    if feedback.unit == "subject" and subjects is None and feedback.subject:
        raise ValidatorError("V212", "the contract's unit is the subject, and the rows' subjects are not given")
    if subjects is None or feedback.unit == "record":
        kept = _rank_in_run(fresh) < most
    else:
        numbers = _numbers(subjects)[order]
        counts_at_all = fresh & (numbers >= 0)
        kept = counts_at_all & (_rank_by_subject(numbers, counts_at_all) < most)
    place = (np.cumsum(fresh) - 1)[kept]
    counts = np.bincount(place, minlength=int(fresh.sum())).astype(np.int64)
    return RowIndex(ordered[fresh], np.concatenate([[0], np.cumsum(counts)]), order[kept])


def _rank_in_run(fresh: NDArray[np.bool_]) -> NDArray[np.int64]:
    """0, 1, 2, ... within every run that begins where `fresh` is True."""
    places = np.arange(len(fresh), dtype=np.int64)
    return places - np.maximum.accumulate(np.where(fresh, places, 0))


def _numbers(subjects: NDArray[np.generic] | Sequence[object]) -> NDArray[np.int64]:
    """A number for every subject; -1 for a row without one, which then counts nowhere: its subject cannot be bounded."""
    seen: dict[object, int] = {}
    values = subjects.tolist() if isinstance(subjects, np.ndarray) else subjects
    return np.fromiter(
        (ABSENT if value is None or value != value else seen.setdefault(value, len(seen)) for value in values),
        dtype=np.int64,
        count=len(values),
    )


def _rank_by_subject(subjects: NDArray[np.int64], counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many counted rows of the same subject stand before each row."""
    order = np.argsort(subjects, kind="stable")
    grouped, counts = subjects[order], counted[order].astype(np.int64)
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = grouped[1:] != grouped[:-1]
    before = np.cumsum(counts) - counts
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = before - np.maximum.accumulate(np.where(fresh, before, 0))
    return rank


def match_rows(population: NDArray[np.uint8], index: RowIndex) -> NDArray[np.int64]:
    """(L, n) row of the table for every record of the population, -1 where the provider has none."""
    place = find_pseudonyms(population, index.pseudonyms)
    counts = np.append(np.diff(index.start), 0)
    many = counts[place]  # place -1 is the 0 at the end
    layers = max(1, int(counts.max()))
    rows = np.full((layers, len(population)), ABSENT, dtype=np.int64)
    for layer in range(layers):
        has = many > layer
        rows[layer, has] = index.rows[index.start[place[has]] + layer]
    return rows


def find_pseudonyms(wanted: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Place of every wanted pseudonym among the known ones, which are different and in order; -1 for none."""
    place = np.full(len(wanted), ABSENT, dtype=np.int64)
    if len(known):
        first, second = half(known, 0), half(known, 1)
        for start in range(0, len(wanted), _BLOCK):  # in blocks, for the memory
            part = slice(start, start + _BLOCK)
            place[part] = _find_block(half(wanted[part], 0), half(wanted[part], 1), first, second)
    return place


def _find_block(
    wanted_first: NDArray[np.uint64],
    wanted_second: NDArray[np.uint64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
) -> NDArray[np.int64]:
    place = np.full(len(wanted_first), ABSENT, dtype=np.int64)
    at = np.searchsorted(first, wanted_first)
    left = np.flatnonzero(at < len(first))
    for _ in range(_ROUNDS):  # more than one only where pseudonyms share their first half
        if not len(left):
            break
        here = at[left]
        alike = first[here] == wanted_first[left]
        found = alike & (second[here] == wanted_second[left])
        place[left[found]] = here[found]
        left = left[alike & ~found]
        at[left] += 1
        left = left[at[left] < len(first)]
    if len(left):  # somebody chose many pseudonyms that share it: compare whole ones, which is slower and bounded
        known = _whole(first, second)
        wanted = _whole(wanted_first[left], wanted_second[left])
        here = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        place[left] = np.where(known[here] == wanted, here, ABSENT)
    return place


def _whole(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.bytes_]:
    """(n,) pseudonyms that compare as bytes do. NumPy ignores zeros at the end, which among equally long ones is no matter."""
    return np.stack([first, second], axis=1).astype(">u8").view("S16").ravel()


def align(rows: NDArray[np.int64], column: LabelColumn) -> Aligned:
    """A label's values in the order of the population; `rows` from `match_rows`."""
    values, has = column.values, column.present
    if not len(values):  # a place to point at for rows that are all absent
        values, has = np.zeros(1, dtype=values.dtype), np.zeros(1, dtype=bool)
    present = (rows >= 0) & has[rows]
    if values.dtype == np.int16:
        return Aligned(np.where(present, values[rows], np.int16(ABSENT)))
    return Aligned(np.where(present, values[rows], np.int32(0)), present)
