"""Quality against plain Python over rows."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.privacy.quality import quality
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables.types import FrequencyTable, Hierarchy

DOMAIN: tuple[str | None, ...] = ("a", "b", None, "ü")
PAIRS = np.array([0, 0, 1, 1], np.int32)
TOP = np.zeros(4, np.int32)
LABELS: tuple[tuple[str | None, ...], ...] = (DOMAIN, ("a|b", "rest"), ("*",))
# one list of labels for all levels: 0-3 raw, 4-5 pairs, 6 the top
ALL: tuple[str | None, ...] = DOMAIN + LABELS[1] + LABELS[2]
COVERS = {**{i: {i} for i in range(4)}, 4: {0, 1}, 5: {2, 3}, 6: {0, 1, 2, 3}}


def label(value: int, level: int) -> int:
    return (value, 4 + value // 2, 6)[level]


GROUPS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.integers(1, 9), st.integers(0, 2), st.integers(0, 2), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(GROUPS)
def test_quality_of_rows_with_levels_of_their_own(groups: dict[tuple[int, int], tuple[int, int, int, bool]]) -> None:
    cells = [(raw, n, (label(raw[0], a), label(raw[1], b)), gone) for raw, (n, a, b, gone) in groups.items()]
    rows = [(raw, None if gone else new) for raw, n, new, gone in cells for _ in range(n)]
    n = len(rows)

    column_loss, lost, most = [], 0.0, 0.0
    for d in range(2):
        shares = [1.0 if new is None else len(COVERS[new[d]]) / 4 for _, new in rows]
        column_loss.append((sum(shares) - n / 4) / (n - n / 4))
        raw_count = Counter(raw[d] for raw, _ in rows)
        label_count = Counter(new[d] for _, new in rows if new)
        both = Counter((raw[d], new[d]) for raw, new in rows if new)
        for raw, new in rows:
            all_bits = -math.log2(raw_count[raw[d]] / n)
            most += all_bits
            lost += all_bits if new is None else -math.log2(both[raw[d], new[d]] / label_count[new[d]])
    classes = Counter(new for _, new in rows if new)
    suppressed = sum(new is None for _, new in rows)

    facts = quality(*problem(cells))
    assert np.isclose(facts.granularity, 1 - sum(column_loss) / 2, atol=1e-6)
    assert np.isclose(facts.loss, math.sqrt((1 + column_loss[0]) * (1 + column_loss[1])) - 1, atol=1e-6)
    assert np.isclose(facts.entropy_loss, lost / most if most else 0.0)
    assert 0 <= facts.entropy_loss <= 1 + 1e-12
    assert np.isclose(facts.discernibility, (sum(c * c for c in classes.values()) + suppressed * n) / n**2)
    assert np.isclose(facts.average_class_size, sum(classes.values()) / len(classes) if classes else 0.0)
    assert np.isclose(facts.suppressed_share, suppressed / n)


def problem(
    cells: list[tuple[tuple[int, int], int, tuple[int, int], bool]],
) -> tuple[FrequencyTable, Recoding, tuple[Hierarchy, ...]]:
    hierarchies = tuple(Hierarchy(name, LABELS, (np.arange(4, dtype=np.int32), PAIRS, TOP)) for name in "xy")
    gone = np.array([c[3] for c in cells])
    codes = np.array([c[2] for c in cells], np.int32).T
    classes = np.full(len(cells), -1)
    classes[~gone] = np.unique(codes[:, ~gone], axis=1, return_inverse=True)[1].ravel() if (~gone).any() else 0
    recoding = Recoding(
        levels=None,
        labels=(ALL, ALL),
        codes=codes,
        suppressed=gone,
        classes=classes,
        cell_loss=np.array(
            [[1.0 if g else len(COVERS[x]) / 4 for x, g in zip(row, gone, strict=True)] for row in codes]
        ),
        loss=0.0,
        proof=Proof(True, 1, 1, 0, 0.0, 0.0, "by hand", "numpy"),
    )
    table = FrequencyTable(
        ("x", "y"), (DOMAIN, DOMAIN), np.array([c[0] for c in cells], np.int32).T, np.array([c[1] for c in cells])
    )
    return table, recoding, hierarchies
