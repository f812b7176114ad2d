"""Which rows of the provider's table count: worked out once per table and key, by nothing but pseudonyms, subjects and places.

Where the unit is the subject, the records of a subject that count are the same for the life of the contract, whatever becomes
of the table meanwhile: the proof in `sensitivity` rests on it. So what was chosen is remembered, and choosing again takes what
is remembered first; a record that is gone keeps its place among its subject's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.validator.canonical import half, pseudonym_order
from jalousie.validator.types import PSEUDONYM_BYTES

PAIR_BYTES = 2 * PSEUDONYM_BYTES
_NOBODY = -1
Names = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class RowIndex:
    """The provider's rows that count, by pseudonym. Made by `index_rows`."""

    pseudonyms: Names
    """(p, 16) different pseudonyms, in order."""
    start: NDArray[np.int64]
    """(p + 1,) where each one's rows begin in `rows`."""
    rows: NDArray[np.int64]
    chosen: Names | None = None
    """(c, 32) subject's name and pseudonym of what was chosen and is not remembered yet."""


def index_rows(
    pseudonyms: Names,
    feedback: Feedback,
    subjects: NDArray[np.generic] | Sequence[object] | None = None,
    remembered: Names | None = None,
) -> RowIndex:
    """Choose the rows that count, never by labels.

    Per pseudonym the first row counts. Where the unit is the subject: of each subject the records that are remembered, and
    up to `records_per_subject` with them the first others in the order of pseudonyms. Without a column of subjects the
    pseudonym itself is the subject, whose tally bounds it with no memory.

    Parameters
    ----------
    pseudonyms
        (rows, 16) of the provider's table
    subjects
        (rows,) who each row is about; needed where the contract's unit is `subject` and names a column. None: counts nowhere
    remembered
        (k, 32) subject's name and pseudonym of all that ever counted; then `subjects` are (rows, 16) names, zeros for None

    Raises
    ------
    ValidatorError
        V212 no subjects where the contract needs them, V216 records of several subjects share an identifier
    """
    order = pseudonym_order(pseudonyms).astype(np.int64)
    ordered = pseudonyms[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.cumsum(fresh) - 1
    most = feedback.records_per_subject if feedback.unit == "subject" else 1
    if feedback.unit == "subject" and subjects is None and feedback.subject:
        raise ValidatorError("V212", "the contract's unit is the subject, and the rows' subjects are not given")
    chosen = None
    if subjects is None or feedback.unit == "record":
        kept = _rank_in_run(fresh) < most
    else:
        numbers = _numbers(subjects)[order]
        _require_one_subject(place, numbers)
        kept = fresh & (numbers >= 0)
        if remembered is None:
            kept &= _rank_by_subject(numbers, kept) < most
        else:
            pairs = np.hstack([np.asarray(subjects, dtype=np.uint8)[order[kept]], ordered[kept]])
            counts, new = _choose(pairs, most, remembered)
            kept[kept], chosen = counts, pairs[new]
    sizes = np.bincount(place[kept], minlength=int(fresh.sum())).astype(np.int64)
    return RowIndex(ordered[fresh], np.concatenate([[0], np.cumsum(sizes)]), order[kept], chosen)


def _require_one_subject(place: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
    """Else a subject who leaves would make room for another one's row, and more than his own records would change."""
    known = numbers >= 0
    place, numbers = place[known], numbers[known]
    torn = (place[1:] == place[:-1]) & (numbers[1:] != numbers[:-1])
    if count := len(np.unique(place[1:][torn])):
        raise ValidatorError(
            "V216",
            f"{count} identifier{'s are' if count > 1 else ' is'} shared by records of several subjects",
            hint="an identifier names a record of one subject: take a column that does, or correct the table",
            effect="nothing was answered, no budget was reserved",
        )


def _choose(pairs: Names, most: int, remembered: Names) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(c,) which of the pairs (subject, pseudonym) count, and which of these are new. Places that were taken stay taken."""
    old = len(remembered)
    both = np.concatenate([remembered, pairs])
    who, which = _numbered(both[:, :PSEUDONYM_BYTES]), _numbered(both[:, PSEUDONYM_BYTES:])
    key = who * (int(which.max(initial=0)) + 1) + which
    before, first = np.unique(key[:old], return_index=True)
    taken = np.bincount(who[first], minlength=int(who.max(initial=0)) + 1)
    at = np.minimum(np.searchsorted(before, key[old:]), max(0, len(before) - 1))
    known = before[at] == key[old:] if len(before) else np.zeros(len(pairs), dtype=bool)
    new = ~known & (taken[who[old:]] + _rank_by_subject(who[old:], ~known) < most)
    return known | new, new


def _numbered(names: Names) -> NDArray[np.int64]:
    """(n,) a number for each different name."""
    first, second = half(names, 0), half(names, 1)
    order = np.argsort(first, kind="stable")
    alike = first[order[1:]] == first[order[:-1]]
    same = alike & (second[order[1:]] == second[order[:-1]])
    if (alike & ~same).any():  # different names that share their first half: hardly ever
        order = np.lexsort((second, first))
        same = (first[order[1:]] == first[order[:-1]]) & (second[order[1:]] == second[order[:-1]])
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(np.concatenate([[0], ~same])[: len(order)])
    return numbers


def _numbers(subjects: NDArray[np.generic] | Sequence[object]) -> NDArray[np.int64]:
    """A number for every subject; -1 for a row without one, which then counts nowhere: its subject cannot be bounded."""
    if isinstance(subjects, np.ndarray) and subjects.ndim == 2:
        names = subjects.astype(np.uint8)
        return np.where(names.any(axis=1), _numbered(names), _NOBODY)
    seen: dict[object, int] = {}
    values = subjects.tolist() if isinstance(subjects, np.ndarray) else subjects
    return np.fromiter(
        (_NOBODY if value is None or value != value else seen.setdefault(value, len(seen)) for value in values),
        dtype=np.int64,
        count=len(values),
    )


def _rank_in_run(fresh: NDArray[np.bool_]) -> NDArray[np.int64]:
    """0, 1, 2, ... within every run that begins where `fresh` is True."""
    places = np.arange(len(fresh), dtype=np.int64)
    return places - np.maximum.accumulate(np.where(fresh, places, 0))


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
