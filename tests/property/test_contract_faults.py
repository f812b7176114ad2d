"""Whatever is in a contract file, the result is a contract or an error with a place; and the explanation of a refusal agrees
with the decoder that refused."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract import Positions, parse_contract
from jalousie.contract.explain import explain
from jalousie.contract.model import Contract
from jalousie.contract.text import read_text
from jalousie.errors import ContractError

TEXT = """\
jalousie: 1
name: full
parties: {provider: Bureau, ml-party: Acme}
table: {file: a.csv, csv: {delimiter: ";", nulls: ["", "?"], header: true}}
columns:
  id: {role: identifier}
  age: {role: quasi-identifier, type: integer, weight: 2.5, hierarchy: {by: intervals, widths: [5, 10], low: 20}}
  job: {role: quasi-identifier, hierarchy: {by: sets, levels: [{office: [clerk], shop: [baker]}]}}
  pay: {role: sensitive, order: [low, high]}
steps:
  - {step: drop-columns, columns: [id]}
  - {step: drop-rows, column: age, when: in, values: [1, null]}
privacy:
  models: [{model: k-anonymity, k: 5}, {model: t-closeness, column: pay, t: 0.2}]
  suppression: 0.1
limits: {highest-risk: 0.2, enforce: [highest-risk]}
"""
DATA: dict[str, Any] = read_text(TEXT, "")[0]


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in entries for deeper in paths_of(item, (*path, key)))]


PATHS = [path for path in paths_of(DATA) if path]
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from([0.5, -1.5, 5.0, 1e300])
    | st.sampled_from(["", "x", "none"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["by", "step", "model", "k", "role"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def changed(path: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(DATA)
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


@given(st.sampled_from(PATHS), junk)
def test_an_explanation_agrees_with_the_decoder(path: tuple[Any, ...], value: Any) -> None:
    data = changed(path, value)
    errors = explain(data, Contract, Positions())
    try:
        msgspec.convert(data, Contract)
    except msgspec.ValidationError:
        assert errors, "a refusal without a reason"
        shown = ".".join(map(str, path))
        assert all(error.where and (error.where.path + ".").startswith(shown.rpartition(".")[0]) for error in errors)
    else:
        assert errors == []


pieces = st.sampled_from(
    [
        *"[]{}:-,#&*!|>'\"%@`?~ \t\n",
        ": ",
        "- ",
        "---\n",
        "...\n",
        "&a ",
        "*a",
        "!t ",
        "<<: ",
        "null",
        "1e5",
        "é",
        "\u2028",
        "\x00",
    ]
)


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 8), pieces), min_size=1, max_size=5))
def test_any_text_is_a_contract_or_a_contract_error(edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for start, removed, inserted in edits:
        text = text[:start] + inserted + text[start + removed :]
    error = None
    try:
        parse_contract(text, file="c.yaml")
    except ContractError as caught:
        error = caught
    if error is not None:
        assert error.code in ("C101", "C102", "C103", "C104")
        assert error.where is not None
        assert error.where.file == "c.yaml"
        assert error.__cause__ is None
