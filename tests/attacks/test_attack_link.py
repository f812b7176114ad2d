"""Linkability: two halves of people's attributes are joined by the raw table, and hardly by the release."""

from __future__ import annotations

import numpy as np
import pytest
from attack_tables import count_plainly, recoding_of, sets_hierarchy
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks import link_halves, written_by
from jalousie.attacks.matching import covered_plainly
from jalousie.contract.model import KAnonymity
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace

TOWN = sets_hierarchy("town", [("A", "north", "*"), ("B", "north", "*"), ("C", "south", "*"), ("D", "south", "*")])
JOB = sets_hierarchy(
    "job", [("baker", "hand", "*"), ("smith", "hand", "*"), ("clerk", "desk", "*"), ("judge", "desk", "*")]
)
SPACES = (ColumnSpace.from_hierarchy(TOWN, "categorical"), ColumnSpace.from_hierarchy(JOB, "categorical"))
GROUP = {"A": "north", "B": "north", "C": "south", "D": "south"}
TRADE = {"baker": "hand", "smith": "hand", "clerk": "desk", "judge": "desk"}


def test_it_succeeds_on_the_raw_table_and_stays_under_the_bound_on_a_2_anonymous_one() -> None:
    rows = [("A", "baker"), ("B", "smith"), ("C", "clerk"), ("D", "judge")]
    table = count_plainly(rows, ["town", "job"])
    cells = [[table.values[d][table.codes[d, g]] for d in range(2)] for g in range(table.groups)]
    off = link_halves(table, written_by(table, recoding_of(table, cells)), SPACES, [KAnonymity(k=2)])
    wide = [[GROUP[str(town)], TRADE[str(job)]] for town, job in cells]
    on = link_halves(table, written_by(table, recoding_of(table, wide)), SPACES, [KAnonymity(k=2)])
    assert (off.verdict, off.release_success, off.raw_success) == ("FAIL", 1.0, 1.0)
    assert (on.verdict, on.release_success, on.bound) == ("PASS", 0.5, 0.5)
    assert on.stranger == 0.25
    assert "town from one place and job from another" in on.sentence


@pytest.mark.parametrize("first", [("town", "job"), ("age",)])
def test_halves_must_be_halves(first: tuple[str, ...]) -> None:
    table = count_plainly([("A", "baker")], ["town", "job"])
    with pytest.raises(UsageError, match="two halves"):
        link_halves(table, written_by(table, recoding_of(table, [["A", "baker"]])), SPACES, [], first=first)


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from(sorted(TRADE))), min_size=1, max_size=20),
    st.data(),
)
def test_it_agrees_with_a_plain_count(rows: list[tuple[str, str]], data: st.DataObject) -> None:
    table = count_plainly(rows, ["town", "job"])
    raw = [[str(table.values[d][table.codes[d, g]]) for d in range(2)] for g in range(table.groups)]
    levels = data.draw(st.lists(st.integers(0, 3), min_size=len(raw), max_size=len(raw)))
    cells = [
        (["*", GROUP[town], GROUP[town], town][level], [job, TRADE[job], job, job][level])
        for (town, job), level in zip(raw, levels, strict=True)
    ]
    written = written_by(table, recoding_of(table, cells))
    found = link_halves(table, written, SPACES, [])
    size = written.table.counts.tolist()
    labels = [[written.table.values[d][written.table.codes[d, w]] for d in range(2)] for w in range(len(size))]
    fitting = [sum(covered_plainly(SPACES[0], town, label[0]) for town, _ in rows) for label in labels]
    total = 0.0
    for town, job in rows:
        fits = [w for w, label in enumerate(labels) if covered_plainly(SPACES[0], town, label[0])]
        chosen = max(fits, key=lambda w: (size[w] / fitting[w], -w))
        crowd = [other for _, other in rows if covered_plainly(SPACES[1], other, labels[chosen][1])]
        total += 1 / len(crowd) if covered_plainly(SPACES[1], job, labels[chosen][1]) else 0.0
    assert found.release_success == pytest.approx(total / len(rows))
    same_town = [sum(other == row[0] for other, _ in rows) for row in rows]
    same_job = [sum(other == row[1] for _, other in rows) for row in rows]
    plain = np.mean([rows.count(row) / a / b for row, a, b in zip(rows, same_town, same_job, strict=True)])
    assert found.raw_success == pytest.approx(plain)
