"""CSV in: bytes are kept, types are checked, and what is broken is said with its line and without a cell."""

from __future__ import annotations

import re
import traceback
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from jalousie.contract.model import Column, Csv, Table
from jalousie.errors import TableError
from jalousie.tables import EngineOptions, count_groups, read_table

CANARY = "CANARY-7731"


def rows_of(folder: Path, data: bytes, columns: dict[str, Column] | None = None, **form: Any) -> list[tuple[Any, ...]]:
    (folder / "x.csv").write_bytes(data)
    raw = read_table(Table(file="x.csv", csv=Csv(**form)), columns, folder)
    rows: list[tuple[Any, ...]] = raw.frame.collect("polars").to_native().rows()
    assert len(rows) == raw.rows
    return rows


def typed(**types: Any) -> dict[str, Column]:
    return {name: Column(role="plain", type=kind) for name, kind in types.items()}


@pytest.mark.parametrize(
    ("data", "form", "expected"),
    [
        (b"a,b\n 7,007\n", {}, [(" 7", "007")]),
        (b"a,b\n1,2", {}, [("1", "2")]),
        (b"a,b\r\n1,2\r\n3,4\r\n", {}, [("1", "2"), ("3", "4")]),
        (b"a,b\r1,2\r3,4\r", {}, [("1", "2"), ("3", "4")]),
        (b"\xef\xbb\xbfa,b\n1,2\n", {}, [("1", "2")]),
        (b'a,b\n"x\ny","say ""hi"""\n', {}, [("x\ny", 'say "hi"')]),
        (b"a,b\n1,2\n\n3,4\n", {}, [("1", "2"), ("3", "4")]),
        (b"a\n1\n\n3\n", {}, [("1",), (None,), ("3",)]),
        (b"a,b\n#1,x\x00y\n", {}, [("#1", "x\x00y")]),
        ("a,b\né,2\n".encode("latin-1"), {"encoding": "latin-1"}, [("é", "2")]),
        ("a,b\né,\U0001f600\n".encode("utf-16"), {"encoding": "utf-16"}, [("é", "\U0001f600")]),
        (b'a,b\n?,NA\n"?",\n', {"nulls": ("?", "NA")}, [(None, None), (None, "")]),
        (b"a,b\n,x\n", {"nulls": ()}, [("", "x")]),
        (b"a,b\n,x\n", {}, [(None, "x")]),
        (b'a,b\n"1,2\n', {"quote": ""}, [('"1', "2")]),
        (b"a;b\n'1;5';2\n", {"quote": "'", "delimiter": ";"}, [("1;5", "2")]),
        (b"1,2\n3,4\n", {"header": False}, [("1", "2"), ("3", "4")]),
        (b"\n\na,b\n1,2\n", {}, [("1", "2")]),
        (b" \r\n\r\na\r\n1\r\n\r\n3\r\n", {}, [("1",), (None,), ("3",)]),
        (b"sep=;\r\na;b\r\n1;2\r\n", {"delimiter": ";"}, [("1", "2")]),
        (b"\xef\xbb\xbfsep=;\n\na;b\n1;2\n", {"delimiter": ";"}, [("1", "2")]),
        (b"sep=;\r1;2\r3;4\r", {"delimiter": ";", "header": False}, [("1", "2"), ("3", "4")]),
        (b"\n1\n", {"header": False}, [(None,), ("1",)]),
        ("\nsep=;\na;b\n1;2\n".encode("utf-16"), {"delimiter": ";", "encoding": "utf-16"}, [("1", "2")]),
    ],
)
def test_text_is_kept_byte_for_byte(
    tmp_path: Path, data: bytes, form: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    assert rows_of(tmp_path, data, **form) == expected


def test_lines_are_counted_with_those_above_the_header(tmp_path: Path) -> None:
    above = b"\nsep=,\n\n"
    with pytest.raises(TableError, match="T207") as caught:
        rows_of(tmp_path, above + b"a,b\n1,2\n3,x\n", typed(a="integer", b="integer"))
    assert 'column "b", line 6' in caught.value.message
    with pytest.raises(TableError, match="T205") as caught:
        rows_of(tmp_path, above + b"a,b\n1,2\n3\n")
    assert "line 6 has 1 cell, the header has 2" in caught.value.message


def test_a_delimiter_that_the_file_names_must_be_the_contracts(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="T205") as caught:
        rows_of(tmp_path, b"sep=;\na;b\n1;2\n")
    assert "another delimiter" in caught.value.message
    assert "delimiter" in caught.value.hint


def test_declared_types(tmp_path: Path) -> None:
    data = b"a;b;c;d;e\n7;1,50;TRUE;2024-02-29;2024-02-29T12:30:00.5\n;;;;\n 8 ;1e3;no;2024-01-01;2024-01-01 08:00\n"
    columns = typed(a="integer", b="decimal", c="boolean", d="date", e="datetime")
    assert rows_of(tmp_path, data, columns, delimiter=";", decimal=",") == [
        (7, 1.5, True, date(2024, 2, 29), datetime(2024, 2, 29, 12, 30, 0, 500000)),
        (None, None, None, None, None),
        (8, 1000.0, False, date(2024, 1, 1), datetime(2024, 1, 1, 8)),
    ]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "7.5"),
        ("integer", "99999999999999999999"),
        ("integer", "0x1F"),
        ("decimal", "1,5"),
        ("decimal", "1.000.000"),
        ("boolean", "maybe"),
        ("date", "2024-02-30"),
        ("date", "29/02/2024"),
        ("datetime", "2024-02-29 25:00"),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_named_by_column_and_line(tmp_path: Path, kind: str, cell: str) -> None:
    data = f'a,b\n"two\nlines",\n\n"{CANARY}","{cell}"\n'.encode()
    with pytest.raises(TableError) as caught:
        rows_of(tmp_path, data, typed(a="text", b=kind))
    assert caught.value.code == "T207"
    assert 'column "b", line 5' in caught.value.message
    no_leak(caught, cell)


