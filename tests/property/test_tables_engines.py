"""Both operations on the full data agree with a plain Python reference, on DuckDB and on Polars, for any small table.

The references know nothing of dictionaries, words or joins: they loop over rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.privacy.recoding import Proof, Recoding
from jalousie.tables import (
    FrequencyTable,
    RawTable,
    apply_recoding,
    count_groups,
    count_written,
    from_frame,
    to_frame,
    write_frame,
)
from jalousie.tables import lookup as lookups
from jalousie.tables.order import Numbered, OutOfOrder, settled

PROOF = Proof(True, 1, 1, 0, 0.0, 0.0, "none", "numpy")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
KINDS: dict[str, tuple[Any, pl.DataType]] = {
    "text": (
        st.sampled_from(["", " ", "a", "A", "ä", "*", "\x00", "a\nb", "'", '"', "\U0001f600"]) | TEXT,
        pl.String(),
    ),
    "integer": (st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), pl.Int64()),
    "small": (st.integers(0, 255), pl.UInt8()),
    "float": (
        st.sampled_from([0.0, -0.0, 1.5, 1e20, 1e-7, 0.1, float("nan"), float("inf")]) | st.floats(),
        pl.Float64(),
    ),
    "decimal": (st.sampled_from([Decimal("1.50"), Decimal("-2.00"), Decimal("0.01")]), pl.Decimal(10, 2)),
    "boolean": (st.booleans(), pl.Boolean()),
    "date": (st.dates(date(1, 1, 1), date(9999, 12, 31)), pl.Date()),
    "datetime": (st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), pl.Datetime("us")),
    "instant": (
        st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
        pl.Datetime("us", "UTC"),
    ),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    rows = draw(st.integers(1, 12))
    columns = {}
    for i in range(draw(st.integers(1, 4))):
        values, dtype = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        pool = draw(st.lists(st.none() | values, min_size=1, max_size=4))
        cells = draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows))
        columns[f"c{i}"] = pl.Series(cells, dtype=dtype, strict=False)
    columns["plain"] = pl.Series(range(rows), dtype=pl.Int64())
    return pl.DataFrame(columns)


def plain_text(value: Any) -> str | None:
    """The canonical text, value by value."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value + 0.0)
        case Decimal():
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            text = value.replace(tzinfo=None).isoformat(timespec="microseconds").rstrip("0").rstrip(".")
            return text + ("Z" if value.tzinfo else "")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def on_both(frame: pl.DataFrame) -> list[RawTable]:
    return [from_frame(frame), from_frame(frame.to_arrow())]


def texts_of(table: FrequencyTable, group: int) -> tuple[str | None, ...]:
    return tuple(values[codes[group]] for values, codes in zip(table.values, table.codes, strict=True))


@given(tables())
def test_counting_agrees_with_a_loop_on_both_engines(frame: pl.DataFrame) -> None:
    names = [c for c in frame.columns if c != "plain"]
    quasi, sensitive = names[: max(1, len(names) - 1)], names[-1:] if len(names) > 1 else []
    rows = [tuple(plain_text(v) for v in row) for row in frame.select(names).rows()]
    expected = Counter(row[: len(quasi)] for row in rows)
    made = [count_groups(raw, quasi, sensitive) for raw in on_both(frame)]
    for table in made:
        assert {texts_of(table, g): int(n) for g, n in enumerate(table.counts)} == expected
        assert table.groups == len(expected)
        for values in table.values:
            assert list(values) == sorted(values, key=lambda v: (v is None, v or ""))
        assert table.codes.T.tolist() == sorted(table.codes.T.tolist())
        for histogram in table.sensitive:
            cells = Counter(rows)
            found = {
                (*texts_of(table, g), histogram.values[c]): int(n)
                for g, c, n in zip(histogram.group, histogram.code, histogram.count, strict=True)
            }
            assert found == cells
            pairs = list(zip(histogram.group.tolist(), histogram.code.tolist(), strict=True))
            assert pairs == sorted(pairs)
    first, second = made
    assert first.values == second.values
    assert first.codes.tolist() == second.codes.tolist()
    assert first.counts.tolist() == second.counts.tolist()


