"""What was written is held against what was decided."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from jalousie.errors import ReleaseError
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables import RawTable, RecodedFrame, apply_recoding, count_groups, from_frame, write_frame
from jalousie.tables.check import ColumnKept, check_schema, compare_nulls, open_written
from jalousie.tables.engine import Engine

PROOF = Proof(True, 1, 1, 0, 0.0, 0.0, "none", "numpy")


def made(raw: RawTable, *, rare: int) -> RecodedFrame:
    table = count_groups(raw, ["a"])
    gone = table.counts < rare
    labels = (tuple(f"{v}~" for v in table.values[0]),)
    recoding = Recoding(None, labels, table.codes, gone, np.where(gone, -1, 0), table.codes * 0.0, 0.0, PROOF)
    return apply_recoding(raw, table, recoding)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_nulls_before_and_after(tmp_path: Path, form: str) -> None:
    raw = from_frame(pa.table({"a": ["x", "x", "y"], "b": [None, 1, None], "c": ["u", None, "w"]}))
    recoded = made(raw, rare=2)
    write_frame(recoded, tmp_path / "r", format=form)  # type: ignore[arg-type]
    kept = compare_nulls(raw, recoded, tmp_path / "r", ["b", "c"], format=form)
    assert kept == (ColumnKept("b", 2, 1), ColumnKept("c", 1, 1))


def test_lost_and_gained_nulls_are_noticed(tmp_path: Path) -> None:
    raw = from_frame(pa.table({"a": ["x", "x", "x"], "b": [None, 1, None]}))
    recoded = made(raw, rare=1)
    for cells in ([None, 1, 1], [None, None, None]):
        parquet.write_table(pa.table({"a": ["x~"] * 3, "b": pa.array(cells, pa.int64())}), tmp_path / "r")
        with pytest.raises(ReleaseError, match=r'R501.*column "b" had 2 nulls'):
            compare_nulls(raw, recoded, tmp_path / "r", ["b"])


def test_another_type_or_name_is_noticed(tmp_path: Path) -> None:
    raw = from_frame(pa.table({"a": ["x"], "b": [1]}))
    recoded = made(raw, rare=1)
    for table in ({"a": ["x~"], "b": [1.0]}, {"a": ["x~"], "c": [1]}, {"b": [1], "a": ["x~"]}):
        parquet.write_table(pa.table(table), tmp_path / "r")
        engine = Engine()
        with pytest.raises(ReleaseError, match="R501"):
            check_schema(recoded, open_written(engine, tmp_path / "r", "parquet"))
        engine.close()


def test_a_number_that_the_format_cannot_hold_is_not_rounded(tmp_path: Path) -> None:
    """DuckDB writes 128-bit integers to Parquet as floats."""
    relation = duckdb.connect().sql("SELECT 'x' AS a, 12345678901234567890123456789::HUGEINT AS b")
    engine = Engine()
    table = engine.create("SELECT 'x' AS a, 12345678901234567890123456789::HUGEINT AS b")
    raw = RawTable(engine.frame(table), rows=1, keep=engine)
    with pytest.raises(ReleaseError, match='column "b" has type Int128 and would have been written as Float64'):
        write_frame(made(raw, rare=1), tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
    assert relation.columns == ["a", "b"]


def test_every_common_type_survives(tmp_path: Path) -> None:
    engine = Engine()
    select = """SELECT 'x' AS a, 1::TINYINT AS i1, 2::UBIGINT AS u8, 1.5::FLOAT AS f4, 1.25::DECIMAL(10, 3) AS d, true AS b,
        DATE '2024-02-29' AS day, TIMESTAMP '2024-02-29 12:00:00.000001' AS t, TIMESTAMPTZ '2024-02-29 12:00:00+02' AS tz,
        TIMESTAMP_NS '2024-02-29 12:00:00.000000001' AS ns, TIME '12:00:01' AS clock, [1, 2] AS list, {'p': 1} AS tree,
        'e'::ENUM('e', 'f') AS kind, 'bytes'::BLOB AS raw, NULL::VARCHAR AS void"""
    raw = RawTable(engine.frame(engine.create(select)), rows=1, keep=engine)
    recoded = made(raw, rare=1)
    write_frame(recoded, tmp_path / "r.parquet")
    columns = ", ".join(c for c in raw.columns if c != "a")
    back = duckdb.sql(f"SELECT {columns} FROM '{tmp_path / 'r.parquet'}'").fetchall()
    assert back == engine.run(f"SELECT {columns} FROM ({select})")
