"""Slow, plain versions of what the validator does fast; property tests hold the fast ones against them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from jalousie.validator.types import Partition, Population


def partition_digest(population: Population, partition: Partition) -> str:
    """Canonical digest, record by record."""
    group_of = {
        bytes(pseudonym): int(group)
        for pseudonym, group in zip(population.pseudonyms, partition.groups, strict=True)
        if group >= 0
    }
    names = sorted(group_of)
    number: dict[int, int] = {}
    for name in names:
        number.setdefault(group_of[name], len(number))
    records = hashlib.sha256(b"jalousie/records/1\0" + len(names).to_bytes(8, "big") + b"".join(names)).digest()
    width = 1 if len(number) <= 256 else 2 if len(number) <= 65536 else 4
    form = b"".join(number[group_of[name]].to_bytes(width, "little") for name in names)
    whole = b"jalousie/partition/1\0" + records + len(number).to_bytes(8, "big") + form
    return "sha256:" + hashlib.sha256(whole).hexdigest()


def class_counts(groups: Sequence[int], codes: Sequence[int], group_count: int, classes: int) -> list[list[int]]:
    """Records per group and class, those without group or class left out."""
    counts = [[0] * classes for _ in range(group_count)]
    for group, code in zip(groups, codes, strict=True):
        if group >= 0 and code >= 0:
            counts[group][code] += 1
    return counts


def largest_tally(spends: Sequence[tuple[Sequence[bytes], int]], records: Sequence[bytes]) -> int:
    """The most that one of the records has spent, from the list of all spends (records charged, amount)."""
    return max((sum(nano for charged, nano in spends if record in charged) for record in records), default=0)


def subject_bound(pseudonyms: Sequence[bytes], subjects: Sequence[str | None], most: int) -> list[bool]:
    """Of every subject the records with the `most` smallest pseudonyms count; a record without a subject is its own."""
    of: dict[str, list[bytes]] = {}
    for pseudonym, subject in zip(pseudonyms, subjects, strict=True):
        if subject is not None:
            of.setdefault(subject, []).append(pseudonym)
    kept: Mapping[str, set[bytes]] = {subject: set(sorted(names)[:most]) for subject, names in of.items()}
    return [
        subject is None or pseudonym in kept[subject] for pseudonym, subject in zip(pseudonyms, subjects, strict=True)
    ]


def discrete_gaussian_pmf(scale: float, reach: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probabilities of -reach..reach (Canonne, Kamath & Steinke 2020, definition 1)."""
    weights = np.exp(-(np.arange(-reach, reach + 1, dtype=np.float64) ** 2) / (2 * scale**2))
    return np.asarray(weights / weights.sum())


def discrete_laplace_pmf(scale: float, reach: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probabilities of -reach..reach."""
    weights = np.exp(-np.abs(np.arange(-reach, reach + 1, dtype=np.float64)) / scale)
    return np.asarray(weights / weights.sum())
