"""Tables, hierarchies and recodings made by hand for the attacks: one loop over rows, no engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables.types import FrequencyTable, Hierarchy, Histogram

Row = Sequence[str | None]


def count_plainly(rows: Sequence[Row], names: Sequence[str], sensitive: str = "") -> FrequencyTable:
    """`rows` hold the quasi-identifiers and, where `sensitive` is named, its value last."""
    width = len(names)
    groups = sorted({tuple(row[:width]) for row in rows}, key=repr)
    place = {group: g for g, group in enumerate(groups)}
    size = Counter(tuple(row[:width]) for row in rows)
    values = [sorted({group[d] for group in groups}, key=repr) for d in range(width)]
    codes = np.array([[values[d].index(group[d]) for group in groups] for d in range(width)], np.int32)
    histograms: tuple[Histogram, ...] = ()
    if sensitive:
        answers = sorted({row[width] for row in rows}, key=repr)
        cells = Counter((place[tuple(row[:width])], answers.index(row[width])) for row in rows)
        keys = sorted(cells)
        histograms = (
            Histogram(
                sensitive,
                tuple(answers),
                np.array([group for group, _ in keys], np.int64),
                np.array([code for _, code in keys], np.int32),
                np.array([cells[key] for key in keys], np.int64),
            ),
        )
    counts = np.array([size[group] for group in groups], np.int64)
    return FrequencyTable(tuple(names), tuple(tuple(column) for column in values), codes, counts, histograms)


def sets_hierarchy(column: str, lines: Sequence[Sequence[str | None]]) -> Hierarchy:
    """A hierarchy from its lines: raw value, level 1, level 2, ..."""
    labels, maps = [], []
    for level in range(len(lines[0])):
        place: dict[str | None, int] = {}
        maps.append(np.array([place.setdefault(line[level], len(place)) for line in lines], np.int32))
        labels.append(tuple(place))
    return Hierarchy(column, tuple(labels), tuple(maps))


def recoding_of(
    table: FrequencyTable,
    labels: Sequence[Sequence[str | None]],
    hidden: Sequence[bool] | None = None,
    classes: np.ndarray | None = None,
) -> Recoding:
    """A recoding by hand: `labels` holds the generalised cells of each distinct row of the table."""
    suppressed = np.array([False] * table.groups if hidden is None else hidden, bool)
    names: list[tuple[str | None, ...]] = []
    codes = np.empty((len(table.names), table.groups), np.int32)
    for d in range(len(table.names)):
        place: dict[str | None, int] = {}
        codes[d] = [place.setdefault(cells[d], len(place)) for cells in labels]
        names.append(tuple(place))
    if classes is None:
        classes = np.unique(codes, axis=1, return_inverse=True)[1].ravel()
    return Recoding(
        levels=None,
        labels=tuple(names),
        codes=codes,
        suppressed=suppressed,
        classes=np.where(suppressed, -1, classes).astype(np.int64),
        cell_loss=np.zeros(codes.shape, np.float32),
        loss=0.0,
        proof=Proof(False, 0, 0, 0, 0.0, 0.0, "by hand", "numpy"),
    )
