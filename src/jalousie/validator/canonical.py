"""What a question is, whatever its groups are numbered and in whatever order its records were sent.

A partition's canonical form lists its records by pseudonym and numbers groups in the order in which they first occur there.
Two partitions are the same question exactly if they have the same form; the digest of the form finds the stored answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.budget import Rho
from jalousie.validator.records import CanonicalPopulation, RecordSet
from jalousie.validator.types import Partition, Question

_FIRST_LOOK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalPartition:
    """One partition, with what is public about it."""

    digest: str
    sizes: NDArray[np.int64]
    """(groups,) records of the population in each group, numbered as asked."""
    rank: NDArray[np.int64]
    """(groups,) canonical number of each group as asked."""
    records: RecordSet
    """The records that are in some group."""
    asked: Partition

    @property
    def groups(self) -> int:
        return len(self.sizes)

    @property
    def smallest(self) -> int:
        return int(self.sizes.min(initial=self.records.size))


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question in canonical form: everything that the monitor and the store may know of it."""

    digest: str
    population: str
    label: str
    partitions: tuple[CanonicalPartition, ...]
    """As asked; the same one may occur twice."""
    offered: Rho

    @property
    def distinct(self) -> dict[str, CanonicalPartition]:
        """By digest, in the order asked; each is answered, and paid, once."""
        return {partition.digest: partition for partition in self.partitions}


def canonicalise(question: Question, population: CanonicalPopulation, offered: Rho) -> Asked:
    """Canonical form of a question whose shape was found right (`monitor.first_look`)."""
    sets: dict[bytes, RecordSet] = {}
    partitions = tuple(_canonical(partition, population, sets) for partition in question.partitions)
    digest = question_digest(question.label, offered, (partition.digest for partition in partitions))
    return Asked(digest, question.population, question.label, partitions, offered)


def question_digest(label: str, offered: Rho, partitions: Iterable[str]) -> str:
    """`sha256:` over label, offered budget and partitions in the order asked. The same question sent again has the same."""
    name = label.encode()
    state = hashlib.sha256(b"jalousie/question/1\0" + len(name).to_bytes(8, "big") + name)
    state.update(offered.nano.to_bytes(8, "big"))
    for digest in partitions:
        state.update(bytes.fromhex(digest.removeprefix("sha256:")))
    return "sha256:" + state.hexdigest()


def digest_as_sent(question: Question) -> str:
    """Names a question that is refused before its canonical form is known."""
    text = repr((question.population, question.label, question.rho)).encode()
    state = hashlib.sha256(b"jalousie/question-as-sent/1\0" + len(text).to_bytes(8, "big") + text)
    for partition in question.partitions:
        state.update(repr((partition.count, len(partition.groups))).encode() + b"\0")
        state.update(np.ascontiguousarray(partition.groups, "<i4").tobytes())
    return "sha256:" + state.hexdigest()


def _canonical(
    partition: Partition, population: CanonicalPopulation, sets: dict[bytes, RecordSet]
) -> CanonicalPartition:
    """`sets` remembers sets of records by mask: partitions of one question are mostly about the same."""
    # the narrowest type moves the fewest bytes; -1 becomes its largest number
    dtype = np.dtype(np.uint8 if partition.count < 2**8 else np.uint16 if partition.count < 2**16 else np.uint32)
    numbers = population.in_order(partition.groups.astype(dtype))
    nobody = np.iinfo(dtype).max
    sizes = _sizes(partition.groups, partition.count)
    records = RecordSet.all_of(population)
    if int(sizes.sum()) < population.size:
        mask = numbers != nobody
        records = _set_of(mask, population, sets)
        numbers = numbers[mask]
    rank = _ranks(numbers, sizes)
    occurring = int(np.count_nonzero(sizes))
    width = 1 if occurring <= 2**8 else 2 if occurring <= 2**16 else 4
    form = rank.astype(f"<u{width}")[numbers]
    state = hashlib.sha256(b"jalousie/partition/1\0" + bytes.fromhex(records.digest.removeprefix("sha256:")))
    state.update(occurring.to_bytes(8, "big"))
    state.update(form.tobytes())
    return CanonicalPartition("sha256:" + state.hexdigest(), sizes, rank, records, partition)


def _set_of(mask: NDArray[np.bool_], population: CanonicalPopulation, sets: dict[bytes, RecordSet]) -> RecordSet:
    key = hashlib.blake2b(np.packbits(mask).tobytes(), digest_size=32).digest()
    if key not in sets:
        sets[key] = RecordSet.of(population, mask)
    return sets[key]


def _sizes(groups: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Records in each group, without those in none; in blocks that stay in the processor's cache."""
    sizes = np.zeros(count + 1, np.int64)
    for start in range(0, len(groups), 1 << 16):
        sizes += np.bincount(groups[start : start + (1 << 16)] + 1, minlength=count + 1)
    return sizes[1:]


def _ranks(numbers: NDArray[np.generic], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Canonical number of each group: by first occurrence, empty groups last in their order.

    Groups mostly occur early, so ever longer beginnings are looked at until each was seen.
    """
    count, wanted = len(sizes), int(np.count_nonzero(sizes))
    first = np.full(count, len(numbers), np.int64)
    length = min(_FIRST_LOOK, len(numbers))
    while True:
        # of positions assigned to one group the last stays: read backwards, that is the first
        first[numbers[:length][::-1].astype(np.intp)] = np.arange(length - 1, -1, -1)
        if int(np.count_nonzero(first < len(numbers))) == wanted or length == len(numbers):
            break
        length = min(8 * length, len(numbers))
    rank = np.empty(count, np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(count)
    return rank
