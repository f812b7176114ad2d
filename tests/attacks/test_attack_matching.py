"""The adversary understands the labels of every hierarchy just as the hierarchy itself maps values to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.attacks.matching import covered
from jalousie.contract import model
from jalousie.learning.describe import describe_spaces
from jalousie.tables.hierarchies import compile_hierarchy

HERE = Path()
NUMBERS = st.integers(-30, 130).map(str)
DECIMALS = st.floats(-30, 130).map(repr)
DAYS = st.dates().map(lambda day: day.isoformat())
CODES = st.text("0123456789", min_size=1, max_size=5)
WORDS = st.sampled_from(["red", "blue", "green", "grey", "other"])


def text(hierarchy: model.Hierarchy | None = None, kind: model.ColumnType = "text") -> model.Column:
    return model.Column(role="quasi-identifier", type=kind, hierarchy=hierarchy or model.NoHierarchy())


ORDER = ("red", "blue", "green", "grey", "other")
GROUPS = ({"warm": ("red",), "cold": ("blue", "green"), "rest": ("grey", "other")}, {"any": ("warm", "cold")})
PERIODS = ("month", "quarter", "year", "decade")
CASES = {
    "intervals": (text(model.IntervalHierarchy(widths=(5, 20)), "integer"), NUMBERS),
    "top and bottom": (text(model.IntervalHierarchy(widths=(10,), low=0, high=90), "integer"), NUMBERS),
    "decimals": (text(model.IntervalHierarchy(widths=(0.1, 10)), "decimal"), DECIMALS),
    "dates": (text(model.DateHierarchy(levels=PERIODS), "date"), DAYS),
    "masks": (text(model.MaskHierarchy(steps=(1, 3))), CODES),
    "masks from the left": (text(model.MaskHierarchy(side="left")), CODES),
    "prefixes": (text(model.PrefixHierarchy(lengths=(3, 1))), CODES),
    "frequency": (text(model.FrequencyHierarchy(thresholds=(0.2, 0.4))), WORDS),
    "none": (text(), WORDS),
    "none of numbers": (text(None, "integer"), NUMBERS),
    "ordered": (text(model.OrderedHierarchy(values=ORDER, sizes=(2, 2))), WORDS),
    "sets": (text(model.SetHierarchy(levels=GROUPS)), WORDS),
}


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_labels_mean_what_the_hierarchy_says(case: str, data: st.DataObject) -> None:
    column, values_of = CASES[case]
    found = data.draw(st.lists(st.one_of(values_of, st.none()), min_size=1, max_size=15, unique=True))
    counts = data.draw(st.lists(st.integers(1, 9), min_size=len(found), max_size=len(found)))
    hierarchy = compile_hierarchy("column", column.hierarchy, found, counts, HERE)
    (space,) = describe_spaces({"column": column}, (hierarchy,))
    values = hierarchy.labels[0]
    mapped: dict[str | None, set[int]] = {}
    for level in range(hierarchy.levels):
        for value, code in enumerate(hierarchy.maps[level].tolist()):
            mapped.setdefault(hierarchy.labels[level][code], set()).add(value)
    meaning = covered(space, values, list(mapped))
    for expected, row in zip(mapped.values(), meaning, strict=True):
        understood = set(np.flatnonzero(row).tolist())
        assert understood == expected
