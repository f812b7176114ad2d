"""Columns that a contract leaves unchanged come back in the caller's own type, or are refused by their type alone."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jalousie import Release, parse_contract, protect
from jalousie.architectures.share import Sharing
from jalousie.errors import TableError, UsageError

CANARY = "CANARY-7731"
LARGE = 2**53 + 1
FOUR = [1, None, 2, 3]


def contract(columns: Any, steps: list[dict[str, Any]] = [], form: str = "parquet") -> Any:  # noqa: B006
    whole = {"jalousie": 1, "name": "x", "parties": {"provider": "P"}, "steps": steps, "release": {"format": form}}
    return parse_contract(json.dumps({**whole, "columns": {name: {"role": "plain"} for name in columns}}))


def column(values: list[Any], dtype: Any) -> pd.Series:
    return pd.Series(values, dtype=dtype)


PANDAS = {
    "Int64": column([LARGE, None, 2**60 + 1, 3], "Int64"),
    "largest": column([2**63 - 1, None, -(2**63), 3], "Int64"),
    "UInt64": column([2**64 - 1, None, 1, 3], "UInt64"),
    "Int8": column(FOUR, "Int8"),
    "boolean": column([True, None, False, True], "boolean"),
    "whole objects": column([LARGE, None, 3, 4], object),
    "true objects": column([True, None, False, True], object),
    "float": column([1.5, None, 2.5, 3.0], "float64"),
    "timedelta": pd.Series(pd.to_timedelta(FOUR, unit="s")),
    "ordered": pd.Series(pd.Categorical(["p", "q", None, "p"], categories=["q", "p"], ordered=True)),
    "whole categories": pd.Series(pd.Categorical([LARGE, None, 3, LARGE])),
    "zoned": pd.Series(pd.to_datetime(["2024-07-01T10:00"] * 4).tz_localize("Europe/Brussels")),
    "seconds": pd.Series(pd.to_datetime(["2024-07-01T10:00"] * 4).as_unit("s")),
    "arrow": column([LARGE, None, 3, 4], pd.ArrowDtype(pa.int64())),
    "arrow duration": column([dt.timedelta(1), None, None, None], pd.ArrowDtype(pa.duration("us"))),
}


@pytest.mark.parametrize("kind", PANDAS)
def test_pandas_columns_keep_type_and_values(kind: str) -> None:
    frame = pd.DataFrame({"x": PANDAS[kind]})
    pd.testing.assert_frame_equal(protect(frame, contract(frame.columns)).to_native(), frame)


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_whole_numbers_beside_a_null_are_exact_in_pandas(form: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": PANDAS["largest"], "y": PANDAS["boolean"], "z": PANDAS["Int8"], "w": PANDAS["float"]})
    Sharing(frame, contract(frame.columns, form=form)).publish(tmp_path / "x.release")
    pd.testing.assert_frame_equal(Release.load(tmp_path / "x.release").to_pandas(), frame)
    pd.testing.assert_frame_equal(protect(pl.from_pandas(frame), contract(frame.columns)).to_pandas(), frame)


def test_noise_on_small_whole_numbers_with_nulls_gives_64_bit_whole_numbers() -> None:
    frame = pd.DataFrame({"x": PANDAS["Int8"]})
    made = protect(frame, contract(["x"], [{"step": "noise", "column": "x", "scale": 1000}])).to_native()
    assert str(made["x"].dtype) == "Int64"
    assert made["x"].isna().tolist() == [False, True, False, False]


def test_noise_after_generalisation_does_not_go_back_into_a_small_type() -> None:
    frame = pd.DataFrame({"q": ["a"] * 500, "x": pd.Series([100] * 500, dtype="int8")})
    whole = {
        "jalousie": 1,
        "name": "x",
        "parties": {"provider": "P"},
        "columns": {"q": {"role": "quasi-identifier"}, "x": {"role": "plain"}},
        "steps": [{"step": "generalise"}, {"step": "noise", "column": "x", "scale": 1000}],
        "privacy": {"models": [{"model": "k-anonymity", "k": 2}]},
    }
    assert protect(frame, parse_contract(json.dumps(whole))).to_native()["x"].abs().max() > 127


POLARS = pl.DataFrame(
    {
        "zoned": pl.Series(FOUR, dtype=pl.Datetime("us", "Europe/Brussels")),
        "nanoseconds": pl.Series(FOUR, dtype=pl.Datetime("ns", "Europe/Brussels")),
        "category": pl.Series(["p", None, "q", "p"], dtype=pl.Categorical),
        "enum": pl.Series(["p", None, "q", "p"], dtype=pl.Enum(["q", "p"])),
        "span": pl.Series(FOUR, dtype=pl.Duration("ns")),
        "time": pl.Series([dt.time(1, 2, 3)] * 4),
        "list": [[1], None, [2], [3]],
        "array": pl.Series([[1, 2]] * 4, dtype=pl.Array(pl.Int64, 2)),
        "wide": pl.Series([2**100, None, 1, 2], dtype=pl.Int128),
    }
)


@pytest.mark.parametrize("order", ["keep", "shuffle"])
def test_polars_columns_keep_type_and_values(order: str) -> None:
    from jalousie.tables import from_frame, to_frame
    from jalousie.tables.apply import RecodedFrame

    raw = from_frame(POLARS.with_row_index())
    rows = RecodedFrame(raw.frame, raw.rows, (), raw.schema, raw.engine, raw.kind, raw.origin)
    made = to_frame(rows, order=order)  # type: ignore[arg-type]
    assert made.sort("index").equals(POLARS.with_row_index(), null_equal=True)
    assert made.drop("index").schema == POLARS.schema


def test_polars_names_that_are_patterns_keep_their_types() -> None:
    frame = POLARS.drop("wide").rename({"span": "^span$"})
    made = protect(frame, contract(frame.columns)).to_native()
    assert made.schema == frame.schema
    assert made.equals(frame, null_equal=True)


ARROW = pa.table(
    {
        "zoned": pa.array(FOUR, pa.timestamp("us", "Europe/Brussels")),
        "seconds": pa.array(FOUR, pa.timestamp("s")),
        "span": pa.array(FOUR, pa.duration("ns")),
        "time32": pa.array(FOUR, pa.time32("s")),
        "time64": pa.array(FOUR, pa.time64("ns")),
        "date64": pa.array([86_400_000, None, 0, 0], pa.date64()),
        "large": pa.array(["a", None, "b", "c"], pa.large_string()),
        "view": pa.array(["a", None, "b", "c"], pa.string_view()),
        "fixed": pa.array([b"a", None, b"b", b"c"], pa.binary(1)),
        "numbers": pa.array([LARGE, None, 3, LARGE]).dictionary_encode(),
        "words": pa.array(["a", None, "b", "a"]).cast(pa.dictionary(pa.int8(), pa.string())),
        "uuid": pa.array([bytes(16), None, bytes(16), None], pa.uuid()),
        "small": pa.array([Decimal("1.5"), None, None, None], pa.decimal32(5, 2)),
        "lists": pa.array([["a"], None, ["b"], []], pa.large_list(pa.large_string())),
        "runs": pa.RunEndEncodedArray.from_arrays([2, 4], [5, 6]),
    }
)


def test_arrow_columns_keep_type_and_values(tmp_path: Path) -> None:
    assert protect(ARROW, contract(ARROW.column_names)).to_native().equals(ARROW)
    Sharing(ARROW, contract(ARROW.column_names, form="arrow")).publish(tmp_path / "x.release")
    loaded = Release.load(tmp_path / "x.release")
    assert loaded.to_arrow().schema == ARROW.schema
    assert loaded.to_arrow().to_pylist() == ARROW.to_pylist()
    assert not any(column.was for column in loaded.card.columns)


def test_dictionaries_in_a_file_grow_from_batch_to_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jalousie.tables.write.BATCH", 2048)
    table = pa.table({"x": pa.array([f"v{i // 1000}" for i in range(10_000)]).dictionary_encode()})
    Sharing(table, contract(["x"], form="arrow")).publish(tmp_path / "x.release")
    assert Release.load(tmp_path / "x.release").to_arrow()["x"].to_pylist() == table["x"].to_pylist()


def test_an_ordered_dictionary_shows_only_what_is_released() -> None:
    values = pa.array(["z", CANARY, "a"])
    table = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.int8()), values, ordered=True)})
    made = protect(table, contract(["x"])).to_native()
    assert made.schema == table.schema
    assert made["x"].combine_chunks().dictionary.to_pylist() == ["z", "a"]


def test_duckdb_columns_keep_their_type() -> None:
    query = "SELECT 'p'::ENUM('q', 'p', 'gone') e, 5::HUGEINT h, INTERVAL 3 DAY i, TIMESTAMP_MS '2024-01-01' m"
    relation = duckdb.sql(f"{query}, [1] l, '00000000-0000-0000-0000-000000000001'::UUID u")
    made = protect(relation, contract(relation.columns)).to_native()
    assert [str(kind) for kind in made.types] == ["ENUM('p')", *map(str, relation.types[1:])]
    assert made.fetchall() == relation.fetchall()


@pytest.mark.parametrize(
    ("frame", "name", "was"),
    [
        (POLARS.select("zoned"), "zoned", "Datetime(time_unit='us', time_zone='Europe/Brussels')"),
        (POLARS.select("enum"), "enum", "enum"),
        (POLARS.select("span"), "span", "Duration(time_unit='ns')"),
        (pd.DataFrame({"x": PANDAS["ordered"]}), "x", "category"),
        (ARROW.select(["zoned"]), "zoned", "timestamp[us, tz=Europe/Brussels]"),
        (ARROW.select(["words"]), "words", "dictionary"),
    ],
)
def test_the_card_says_what_a_file_cannot_hold(frame: Any, name: str, was: str, tmp_path: Path) -> None:
    for form in ("parquet", "csv"):
        Sharing(frame, contract([name], form=form)).publish(tmp_path / form)
        (facts,) = Release.load(tmp_path / form).card.columns
        assert facts.was == was
        assert f"(was {was.split(chr(39))[0]}" in (tmp_path / form / "report.html").read_text()
    assert not protect(frame, contract([name])).card.columns[0].was


def test_times_in_seconds_are_written_to_parquet(tmp_path: Path) -> None:
    Sharing(ARROW.select(["seconds"]), contract(["seconds"])).publish(tmp_path / "x.release")
    loaded = Release.load(tmp_path / "x.release").to_arrow()
    assert loaded["seconds"].to_pylist() == ARROW["seconds"].to_pylist()


class Odd:
    def __repr__(self) -> str:
        return CANARY


REFUSED = {
    "interval[int64, right]": pd.DataFrame({"x": pd.interval_range(0, 3)}),
    "category of interval[int64, right]": pd.DataFrame({"x": pd.cut([1, 7, 9], [0, 5, 10])}),
    "period[D]": pd.DataFrame({"x": pd.period_range("2024-01-01", periods=3)}),
    "Object": pl.DataFrame({"x": pl.Series([Odd(), Odd()], dtype=pl.Object)}),
    "halffloat": pa.table({"x": pa.array([1.5], pa.float16())}),
    "decimal256(50, 2)": pa.table({"x": pa.array([Decimal("1.5")], pa.decimal256(50, 2))}),
    "month_day_nano_interval": pa.table({"x": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}),
    "list<item: duration[us]>": pa.table({"x": pa.array([[1]], pa.list_(pa.duration("us")))}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_types_are_refused_by_name_and_type(kind: str) -> None:
    with pytest.raises(TableError) as caught:
        protect(REFUSED[kind], contract(["x"]))
    assert caught.value.code == "T211"
    assert f'column "x" has type {kind}, which is not supported' in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_release_that_a_library_cannot_hold_says_no_cell() -> None:
    table = pa.table({"x": pa.array([7_731_000_000_001], pa.time64("ns"))})
    with pytest.raises(UsageError) as caught:
        protect(table, contract(["x"])).to_pandas()
    assert caught.value.code == "U160"
    assert "7731" not in str(caught.value)
