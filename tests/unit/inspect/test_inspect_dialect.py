"""How a file is written down, guessed from its first bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jalousie.contract.model import Csv
from jalousie.errors import TableError
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