def test_a_decimal_point_in_a_decimal_comma_file_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="T207"):
        rows_of(tmp_path, b"a;b\n1.500;x\n", typed(a="decimal", b="text"), delimiter=";", decimal=",")


@pytest.mark.parametrize(
    ("data", "code", "words", "form"),
    [
        (f'a,b\n"x\ny",2\n3,{CANARY},5\n', "T205", "line 4 has 3 cells, the header has 2", {}),
        (f"a,b\n1,2\n\n{CANARY}\n", "T205", "line 4 has 1 cell, the header has 2", {}),
        (f'a,b\n1,2\n"{CANARY},4\n5,6\n', "T205", "begins on line 3", {}),
        (f'a,b\n1,2\n"{CANARY}"x,4\n5,6\n', "T205", "begins on line 3", {}),
        (f"a,b\r\n1,{CANARY}\n3,4\r\n", "T205", "end in different ways", {}),
        (f"a,b\n1,2\n\udce9{CANARY},4\n", "T206", "line 3 is not UTF-8", {}),
        (f"{CANARY},\udce9\n1,2\n", "T206", "line 1 is not UTF-8", {}),
        (f"a,b\n1,2\n\udc81{CANARY},2\n", "T206", "the file is not cp1252", {"encoding": "cp1252"}),
        (f"a,b\n1,{CANARY}\n", "T206", "unknown", {"encoding": "utf8x"}),
        ("", "T204", "empty", {}),
        ("\n", "T204", "no columns", {}),
        ("a,b\n", "T204", "no rows", {}),
        (f"a,a\n1,{CANARY}\n", "T202", "columns 1 and 2 have the same name", {}),
        (f"a,A\n1,{CANARY}\n", "T202", "capitals", {}),
        (f"a,\n1,{CANARY}\n", "T202", "column 2 has no name", {}),
    ],
)
def test_broken_files_are_refused_with_their_line_and_without_their_cells(
    tmp_path: Path, data: str, code: str, words: str, form: dict[str, Any]
) -> None:
    with pytest.raises(TableError) as caught:
        rows_of(tmp_path, data.encode("utf-8", errors="surrogateescape"), **form)
    assert caught.value.code == code
    assert words in caught.value.message
    no_leak(caught)


