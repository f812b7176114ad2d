"""Populations, questions and answers as bytes, and back with strict limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from jalousie.errors import WireError
from jalousie.validator.types import (
    PSEUDONYM_BYTES,
    Answer,
    Groups,
    Neighbours,
    NoiseKind,
    Partition,
    Population,
    Question,
    Statistic,
    StatisticKind,
)
from jalousie.wire.arrow import Array, Packed, pack
from jalousie.wire.envelope import Digest

ARROW_TYPE: Final = "application/vnd.apache.arrow.stream"
"""Content type of the bodies."""
Size = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Text = Annotated[str, Meta(max_length=200)]
_BYTE: Final = np.dtype(np.uint8)
_STEP: Final = np.dtype(np.int32)
_WORD: Final = np.dtype(np.int64)


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest message that is read at all. The monitor's own limits are narrower and come after."""

    bytes: int = 512 * 2**20
    records: int = 20_000_000
    partitions: int = 2_000
    groups: int = 200_000
    classes: int = 10_000


LIMITS: Final = Limits()


class _PopulationHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="population/1", tag_field="kind"):
    size: Size


class _Statistic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    of: StatisticKind
    within: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    centres: Annotated[int, Meta(ge=0)] | None
    """Which column of centres; statistics may share one."""


# a question without statistics travels as it always did, and earlier versions understand it
class _QuestionHeader(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="question/1", tag_field="kind", omit_defaults=True
):
    population: Digest
    label: Text
    rho: float
    size: Size
    groups: tuple[Size, ...]
    statistics: tuple[_Statistic | None, ...] = ()
    """One a partition; none where no partition has one."""


class _AnswerHeader(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="answer/1", tag_field="kind", kw_only=True
):
    question: Digest
    label: Text
    classes: tuple[str, ...]
    groups: tuple[Size, ...]
    totals: bool
    variance: float
    noise: NoiseKind
    scale: float
    neighbours: Neighbours
    rho_spent: float
    rho_left: float
    epsilon_spent: float
    epsilon_left: float
    delta: float
    replayed: bool
    unit: float
    origin: float
    extra: dict[Text, float]


def population_to_bytes(population: Population) -> bytes:
    return pack(_PopulationHeader(size=population.size), [("pseudonym", population.pseudonyms)])


def population_from_bytes(data: bytes, limits: Limits = LIMITS) -> Population:
    """
    Raises
    ------
    WireError
        W600 broken, W601 too large, W606 not (n, 16) bytes all different
    """
    packed = Packed(data, max_bytes=limits.bytes)
    header = packed.header(_PopulationHeader)
    _require_at_most(header.size, limits.records, "records")
    (pseudonyms,) = packed.columns([("pseudonym", _BYTE, PSEUDONYM_BYTES)], header.size)
    if not _all_different(pseudonyms):
        raise WireError("W606", "a record occurs twice in the population", effect="")
    return Population(pseudonyms)


def question_to_bytes(question: Question) -> bytes:
    """Groups travel in the fewest bytes that hold their number: one for up to 127 groups. Equal centres travel once."""
    sizes = {len(partition.groups) for partition in question.partitions}
    if len(sizes) != 1:
        raise WireError("W606", "the partitions of a question differ in length, or there is none", effect="")
    size = sizes.pop()
    columns: list[tuple[str, Array]] = []
    for number, partition in enumerate(question.partitions):
        if not isinstance(partition.groups, np.ndarray) or partition.groups.dtype.kind not in "iu":
            raise WireError("W606", f"partition {number} does not consist of whole group numbers", effect="")
        _require_groups(partition.groups, partition.count, number)
        columns.append((f"partition_{number}", partition.groups.astype(_group_type(partition.count))))
    statistics, centres = _statistics_out(question, size)
    columns += [(f"centres_{number}", values) for number, values in enumerate(centres)]
    header = _QuestionHeader(
        population=question.population,
        label=question.label,
        rho=question.rho,
        size=size,
        groups=tuple(int(partition.count) for partition in question.partitions),
        statistics=statistics,
    )
    return pack(header, columns)


def question_from_bytes(data: bytes, limits: Limits = LIMITS) -> Question:
    """
    Raises
    ------
    WireError
        W600 broken, W601 too large, W606 group numbers out of range
    """
    packed = Packed(data, max_bytes=limits.bytes)
    header = packed.header(_QuestionHeader)
    _require_at_most(header.size, limits.records, "records")
    _require_partitions(header.groups, limits)
    if not (math.isfinite(header.rho) and header.rho >= 0):
        raise WireError("W606", "the budget of a question is not a number", effect="")
    kinds = [(f"partition_{number}", _group_type(count), 1) for number, count in enumerate(header.groups)]
    statistics = header.statistics or (None,) * len(kinds)
    centres = _columns_of_centres(header.statistics, len(kinds))
    columns = packed.columns([*kinds, *((f"centres_{k}", _STEP, 1) for k in range(centres))], header.size)
    partitions = []
    for number, (count, about) in enumerate(zip(header.groups, statistics, strict=True)):
        _require_groups(columns[number], count, number)
        found = None
        if about is not None:
            around = None if about.centres is None else columns[len(kinds) + about.centres]
            found = Statistic(about.of, around, about.within)
        partitions.append(Partition(columns[number].astype(np.int32), count, found))
    return Question(header.population, header.label, tuple(partitions), header.rho)


