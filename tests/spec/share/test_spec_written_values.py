"""What is written is counted again, value by value: for every type, in every format and dialect."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jalousie import Release, parse_contract, protect
from jalousie.architectures.share import Sharing

HOUR = 3_600_000_000
VALUES = {
    "decimal": pa.array([Decimal("1.50"), Decimal("2.00"), None] * 4),
    "timestamp": pa.array([datetime(2024, 1, 1), datetime(2024, 1, 1, 12), None] * 4, pa.timestamp("us")),
    "instant": pa.array([0, HOUR, None] * 4, pa.timestamp("us", "Europe/Brussels")),
    "zeros": pa.array([0.0, -0.0, 1e20, None] * 3),
    "float": pa.array([0.1, 1e-7, 1e20] * 4),
    "single": pa.array([0.1, 1 / 3, 2.5] * 4, pa.float32()),
    "boolean": pa.array([True, False, None] * 4),
    "empty text": pa.array(["", "x", "NA"] * 4),
    "empty text and null": pa.array(["", None, "NA", "x"] * 3),
    "marks": pa.array(['"', ",;", "a\nb"] * 4),
}
FORMS: list[dict[str, Any]] = [
    {"format": "parquet"},
    {"format": "arrow"},
    {"format": "csv"},
    {"format": "csv", "csv": {"nulls": ["", "NA"]}},
    {"format": "csv", "csv": {"nulls": []}},
    {"format": "csv", "csv": {"decimal": ",", "delimiter": ";", "encoding": "utf-16"}},
    {"format": "csv", "csv": {"header": False}},
]


def contract(columns: dict[str, Any], models: list[dict[str, Any]], form: dict[str, Any]) -> Any:
    whole = {"jalousie": 1, "name": "x", "parties": {"provider": "P"}, "columns": columns, "release": form}
    return parse_contract(json.dumps({**whole, "privacy": {"models": [{"model": "k-anonymity", "k": 2}, *models]}}))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", VALUES)
def test_a_model_of_a_sensitive_column_holds_in_what_is_written(
    kind: str, form: dict[str, Any], tmp_path: Path
) -> None:
    table = pa.table({"a": ["x"] * 12, "s": VALUES[kind]})
    columns = {"a": {"role": "quasi-identifier"}, "s": {"role": "sensitive"}}
    models = [{"model": "distinct-l-diversity", "column": "s", "l": 2}]
    Sharing(table, contract(columns, models, form)).publish(tmp_path / "x.release")
    loaded = Release.load(tmp_path / "x.release")
    assert loaded.to_arrow()["s"].to_pylist() == table["s"].to_pylist()
    assert [model.verdict for model in loaded.card.models] == ["PASS", "PASS"]


def test_two_zeros_of_a_quasi_identifier_are_one_value(tmp_path: Path) -> None:
    table = pa.table({"a": [0.0, -0.0, 1.5, 1.5]})
    made = contract({"a": {"role": "quasi-identifier", "max-level": 0}}, [], {"format": "parquet"})
    Sharing(table, made).publish(tmp_path / "x.release")
    for cells in (Release.load(tmp_path / "x.release"), protect(table, made)):
        assert list(map(str, cells.to_arrow()["a"].to_pylist())) == ["0.0", "0.0", "1.5", "1.5"]


@pytest.mark.parametrize("header", [True, False])
def test_a_csv_release_of_one_column_with_nulls_can_be_opened(header: bool, tmp_path: Path) -> None:
    table = pa.table({"a": [None, "x", None, "x", "", "", None]})
    made = contract({"a": {"role": "quasi-identifier"}}, [], {"format": "csv", "csv": {"header": header}})
    Sharing(table, made).publish(tmp_path / "x.release")
    assert Release.load(tmp_path / "x.release").to_arrow().equals(table)
