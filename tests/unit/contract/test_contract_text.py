"""YAML 1.2 without its surprises: what a scalar means, what is refused, and where things stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.text import read_text, scalar
from jalousie.errors import ContractError

SCALARS: list[tuple[str, Any]] = [
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("off", "off"),
    ("NO", "NO"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("nULL", "nULL"),
    ("12", 12),
    ("-12", -12),
    ("0", 0),
    ("007", "007"),
    ("-01", "-01"),
    ("0o17", "0o17"),
    ("0x1F", "0x1F"),
    ("1_000", "1_000"),
    ("12:30:45", "12:30:45"),
    ("190:20", "190:20"),
    ("2024-02-29", "2024-02-29"),
    ("1.5", 1.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("1e3", 1000.0),
    ("-2.5E-3", -0.0025),
    ("00.5", "00.5"),
    (".", "."),
    ("-", "-"),
    ("e5", "e5"),
    ("-e5", "-e5"),
    (".inf", ".inf"),
    (".nan", ".nan"),
    ("1e999", "1e999"),
    ("9" * 19, "9" * 19),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_mean_what_they_look_like(text: str, value: Any) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_quoted_scalars_are_text() -> None:
    data, _ = read_text("a: \"1\"\nb: 'true'\nc: |\n  12\n", "c.yaml")
    assert data == {"a": "1", "b": "true", "c": "12\n"}


def test_keys_are_text() -> None:
    data, _ = read_text("1: a\nyes: b\n", "c.yaml")
    assert data == {"1": "a", "yes": "b"}


def test_positions_count_lines_and_columns_from_one() -> None:
    _, positions = read_text("a:\n  b: [x, {c: y}]\n", "c.yaml")
    assert str(positions.where("a.b")) == "c.yaml:2:3  a.b"
    assert str(positions.where("a.b.1.c")) == "c.yaml:2:11  a.b.1.c"
    assert str(positions.where("a.b.1.c", value=True)) == "c.yaml:2:14  a.b.1.c"
    assert str(positions.where("a.missing.key")) == "c.yaml:1:1  a.missing.key", "the nearest ancestor"
    assert str(positions.where("other")) == "c.yaml  other"


def test_column_names_may_hold_dots() -> None:
    _, positions = read_text("columns:\n  a.b: {role: plain}\n", "c.yaml")
    assert positions.where("columns.a.b.role").line == 2


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", "C104", 3, "line 1"),
    ('{"a": 1,\n "a": 2}', "C104", 2, "line 1"),
    ("a: &x 1\nb: *x\n", "C101", 1, "anchors"),
    ("a: !!python/object:os.system x\n", "C101", 1, "tags"),
    ("a: !!str 1\n", "C101", 1, "tags"),
    ("a: 1\n---\nb: 2\n", "C101", 2, "more than one"),
    ("? [a, b]\n: 1\n", "C101", 1, "key"),
    ("a: [1, 2\nb: 3\n", "C101", 2, "not valid YAML"),
    ("a: 'x\n", "C101", 2, "not valid YAML"),
    ("a:\n\t- 1\n", "C101", 2, "not valid YAML"),
    ("[" * 40 + "]" * 40, "C101", 1, "deep"),
]


@pytest.mark.parametrize(("text", "code", "line", "words"), REFUSED)
def test_what_is_refused(text: str, code: str, line: int, words: str) -> None:
    with pytest.raises(ContractError) as caught:
        read_text(text, "c.yaml")
    assert caught.value.code == code
    assert caught.value.where is not None
    assert caught.value.where.line == line
    assert words in caught.value.message
    assert caught.value.__cause__ is None


def test_control_characters_are_refused() -> None:
    with pytest.raises(ContractError, match="C101"):
        read_text("a: \x00", "c.yaml")


def test_libyaml_and_its_python_twin_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = "a: 1\nb: [x, 'y', \"z\"]\nc: {d: 007, e: ~}\n"
    fast = read_text(text, "c")
    monkeypatch.setattr("jalousie.contract.text._LOADER", yaml.BaseLoader)
    slow = read_text(text, "c")
    assert fast[0] == slow[0]
    assert all(fast[1].where(path) == slow[1].where(path) for path in ("a", "b.2", "c.d", "c.e"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    # YAML takes no lone surrogates and no unescaped C1 controls; JSON's own escapes are all it must read
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values.map(lambda value: {"root": value}))
def test_json_is_read_as_json(value: dict[str, Any]) -> None:
    data, _ = read_text(json.dumps(value), "c.json")
    assert data == value