def _statistics_out(question: Question, size: int) -> tuple[tuple[_Statistic | None, ...], list[Array]]:
    """The header's part on statistics, and the different columns of centres."""
    places: dict[bytes, int] = {}
    columns: list[Array] = []
    found: list[_Statistic | None] = []
    for number, statistic in enumerate(partition.statistic for partition in question.partitions):
        if statistic is not None and type(statistic.within) is not int:
            raise WireError("W606", f"partition {number} cuts deviations at what is no whole number", effect="")
        if statistic is None or statistic.centres is None:
            found.append(None if statistic is None else _Statistic(statistic.of, statistic.within, None))
            continue
        centres = statistic.centres
        if not isinstance(centres, np.ndarray) or centres.shape != (size,) or centres.dtype != _STEP:
            raise WireError(
                "W606", f"partition {number} has not one centre, a 32-bit number, for each record", effect=""
            )
        place = places.setdefault(centres.tobytes(), len(columns))
        if place == len(columns):
            columns.append(centres)
        found.append(_Statistic(statistic.of, statistic.within, place))
    return (tuple(found) if any(found) else ()), columns


def _columns_of_centres(statistics: tuple[_Statistic | None, ...], partitions: int) -> int:
    """How many columns of centres the header tells of. Each is named first in its turn, so that none is idle.

    Raises WireError W606.
    """
    broken = WireError("W606", "the statistics are not one for each partition, with its centres", effect="")
    if statistics and (len(statistics) != partitions or not any(statistics)):
        raise broken
    count = 0
    for place in (about.centres for about in statistics if about is not None and about.centres is not None):
        if place > count:
            raise broken
        count += place == count
    return count


def answer_to_bytes(answer: Answer) -> bytes:
    columns = [
        (f"count_{number}", np.concatenate([counts[:, number] for counts in answer.counts]).astype(_WORD))
        for number in range(answer.counts[0].shape[1])
    ]
    if answer.totals:
        columns.append(("total", np.concatenate(answer.totals).astype(_WORD)))
    names = [name for name in _AnswerHeader.__struct_fields__ if name not in ("groups", "totals")]
    header = _AnswerHeader(
        groups=tuple(len(counts) for counts in answer.counts),
        totals=bool(answer.totals),
        **{name: getattr(answer, name) for name in names},
    )
    return pack(header, columns)


def answer_from_bytes(data: bytes, limits: Limits = LIMITS) -> Answer:
    """
    Raises
    ------
    WireError
        W600 broken, W601 too large, W606 other shapes than declared
    """
    packed = Packed(data, max_bytes=limits.bytes)
    header = packed.header(_AnswerHeader)
    _require_partitions(header.groups, limits)
    _require_at_most(len(header.classes), limits.classes, "classes")
    width = max(1, len(header.classes))
    kinds = [(f"count_{number}", _WORD, 1) for number in range(width)]
    kinds += [("total", _WORD, 1)] if header.totals else []
    columns = packed.columns(kinds, sum(header.groups))
    ends = np.cumsum(header.groups)[:-1]
    totals = tuple(np.split(columns[width].copy(), ends)) if header.totals else ()
    plain: dict[str, Any] = {name: getattr(header, name) for name in header.__struct_fields__}
    del plain["groups"], plain["totals"]
    return Answer(counts=tuple(np.split(np.stack(columns[:width], axis=1), ends)), totals=totals, **plain)


def _group_type(count: int) -> np.dtype[Any]:
    # signed, since -1 says that a record is not asked about
    return np.dtype(np.int8 if count <= 127 else np.int16 if count <= 32767 else np.int32)


def _require_groups(groups: Groups | Array, count: int, number: int) -> None:
    if groups.ndim != 1 or groups.min(initial=-1) < -1 or groups.max(initial=-1) >= count:
        raise WireError(
            "W606", f"partition {number} has group numbers that are not between -1 and {count - 1}", effect=""
        )


def _require_partitions(groups: tuple[int, ...], limits: Limits) -> None:
    if not groups:
        raise WireError("W606", "there is no partition", effect="")
    _require_at_most(len(groups), limits.partitions, "partitions")
    _require_at_most(sum(groups), limits.groups, "groups")


def _require_at_most(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise WireError("W601", f"the message has {number} {what}; at most {limit} are read", effect="")


def _all_different(pseudonyms: Array) -> bool:
    """Whether all rows of (n, 16) bytes differ. Honest pseudonyms almost never share their first half, so one sort decides."""
    halves = np.ascontiguousarray(pseudonyms).view(np.uint64)
    first = np.sort(halves[:, 0])
    if not (first[1:] == first[:-1]).any():
        return True
    ordered = halves[np.lexsort((halves[:, 1], halves[:, 0]))]
    return not (ordered[1:] == ordered[:-1]).all(axis=1).any()
