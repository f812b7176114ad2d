"""Parquet and Arrow in, and everything that can be wrong with a file."""

from __future__ import annotations

import os
import stat
import traceback
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from jalousie.contract.model import Column, Table
from jalousie.errors import TableError, UsageError
from jalousie.tables import EngineOptions, RawTable, count_groups, read_table
from jalousie.tables.engine import THREAD_MEMORY, Engine, in_bytes

CANARY = "CANARY-7731"
TABLE = pa.table(
    {
        "name": [CANARY, "b", None],
        "age": pa.array([1, None, 3], pa.int16()),
        "day": [date(2024, 2, 29), None, date(1999, 12, 31)],
        "void": pa.array([None, None, None], pa.string()),
    }
)


def save(table: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
        return path
    writer = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as sink, writer(sink, table.schema) as out:
        out.write_table(table)
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.ipc"])
def test_types_nulls_order_and_counts_are_kept(tmp_path: Path, name: str) -> None:
    save(TABLE, tmp_path / name)
    raw = read_table(Table(file=name), None, tmp_path)
    assert raw.rows == 3
    assert raw.frame.collect("pyarrow").to_native().to_pylist() == TABLE.to_pylist()
    assert {n: str(t) for n, t in raw.schema.items()} == {
        "name": "String",
        "age": "Int16",
        "day": "Date",
        "void": "String",
    }


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.98])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, keep: float) -> None:
    path = save(TABLE, tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(TableError) as caught:
        read_table(Table(file=name), None, tmp_path)
    assert caught.value.code == "T208"
    no_leak(caught.value, tmp_path)


def test_damaged_pages_are_refused_when_they_are_read(tmp_path: Path) -> None:
    table = pa.table({"a": [f"{CANARY}{i}" for i in range(50_000)]})
    path = save(table, tmp_path / "t.parquet")
    data = bytearray(path.read_bytes())
    for i in range(100, len(data) // 2):
        data[i] ^= 0x5A
    path.write_bytes(data)
    with pytest.raises(TableError) as caught:
        count_groups(read_table(Table(file="t.parquet"), None, tmp_path), ["a"])
    assert caught.value.code in ("T208", "T214")
    no_leak(caught.value, tmp_path)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_another_format_under_the_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"a,b\n{CANARY},2\n")
    with pytest.raises(TableError) as caught:
        read_table(Table(file=name), None, tmp_path)
    assert caught.value.code == "T208"
    no_leak(caught.value, tmp_path)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_names_and_emptiness(tmp_path: Path, name: str) -> None:
    def code(table: pa.Table) -> str:
        save(table, tmp_path / name)
        with pytest.raises(TableError) as caught:
            read_table(Table(file=name), None, tmp_path)
        return caught.value.code

    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert code(twice) == "T202"
    assert code(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "A"])) == "T202"
    assert code(TABLE.slice(0, 0)) == "T204"
    assert code(pa.table({})) in ("T204", "T208")


def test_nested_columns_are_kept_but_cannot_be_grouped(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "tree": [{"x": 1, "y": [1, 2]}, {"x": 2, "y": []}], "b": ["u", "v"]})
    save(table, tmp_path / "t.parquet")
    raw = read_table(Table(file="t.parquet"), None, tmp_path)
    assert raw.columns == ("a", "tree", "b")
    with pytest.raises(TableError) as caught:
        count_groups(raw, ["a", "tree"])
    assert caught.value.code == "T212"


