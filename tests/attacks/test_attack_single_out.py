"""Singling out: descriptions made of a release fit nobody alone; with the sensitive value they may."""

from __future__ import annotations

import pytest
from attack_tables import count_plainly, recoding_of, sets_hierarchy
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks import single_out, written_by
from jalousie.attacks.matching import covered_plainly
from jalousie.contract.model import KAnonymity
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace

TOWN = sets_hierarchy("town", [("A", "north", "*"), ("B", "north", "*"), ("C", "south", "*"), ("D", "south", "*")])
SEX = sets_hierarchy("sex", [("F", "*"), ("M", "*")])
SPACES = (ColumnSpace.from_hierarchy(TOWN, "categorical"), ColumnSpace.from_hierarchy(SEX, "categorical"))
GROUP = {"A": "north", "B": "north", "C": "south", "D": "south"}
ROWS = [("A", "F", "x"), ("B", "F", "y"), ("A", "M", "x"), ("B", "M", "x"), ("C", "F", "z"), ("D", "F", "x")]


def test_it_succeeds_on_the_raw_table_and_never_with_the_cells_of_a_2_anonymous_one() -> None:
    table = count_plainly(ROWS, ["town", "sex"], "illness")
    cells = [[table.values[d][table.codes[d, g]] for d in range(2)] for g in range(table.groups)]
    off = single_out(table, written_by(table, recoding_of(table, cells)), SPACES, [KAnonymity(k=2)])
    on = written_by(table, recoding_of(table, [[GROUP[str(town)], sex] for town, sex in cells]))
    assert (off.verdict, off.release_success, off.raw_success, off.bound) == ("FAIL", 1.0, 1.0, 0.0)
    safe = single_out(table, on, SPACES, [KAnonymity(k=2)])
    assert (safe.verdict, safe.release_success) == ("PASS", 0.0)
    exposed = single_out(table, on, SPACES, [KAnonymity(k=2)], column="illness")
    assert (exposed.verdict, exposed.bound) == ("INFO", None)
    assert exposed.release_success == pytest.approx(
        4 / 6
    )  # F in the north has x and y once each, F in the south z and x


def test_a_missing_histogram_is_refused() -> None:
    table = count_plainly([row[:2] for row in ROWS], ["town", "sex"])
    cells = [[table.values[d][table.codes[d, g]] for d in range(2)] for g in range(table.groups)]
    with pytest.raises(UsageError, match="illness"):
        single_out(table, written_by(table, recoding_of(table, cells)), SPACES, [], column="illness")


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from("FM"), st.sampled_from("xyz")), min_size=1, max_size=20
    ),
    st.data(),
)
def test_it_agrees_with_a_plain_count(rows: list[tuple[str, str, str]], data: st.DataObject) -> None:
    table = count_plainly(rows, ["town", "sex"], "illness")
    raw = [[table.values[d][table.codes[d, g]] for d in range(2)] for g in range(table.groups)]
    wide = data.draw(st.lists(st.integers(0, 3), min_size=len(raw), max_size=len(raw)))
    cells = {
        tuple(own): (["*", GROUP[str(own[0])], own[0], own[0]][level], ["*", own[1], own[1], "*"][level])
        for own, level in zip(raw, wide, strict=True)
    }
    written = written_by(table, recoding_of(table, [cells[tuple(own)] for own in raw]))
    for column in ("", "illness"):
        found = single_out(table, written, SPACES, [], column=column)
        single = 0
        for town, sex, illness in rows:
            label = cells[(town, sex)]
            fits = [
                row
                for row in rows
                if covered_plainly(SPACES[0], row[0], label[0])
                and covered_plainly(SPACES[1], row[1], label[1])
                and (not column or row[2] == illness)
            ]
            single += len(fits) == 1
        assert found.release_success == pytest.approx(single / len(rows))
        assert found.records == len(rows)
