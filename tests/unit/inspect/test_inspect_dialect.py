"""How a file is written down, guessed from its first bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jalousie.contract.model import Csv
from jalousie.errors import TableError
from jalousie.tables import read_table
from jalousie.tables.dialect import guess_csv, guess_table

GUESSES = [
    (b"a,b\n1,2\n", Csv()),
    (b"a;b\n1;2\n", Csv(delimiter=";")),
    (b"a\tb\n1\t2\n", Csv(delimiter="\t")),
    (b"a|b\n1|2\n", Csv(delimiter="|")),
    (b"a;b\n1,5;2\n2,5;3\n", Csv(delimiter=";", decimal=",")),
    (b"a;b\n1.5;2\n", Csv(delimiter=";")),
    (b'a,b\n"x;y;z",2\n"u;v;w",3\n', Csv()),
    (b"1,2\n3,4\n", Csv(header=False)),
    ("a,b\nBüro,2\n".encode(), Csv()),
    ("a,b\nBüro,2\n".encode("cp1252"), Csv(encoding="cp1252")),
    ("a,b\nBüro,2\n".encode("utf-16"), Csv(encoding="utf-16")),
    (b"\xef\xbb\xbfa,b\n1,2\n", Csv()),
    (b"one column\nx\n", Csv()),
    (b"price\n1,5\n2,5\n3,5\n", Csv()),
    (b"a;a;b\nx;1;y\nz;2;y\n", Csv(delimiter=";")),
    (b"a;a;b\nx;x;y\nz;z;y\n", Csv(delimiter=";")),
    (b"a;a;b\nx;a;y\na;z;y\n", Csv(delimiter=";", header=False)),
    (b"a;b;;\n1;2;;\n", Csv(delimiter=";")),
    (b"\n\na;b\n1;2\n", Csv(delimiter=";")),
    (b"sep=;\r\na;b\r\n1,2;2\r\n", Csv(delimiter=";", decimal=",")),
    (b"\xef\xbb\xbf\r\nsep=|\r\n\r\na;b|c\r\n1;2|3\r\n", Csv(delimiter="|")),
    ("a,b\nBüro,2\n".encode("utf-16-le"), Csv(encoding="utf-16-le")),
    ("a,b\nBüro,2\n".encode("utf-16-be"), Csv(encoding="utf-16-be")),
    (b"", Csv()),
]


@pytest.mark.parametrize(("head", "form"), GUESSES)
def test_csv(head: bytes, form: Csv) -> None:
    assert guess_csv(head) == form


def test_a_character_cut_off_at_the_end_of_the_head() -> None:
    text = "a,b\n" + "é,ü\n" * 100_000
    for length in (256 * 1024, 256 * 1024 + 1):
        assert guess_csv(text.encode()[:length]).encoding == "utf-8"


def test_formats(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"a": [1]})
    pq.write_table(table, tmp_path / "x.data")
    assert guess_table(tmp_path / "x.data").format == "parquet", "by its content"
    with pa.OSFile(str(tmp_path / "y"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert guess_table(tmp_path / "y").format == "arrow"
    (tmp_path / "z.csv").write_text("a;b\n1;2\n")
    found = guess_table(tmp_path / "z.csv")
    assert (found.file, found.format, found.csv.delimiter) == (str(tmp_path / "z.csv"), "csv", ";")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(TableError, match="T200") as caught:
            guess_table(path)
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("title", ["# export 2024", "Customers", "\n# export"])
def test_a_title_above_the_header_is_refused_with_its_line(title: str) -> None:
    text = title + "\na;b;c\n" + "x;1;y\n" * 5
    with pytest.raises(TableError, match="T205") as caught:
        guess_csv(text.encode())
    assert f"line {title.count(chr(10)) + 1} has 1 cell, the lines below it have 3" in caught.value.message
    assert "export" not in str(caught.value)


def test_columns_of_one_name_are_an_error_not_a_missing_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("town;town;x\n" + "Gent;87;y\n" * 30, encoding="utf-8")
    table = guess_table(tmp_path / "t.csv")
    assert table.csv.header
    with pytest.raises(TableError, match="T202") as caught:
        read_table(table)
    assert "columns 1 and 2" in caught.value.message
