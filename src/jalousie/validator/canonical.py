"""The canonical form of populations and partitions: what makes two questions the same question.

A partition is a function from the pseudonyms asked about to groups. Its canonical form does not depend on the order of the
records, on the population they are named in, or on the numbering of the groups: records stand in the order of their
pseudonyms, and groups are numbered in the order in which they first occur there. A statistic is part of the form: its kind, its
clip, and the centres of the records that are asked about, in that order. The form of a partition without one is as it always was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jalousie.errors import ValidatorError
from jalousie.validator.types import PSEUDONYM_BYTES, Partition, Population, Question, Statistic, StatisticKind

Mask = NDArray[np.bool_]
_SET = b"jalousie/asked/1\0"
_PARTITION = b"jalousie/partition/1\0"
_STATISTIC = b"jalousie/partition/2\0"
_QUESTION = b"jalousie/question/1\0"
_REMEMBERED = 64  # digests of parts of a population
_BEGINNING = 4096  # records in which most groups occur


@dataclass(slots=True, eq=False)
class KnownPopulation:
    """A population with what is worked out once for it. Made by `know`."""

    population: Population
    digest: str
    order: NDArray[np.int32] | None
    """Record positions in the order of pseudonyms; None where that is the order already."""
    everybody: str
    """Digest of the set of all of its records."""
    _parts: dict[bytes, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.population.size

    def asked_digest(self, asked: Mask | None) -> str:
        """Digest of a set of records: the same in every population that names them. None: all of them."""
        if asked is None:
            return self.everybody
        key = hashlib.sha256(np.packbits(asked).tobytes()).digest()
        if key not in self._parts:
            places = np.flatnonzero(asked) if self.order is None else self.order[asked[self.order]]
            if len(self._parts) >= _REMEMBERED:
                self._parts.pop(next(iter(self._parts)))
            self._parts[key] = _set_digest(_rows(self.population.pseudonyms, places))
        return self._parts[key]


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalPartition:
    """A partition in canonical form, with its public facts."""

    digest: str
    rank: NDArray[np.intp]
    """(G,) canonical number of every group of the question; answers are stored in this order."""
    sizes: NDArray[np.int64]
    """(G,) records of the population by group, whether or not the provider has them."""
    asked: Mask | None
    """Which records are in a group; None: all of them."""
    statistic: StatisticKind | Literal[""] = ""
    """Its kind, where there is one."""


def know(population: Population) -> KnownPopulation:
    """Work out the order of a population's pseudonyms.

    Raises
    ------
    ValidatorError
        V211: no record, a record twice, or pseudonyms that are not (n, 16) bytes
    """
    pseudonyms = population.pseudonyms
    require_pseudonyms(pseudonyms)
    if not population.size:
        raise ValidatorError("V211", "the population has no records", hint="name at least one group's worth of records")
    order = pseudonym_order(pseudonyms)
    ordered = _rows(pseudonyms, order)
    words = ordered.view(np.uint64)
    if ((words[1:, 0] == words[:-1, 0]) & (words[1:, 1] == words[:-1, 1])).any():
        raise ValidatorError("V211", "a record occurs twice in the population", hint="name every record once")
    in_order = bool((order[1:] > order[:-1]).all())
    return KnownPopulation(population, population.digest(), None if in_order else order, _set_digest(ordered))


def require_pseudonyms(pseudonyms: NDArray[np.uint8]) -> None:
    """Raises ValidatorError V211 where they are not (n, 16) bytes."""
    if pseudonyms.ndim != 2 or pseudonyms.shape[1] != PSEUDONYM_BYTES or pseudonyms.dtype != np.uint8:
        raise ValidatorError("V211", f"pseudonyms are not {PSEUDONYM_BYTES} bytes each")


def pseudonym_order(pseudonyms: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Positions in the order of pseudonyms as bytes; equal ones keep their order."""
    first = half(pseudonyms, 0)
    order = np.argsort(first, kind="stable")
    sorted_first = first[order]
    if (sorted_first[1:] == sorted_first[:-1]).any():
        # honest pseudonyms hardly ever share their first half, so the second one is seldom looked at
        order = np.lexsort((half(pseudonyms, 1), first))
    return order.astype(np.int32)


def half(pseudonyms: NDArray[np.uint8], which: int) -> NDArray[np.uint64]:
    """(n,) the first or second half of each pseudonym, as numbers that stand in the order of the bytes."""
    return np.ascontiguousarray(pseudonyms).view(">u8")[:, which].astype(np.uint64)


def check_partition(partition: Partition, size: int, number: int) -> None:
    """
    Raises
    ------
    ValidatorError
        V207: wrong length or type, a group number out of range, or nobody asked about
    """
    groups = partition.groups
    problem = ""
    if not isinstance(groups, np.ndarray) or groups.ndim != 1 or groups.dtype != np.int32:
        problem = "does not consist of 32-bit group numbers"
    elif len(groups) != size:
        problem = f"has {len(groups)} records; the population has {size}"
    elif not isinstance(partition.count, int | np.integer) or partition.count < 1:
        problem = "has a count of groups that is no whole number from 1 on"
    elif int(groups.min()) < -1 or (largest := int(groups.max())) >= partition.count:
        problem = "has group numbers that are not between -1 and its count of groups"
    elif largest < 0:
        problem = "asks about nobody"
    if problem:
        raise ValidatorError(
            "V207", f"partition {number} {problem}", effect="nothing was answered, no budget was spent"
        )


