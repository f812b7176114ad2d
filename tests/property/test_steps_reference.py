"""Each step against plain Python over rows, on two engines: nulls, unicode, tables that end up empty."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.model import (
    Clip,
    Column,
    DropRows,
    Enrich,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    Table,
    TruncateDate,
)
from jalousie.errors import TableError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps import StepContext, apply_step
from jalousie.tables import RawTable, from_frame

TEXTS = st.one_of(
    st.none(), st.sampled_from(["a", "A", "ä", "a\u0308", "", " a", "\U0001f600", "x'\"; --"]), st.text(max_size=4)
)
INTEGERS = st.one_of(st.none(), st.integers(-10_000, 10_000))
FLOATS = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_subnormal=False))
DATES = st.one_of(st.none(), st.dates(dt.date(1890, 1, 1), dt.date(2110, 12, 31)))
ENGINES = pytest.mark.parametrize("engine", ["duckdb", "polars"])
TYPES = {"text": pa.string(), "integer": pa.int64(), "decimal": pa.float64(), "date": pa.date32()}


def apply(
    engine: str, values: list[Any], kind: str, step: Step, **context: Any
) -> tuple[list[Any], list[int], StepFacts]:
    """The column `x` after a step, and the original positions of the rows that are left."""
    table = pa.table({"i": list(range(len(values))), "x": pa.array(values, TYPES[kind])})
    done, facts = apply_step(load(engine, table), step, StepContext("sha256:1", key_for, **context))
    left = done.frame.collect("pyarrow").to_native()
    assert left.num_rows == done.rows == facts.rows_after
    return (left.column("x").to_pylist() if "x" in done.columns else []), left.column("i").to_pylist(), facts


def load(engine: str, table: pa.Table) -> RawTable:
    return from_frame(pl.from_arrow(table) if engine == "polars" else table)


def key_for(purpose: str) -> bytes:
    return hashlib.sha256(purpose.encode()).digest()


@ENGINES
@given(
    values=st.lists(TEXTS, min_size=1, max_size=8), chosen=st.lists(TEXTS, min_size=1, max_size=3), inside=st.booleans()
)
def test_text_rules(engine: str, values: list[Any], chosen: list[Any], inside: bool) -> None:
    _, left, facts = apply(
        engine, values, "text", DropRows(column="x", when="in" if inside else "not-in", values=tuple(chosen))
    )
    if inside:
        kept = [i for i, v in enumerate(values) if v not in chosen]
    else:
        kept = [i for i, v in enumerate(values) if v is None or v in chosen]
    assert left == kept
    assert facts.facts["rows-dropped"] == len(values) - len(kept)


@ENGINES
@given(
    values=st.lists(INTEGERS, min_size=1, max_size=8),
    bound=st.integers(-10_000, 10_000),
    when=st.sampled_from(["is-null", "not-null", "equals", "not-equals", "below", "above"]),
)
def test_number_rules(engine: str, values: list[Any], bound: int, when: Any) -> None:
    rules = {
        "is-null": lambda v: v is None,
        "not-null": lambda v: v is not None,
        "equals": lambda v: v is not None and v == bound,
        "not-equals": lambda v: v is not None and v != bound,
        "below": lambda v: v is not None and v < bound,
        "above": lambda v: v is not None and v > bound,
    }
    _, left, _ = apply(engine, values, "integer", DropRows(column="x", when=when, value=bound))
    assert left == [i for i, v in enumerate(values) if not rules[when](v)]


@ENGINES
@given(values=st.lists(INTEGERS, min_size=1, max_size=8), to=st.integers(1, 1000))
def test_integers_are_rounded_half_up(engine: str, values: list[Any], to: int) -> None:
    got, left, facts = apply(engine, values, "integer", Round(column="x", to=to))
    expected = [None if v is None else (2 * v + to) // (2 * to) * to for v in values]
    assert got == expected
    assert left == list(range(len(values)))
    assert facts.facts["values-changed"] == sum(a != b for a, b in zip(values, expected, strict=True))


BITS = {
    pl.Int8: (-(2**7), 2**7 - 1),
    pl.Int64: (-(2**63), 2**63 - 1),
    pl.UInt8: (0, 2**8 - 1),
    pl.UInt64: (0, 2**64 - 1),
}


@ENGINES
@given(kind=st.sampled_from(list(BITS)), data=st.data())
def test_whole_numbers_up_to_the_ends_of_their_type_are_rounded_or_refused(engine: str, kind: Any, data: Any) -> None:
    least, most = BITS[kind]
    ends = st.integers(least, most) | st.integers(most - 9, most) | st.integers(least, least + 9)
    values = data.draw(st.lists(st.none() | ends, min_size=1, max_size=8))
    to = data.draw(st.sampled_from([1, 2, 5, 7, 100, 1 << 40, 3 << 60]))
    frame = pl.DataFrame({"x": pl.Series(values, dtype=kind)})
    raw = from_frame(frame if engine == "polars" else frame.to_arrow())
    expected = [None if v is None else (2 * v + to) // (2 * to) * to for v in values]
    beyond = sum(v is not None and not least <= v <= most for v in expected)
    step = Round(column="x", to=to)
    if beyond:
        with pytest.raises(TableError, match=f"has {beyond} numbers") as caught:
            apply_step(raw, step, StepContext("sha256:1", key_for))
        assert caught.value.code == "T263"
        return
    done, _ = apply_step(raw, step, StepContext("sha256:1", key_for))
    assert done.frame.collect("polars")["x"].to_list() == expected
    assert done.schema == raw.schema


@ENGINES
@given(values=st.lists(FLOATS, min_size=1, max_size=8), to=st.sampled_from([0.01, 0.1, 0.25, 0.3, 1.0, 7.0, 250.0]))
def test_floats_are_rounded(engine: str, values: list[Any], to: float) -> None:
    got, _, _ = apply(engine, values, "decimal", Round(column="x", to=to))
    for old, new in zip(values, got, strict=True):
        assert (old is None) == (new is None)
        if old is not None:
            assert abs(new - old) <= to / 2 * (1 + 1e-9) + 1e-9
            assert math.isclose(new, round(new / to) * to, rel_tol=1e-12, abs_tol=1e-12)


@ENGINES
@given(values=st.lists(FLOATS, min_size=1, max_size=8), bounds=st.tuples(FLOATS, FLOATS).filter(any))
def test_numbers_are_clipped(engine: str, values: list[Any], bounds: tuple[Any, Any]) -> None:
    low, high = bounds if None in bounds else sorted(bounds)
    got, _, facts = apply(engine, values, "decimal", Clip(column="x", low=low, high=high))
    lowest, highest = -math.inf if low is None else low, math.inf if high is None else high
    assert got == [None if v is None else min(max(v, lowest), highest) for v in values]
    assert facts.facts["values-below"] == sum(v is not None and v < lowest for v in values)
    assert facts.facts["values-above"] == sum(v is not None and v > highest for v in values)


@ENGINES
@given(values=st.lists(DATES, min_size=1, max_size=8), to=st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_dates_are_cut(engine: str, values: list[Any], to: Any) -> None:
    cut = {
        "day": lambda d: d,
        "week": lambda d: d - dt.timedelta(days=d.weekday()),
        "month": lambda d: d.replace(day=1),
        "quarter": lambda d: d.replace(month=(d.month - 1) // 3 * 3 + 1, day=1),
        "year": lambda d: d.replace(month=1, day=1),
    }
    got, _, _ = apply(engine, values, "date", TruncateDate(column="x", to=to))
    assert got == [None if v is None else cut[to](v) for v in values]


@ENGINES
@given(values=st.lists(TEXTS, min_size=1, max_size=8))
def test_pseudonyms(engine: str, values: list[Any]) -> None:
    got, _, facts = apply(engine, values, "text", Pseudonymise(columns=("x",)))
    group = hashlib.sha256(b'["x"]').hexdigest()
    key = key_for(f"pseudonym/sha256:1/{group}")
    assert got == [None if v is None else hmac.new(key, v.encode(), "sha256").hexdigest()[:32] for v in values]
    assert facts.facts["values-replaced"] == sum(v is not None for v in values)


@ENGINES
@given(
    values=st.lists(TEXTS, min_size=1, max_size=8),
    other=st.dictionaries(TEXTS, INTEGERS, min_size=1, max_size=6),
)
def test_joined_columns(engine: str, values: list[Any], other: dict[Any, Any]) -> None:
    right = pa.table({"k": pa.array(list(other), pa.string()), "v": pa.array(list(other.values()), pa.int64())})
    step = Enrich(table=Table(file="o"), on="x", key="k", columns={"v": Column(role="quasi-identifier")}, keep_key=True)
    table = pa.table({"x": pa.array(values, pa.string())})
    done, facts = apply_step(load(engine, table), step, StepContext(tables={"o": load(engine, right)}))
    left = done.frame.collect("pyarrow").to_native()
    assert left.column("x").to_pylist() == values
    assert left.column("v").to_pylist() == [None if v is None else other.get(v) for v in values]
    matched = sum(v is not None and v in other for v in values)
    assert facts.facts["match-rate"] == matched / len(values)


@ENGINES
@given(values=st.lists(TEXTS, min_size=2, max_size=8).filter(lambda v: len({x for x in v if x is not None}) >= 2))
def test_randomised_response_stays_among_the_categories(engine: str, values: list[Any]) -> None:
    got, left, facts = apply(engine, values, "text", RandomisedResponse(column="x", epsilon=0.7))
    assert [v is None for v in got] == [v is None for v in values]
    assert set(got) <= {*values, None}
    assert left == list(range(len(values)))
    assert facts.facts["values-changed"] == sum(a != b for a, b in zip(values, got, strict=True))


@ENGINES
@given(values=st.lists(INTEGERS, min_size=1, max_size=8))
def test_noise_and_samples_keep_nulls_and_order(engine: str, values: list[Any]) -> None:
    got, left, _ = apply(engine, values, "integer", Noise(column="x", scale=2.0))
    assert [v is None for v in got] == [v is None for v in values]
    assert all(type(v) is int for v in got if v is not None)
    assert left == list(range(len(values)))
    sampled, left, _ = apply(engine, values, "integer", Sample(fraction=0.5))
    assert left == sorted(left)
    assert sampled == [values[i] for i in left]