def test_a_declared_type_is_checked(tmp_path: Path) -> None:
    save(TABLE, tmp_path / "t.parquet")
    columns = {name: Column(role="plain") for name in TABLE.column_names}
    fits = {**columns, "age": Column(role="plain", type="integer"), "day": Column(role="plain", type="date")}
    assert read_table(Table(file="t.parquet"), fits, tmp_path).rows == 3
    with pytest.raises(TableError, match='column "day" has type Date, the contract says integer') as caught:
        read_table(Table(file="t.parquet"), {**columns, "day": Column(role="plain", type="integer")}, tmp_path)
    assert caught.value.code == "T210"


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    def code(file: str, **more: str) -> str:
        with pytest.raises(TableError) as caught:
            read_table(Table(file=file, **more), None, tmp_path)  # type: ignore[arg-type]
        no_leak(caught.value, tmp_path)
        return caught.value.code

    (tmp_path / "folder").mkdir()
    (tmp_path / "table.xyz").write_text("a\n1\n")
    assert code("missing.csv") == "T209"
    assert code("folder") == "T209"
    assert code("") == "T209"
    assert code("table.xyz") == "T208"
    assert read_table(Table(file="table.xyz", format="csv"), None, tmp_path).rows == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "t.csv").chmod(0)
    with pytest.raises(TableError, match="may not be read"):
        read_table(Table(file="t.csv"), None, tmp_path)


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = save(TABLE, tmp_path / "t.parquet")
    raw = read_table(Table(file="t.parquet"), None, tmp_path)
    save(pa.concat_tables([TABLE, TABLE]), path)
    with pytest.raises(TableError) as caught:
        count_groups(raw, ["name"])
    assert caught.value.code == "T213"


def test_raw_data_is_spilled_to_a_private_folder_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    options = EngineOptions(temp_folder=str(tmp_path / "spill"), memory_limit="1GiB", threads=1)
    with pytest.raises(UsageError):
        read_table(Table(file="t.csv"), None, tmp_path, options=options)
    (tmp_path / "spill").mkdir()
    raw = read_table(Table(file="t.csv"), None, tmp_path, options=options)
    (spill,) = (tmp_path / "spill").iterdir()
    assert stat.S_IMODE(spill.stat().st_mode) == 0o700
    raw.engine.close()
    assert not spill.exists()
    with pytest.raises(UsageError):
        read_table(Table(file="t.csv"), None, tmp_path, options=EngineOptions(memory_limit="a lot"))


def test_the_engine_takes_no_more_memory_than_its_threads_need() -> None:
    def limit(**given: Any) -> int:
        engine = Engine(EngineOptions(**given))
        ((found,),) = engine.run("SELECT current_setting('memory_limit')")
        engine.close()
        return in_bytes(found)

    for threads in (1, 2):
        assert 0 < limit(threads=threads) <= THREAD_MEMORY * threads << 20
    assert limit(memory_limit="300MiB", threads=1) == 300 << 20


@pytest.mark.parametrize(
    ("text", "size"), [("0 bytes", 0), ("391.5 KiB", 400_896), ("640MiB", 640 << 20), ("18.8 GiB", 20_186_346_291)]
)
def test_sizes_are_read_as_the_engine_writes_them(text: str, size: int) -> None:
    assert in_bytes(text) == size


def test_the_engine_neither_fetches_extensions_nor_reads_variables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    raw = read_table(Table(file="t.csv"), None, tmp_path)
    settings = dict(raw.engine.run("SELECT name, value FROM duckdb_settings()"))
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["autoload_known_extensions"] == "false"
    assert settings["python_enable_replacements"] == "false"


def test_a_raw_table_shows_no_cell(tmp_path: Path) -> None:
    save(TABLE, tmp_path / "t.parquet")
    raw = read_table(Table(file="t.parquet"), None, tmp_path)
    assert repr(raw) == "RawTable(3 rows, 4 columns)"
    assert isinstance(raw, RawTable)
    assert CANARY not in repr(count_groups(raw, ["name"]))


def no_leak(error: TableError, folder: Path) -> None:
    assert error.__cause__ is None
    frames = "".join(traceback.format_exception(error))
    assert CANARY not in frames
    for text in (str(error), repr(error), error.remote_text(), str(error.to_dict())):
        assert CANARY not in text
        assert str(folder) not in text