def canonical_partition(known: KnownPopulation, partition: Partition) -> CanonicalPartition:
    """Canonical form of a partition that `check_partition` accepts. Groups without records come last, in their order."""
    groups, count = partition.groups, partition.count
    everybody = int(groups.min()) >= 0
    asked = None if everybody else groups >= 0
    # the fewest bytes are reordered fastest; -1 becomes the largest number, which no group has
    small = groups.astype(_narrowest(count + 1))
    ordered = small if known.order is None else small.take(known.order)
    if not everybody:
        ordered = ordered[ordered != np.iinfo(ordered.dtype).max]
    rank = _ranks(ordered, count)
    about = _PARTITION if partition.statistic is None else _statistic(known, partition.statistic, asked)
    state = hashlib.sha256(about + known.asked_digest(asked).encode())
    state.update(len(ordered).to_bytes(8, "big"))
    sizes = np.bincount(ordered, minlength=count).astype(np.int64)
    names = rank.astype(_narrowest(int(np.count_nonzero(sizes))))
    state.update(bytes([names.itemsize]) + renumbered(ordered, names))
    kind = partition.statistic.of if partition.statistic is not None else ""
    return CanonicalPartition("sha256:" + state.hexdigest(), rank, sizes, asked, kind)


def _statistic(known: KnownPopulation, statistic: Statistic, asked: Mask | None) -> bytes:
    """What a digest begins with, of a fixed length: kind, clip, and the digest of the centres of the records asked about."""
    ordered = b""
    if statistic.centres is not None:
        places = slice(None) if known.order is None else known.order
        kept = slice(None) if asked is None else asked[places]
        ordered = statistic.centres[places][kept].astype("<i4").tobytes()
    head = statistic.of.encode().ljust(16, b"\0") + statistic.within.to_bytes(8, "big")
    return _STATISTIC + head + hashlib.sha256(ordered).digest()


def renumbered(ordered: NDArray[np.unsignedinteger[Any]], names: NDArray[np.unsignedinteger[Any]]) -> bytes:
    """`names[ordered]` as bytes. Where both are bytes already, Python's own translation is five times as fast."""
    if ordered.itemsize == names.itemsize == 1:
        return ordered.tobytes().translate(names.tobytes().ljust(256, b"\0"))
    plain: bytes = names[ordered].tobytes()
    return plain


def _ranks(ordered: NDArray[np.unsignedinteger[Any]], count: int) -> NDArray[np.intp]:
    """(count,) number of every group in the order of first occurrence; absent ones after them.

    Most groups occur early, so ever longer beginnings are looked at until every group was seen.
    """
    first = np.full(count, len(ordered), dtype=np.intp)
    length = min(_BEGINNING, len(ordered))
    while True:
        # of several values for one place the last is kept, so backwards that is the first occurrence
        first[ordered[:length][::-1]] = np.arange(length - 1, -1, -1)
        if length == len(ordered) or bool((first < len(ordered)).all()):
            break
        length = min(8 * length, len(ordered))
    rank = np.empty(count, dtype=np.intp)
    rank[np.argsort(first, kind="stable")] = np.arange(count)
    return rank


def _rows(pseudonyms: NDArray[np.uint8], places: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """`pseudonyms[places]`, moved in words: five times as fast."""
    return np.ascontiguousarray(pseudonyms).view(np.uint64).take(places, axis=0).view(np.uint8)


def _narrowest(count: int) -> np.dtype[Any]:
    # little-endian, whatever the machine; `count` leaves out empty groups, which nothing is numbered with
    return np.dtype("u1") if count <= 2**8 else np.dtype("<u2") if count <= 2**16 else np.dtype("<u4")


def union(masks: Iterable[Mask | None]) -> Mask | None:
    """Records that are in at least one of several sets; None: all of them."""
    result: Mask | None = None
    for mask in masks:
        if mask is None:
            return None
        result = mask.copy() if result is None else result | mask
    return None if result is None or bool(result.all()) else result


def question_digest(question: Question, partitions: Sequence[CanonicalPartition], nano: int) -> str:
    """Of label, canonical partitions in their order, and budget offered: the same for every way to write it down."""
    state = hashlib.sha256(_QUESTION + nano.to_bytes(8, "big"))
    label = question.label.encode()
    state.update(len(label).to_bytes(4, "big") + label)
    for part in partitions:
        state.update(bytes.fromhex(part.digest.removeprefix("sha256:")))
    return "sha256:" + state.hexdigest()


def _set_digest(ordered: NDArray[np.uint8]) -> str:
    state = hashlib.sha256(_SET + len(ordered).to_bytes(8, "big"))
    state.update(np.ascontiguousarray(ordered).tobytes())
    return "sha256:" + state.hexdigest()
