"""Whatever a small table holds, the draft of `inspect --write` passes `check` and `protect --dry-run`, or none is made."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_desk import Desk

NAMES = (
    "id",
    "age",
    "town",
    "pay",
    "diagnose",
    "zip code",
    "x",
    "score",
    "date",
    "true",
    "a:b",
    "# c",
    "\x7f",
    "e\u2028f",
    "ß",
)
CELLS: dict[str, list[str]] = {
    "whole numbers": ["1", " 42 ", "7", "-3", "0", "1000000"],
    "digits": ["007", "9000", "08001", "1050"],
    "numbers": ["0.0", "-0.0", "1.5", "2", "1e3", "-7.25"],
    "zeros": ["0.0", "-0.0"],
    "dates": ["2024-02-29", "1999-12-31", "2001-01-01"],
    "times": ["2024-02-29 10:00", "1999-12-31T23:59:59", "2001-01-01 00:00"],
    "hours": ["2024-02-29 25:00", "2024-02-29 10:61"],
    "answers": ["true", "false", "TRUE"],
    "words": ["Gent", "Liège", "x y", 'q"', "a,b", "two\nlines", "-", "unknown"],
    "stars": ["*", "Gent", "Aalst"],
    "star": ["*"],
    "marks": ["*", "?", "-"],
    "nothing": [""],
    "mails": [f"p{n}@example.org" for n in range(40)],
    "names": [f"person {n}" for n in range(1000)],
    "many": [str(n) for n in range(3000)],
}
TOKENS = ("", "", "?", "NA", "-", "*")


def column(kind: str, gaps: list[str], rows: int, draw: random.Random) -> list[str]:
    return [draw.choice(gaps) if gaps and draw.random() < 0.1 else draw.choice(CELLS[kind]) for _ in range(rows)]


tables = st.fixed_dictionaries(
    {
        "names": st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True),
        "rows": st.sampled_from((1, 2, 3, 8, 40, 150, 400)),
        "kinds": st.lists(st.sampled_from(sorted(CELLS)), min_size=5, max_size=5),
        "gaps": st.lists(st.lists(st.sampled_from(TOKENS), max_size=2), min_size=5, max_size=5),
        "seed": st.integers(0, 2**16),
    }
)


def columns_of(table: dict[str, Any]) -> dict[str, list[str]]:
    draw = random.Random(table["seed"])
    parts = zip(table["names"], table["kinds"], table["gaps"], strict=False)
    return {name: column(kind, gaps, table["rows"], draw) for name, kind, gaps in parts}


def runs(folder: Path, file: str) -> None:
    desk = Desk(folder)
    made = desk.run("inspect", file, "--write", "draft.yaml")
    assert made.code in (0, 4), made.err
    if made.code == 4:
        assert "error[T216]" in made.err, made.err
        assert not (folder / "draft.yaml").exists()
        return
    for words in (("check", "draft.yaml", "--data"), ("protect", "draft.yaml", "--dry-run")):
        done = desk.run(*words)
        assert done.code == 0, f"{done.err}\n{(folder / 'draft.yaml').read_text()}"


@given(tables, st.sampled_from((",", ";", "\t")), st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-le")))
def test_the_draft_of_a_csv_file_runs(table: dict[str, Any], delimiter: str, encoding: str) -> None:
    columns = columns_of(table)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows((columns, *zip(*columns.values(), strict=True)))
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "t.csv").write_bytes(text.getvalue().encode(encoding))
        runs(Path(place), "t.csv")


TYPED: dict[str, list[Any]] = {
    "integers": [1, 2, 3, -4, 10**12],
    "floats": [0.0, -0.0, 1.5, 1e300, -7.25],
    "wild floats": [0.5, math.nan, math.inf, -math.inf],
    "zeros": [0.0, -0.0],
    "dates": [dt.date(2024, 2, 29), dt.date(1999, 12, 31), dt.date(1, 1, 1)],
    "times": [dt.datetime(2024, 2, 29, 10), dt.datetime(1999, 12, 31, 23, 59)],
    "lengths": [dt.timedelta(hours=1), dt.timedelta(days=3, microseconds=7)],
    "hours": [dt.time(10), dt.time(23, 59)],
    "bytes": [b"\x00\xff", b"x"],
    "answers": [True, False],
    "lists": [[1], [2, 3]],
    **{
        kind: list(values)
        for kind, values in CELLS.items()
        if kind not in ("zeros", "dates", "times", "hours", "answers")
    },
}


@given(tables, st.lists(st.sampled_from(sorted(TYPED)), min_size=5, max_size=5), st.booleans())
def test_the_draft_of_a_parquet_file_runs(table: dict[str, Any], kinds: list[str], gaps: bool) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    draw = random.Random(table["seed"])
    columns = {
        name: [None if gaps and draw.random() < 0.1 else draw.choice(TYPED[kind]) for _ in range(table["rows"])]
        for name, kind in zip(table["names"], kinds, strict=False)
    }
    with tempfile.TemporaryDirectory() as place:
        pq.write_table(pa.table(columns), Path(place) / "t.parquet")
        runs(Path(place), "t.parquet")
