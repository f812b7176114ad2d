"""What is published about a column's generalised labels, and what is not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from jalousie.contract import model
from jalousie.learning import ColumnSpace
from jalousie.learning.describe import describe_spaces
from jalousie.learning.labels import interval_of, is_inside, members_of
from jalousie.tables.hierarchies import compile_hierarchy
from jalousie.tables.types import Hierarchy

HERE = Path()


def compiled(spec: model.Hierarchy, values: list[str | None]) -> Hierarchy:
    return compile_hierarchy("column", spec, values, [1] * len(values), HERE)


def test_an_agreed_hierarchy_is_published_whole() -> None:
    hierarchy = compiled(model.SetHierarchy(levels=({"warm": ("red", "orange"), "cold": ("blue",)},)), ["red", "blue"])
    space = ColumnSpace.from_hierarchy(hierarchy, "categorical")
    assert space.values == ("red", "orange", "blue")
    assert dict(zip(space.labels, space.covers, strict=True)) == {"warm": (0, 1), "cold": (2,)}


def test_an_observed_domain_is_cut_to_what_the_release_tells_apart() -> None:
    """Postcodes that were only released masked appear nowhere; those released whole do."""
    values: list[str | None] = ["1011", "1012", "1020", "3001", "3002"]
    hierarchy = compiled(model.MaskHierarchy(steps=(1, 2)), values)
    space = ColumnSpace.from_hierarchy(
        hierarchy, "categorical", released={"1011", "10**", "300*", "*"}, match="mask-right", mark="*"
    )
    assert "1011" in space.values
    assert not {"1012", "1020", "3001", "3002"} & set(space.values)
    text = msgspec.json.encode(space).decode()
    assert not any(value in text for value in ("1012", "1020", "3001", "3002"))
    assert dict(zip(space.labels, space.covers, strict=True))["10**"] == (
        space.values.index("1011"),
        space.values.index("10**"),
    )


def test_numbers_are_described_by_bounds_and_never_by_observed_values() -> None:
    hierarchy = compiled(model.IntervalHierarchy(widths=(10, 20), high=80), ["23", "37", "91", None])
    space = ColumnSpace.from_hierarchy(hierarchy, "number", whole=True)
    assert space.values == ()
    found = dict(zip(space.labels, space.bounds, strict=True))
    assert found["[20, 30)"] == (20.0, 30.0)
    assert found[">= 80"] == (80.0, None)
    assert None not in found
    assert "23" not in msgspec.json.encode(space).decode()
    only = ColumnSpace.from_hierarchy(hierarchy, "number", released={"[20, 40)"})
    assert only.labels == ("[20, 40)",)


def test_a_text_that_stands_at_two_levels_stands_for_both() -> None:
    labels = (("a", "b", "c", "d"), ("x", "y"), ("y", "*"), ("*",))
    maps = ([0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0])
    hierarchy = Hierarchy("column", labels, tuple(np.array(codes, np.int32) for codes in maps))
    space = ColumnSpace.from_hierarchy(hierarchy, "categorical")
    assert dict(zip(space.labels, space.covers, strict=True))["y"] == (0, 1, 2, 3)


def test_a_space_survives_json() -> None:
    hierarchy = compiled(model.OrderedHierarchy(values=("low", "mid", "high"), sizes=(2,)), ["low"])
    space = ColumnSpace.from_hierarchy(hierarchy, "ordered")
    assert msgspec.json.decode(msgspec.json.encode(space), type=ColumnSpace) == space


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("[20, 40)", "number", (20.0, 40.0)),
        ("< 20", "number", (-np.inf, 20.0)),
        (">= 80", "number", (80.0, np.inf)),
        ("27", "number", (27.0, 27.0)),
        ("School", "number", None),
        (None, "number", None),
        ("1970-01-03", "date", (2.0, 2.0)),
        ("1970-01", "date", (0.0, 31.0)),
        ("1970-Q1", "date", (0.0, 90.0)),
    ],
)
def test_intervals_are_read_back(text: str | None, kind: str, expected: tuple[float, float] | None) -> None:
    assert interval_of(text, kind) == expected


def test_sets_are_read_back() -> None:
    assert members_of("{a, b c}") == ("a", "b c")
    assert members_of("a, b") is None
    assert members_of(None) is None
    assert is_inside(2.0, 2.0, 2.0)
    assert not is_inside(3.0, 2.0, 3.0)


def described(column: model.Column, values: list[str | None], released: list[str | None]) -> ColumnSpace:
    hierarchy = compile_hierarchy("column", column.hierarchy, values, [1] * len(values), HERE)
    return describe_spaces({"column": column}, (hierarchy,), {"column": released})[0]


def test_columns_of_a_contract_are_described_by_their_hierarchy() -> None:
    quasi = "quasi-identifier"
    frequency = model.Column(role=quasi, hierarchy=model.FrequencyHierarchy(thresholds=(0.6,), other="rare"))
    space = described(frequency, ["a", "b"], ["rare"])
    assert (space.kind, space.match, space.mark, space.values) == ("categorical", "other", "rare", ("rare",))
    prefix = model.Column(role=quasi, hierarchy=model.PrefixHierarchy(lengths=(2,), ignore="."))
    assert described(prefix, ["62.01"], ["62"]).match == "prefix"
    ordered = model.Column(role=quasi, hierarchy=model.OrderedHierarchy(values=("S", "M"), sizes=(2,)))
    assert (described(ordered, ["S"], ["*"]).kind, described(ordered, ["S"], ["*"]).values) == ("ordered", ("S", "M"))
    born = model.Column(role=quasi, type="date", hierarchy=model.DateHierarchy(levels=("year",)))
    assert described(born, ["1970-01-31"], ["1970"]).bounds == ((0.0, 365.0),)


def test_what_a_search_made_itself_is_described_by_the_release() -> None:
    """Sets name their members, so those are released; codes that were cut like numbers are read as numbers."""
    colour = model.Column(role="quasi-identifier")
    space = described(colour, ["red", "blue", "green", "grey"], ["{blue, red}", "*"])
    assert {"red", "blue"} <= set(space.values)
    assert not {"green", "grey"} & set(space.values)
    post = model.Column(role="quasi-identifier", hierarchy=model.MaskHierarchy())
    assert described(post, ["1011", "1012", "3001"], ["[1011, 1013)", "3001"]).kind == "number"
    assert described(post, ["1011", "1012", "3001"], ["101*", "3001"]).kind == "categorical"
