"""Writing: every format, the dialect of CSV, shuffling, and failures that leave nothing behind."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import textwrap
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from jalousie.contract.model import Csv, Table
from jalousie.errors import InternalError, ReleaseError, TableError
from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables import (
    FrequencyTable,
    RecodedFrame,
    apply_recoding,
    count_groups,
    count_written,
    from_frame,
    read_table,
    to_frame,
    write_frame,
)

CANARY = "CANARY-7731"
PROOF = Proof(True, 1, 1, 0, 0.0, 0.0, "none", "numpy")
FRAME = pa.table(
    {
        "city": ["b", "a", "b", None, "c;d", "b"],
        "note": [CANARY, 'say "x"', "", None, "two\nlines", "NA"],
        "x": [1.5, -2.0, None, 1e20, 0.1, 3.0],
        "n": [1, 2, 3, None, 5, 6],
    }
)


def recode(table: FrequencyTable, *, gone: Any = None) -> Recoding:
    """Every value renamed."""
    labels = tuple(tuple(None if v is None else f"[{v}]" for v in values) for values in table.values)
    none = np.zeros(table.groups, dtype=bool) if gone is None else gone
    return Recoding(None, labels, table.codes, none, np.where(none, -1, 0), table.codes * 0.0, 0.0, PROOF)


def recoded(frame: Any = FRAME) -> RecodedFrame:
    raw = from_frame(frame)
    table = count_groups(raw, ["city"])
    return apply_recoding(raw, table, recode(table))


def test_parquet_and_arrow_keep_types_nulls_and_order(tmp_path: Path) -> None:
    for form in ("parquet", "arrow"):
        written = write_frame(recoded(), tmp_path / f"r.{form}", format=form)
        assert (written.rows, written.bytes) == (6, (tmp_path / f"r.{form}").stat().st_size)
        back = read_table(Table(file=f"r.{form}"), None, tmp_path)
        rows = back.frame.collect("pyarrow").to_native()
        assert rows["city"].to_pylist() == ["[b]", "[a]", "[b]", None, "[c;d]", "[b]"]
        for name in ("note", "x", "n"):
            assert rows[name].to_pylist() == FRAME[name].to_pylist()
        assert {n: str(t) for n, t in back.schema.items()} == {
            "city": "String",
            "note": "String",
            "x": "Float64",
            "n": "Int64",
        }


@pytest.mark.parametrize(
    "form",
    [
        Csv(nulls=("?",)),
        Csv(delimiter=";", decimal=",", nulls=("?",)),
        Csv(quote="'", nulls=("?",), encoding="utf-16"),
        Csv(delimiter="\t", nulls=("?",), header=False),
    ],
)
def test_csv_reads_back_as_it_was(tmp_path: Path, form: Csv) -> None:
    write_frame(recoded(), tmp_path / "r.csv", format="csv", csv=form)
    back = read_table(Table(file="r.csv", csv=form), None, tmp_path)
    rows = back.frame.collect("polars").to_native().rows()
    point = "," if form.decimal == "," else "."
    numbers = [None if x is None else x.replace(".", point) for x in ("1.5", "-2.0", None, "1e+20", "0.1", "3.0")]
    assert [row[0] for row in rows] == ["[b]", "[a]", "[b]", None, "[c;d]", "[b]"]
    assert [row[1] for row in rows] == FRAME["note"].to_pylist()
    assert [row[2] for row in rows] == numbers


def test_text_that_looks_like_a_null_is_quoted(tmp_path: Path) -> None:
    write_frame(recoded(), tmp_path / "r.csv", format="csv")
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[3] == '[b],"",,3'
    assert lines[4] == ",,1e+20,"


@pytest.mark.parametrize(
    ("form", "words"),
    [(Csv(quote=""), 'column "note" has 3 cells'), (Csv(encoding="latin-1"), "cannot be written in latin-1")],
)
def test_text_that_the_dialect_cannot_hold_is_refused(tmp_path: Path, form: Csv, words: str) -> None:
    frame = FRAME.set_column(1, "note", pa.array([f"{CANARY},", "€", "x\ny", None, "", "z"]))
    with pytest.raises(ReleaseError) as caught:
        write_frame(recoded(frame), tmp_path / "r.csv", format="csv", csv=form)
    assert caught.value.code == "R500"
    assert words in caught.value.message
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_is_written_into() -> None:
    target = io.BytesIO()
    write_frame(recoded(), target)
    assert pl.read_parquet(io.BytesIO(target.getvalue())).height == 6


def test_shuffling_keeps_rows_and_gives_another_order_each_time(tmp_path: Path) -> None:
    frame = pa.table({"city": ["x"] * 500, "i": range(500)})
    orders = set()
    for _ in range(3):
        write_frame(recoded(frame), tmp_path / "r.parquet", order="shuffle")
        order = pl.read_parquet(tmp_path / "r.parquet")["i"].to_list()
        assert sorted(order) == list(range(500))
        orders.add(tuple(order))
    assert tuple(range(500)) not in orders
    assert len(orders) == 3
    assert Counter(to_frame(recoded(frame), order="shuffle")["i"].to_pylist()) == Counter(range(500))


@pytest.mark.parametrize("form", ["parquet", "csv", "arrow"])
def test_a_folder_that_is_not_there_and_a_disk_that_is_full(tmp_path: Path, form: Any) -> None:
    targets = [tmp_path / "none" / "r"] + ([Path("/dev/full")] if form == "csv" else [])
    for target in targets:
        with pytest.raises(ReleaseError) as caught:
            write_frame(recoded(), target, format=form)
        assert caught.value.code == "R500"
        assert str(tmp_path) not in str(caught.value)
        assert caught.value.__cause__ is None
    assert list(tmp_path.iterdir()) == []
    assert Path("/dev/full").exists()


@pytest.mark.parametrize(
    ("form", "rows"), [("parquet", 300_000), ("parquet", 100_000), ("csv", 300_000), ("arrow", 9_000)]
)
def test_a_disk_that_fills_up_leaves_no_part_of_a_file(tmp_path: Path, form: str, rows: int) -> None:
    """The size limit of a process stands for the disk's."""
    script = f"""
        import resource, signal, sys
        import numpy as np, pyarrow as pa
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_tables_write import recoded
        from jalousie.errors import ReleaseError
        from jalousie.tables import write_frame
        rows = {rows}
        frame = pa.table({{"city": ["x", "y"] * (rows // 2), "i": np.random.default_rng(1).random(rows)}})
        ready = recoded(frame)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        try:
            write_frame(ready, {str(tmp_path / "r")!r}, format={form!r})
        except ReleaseError as error:
            sys.exit(0 if error.code == "R500" else 3)
        sys.exit(4)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 40_000


def test_rows_that_are_not_as_many_as_were_decided_are_not_released(tmp_path: Path) -> None:
    frame = recoded()
    wrong = RecodedFrame(frame.frame, 5, frame.native, frame.schema, frame.engine, frame.kind, frame.origin)
    with pytest.raises(ReleaseError) as caught:
        write_frame(wrong, tmp_path / "r.parquet")
    assert caught.value.code == "R501"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ReleaseError):
        to_frame(wrong)


def test_a_later_step_is_not_overlooked(tmp_path: Path) -> None:
    """The streaming path must not write the rows as they were before another frame was put in place."""
    from msgspec.structs import replace

    frame = recoded()
    later = replace(frame, frame=frame.frame.head(2), rows=2)
    assert frame.streamable() is not None
    assert later.streamable() is None
    assert to_frame(later).num_rows == 2


def test_a_recoding_of_another_table_is_refused() -> None:
    raw = from_frame(FRAME)
    table = count_groups(raw, ["city"])
    other = count_groups(from_frame(FRAME.slice(0, 3)), ["city"])
    with pytest.raises(TableError, match="T213"):
        apply_recoding(raw, other, recode(other))
    with pytest.raises(InternalError):
        apply_recoding(raw, table, recode(other))
    changed = from_frame(FRAME.set_column(0, "city", pa.array(["b", "a", "b", None, "new", "b"])))
    none, rare = table.counts < 1, table.counts < 2
    for gone, mode in ((none, "drop"), (none, "star"), (rare, "star")):
        with pytest.raises(ReleaseError, match="R501"):
            to_frame(apply_recoding(changed, table, recode(table, gone=gone), suppressed=mode))
    # in place of a row that was to be dropped: it is dropped too
    released = to_frame(apply_recoding(changed, table, recode(table, gone=rare)))
    assert released["city"].to_pylist() == ["[b]"] * 3


def test_counting_what_was_written_is_a_plain_group_by(tmp_path: Path) -> None:
    for form in ("parquet", "csv", "arrow"):
        write_frame(recoded(), tmp_path / "r", format=form)
        table = count_written(tmp_path / "r", ["city"], ["n"], format=form)
        found = {table.values[0][c]: int(n) for c, n in zip(table.codes[0], table.counts, strict=True)}
        assert found == {"[a]": 1, "[b]": 3, "[c;d]": 1, None: 1}
        (histogram,) = table.sensitive
        assert histogram.values == ("1", "2", "3", "5", "6", None)
        assert int(histogram.count.sum()) == 6
        everything = count_written(tmp_path / "r", [], format=form)
        assert everything.counts.tolist() == [6]
    (tmp_path / "r").write_text(CANARY)
    with pytest.raises(ReleaseError) as caught:
        count_written(tmp_path / "r", ["city"])
    assert caught.value.code == "R501"
    assert CANARY not in "".join(traceback.format_exception(caught.value))
