"""Releases that the searches decide, over every kind of hierarchy: the adversary reads all labels, and stays under the bound."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import pytest
from attack_tables import count_plainly
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks import infer_attribute, reidentify, written_by
from jalousie.contract import model
from jalousie.errors import PrivacyError
from jalousie.learning.describe import describe_spaces
from jalousie.privacy.models import build_models
from jalousie.privacy.search import search
from jalousie.tables.hierarchies import compile_hierarchies

HERE = Path()
COLUMNS = {
    "age": model.Column(role="quasi-identifier", type="integer", hierarchy=model.IntervalHierarchy(widths=(5, 20))),
    "born": model.Column(role="quasi-identifier", type="date", hierarchy=model.DateHierarchy(levels=("month", "year"))),
    "post": model.Column(role="quasi-identifier", hierarchy=model.MaskHierarchy(steps=(1, 2))),
    "colour": model.Column(
        role="quasi-identifier",
        hierarchy=model.SetHierarchy(levels=({"warm": ("red", "orange"), "cold": ("blue", "green")},)),
    ),
}
ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(18, 60).map(str), st.none()),
        st.dates(dt.date(1990, 1, 1), dt.date(1992, 12, 31)).map(str),
        st.sampled_from(["1011", "1012", "1020", "3001", "3002"]),
        st.sampled_from(["red", "orange", "blue", "green"]),
        st.sampled_from(["flu", "none", None]),
    ),
    min_size=4,
    max_size=40,
)


@pytest.mark.parametrize("recoding", ["optimal", "local", "mondrian"])
@given(rows=ROWS, k=st.integers(2, 4), spread=st.booleans())
def test_the_promise_holds(
    recoding: Literal["optimal", "local", "mondrian"], rows: list[tuple[str | None, ...]], k: int, spread: bool
) -> None:
    table = count_plainly(rows, list(COLUMNS), "illness")
    hierarchies = compile_hierarchies(COLUMNS, table, HERE)
    agreed: tuple[model.Model, ...] = (model.KAnonymity(k=k),)
    if spread:
        agreed += (model.RecursiveCLDiversity(column="illness", c=2.0, l=2),)
    privacy = model.Privacy(models=agreed, recoding=recoding, suppression=0.3)
    try:
        found = search(table, hierarchies, build_models(agreed, table, hierarchies), privacy)
    except PrivacyError:
        return  # nothing satisfies the models, and nothing is released
    written = written_by(table, found)
    spaces = describe_spaces(COLUMNS, hierarchies)
    linked = reidentify(table, written, spaces, agreed)
    assert linked.verdict == "PASS"
    assert linked.records >= 0.7 * table.rows - 1
    inferred = infer_attribute(table, written, spaces, "illness", agreed)
    assert inferred.verdict == ("PASS" if spread else "INFO")
    assert (inferred.bound is not None) == spread
