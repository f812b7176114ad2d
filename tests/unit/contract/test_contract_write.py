"""Digest, YAML dump and JSON Schema of a contract."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema
import msgspec
import pytest

from jalousie.contract import canonical_json, digest, dump_yaml, json_schema, model, parse_contract
from jalousie.contract.model import Contract
from jalousie.contract.text import read_text

FULL = """\
jalousie: 1
name: full
parties: {provider: Büro, ml-party: "Acme: ML"}
purpose: "line one\\nline two"
table: {file: a.csv, csv: {delimiter: ";", decimal: ",", nulls: ["", "?", "no"]}}
columns:
  "007": {role: identifier}
  age: {role: quasi-identifier, type: integer, weight: 2.5, hierarchy: {by: intervals, widths: [0.1, 0.2], low: 1e-7}}
  job: {role: quasi-identifier, hierarchy: {by: sets, levels: [{office: [clerk, "yes"], "1": ["a: b"]}]}}
  born: {role: quasi-identifier, type: date, hierarchy: {by: dates, levels: [month, year]}, max-level: 2}
  pay: {role: sensitive, order: [low, high]}
steps:
  - {step: drop-rows, column: age, when: in, values: [1, "1", 1.5, true, null]}
  - {step: enrich, table: {file: b.csv}, on: "007", columns: {town: {role: quasi-identifier}}}
privacy:
  models: [{model: k-anonymity, k: 5}, {model: t-closeness, column: pay, t: 0.2, distance: ordered}]
  suppression: 0
limits: {highest-risk: 0.2, enforce: [highest-risk]}
"""


@pytest.fixture
def contract() -> Contract:
    return parse_contract(FULL).contract


def test_a_dump_reads_back_equal(contract: Contract) -> None:
    text = dump_yaml(contract, comments={"columns.age": "years\nsecond line", "privacy.models.1.t": "deep"})
    assert parse_contract(text).contract == contract
    assert "  # years\n  # second line\n  age:" in text
    assert "# deep" in text


def test_a_dump_leaves_defaults_out(contract: Contract) -> None:
    text = dump_yaml(contract)
    assert "min-level" not in text
    assert "seconds" not in text
    assert "release" not in text


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "No",
        "on",
        "null",
        "~",
        "",
        "1",
        "007",
        "1e3",
        " a",
        "a ",
        "a: b",
        "#x",
        "- a",
        "[a]",
        "é",
        "a\tb",
        "'",
        '"',
    ],
)
def test_any_text_survives_a_dump(contract: Contract, word: str) -> None:
    worded = msgspec.structs.replace(
        contract, purpose=word, columns={**contract.columns, f"c{word}": model.Column(role="plain")}
    )
    assert parse_contract(dump_yaml(worded)).contract == worded


def test_a_dump_means_the_same_to_another_yaml_reader(contract: Contract) -> None:
    """PyYAML's own loader follows YAML 1.1, where `no` is False: what we write must not depend on that."""
    import yaml

    text = dump_yaml(contract)
    assert yaml.safe_load(text) == read_text(text, "")[0]


def test_the_digest_does_not_depend_on_how_the_contract_is_written(contract: Contract) -> None:
    rewritten = parse_contract(json.dumps(read_text(dump_yaml(contract), "")[0], indent=2)).contract
    assert digest(rewritten) == digest(contract)
    spelled_out = FULL.replace("suppression: 0", "suppression: 0.0\n  recoding: local\n  seconds: 60")
    assert digest(parse_contract(spelled_out).contract) == digest(contract)


def test_the_digest_leaves_out_where_the_tables_are(contract: Contract) -> None:
    moved = parse_contract(FULL.replace("a.csv", "elsewhere/c.csv").replace("b.csv", "d.csv")).contract
    assert digest(moved) == digest(contract)
    assert b".csv" not in canonical_json(contract)


@pytest.mark.parametrize(
    ("old", "new"),
    [("k: 5", "k: 6"), ("suppression: 0", "suppression: 0.01"), ("office", "desk"), ("1.5, true", "true, 1.5")],
)
def test_the_digest_changes_with_every_term(contract: Contract, old: str, new: str) -> None:
    assert old in FULL
    assert digest(parse_contract(FULL.replace(old, new)).contract) != digest(contract)


def test_the_digest_of_a_known_contract_never_changes() -> None:
    """Signed contracts must keep their digest through every later version."""
    text = "jalousie: 1\nname: x\nparties: {provider: P}\ncolumns: {b: {role: plain}, a: {role: plain, weight: 0.5}}\n"
    contract = parse_contract(text).contract
    expected = (
        b'{"columns":{"a":{"role":"plain","weight":0.5},"b":{"role":"plain"}},"jalousie":1,"name":"x",'
        b'"parties":{"provider":"P"}}'
    )
    assert canonical_json(contract) == expected
    assert digest(contract) == "sha256:" + hashlib.sha256(expected).hexdigest()


def test_canonical_numbers_follow_rfc_8785() -> None:
    text = "jalousie: 1\nname: x\nparties: {provider: P}\ncolumns: {a: {role: plain, weight: NUMBER}}\n"
    for written, canonical in (
        ("5.0", "5"),
        ("1e-7", "1e-7"),
        ("0.1", "0.1"),
        ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("0.000001", "0.000001"),
        ("1.5e-9", "1.5e-9"),
        ("123456789.125", "123456789.125"),
    ):
        assert f'"weight":{canonical}'.encode() in canonical_json(
            parse_contract(text.replace("NUMBER", written)).contract
        )


def test_the_schema_is_valid_and_accepts_contracts(contract: Contract) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    data = read_text(FULL, "")[0]
    assert list(validator.iter_errors(data)) == []
    data["privacy"]["models"][0]["k"] = 1
    assert list(validator.iter_errors(data))


def test_every_key_of_the_schema_that_is_documented_in_the_model_has_its_text() -> None:
    definitions: dict[str, Any] = json_schema()["$defs"]
    assert definitions["Privacy"]["properties"]["suppression"]["description"].startswith("The largest share of rows")
    assert all(part.get("description") for part in definitions.values()), "every part has a docstring"
