"""Risk and disclosure against plain Python over rows."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jalousie.privacy.risk import disclosure, risk

ROWS = st.lists(
    st.tuples(st.integers(-1, 4), st.sampled_from(["flu", "cold", None, "ä\U0001f600"]), st.integers(1, 12)),
    max_size=30,
)
VALUES: tuple[str | None, ...] = ("ä\U0001f600", None, "cold", "flu")


@given(ROWS)
def test_disclosure_counts_rows_as_a_reader_would(cells: list[tuple[int, str | None, int]]) -> None:
    by_class: dict[int, list[str | None]] = defaultdict(list)
    everybody: Counter[str | None] = Counter()
    for group, value, count in cells:
        everybody[value] += count
        if group >= 0:
            by_class[group] += [value] * count
    facts = disclosure("s", [c[0] for c in cells], [VALUES.index(c[1]) for c in cells], [c[2] for c in cells], VALUES)
    rows = sum(map(len, by_class.values()))
    if rows == 0:
        assert facts.certain_share == facts.best_guess == facts.baseline_guess == 0.0
        return
    top = {g: Counter(rs).most_common(1)[0][1] for g, rs in by_class.items()}
    certain = sum(len(rs) for rs in by_class.values() if len(set(rs)) == 1)
    almost = sum(len(rs) for g, rs in by_class.items() if 10 * top[g] >= 9 * len(rs))
    assert facts.certain_share == certain / rows
    assert facts.almost_certain_share == almost / rows
    assert facts.best_guess == sum(top.values()) / rows
    most = max(everybody.values())
    possible = {sum(rs.count(v) for rs in by_class.values()) / rows for v, n in everybody.items() if n == most}
    assert facts.baseline_guess in possible


@given(st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_risk_is_a_mean_over_rows(sizes: list[int]) -> None:
    rows = [size for size in sizes for _ in range(size)]
    facts = risk(np.array(sizes))
    assert np.isclose(facts.average_prosecutor, sum(1 / s for s in rows) / len(rows))
    assert facts.highest_prosecutor == 1 / min(sizes)
    assert facts.at_risk_share == sum(s < 5 for s in rows) / len(rows)
    assert facts.sample_uniques == sizes.count(1) / len(rows)
    for b in facts.sizes:
        inside = [s for s in sizes if s >= b.low and (b.high == 0 or s <= b.high)]
        assert (b.classes, b.rows) == (len(inside), sum(inside))
