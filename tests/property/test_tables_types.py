"""Any column of any supported type that a contract leaves unchanged comes back as it was, from every kind of table."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jalousie import Release, parse_contract, protect
from jalousie.architectures.share import Sharing

WHOLE = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)}
INSTANTS = st.integers(-(2**50), 2**50)
TEXT = st.sampled_from(["", "NA", "a", "ä", '"', ",", "\n", "0"])
ARROW: dict[pa.DataType, st.SearchStrategy[Any]] = {
    **{
        pa.type_for_alias(name): st.integers(
            0 if name[0] == "u" else -(2 ** (bits - 1)), 2 ** (bits - (name[0] != "u")) - 1
        )
        for name, bits in WHOLE.items()
    },
    pa.bool_(): st.booleans(),
    pa.float64(): st.floats(allow_nan=False),
    pa.float32(): st.floats(allow_nan=False, width=32),
    pa.decimal128(20, 2): st.decimals(-(10**9), 10**9, places=2),
    pa.decimal64(10, 2): st.decimals(-1000, 1000, places=2),
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.binary(max_size=2),
    pa.date32(): st.dates(dt.date(1, 1, 1)),
    pa.time32("s"): st.integers(0, 86_399),
    pa.time64("ns"): st.integers(0, 86_399_999_999).map(lambda time: 1000 * time),
    pa.timestamp("s"): st.integers(-(2**30), 2**30),
    pa.timestamp("us", "Europe/Brussels"): INSTANTS,
    pa.timestamp("ns"): INSTANTS,
    pa.duration("us"): INSTANTS,
    pa.duration("ns"): INSTANTS,
    pa.dictionary(pa.int8(), pa.string()): TEXT,
    pa.dictionary(pa.int32(), pa.int64()): st.integers(-(2**63), 2**63 - 1),
}


def contract(names: list[str], form: str = "parquet") -> Any:
    whole = {"jalousie": 1, "name": "x", "parties": {"provider": "P"}, "release": {"format": form}}
    return parse_contract(json.dumps({**whole, "columns": {name: {"role": "plain"} for name in names}}))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 5))
    columns = {}
    for i, kind in enumerate(draw(st.lists(st.sampled_from(list(ARROW)), min_size=1, max_size=4))):
        cells = draw(st.lists(st.none() | ARROW[kind], min_size=rows, max_size=rows))
        columns[f"c{i}"] = pa.array(cells, kind)
    return pa.table(columns)


@given(tables())
def test_arrow_keeps_types_in_memory_and_in_its_own_files(table: pa.Table) -> None:
    made = protect(table, contract(table.column_names)).to_native()
    assert made.schema == table.schema
    assert made.to_pylist() == table.to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        Sharing(table, contract(table.column_names, "arrow")).publish(Path(folder) / "r", report=False)
        loaded = Release.load(Path(folder) / "r").to_arrow()
    assert loaded.schema == table.schema
    assert loaded.to_pylist() == table.to_pylist()


@given(tables())
def test_polars_keeps_types(table: pa.Table) -> None:
    frame = pl.DataFrame(table)
    made = protect(frame, contract(frame.columns)).to_native()
    assert made.schema == frame.schema
    assert made.equals(frame, null_equal=True)


@given(tables(), st.sampled_from(["numpy", "nullable", "arrow"]))
def test_pandas_keeps_types(table: pa.Table, backend: str) -> None:
    views = [field.name for field in table.schema if field.type == pa.string_view()]
    table = table.drop_columns(views) if len(views) < table.num_columns else pa.table({"c": ["a"]})  # not pandas' own
    frame = table.to_pandas(types_mapper=pd.ArrowDtype if backend == "arrow" else None)
    if backend == "nullable":
        frame = frame.convert_dtypes()
    made = protect(frame, contract(table.column_names)).to_native()
    for name in frame.columns:
        expected = frame[name]
        if isinstance(expected.dtype, pd.CategoricalDtype):  # only what is released
            expected = expected.cat.remove_unused_categories()
        pd.testing.assert_series_equal(made[name], expected, check_exact=True)


@given(tables(), st.sampled_from(["parquet", "csv"]))
def test_files_keep_values(table: pa.Table, form: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Sharing(table, contract(table.column_names, form)).publish(Path(folder) / "r", report=False)
        loaded = Release.load(Path(folder) / "r").to_arrow()
    for name in table.column_names:
        kind = table[name].type
        if form == "csv" and (pa.types.is_temporal(kind) or pa.types.is_binary(kind)):
            continue  # read back by their look
        expected = table[name].cast(pa.int64()) if pa.types.is_duration(kind) else table[name]
        assert list(map(exact, loaded[name].to_pylist())) == list(map(exact, expected.to_pylist()))


def exact(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value