@st.composite
def recodings(draw: st.DrawFn, table: FrequencyTable) -> Recoding:
    """Any recoding: identity, by value, or by combination; with any combinations suppressed."""
    labels, codes = [], np.empty_like(table.codes)
    for i, values in enumerate(table.values):
        kind = draw(st.sampled_from(["same", "value", "group"]))
        own = (*values, "low", "high", None)
        at = st.integers(0, len(own) - 1)
        if kind == "same":
            codes[i] = table.codes[i]
        elif kind == "value":
            to = draw(st.lists(at, min_size=len(values), max_size=len(values)))
            codes[i] = np.array(to, dtype=np.int32)[table.codes[i]]
        else:
            codes[i] = draw(st.lists(at, min_size=table.groups, max_size=table.groups))
        labels.append(own)
    gone = np.array(draw(st.lists(st.booleans(), min_size=table.groups, max_size=table.groups)), dtype=bool)
    classes = np.where(gone, -1, np.arange(table.groups))
    return Recoding(None, tuple(labels), codes, gone, classes, codes.astype(np.float32), 0.0, PROOF)


def plain_apply(frame: pl.DataFrame, table: FrequencyTable, recoding: Recoding, star: bool) -> list[dict[str, Any]]:
    """Row by row. Untouched columns keep their values; others are text."""
    group = {texts_of(table, g): g for g in range(table.groups)}
    released = []
    for row in frame.rows(named=True):
        g = group[tuple(plain_text(row[name]) for name in table.names)]
        if recoding.suppressed[g]:
            if not star:
                continue
            released.append({**row, **dict.fromkeys(table.names, "*")})
            continue
        labels = {n: recoding.labels[i][recoding.codes[i][g]] for i, n in enumerate(table.names)}
        released.append({**row, **labels})
    return released


@given(st.data())
def test_applying_agrees_with_a_loop_on_both_engines(data: st.DataObject) -> None:
    frame = data.draw(tables())
    names = [c for c in frame.columns if c != "plain"]
    raws = on_both(frame)
    table = count_groups(raws[0], names)
    recoding = data.draw(recodings(table))
    mode = data.draw(st.sampled_from(["drop", "star"]))
    expected = plain_apply(frame, table, recoding, mode == "star")
    natives = []
    for raw in raws:
        recoded = apply_recoding(raw, table, recoding, suppressed=mode)
        released = to_frame(recoded, "polars")
        assert released.height == recoded.rows == len(expected)
        assert released.columns == frame.columns
        for name in released.columns:
            assert (released.schema[name] == frame.schema[name]) or (
                name not in recoded.native and released.schema[name] == pl.String
            )
        got = [tuple(plain_text(row[n]) for n in names) for row in released.rows(named=True)]
        assert got == [tuple(plain_text(row[n]) for n in names) for row in expected]
        assert released["plain"].to_list() == [row["plain"] for row in expected]
        natives.append((recoded.native, recoded.schema))
    assert natives[0] == natives[1]


@given(tables())
def test_row_hashes_are_equal_on_both_engines(frame: pl.DataFrame) -> None:
    names = [c for c in frame.columns if c != "plain"]
    hashes = []
    for raw in on_both(frame):
        table = count_groups(raw, names)
        labels = tuple(tuple(None if v is None else f"<{v}>" for v in values) for values in table.values)
        none = np.zeros(table.groups, dtype=bool)
        recoding = Recoding(
            None, labels, table.codes, none, np.arange(table.groups), table.codes.astype(np.float32), 0.0, PROOF
        )
        released = to_frame(apply_recoding(raw, table, recoding), "arrow")
        hashes.append([hashlib.sha256(repr(row).encode()).hexdigest() for row in released.to_pylist()])
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == frame.height


