"""Attribute inference: k alone does not stop it, the models of a sensitive column do; a stranger is the yardstick."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from attack_tables import count_plainly, recoding_of, sets_hierarchy
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks import infer_attribute, written_by
from jalousie.attacks.measure import attribute_promise
from jalousie.contract.model import EntropyLDiversity, KAnonymity, RecursiveCLDiversity, TCloseness
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace
from jalousie.tables.types import FrequencyTable

TOWN = sets_hierarchy("town", [("A", "north", "*"), ("B", "north", "*"), ("C", "south", "*"), ("D", "south", "*")])
SPACES = (ColumnSpace.from_hierarchy(TOWN, "categorical"),)
GROUP = {"A": "north", "B": "north", "C": "south", "D": "south"}


def towns(table: FrequencyTable, level: int) -> list[list[str | None]]:
    raw = [table.values[0][code] for code in table.codes[0]]
    return [[{0: town, 1: GROUP[str(town)], 2: "*"}[level]] for town in raw]


def test_k_alone_gives_a_uniform_class_away() -> None:
    """Ten people in a class who all have the same value: nobody is singled out, and everybody is known."""
    rows = [("A", "flu")] * 5 + [("B", "flu")] * 5 + [("C", "flu")] * 5 + [("D", "none")] * 5
    table = count_plainly(rows, ["town"], "illness")
    release = written_by(table, recoding_of(table, towns(table, 1)))
    found = infer_attribute(table, release, SPACES, "illness", [KAnonymity(k=5)])
    assert found.verdict == "INFO"
    assert found.bound is None
    assert found.raw_success == 1.0
    assert found.release_success == pytest.approx(0.75)  # all of the north, half of the south
    assert found.stranger == pytest.approx(0.75)


def test_it_succeeds_with_the_protection_off_and_stays_under_the_bound_with_it_on() -> None:
    rows = [("A", "flu")] * 20 + [("B", "none")] * 20 + [("C", "flu")] * 20 + [("D", "none")] * 20
    table = count_plainly(rows, ["town"], "illness")
    models = [TCloseness(column="illness", t=0.1)]
    off = infer_attribute(table, written_by(table, recoding_of(table, towns(table, 0))), SPACES, "illness", models)
    on = infer_attribute(table, written_by(table, recoding_of(table, towns(table, 1))), SPACES, "illness", models)
    assert (off.verdict, off.release_success) == ("FAIL", 1.0)
    assert (on.verdict, on.release_success) == ("PASS", 0.5)
    assert on.bound == pytest.approx(0.6)


def test_a_null_is_a_value() -> None:
    rows: list[tuple[str, str | None]] = [("A", None)] * 6 + [("C", "flu")] * 4
    table = count_plainly(rows, ["town"], "illness")
    found = infer_attribute(table, written_by(table, recoding_of(table, towns(table, 1))), SPACES, "illness", [])
    assert found.release_success == 1.0
    assert found.stranger == pytest.approx(0.6)


def test_a_control_tells_what_the_release_teaches_about_people_in_general() -> None:
    rows = [("A", "flu")] * 9 + [("A", "none")] * 3 + [("C", "none")] * 12
    table = count_plainly(rows, ["town"], "illness")
    others = count_plainly([("B", "flu")] * 3 + [("B", "none")] + [("D", "none")] * 4, ["town"], "illness")
    release = written_by(table, recoding_of(table, towns(table, 1)))
    found = infer_attribute(table, release, SPACES, "illness", [], control=others)
    assert found.release_success == pytest.approx(21 / 24)
    assert found.control == pytest.approx(7 / 8)
    assert "not in it" in found.sentence


def test_values_are_compared_as_text_not_by_their_code() -> None:
    rows = [("A", "x"), ("A", "x"), ("C", "y"), ("C", "y")]
    table = count_plainly(rows, ["town"], "illness")
    release = written_by(table, recoding_of(table, towns(table, 1)))
    turned = release.table.sensitive[0]
    swapped = type(turned)(turned.name, turned.values[::-1], turned.group, 1 - turned.code, turned.count)
    other = FrequencyTable(
        release.table.names, release.table.values, release.table.codes, release.table.counts, (swapped,)
    )
    found = infer_attribute(table, type(release)(other, release.row), SPACES, "illness", [])
    assert found.release_success == 1.0


def test_a_missing_histogram_is_refused() -> None:
    table = count_plainly([("A",), ("C",)], ["town"])
    with pytest.raises(UsageError, match="illness"):
        infer_attribute(table, written_by(table, recoding_of(table, towns(table, 0))), SPACES, "illness", [])


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from(["x", "y", "z", None])), min_size=1, max_size=30),
    st.integers(0, 2),
)
def test_class_alone_agrees_with_a_plain_count_where_classes_do_not_overlap(
    rows: list[tuple[str, str | None]], level: int
) -> None:
    table = count_plainly(rows, ["town"], "illness")
    found = infer_attribute(table, written_by(table, recoding_of(table, towns(table, level))), SPACES, "illness", [])
    label = {0: lambda town: town, 1: lambda town: GROUP[town], 2: lambda town: "*"}[level]
    classes: dict[str, Counter[str | None]] = {}
    for town, illness in rows:
        classes.setdefault(label(town), Counter())[illness] += 1
    right = sum(max(counter.values()) for counter in classes.values())
    assert found.release_success == pytest.approx(right / len(rows))
    assert found.stranger == pytest.approx(max(Counter(illness for _, illness in rows).values()) / len(rows))
    assert found.raw_success >= found.release_success - 1e-12


@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=6).filter(lambda counts: sum(counts) > 0),
    st.floats(1.05, 4),
    st.floats(0.3, 4),
)
def test_bounds_hold_for_every_class_that_satisfies_the_model(counts: list[int], values: float, c: float) -> None:
    """Plain definitions of the models, class by class, against the largest share that the bound allows."""
    share = np.array(counts) / sum(counts)
    spread = np.full(len(counts), 1 / len(counts))
    present = share[share > 0]
    if np.exp(-(present * np.log(present)).sum()) >= values:
        bound = attribute_promise([EntropyLDiversity(column="s", l=values)], "s", spread)
        assert bound is not None
        assert share.max() <= bound + 1e-9
    falling = np.sort(share)[::-1]
    if falling[0] < c * falling[1:].sum():
        bound = attribute_promise([RecursiveCLDiversity(column="s", c=c, l=2)], "s", spread)
        assert bound is not None
        assert share.max() <= bound + 1e-9
    t = float(np.abs(share - spread).sum() / 2)
    if t > 0:
        bound = attribute_promise([TCloseness(column="s", t=t)], "s", spread)
        assert bound is not None
        assert share.max() <= bound + 1e-9


def test_adult(adult_rows: list[tuple[str, ...]]) -> None:
    """By sex and race alone, nobody's occupation becomes much clearer; by everything raw it does for two in five."""
    names = ["age", "education", "marital-status", "sex", "race"]
    table = count_plainly(adult_rows, names, "occupation")
    spaces = [
        ColumnSpace.from_hierarchy(sets_hierarchy(name, [(value, "*") for value in values]), "categorical")
        for name, values in zip(names, table.values, strict=True)
    ]
    models = [TCloseness(column="occupation", t=0.2)]
    raw = [[table.values[d][table.codes[d, g]] for d in range(5)] for g in range(table.groups)]
    off = infer_attribute(table, written_by(table, recoding_of(table, raw)), spaces, "occupation", models)
    hidden = [["*", "*", "*", "*", cells[4]] for cells in raw]
    on = infer_attribute(table, written_by(table, recoding_of(table, hidden)), spaces, "occupation", models)
    assert off.verdict == "FAIL"
    assert off.release_success > 0.4
    assert on.verdict == "PASS"
    assert on.stranger is not None
    assert on.release_success < on.stranger + 0.05