def test_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    data = f"age,b\n1,{CANARY}\n".encode()
    with pytest.raises(TableError, match='did you mean "age"') as caught:
        rows_of(tmp_path, data, typed(agee="text", b="text"))
    assert caught.value.code == "T201"
    with pytest.raises(TableError, match='does not name column "b"') as caught:
        rows_of(tmp_path, data, typed(age="text"))
    assert caught.value.code == "T203"
    no_leak(caught)
    raw = read_table(Table(file="x.csv"), typed(age="text"), tmp_path, others="leave-out")
    assert raw.columns == ("age",)
    with pytest.raises(TableError, match="has no header and 2 columns, the contract names 1"):
        rows_of(tmp_path, b"1,2\n", typed(a="text"), header=False)


def test_one_row_and_nulls_alone_are_tables(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b"a,b\n1,2\n") == [("1", "2")]
    assert rows_of(tmp_path, b"a,b\n,\n,\n") == [(None, None), (None, None)]


def test_a_table_larger_than_the_memory_limit_is_spilled_and_keeps_its_order(tmp_path: Path) -> None:
    rows, text = 400_000, "x" * 240  # about 100 MB in the engine's own storage: more than twice the limit
    (tmp_path / "x.csv").write_text("id,text\n" + "".join(f"{i},{text}{i}\n" for i in range(rows)))
    limits = EngineOptions(memory_limit="40MiB", threads=2, temp_folder=str(tmp_path))
    raw = read_table(Table(file="x.csv"), None, tmp_path, options=limits)
    spilled = sum(file.stat().st_size for file in Path(raw.engine.spill_folder).iterdir())
    assert spilled > 1 << 20
    assert raw.frame.select("id").collect("polars")["id"].to_list() == [str(i) for i in range(rows)]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_memory_limit_that_is_too_small_is_named_with_one_that_does(tmp_path: Path, suffix: str) -> None:
    duckdb.sql("SELECT range AS id, hash(range) AS text FROM range(300000)").write_parquet(str(tmp_path / "x.parquet"))
    duckdb.sql(f"SELECT * FROM '{tmp_path / 'x.parquet'}'").write_csv(str(tmp_path / "x.csv"))
    spec = Table(file=f"x.{suffix}")

    def counted(limit: str) -> int:
        raw = read_table(spec, None, tmp_path, options=EngineOptions(memory_limit=limit, threads=1))
        return count_groups(raw, ["text"]).groups

    with pytest.raises(TableError) as caught:
        counted("2MiB")
    assert caught.value.code == "T214"
    assert caught.value.message == "the engine's memory limit of 2MiB does not suffice"
    found = re.search(r"--memory-limit (\d+MiB)", caught.value.hint)
    assert found is not None
    assert counted(found.group(1)) == 300_000
    no_leak(caught)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="longer than 2 MiB") as caught:
        rows_of(tmp_path, b"a,b\n1,2\n3," + CANARY.encode() * 500_000 + b"\n")
    no_leak(caught)


def test_a_file_name_is_not_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[12]*.csv").write_bytes(b"a\nright\n")
    (tmp_path / "a1.csv").write_bytes(b"a\nwrong\n")
    raw = read_table(Table(file="a[12]*.csv"), None, tmp_path)
    assert raw.frame.collect("polars").to_native().rows() == [("right",)]


def no_leak(caught: pytest.ExceptionInfo[TableError], *more: str) -> None:
    error = caught.value
    assert error.__cause__ is None
    frames = "".join(traceback.format_exception(error))
    # the test's own source line is part of a traceback, the planted value is not in it literally
    for text in (str(error), repr(error), error.remote_text(), str(error.to_dict()), frames):
        for cell in (CANARY, *more):
            assert cell not in text