@given(st.data())
def test_what_is_written_is_what_a_plain_group_by_finds(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    frame = data.draw(tables())
    names = [c for c in frame.columns if c != "plain"]
    raw = from_frame(frame.to_arrow())
    table = count_groups(raw, names)
    recoding = data.draw(recodings(table))
    recoded = apply_recoding(raw, table, recoding)
    if recoded.rows == 0:
        return
    path = tmp_path_factory.mktemp("written") / "release"
    rows = plain_apply(frame, table, recoding, star=False)
    expected = Counter(tuple(plain_text(row[name]) for name in names) for row in rows)
    for form in ("parquet", "arrow", "csv"):
        path = path.with_suffix(f".{form}")
        write_frame(recoded, path, format=form)
        counted = count_written(path, names[1:], names[:1], format=form, schema=recoded.schema)
        (cells,) = counted.sensitive
        found = zip(cells.group.tolist(), cells.code.tolist(), cells.count.tolist(), strict=True)
        assert {(cells.values[c], *texts_of(counted, g)): n for g, c, n in found} == expected
        assert counted.rows == len(rows)


@given(st.data())
def test_the_single_statement_says_what_narwhals_says(data: Any) -> None:
    """`look_up` and `distinct` on DuckDB against the Narwhals wording that other engines run."""
    frame = data.draw(tables()).select(pl.all().cast(pl.String))
    raw = from_frame(frame.to_arrow())
    names = raw.columns
    key = names[0]
    values = sorted({v for v in frame[key].to_list() if v is not None})[: data.draw(st.integers(0, 3))]
    made = [
        lookups.Lookup((key,), (values,), {"n": np.arange(len(values), dtype=np.int64), "t": [f"{v}!" for v in values]})
    ]
    fast = lookups.look_up(raw.frame, raw.engine, made)
    slow = lookups.look_up_anywhere(raw.frame, raw.engine, made)
    assert fast.collect_schema() == slow.collect_schema()
    order = ["plain", "n"]
    assert fast.sort(order).collect("polars").to_native().equals(slow.sort(order).collect("polars").to_native())
    for quick, plain in zip(
        lookups.distinct(raw.frame, raw.engine, names), lookups.distinct_anywhere(raw.frame, names), strict=True
    ):
        assert Counter(quick) == Counter(plain)


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=60), st.integers(1, 7), st.integers(0, 8))
def test_settling_sorts_within_its_window_and_refuses_beyond(jitter: list[int], size: int, window: int) -> None:
    numbers = [3 * i + 7 * j for i, j in enumerate(jitter)]
    numbers = [n + min(0, *numbers) * -1 for n in numbers]
    distinct = len(set(numbers)) == len(numbers)
    rows = pa.record_batch({"row": pa.array(numbers, pa.int64()), "n": pa.array(numbers, pa.int64())})
    batches = [rows.slice(start, size) for start in range(0, len(numbers), size)]
    try:
        got = [n for batch in settled(iter(batches), "row", window) for n in batch.column("n").to_pylist()]
    except OutOfOrder:
        assert not distinct or numbers != sorted(numbers)
        return
    assert got == sorted(numbers)
    assert distinct


def test_large_results_are_streamed_in_read_order_and_sorted_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The streaming path, the sorted path and the Polars path write the same rows."""
    rows = 300_000
    draw = np.random.default_rng(5)
    frame = pa.table(
        {
            "id": np.arange(rows),
            "a": [None if v == 0 else f"a{v}" for v in draw.integers(0, 40, rows)],
            "b": draw.integers(0, 500, rows),
        }
    )
    raw = from_frame(frame)
    table = count_groups(raw, ["a", "b"])
    codes = table.codes.copy()
    codes[0][::2] = 0
    labels = (("x", *table.values[0]), table.values[1])
    gone = table.counts < 12
    recoding = Recoding(None, labels, codes, gone, np.where(gone, -1, 0), codes.astype(np.float32), 0.0, PROOF)
    recoded = apply_recoding(raw, table, recoding)
    streamed: list[Numbered] = []
    monkeypatch.setattr("jalousie.tables.write.SORT_UP_TO", 1000)
    real = settled

    def watched(*args: Any, **more: Any) -> Any:
        streamed.append(args[1])
        return real(*args, **more)

    monkeypatch.setattr("jalousie.tables.write.settled", watched)
    write_frame(recoded, tmp_path / "a.parquet")
    write_frame(recoded, tmp_path / "a.csv", format="csv")
    assert len(streamed) == 2
    by_stream = pl.read_parquet(tmp_path / "a.parquet")
    assert by_stream["id"].is_sorted()
    assert (tmp_path / "a.csv").read_text().splitlines()[1:4] == [
        ",".join("" if v is None else str(v) for v in row) for row in by_stream.head(3).rows()
    ]

    def refuse(*_: Any, **__: Any) -> Any:
        raise OutOfOrder
        yield

    monkeypatch.setattr("jalousie.tables.write.settled", refuse)
    write_frame(recoded, tmp_path / "b.parquet")
    assert pl.read_parquet(tmp_path / "b.parquet").equals(by_stream)
    write_frame(recoded, tmp_path / "b.csv", format="csv")
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    polars = from_frame(pl.DataFrame(frame))
    assert to_frame(apply_recoding(polars, table, recoding)).equals(by_stream)
