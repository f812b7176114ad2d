"""Adult as the de-identification literature uses it, as a frequency table with hierarchies."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from jalousie.tables.types import Counts, FrequencyTable, Hierarchy, Histogram

COLUMNS = (
    "sex",
    "age",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
    "salary-class",
)
"""In the order of published levels; cases with a sensitive attribute leave occupation and salary-class out where told."""


def adult_hierarchy(folder: Path, column: str) -> Hierarchy:
    with (folder / f"hierarchy_{column}.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=";") if row]
    labels, maps = [], []
    for level in range(len(rows[0])):
        codes: dict[str, int] = {}
        maps.append(np.array([codes.setdefault(row[level], len(codes)) for row in rows], np.int32))
        labels.append(tuple(codes))
    return Hierarchy(column, tuple(labels), tuple(maps))


def adult_table(
    folder: Path, columns: Sequence[str], sensitive: Sequence[str] = (), *, only: Collection[int] | None = None
) -> FrequencyTable:
    """The whole table, or only the rows with these numbers, counted from 0."""
    by_name = _columns(folder, only)
    values, codes = zip(*(_encode(by_name[name]) for name in columns), strict=True)
    distinct, group, counts = np.unique(np.array(codes), axis=1, return_inverse=True, return_counts=True)
    histograms = [_histogram(name, by_name[name], group.reshape(-1)) for name in sensitive]
    return FrequencyTable(tuple(columns), values, distinct.astype(np.int32), counts.astype(np.int64), tuple(histograms))


def adult_sample(folder: Path, columns: Sequence[str], sensitive: str, rows: Counts) -> FrequencyTable:
    """Some rows, counted under every distinct row of the whole table, so that some stand for none; `world` counts the whole."""
    by_name = _columns(folder, None)
    whole = adult_table(folder, columns)
    group, _ = adult_rows(folder, columns, sensitive)
    counts = np.bincount(group[rows], minlength=whole.groups).astype(np.int64)
    cells = [by_name[sensitive][row] for row in rows.tolist()]
    every = np.arange(whole.groups, dtype=np.int64)
    world = Histogram("world", ("everybody",), every, np.zeros(whole.groups, np.int32), whole.counts)
    return FrequencyTable(
        whole.names, whole.values, whole.codes, counts, (_histogram(sensitive, cells, group[rows]), world)
    )


def adult_rows(folder: Path, columns: Sequence[str], sensitive: str) -> tuple[Counts, list[int]]:
    """Of every raw row, its distinct row in `adult_table` and the code of its sensitive value (by first occurrence)."""
    by_name = _columns(folder, None)
    codes = np.array([_encode(by_name[name])[1] for name in columns])
    group = np.unique(codes, axis=1, return_inverse=True)[1].reshape(-1)
    return group.astype(np.int64), _encode(by_name[sensitive])[1].tolist()


def _columns(folder: Path, only: Collection[int] | None) -> dict[str, Sequence[str]]:
    with (folder / "adult.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file, delimiter=";")
    if only is not None:
        rows = [rows[number] for number in sorted(only)]
    return dict(zip(head, zip(*rows, strict=True), strict=True))


def _encode(cells: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(cell, len(codes)) for cell in cells])
    return tuple(codes), numbers


def _histogram(name: str, cells: Sequence[str], group: np.ndarray) -> Histogram:
    values, codes = _encode(cells)
    keys, counts = np.unique(group * len(values) + codes, return_counts=True)
    return Histogram(name, values, keys // len(values), (keys % len(values)).astype(np.int32), counts)


def drawn_rows(size: int) -> set[int]:
    """The rows of the published subsets: `size` draws below `size` of Java's `Random(0xDEADBEEF)`, a 48-bit linear congruence.

    The generator is that of the Java API's documentation of java.util.Random: next(31) and nextInt(bound).
    """
    state = ((0xDEADBEEF - 2**32) ^ 0x5DEECE66D) & (2**48 - 1)
    rows: set[int] = set()
    for _ in range(size):
        while True:
            state = (state * 0x5DEECE66D + 0xB) & (2**48 - 1)
            bits = state >> 17
            if size & -size == size:
                row = (size * bits) >> 31
                break
            row = bits % size
            if bits - row + size - 1 < 2**31:
                break
        rows.add(row)
    return rows
