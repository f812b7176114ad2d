"""Data frames in and out: the caller's own kind, types, nulls, order."""

from __future__ import annotations

import traceback
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jalousie.errors import TableError
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables import FrequencyTable, apply_recoding, count_groups, from_frame, to_frame

CANARY = "CANARY-7731"
ROWS: dict[str, list[Any]] = {
    "city": ["b", "a", None, "b", "ü"],
    "age": [30, 7, 30, None, 30],
    "score": [0.5, 1e20, -0.0, 0.1, None],
}
PROOF = Proof(True, 1, 1, 0, 0.0, 0.0, "none", "numpy")


def starred(table: FrequencyTable, column: int) -> Recoding:
    """One column wholly generalised, nothing suppressed."""
    labels = tuple(("*",) if i == column else values for i, values in enumerate(table.values))
    codes = table.codes.copy()
    codes[column] = 0
    none = np.zeros(table.groups, dtype=bool)
    return Recoding(None, labels, codes, none, np.arange(table.groups), codes.astype(np.float32), 0.0, PROOF)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (pd.DataFrame, pd.DataFrame),
        (pl.DataFrame, pl.DataFrame),
        (pl.LazyFrame, pl.LazyFrame),
        (pa.table, pa.Table),
        (lambda rows: duckdb.from_arrow(pa.table(rows)), duckdb.DuckDBPyRelation),
    ],
)
def test_what_comes_in_goes_out(make: Any, kind: type) -> None:
    raw = from_frame(make(ROWS))
    table = count_groups(raw, ["city"], ["age"])
    assert table.values == (("a", "b", "ü", None),)
    assert table.codes.tolist() == [[0, 1, 2, 3]]
    assert table.counts.tolist() == [1, 2, 1, 1]
    released = to_frame(apply_recoding(raw, table, starred(table, 0)))
    assert isinstance(released, kind)
    arrow = pa.table(released) if isinstance(released, pd.DataFrame) else to_arrow(released)
    assert arrow["city"].to_pylist() == ["*"] * 5
    assert [None if v is None or np.isnan(v) else v for v in arrow["age"].to_pylist()] == ROWS["age"]
    scores = [None if v is None or np.isnan(v) else v for v in arrow["score"].to_pylist()]
    assert scores == ROWS["score"]


def to_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame.to_arrow()
    return frame if isinstance(frame, pa.Table) else frame.to_arrow_table()


def test_pandas_types_come_back_and_the_index_does_not() -> None:
    frame = pd.DataFrame(
        {
            "zip": ["1", "2", "1"],
            "small": pd.array([1, None, 3], dtype="Int8"),
            "whole": np.array([1, 2, 3], dtype=np.int32),
            "kind": pd.Categorical(["x", "y", "x"]),
            "at": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "flag": [True, False, True],
        },
        index=[99, 5, 7],
    )
    before = frame.copy(deep=True)
    raw = from_frame(frame)
    table = count_groups(raw, ["zip", "kind"])
    released = to_frame(apply_recoding(raw, table, starred(table, 0)))
    pd.testing.assert_frame_equal(frame, before)
    assert list(released.index) == [0, 1, 2]
    untouched = [c for c in frame.columns if c != "zip"]
    pd.testing.assert_frame_equal(released[untouched], frame[untouched].reset_index(drop=True))


def test_row_labels_are_never_positions() -> None:
    shuffled = pd.DataFrame({"a": ["x", "y", "z", "z"]}, index=[3, 2, 1, 0])
    raw = from_frame(shuffled)
    table = count_groups(raw, ["a"])
    assert to_frame(apply_recoding(raw, table, starred(table, 0)), "pandas")["a"].tolist() == ["*"] * 4
    assert raw.frame.collect("polars")["a"].to_list() == ["x", "y", "z", "z"]


def test_missing_values_of_pandas_are_nulls_and_nan_elsewhere_is_a_number() -> None:
    pandas = from_frame(pd.DataFrame({"a": [1.0, np.nan, None]}))
    assert count_groups(pandas, ["a"]).values == (("1.0", None),)
    polars = from_frame(pl.DataFrame({"a": [1.0, float("nan"), None]}))
    arrow = from_frame(pa.table({"a": [1.0, float("nan"), None]}))
    for raw in (polars, arrow):
        table = count_groups(raw, ["a"])
        assert table.values == (("1.0", "nan", None),)
        assert table.counts.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([1, 2], "T211"),
        (None, "T211"),
        (f"{CANARY}.csv", "T211"),
        (pd.DataFrame({"a": [1, CANARY]}), "T211"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "T202"),
        (pd.DataFrame([[1, 2]], columns=["a", 7]), "T202"),
        (pd.DataFrame({"a": [1], "A": [1]}), "T202"),
        (pa.table({"*": [1]}), "T202"),
        (pd.DataFrame({"a": []}), "T204"),
        (pd.DataFrame(), "T204"),
        (pl.DataFrame({"a": []}), "T204"),
        (pl.DataFrame(), "T204"),
        (pa.table({}), "T204"),
        (pl.DataFrame({"a": [CANARY]}).lazy().select(pl.col("a").cast(pl.Int64)), "T211"),
    ],
)
def test_data_frames_that_cannot_be_read(data: Any, code: str) -> None:
    with pytest.raises(TableError) as caught:
        from_frame(data)
    assert caught.value.code == code
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in str(caught.value)


def test_the_column_that_mixes_types_is_named() -> None:
    with pytest.raises(TableError, match='column "b" mixes types'):
        from_frame(pd.DataFrame({"a": [1, 2], "b": [1, "x"]}))


def test_a_relation_of_another_connection_is_copied_and_may_be_closed() -> None:
    other = duckdb.connect()
    other.execute("CREATE TABLE t AS SELECT i AS a, 'v' || (i % 3) AS b FROM range(10) r(i)").fetchall()
    raw = from_frame(other.table("t"))
    other.close()
    assert raw.rows == 10
    assert count_groups(raw, ["b"]).counts.tolist() == [4, 3, 3]


def test_columns_named_like_ours() -> None:
    frame = pl.DataFrame({"_jt0": ["a", "b"], "_jjw0": [1, 1], "by0_0": ["x", "x"], "n": [1, 2], "c0": [True, None]})
    for data in (frame, frame.to_arrow()):
        raw = from_frame(data)
        table = count_groups(raw, list(frame.columns))
        assert table.groups == 2
        released = to_frame(apply_recoding(raw, table, starred(table, 0)), "polars")
        assert released.columns == frame.columns
        assert released.drop("_jt0").equals(frame.drop("_jt0"))


def test_strange_column_names() -> None:
    frame = pl.DataFrame({"a.b": ["u"], 'c"d': [1], "e'f": [2], "^a.*$": ["w"], "select": [3], "é{}": ["v"]})
    for data in (frame, frame.select("a.b", "select", "é{}"), frame.to_arrow()):
        raw = from_frame(data)
        table = count_groups(raw, raw.columns[:-1], ["é{}"])
        assert table.names == raw.columns[:-1]
        released = to_frame(apply_recoding(raw, table, starred(table, 0)), "polars")
        assert tuple(released.columns) == raw.columns
        assert released.row(0) == (
            "*",
            *(dict(zip(frame.columns, frame.row(0), strict=True))[n] for n in raw.columns[1:]),
        )
