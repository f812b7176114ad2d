"""Each step by hand: what changes, what stays, what it says."""

from __future__ import annotations

import datetime as dt
import hashlib
import traceback
from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from jalousie.contract.model import (
    Clip,
    Column,
    DropColumns,
    DropRows,
    Enrich,
    Generalise,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    Table,
    TruncateDate,
)
from jalousie.errors import JalousieError
from jalousie.privacy.steps import StepContext, apply_step, apply_steps, columns_after
from jalousie.privacy.steps.stream import BATCH
from jalousie.tables import RawTable, from_frame

QI = Column(role="quasi-identifier")
PEOPLE = pa.table(
    {
        "id": ["a", "bä", None, "a"],
        "age": pa.array([7, -3, None, 12], pa.int16()),
        "score": [1.25, -2.5, None, 99.0],
        "paid": pa.array([Decimal("1.25"), None, Decimal("-3.10"), Decimal("0.25")], pa.decimal128(9, 2)),
        "day": [dt.date(2024, 5, 17), None, dt.date(2023, 12, 31), dt.date(2024, 1, 1)],
        "at": [dt.datetime(2024, 5, 17, 13, 5), None, dt.datetime(2023, 12, 31, 1, 59), dt.datetime(2024, 1, 1)],
        "member": [True, None, False, True],
        "area": ["1", "2", None, "9"],
    }
)
AREAS = pa.table({"code": ["2", "1", None], "income": [20, 10, 30], "note": ["x", None, "y"]})
JOIN = Enrich(table=Table(file="areas.csv"), on="area", key="code", columns={"income": QI, "note": QI})


def key_for(purpose: str) -> bytes:
    return hashlib.sha256(b"master" + purpose.encode()).digest()


@pytest.fixture(params=["duckdb", "polars"])
def load(request: pytest.FixtureRequest) -> Any:
    """A raw table on one of the engines."""
    return (lambda t: from_frame(pl.from_arrow(t))) if request.param == "polars" else from_frame


def rows(raw: RawTable) -> pa.Table:
    table = raw.frame.collect("pyarrow").to_native()
    assert table.num_rows == raw.rows
    return table


def column(raw: RawTable, name: str) -> list[Any]:
    return rows(raw).column(name).to_pylist()


def run(load: Any, step: Step, **context: Any) -> tuple[RawTable, dict[str, float]]:
    raw = load(PEOPLE)
    before = rows(raw)
    done, facts = apply_step(raw, step, StepContext(contract="sha256:1", key_for=key_for, **context))
    assert rows(raw).equals(before), "the table that was passed in must stay as it was"
    assert (facts.rows_before, facts.rows_after) == (raw.rows, done.rows)
    assert facts.sentence.endswith(".")
    touched = {getattr(step, "column", ""), *getattr(step, "columns", ()), getattr(step, "on", "")}
    if done.rows == raw.rows:
        for name in set(done.columns) - touched:
            assert rows(done).column(name).equals(before.column(name))
    return done, facts.facts


# -- scrub ---------------------------------------------------------------------------------------------------------------


def test_columns_are_dropped(load: Any) -> None:
    done, _ = run(load, DropColumns(columns=("id", "at")))
    assert done.columns == ("age", "score", "paid", "day", "member", "area")


@pytest.mark.parametrize(
    ("name", "when", "value", "kept"),
    [
        ("age", "is-null", None, [0, 1, 3]),
        ("age", "not-null", None, [2]),
        ("age", "below", 7, [0, 2, 3]),
        ("age", "above", 6.5, [1, 2]),
        ("age", "equals", 7, [1, 2, 3]),
        ("age", "not-equals", 7, [0, 2]),
        ("id", "equals", "bä", [0, 2, 3]),
        ("member", "equals", True, [1, 2]),
        ("day", "below", "2024-01-01", [0, 1, 3]),
        ("day", "equals", "2024-01-01", [0, 1, 2]),
        ("at", "above", "2024-01-01T00:00", [1, 2, 3]),
        ("paid", "above", 0.5, [1, 2, 3]),
    ],
)
def test_rows_are_dropped_by_rule(load: Any, name: str, when: Any, value: Any, kept: list[int]) -> None:
    done, facts = run(load, DropRows(column=name, when=when, value=value))
    assert rows(done).equals(rows(load(PEOPLE)).take(kept))
    assert facts["rows-dropped"] == 4 - len(kept)


@pytest.mark.parametrize(
    ("name", "when", "values", "kept"),
    [
        ("id", "in", ("a",), [1, 2]),
        ("id", "in", ("a", None), [1]),
        ("id", "not-in", ("a",), [0, 2, 3]),
        ("id", "not-in", ("a", None), [0, 2, 3]),
        ("id", "in", (None,), [0, 1, 3]),
        ("age", "in", (7, 12.0), [1, 2]),
        ("day", "not-in", ("2024-01-01",), [2 - 1, 2 + 1]),
    ],
)
def test_rows_are_dropped_by_list(load: Any, name: str, when: Any, values: Any, kept: list[int]) -> None:
    done, _ = run(load, DropRows(column=name, when=when, values=values))
    assert rows(done).equals(rows(load(PEOPLE)).take(kept))


# -- enrich --------------------------------------------------------------------------------------------------------------


def test_columns_are_joined_in_place(load: Any) -> None:
    done, facts = run(load, JOIN, tables={"areas.csv": load(AREAS)})
    assert done.columns[-2:] == ("income", "note")
    assert "area" not in done.columns
    assert column(done, "income") == [10, 20, None, None]
    assert column(done, "note") == [None, "x", None, None]
    assert facts == {"match-rate": 0.5, "rows-matched": 2, "keys": 2}


def test_tables_of_two_engines_can_be_joined(load: Any) -> None:
    other = from_frame(AREAS), from_frame(pl.from_arrow(AREAS))
    for areas in other:
        done, _ = run(load, JOIN, tables={"areas.csv": areas})
        assert column(done, "income") == [10, 20, None, None]


def test_the_key_can_stay(load: Any) -> None:
    step = Enrich(table=Table(file="areas.csv"), on="area", key="code", columns={"income": QI}, keep_key=True)
    done, _ = run(load, step, tables={"areas.csv": load(AREAS)})
    assert column(done, "area") == ["1", "2", None, "9"]


def test_many_rows_keep_their_order(load: Any) -> None:
    """More than two batches, so that batches in the wrong order, or a parallel join, would show."""
    n = 2 * BATCH + 17
    raw = load(pa.table({"i": list(range(n)), "k": [(i * 7919) % 1000 for i in range(n)]}))
    other = load(pa.table({"k": list(range(999, -1, -2)), "v": list(range(999, -1, -2))}))
    step = Enrich(table=Table(file="o"), on="k", columns={"v": QI}, keep_key=True)
    table = rows(apply_step(raw, step, StepContext(tables={"o": other}))[0])
    assert table.column("i").to_pylist() == list(range(n))
    assert table.column("v").to_pylist() == [k if k % 2 else None for k in table.column("k").to_pylist()]


# -- numbers and dates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("age", 5, [5, -5, None, 10]),
        ("age", 2, [8, -2, None, 12]),  # halves go up
        ("score", 0.1, [1.3, -2.5, None, 99.0]),
        ("score", 2, [2.0, -2.0, None, 100.0]),
        ("paid", 0.5, [Decimal("1.50"), None, Decimal("-3.00"), Decimal("0.50")]),
    ],
)
def test_numbers_are_rounded(load: Any, name: str, to: float, expected: list[Any]) -> None:
    done, facts = run(load, Round(column=name, to=to))
    assert column(done, name) == expected
    assert done.schema[name] == load(PEOPLE).schema[name]
    old = PEOPLE.column(name).to_pylist()
    assert facts["values-changed"] == sum(a != b for a, b in zip(old, expected, strict=True))


def test_a_rounded_tenth_is_the_nearest_double(load: Any) -> None:
    raw = load(pa.table({"x": [0.31, 0.69, 1.07]}))
    assert column(apply_step(raw, Round(column="x", to=0.1), StepContext())[0], "x") == [0.3, 0.7, 1.1]


@pytest.mark.parametrize(
    ("name", "low", "high", "expected", "below", "above"),
    [
        ("age", 0, 10, [7, 0, None, 10], 1, 1),
        ("age", 0.5, None, [7, 1, None, 12], 1, 0),
        ("age", None, 11.9, [7, -3, None, 11], 0, 1),
        ("age", -1e9, 1e9, [7, -3, None, 12], 0, 0),
        ("score", -1.5, 2.5, [1.25, -1.5, None, 2.5], 1, 1),
        ("paid", 0, 1, [Decimal("1.00"), None, Decimal("0.00"), Decimal("0.25")], 1, 1),
        ("paid", 0.001, 0.999, [Decimal("0.99"), None, Decimal("0.01"), Decimal("0.25")], 1, 1),
    ],
)
def test_numbers_are_clipped(
    load: Any, name: str, low: float | None, high: float | None, expected: list[Any], below: int, above: int
) -> None:
    done, facts = run(load, Clip(column=name, low=low, high=high))
    assert column(done, name) == expected
    assert done.schema[name] == load(PEOPLE).schema[name]
    assert facts == {"values-below": below, "values-above": above}


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("day", ["2024-05-17", "2023-12-31", "2024-01-01"]),
        ("week", ["2024-05-13", "2023-12-25", "2024-01-01"]),
        ("month", ["2024-05-01", "2023-12-01", "2024-01-01"]),
        ("quarter", ["2024-04-01", "2023-10-01", "2024-01-01"]),
        ("year", ["2024-01-01", "2023-01-01", "2024-01-01"]),
    ],
)
def test_dates_are_cut(load: Any, to: Any, expected: list[str]) -> None:
    done, _ = run(load, TruncateDate(column="day", to=to))
    assert [d and d.isoformat() for d in column(done, "day")] == [expected[0], None, *expected[1:]]
    times, _ = run(load, TruncateDate(column="at", to=to))
    assert [t and t.isoformat() for t in column(times, "at")] == [
        f"{expected[0]}T00:00:00",
        None,
        *(f"{e}T00:00:00" for e in expected[1:]),
    ]


def test_times_are_cut_to_the_hour(load: Any) -> None:
    done, facts = run(load, TruncateDate(column="at", to="hour"))
    assert column(done, "at")[0] == dt.datetime(2024, 5, 17, 13)
    assert facts["values-changed"] == 2


# -- pseudonyms ----------------------------------------------------------------------------------------------------------


def test_pseudonyms_follow_the_value(load: Any) -> None:
    done, facts = run(load, Pseudonymise(columns=("id", "age")))
    ids = column(done, "id")
    assert ids[0] == ids[3] != ids[1]
    assert ids[2] is None
    assert all(len(v) == 32 and set(v) <= set("0123456789abcdef") for v in ids if v)
    assert facts["values-replaced"] == 6
    assert column(done, "id") == column(run(load, Pseudonymise(columns=("age", "id")))[0], "id")


def test_one_value_has_one_pseudonym_in_every_column_of_a_step(load: Any) -> None:
    raw = load(pa.table({"a": ["7", "8"], "b": [8, 7], "c": [7.0, 7.5], "d": ["7", "7.5"]}))
    done, _ = apply_step(raw, Pseudonymise(columns=("a", "b", "c")), StepContext("sha256:1", key_for))
    a, b, c = (column(done, n) for n in "abc")
    assert a == b[::-1]
    assert c[0] == a[0]
    # another step has another key, though column and value are the same
    alone, _ = apply_step(raw, Pseudonymise(columns=("a",)), StepContext("sha256:1", key_for))
    assert not set(column(alone, "a")) & set(a)


def test_engines_agree_on_pseudonyms() -> None:
    step, context = Pseudonymise(columns=tuple(PEOPLE.column_names)), StepContext("sha256:1", key_for)
    one, _ = apply_step(from_frame(PEOPLE), step, context)
    two, _ = apply_step(from_frame(pl.from_arrow(PEOPLE)), step, context)
    assert rows(one).to_pylist() == rows(two).to_pylist()


# -- randomness ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
@pytest.mark.parametrize("name", ["age", "score", "paid"])
def test_noise_keeps_nulls_and_kind(load: Any, distribution: Any, name: str) -> None:
    done, facts = run(load, Noise(column=name, scale=4.0, distribution=distribution))
    old, new = PEOPLE.column(name).to_pylist(), column(done, name)
    assert [v is None for v in old] == [v is None for v in new]
    assert {type(v) for v in new if v is not None} == {type(v) for v in old if v is not None}
    assert facts["values"] == 3
    # read twice, the same noise: the result is stored
    assert column(done, name) == new


@pytest.mark.parametrize(
    ("kind", "distribution", "spread"),
    [("int", "laplace", 3 * 2**0.5), ("float", "laplace", 3 * 2**0.5), ("int", "gaussian", 3.0)],
)
def test_noise_has_its_scale(kind: str, distribution: Any, spread: float) -> None:
    n = 4000
    raw = from_frame(pa.table({"x": pa.array([10] * n, pa.int64() if kind == "int" else pa.float64())}))
    done, _ = apply_step(raw, Noise(column="x", scale=3.0, distribution=distribution), StepContext())
    values = column(done, "x")
    mean = sum(values) / n
    # six standard errors; those of the spread are for the heavier tail
    assert abs(mean - 10) < 6 * spread / n**0.5
    assert abs((sum((v - mean) ** 2 for v in values) / n) ** 0.5 - spread) < 6 * spread * (5 / 4 / n) ** 0.5


def test_noise_promises_only_what_was_bounded(load: Any) -> None:
    raw = load(PEOPLE)
    bare = apply_step(raw, Noise(column="age", scale=5.0), StepContext())[1]
    assert "epsilon-per-value" not in bare.facts
    assert "nothing is promised" in bare.caveat
    for name in ("age", "score", "paid"):
        steps = (Clip(column=name, low=0, high=10), Noise(column=name, scale=5.0))
        _, (_, facts), context = apply_steps(raw, steps, StepContext())
        assert facts.facts["epsilon-per-value"] == pytest.approx(2.0, rel=1e-6)
        assert name not in context.bounds
    gauss = (Clip(column="age", low=0, high=10), Noise(column="age", scale=5.0, distribution="gaussian"))
    assert apply_steps(raw, gauss, StepContext())[1][1].facts["rho-per-value"] == pytest.approx(2.0, rel=1e-6)
    one_sided = (Clip(column="age", low=0), Noise(column="age", scale=5.0))
    assert "epsilon-per-value" not in apply_steps(raw, one_sided, StepContext())[1][1].facts


def test_randomised_response_keeps_with_its_probability() -> None:
    n = 3000
    raw = from_frame(pa.table({"c": ["x"] * n}))
    done, facts = apply_step(
        raw, RandomisedResponse(column="c", epsilon=1.0, categories=("x", "y", "z")), StepContext()
    )
    seen = Counter(column(done, "c"))
    keep = 2.718281828 / (2.718281828 + 2)
    assert facts.facts["keep-probability"] == pytest.approx(keep)
    assert facts.facts["epsilon"] == pytest.approx(1.0)
    assert facts.facts["values-changed"] == n - seen["x"]
    for category, p in (("x", keep), ("y", (1 - keep) / 2), ("z", (1 - keep) / 2)):
        assert abs(seen[category] - n * p) < 6 * (n * p * (1 - p)) ** 0.5


@pytest.mark.parametrize("epsilon", [1e-9, 700.0, 5000.0])
def test_extreme_epsilons_give_finite_figures(load: Any, epsilon: float) -> None:
    _, facts = run(load, RandomisedResponse(column="id", epsilon=epsilon))
    assert 0 <= facts["epsilon"] < 100
    assert 0.5 <= facts["keep-probability"] < 1


@pytest.mark.parametrize(
    ("name", "categories"),
    [("id", ()), ("member", ()), ("age", ("7", "-3", "12", "40")), ("member", ("true", "false"))],
)
def test_randomised_response_keeps_nulls_and_type(load: Any, name: str, categories: tuple[str, ...]) -> None:
    done, _ = run(load, RandomisedResponse(column=name, epsilon=0.5, categories=categories))
    assert done.schema[name] == load(PEOPLE).schema[name]
    old, new = PEOPLE.column(name).to_pylist(), column(done, name)
    assert [v is None for v in old] == [v is None for v in new]
    allowed = {int(c) for c in categories} if name == "age" else set(old) | {None}
    assert {v for v in new if v is not None} <= allowed


def test_a_sample_is_part_of_the_rows_in_order(load: Any) -> None:
    n = BATCH + 1000
    raw = load(pa.table({"i": list(range(n))}))
    done, facts = apply_step(raw, Sample(fraction=0.25), StepContext())
    kept = column(done, "i")
    assert kept == sorted(set(kept))
    assert abs(len(kept) - n / 4) < 6 * (n * 0.25 * 0.75) ** 0.5
    assert facts.facts["rows-dropped"] == n - len(kept)
    assert column(done, "i") == kept, "read twice, the same rows"
    again, _ = apply_step(raw, Sample(fraction=0.25), StepContext())
    assert column(again, "i") != kept, "no seed: another draw keeps other rows"
    whole, _ = apply_step(raw, Sample(fraction=1.0), StepContext())
    assert whole.rows == n


# -- all together --------------------------------------------------------------------------------------------------------


def test_every_step_takes_a_table_without_rows(load: Any) -> None:
    empty, _ = apply_step(load(PEOPLE), DropRows(column="age", when="above", value=-100), StepContext())
    empty, _ = apply_step(empty, DropRows(column="age", when="is-null"), StepContext())
    assert empty.rows == 0
    context = StepContext("sha256:1", key_for, tables={"areas.csv": load(AREAS)})
    for step in (
        DropColumns(columns=("id",)),
        DropRows(column="age", when="is-null"),
        JOIN,
        Pseudonymise(columns=("id",)),
        Round(column="paid", to=0.5),
        Clip(column="age", low=0),
        TruncateDate(column="at", to="week"),
        Noise(column="score", scale=1.0),
        RandomisedResponse(column="id", epsilon=1.0, categories=("a", "b")),
        RandomisedResponse(column="id", epsilon=1.0),
        Sample(fraction=0.5),
    ):
        done, facts = apply_step(empty, step, context)
        assert rows(done).num_rows == facts.rows_after == 0
        assert ("income" in done.columns) == (step is JOIN)


def test_the_engines_own_types_survive() -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TYPE mood AS ENUM ('low', 'high')")
    relation = connection.sql(
        "SELECT 'low'::mood AS m, uuid() AS u, i::HUGEINT AS h, [i] AS l, 'k' AS id FROM range(5) t(i)"
    )
    raw = from_frame(relation)
    before = raw.frame.to_native().types
    done, _ = apply_step(raw, Pseudonymise(columns=("id",)), StepContext("sha256:1", key_for))
    assert done.frame.to_native().types == before
    assert (
        done.frame.to_native().project("m, u, h, l").fetchall()
        == raw.frame.to_native().project("m, u, h, l").fetchall()
    )


def test_categories_of_polars_survive() -> None:
    frame = pl.DataFrame({"c": pl.Series(["a", "b", "a"], dtype=pl.Categorical), "id": ["x", "y", "z"]})
    done, _ = apply_step(from_frame(frame), Pseudonymise(columns=("id",)), StepContext("sha256:1", key_for))
    assert done.schema["c"] == from_frame(frame).schema["c"]
    dropped, _ = apply_step(from_frame(frame), DropRows(column="c", when="equals", value="a"), StepContext())
    assert column(dropped, "c") == ["b"]


def test_columns_after_follow_the_steps() -> None:
    columns = {"id": Column(role="identifier", type="integer"), "area": QI, "x": Column(role="plain")}
    after = columns_after(columns, (Pseudonymise(columns=("id",)), JOIN, DropColumns(columns=("x",))))
    assert list(after) == ["id", "income", "note"]
    assert after["id"].type == "text"
    assert columns["id"].type == "integer"


# -- bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (DropColumns(columns=("nobody",)), "T260"),
        (DropColumns(columns=tuple(PEOPLE.column_names)), "P424"),
        (DropRows(column="agee", when="is-null"), "T260"),
        (DropRows(column="age", when="equals"), "P424"),
        (DropRows(column="age", when="in"), "P424"),
        (DropRows(column="age", when="equals", value="CANARY-7731"), "T261"),
        (DropRows(column="age", when="equals", value=True), "T261"),
        (DropRows(column="id", when="below", value="CANARY-7731"), "T261"),
        (DropRows(column="day", when="below", value="CANARY-7731"), "T261"),
        (DropRows(column="at", when="below", value="2024-01-01T00:00+01:00"), "T261"),
        (Round(column="id", to=5), "T261"),
        (Round(column="member", to=5), "T261"),
        (Round(column="age", to=0.5), "T261"),
        (Round(column="paid", to=0.125), "T261"),
        (Clip(column="id", low=0), "T261"),
        (Clip(column="age"), "P424"),
        (Clip(column="age", low=3, high=2), "P424"),
        (Clip(column="age", low=0.2, high=0.8), "P424"),
        (Clip(column="age", low=1e6), "T261"),
        (TruncateDate(column="id", to="year"), "T261"),
        (TruncateDate(column="day", to="hour"), "T261"),
        (Noise(column="day", scale=1.0), "T261"),
        (RandomisedResponse(column="score", epsilon=1.0), "T261"),
        (RandomisedResponse(column="id", epsilon=1.0, categories=("a",)), "P424"),
        (RandomisedResponse(column="id", epsilon=1.0, categories=("a", "b")), "T263"),
        (JOIN, "P423"),
        (Generalise(), "X900"),
    ],
)
def test_bad_steps_are_refused(load: Any, step: Step, code: str) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(load(PEOPLE), step, StepContext("sha256:1", key_for))
    assert error.value.code == code
    assert "CANARY" not in str(error.value)


def test_a_rules_value_of_another_type_is_said_in_words(load: Any) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(load(PEOPLE), DropRows(column="age", when="equals", value="x"), StepContext())
    assert error.value.message == 'step drop-rows: column "age" and the rule\'s value are not of one type'


@pytest.mark.parametrize(
    ("other", "columns", "code"),
    [
        ({"code": ["1", "1"], "income": [1, 2]}, ("income",), "T262"),
        ({"code": [1, 2], "income": [1, 2]}, ("income",), "T261"),
        ({"code": [1.0, 2.0], "income": [1, 2]}, ("income",), "T261"),
        ({"code": ["1"], "income": [1]}, ("incom",), "T260"),
        ({"kode": ["1"], "income": [1]}, ("income",), "T260"),
        ({"code": ["1"], "age": [1]}, ("age",), "T264"),
        ({"code": ["1"], "AGE": [1]}, ("AGE",), "T264"),
        ({"code": ["1"], "area": [1]}, ("area",), "T264"),
    ],
)
def test_tables_that_cannot_be_joined(
    load: Any, other: dict[str, list[Any]], columns: tuple[str, ...], code: str
) -> None:
    step = Enrich(table=Table(file="x"), on="area", key="code", columns=dict.fromkeys(columns, QI))
    with pytest.raises(JalousieError) as error:
        apply_step(load(PEOPLE), step, StepContext(tables={"x": load(pa.table(other))}))
    assert error.value.code == code


def test_one_row_that_repeats_a_key_is_said_as_one(load: Any) -> None:
    step = Enrich(table=Table(file="x"), on="area", key="code", columns={"income": QI})
    other = load(pa.table({"code": ["1", "1"], "income": [1, 2]}))
    with pytest.raises(JalousieError) as error:
        apply_step(load(PEOPLE), step, StepContext(tables={"x": other}))
    assert "1 row repeats a key" in error.value.message


@pytest.mark.parametrize(
    "context",
    [StepContext(), StepContext("sha256:1"), StepContext("sha256:1", lambda _: b"short"), StepContext("", key_for)],
)
def test_no_pseudonyms_without_a_proper_key(load: Any, context: StepContext) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(load(PEOPLE), Pseudonymise(columns=("id",)), context)
    assert error.value.code == "P422"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_noise_refuses_what_is_not_a_number(load: Any, bad: float) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(load(pa.table({"x": [1.0, bad]})), Noise(column="x", scale=1.0), StepContext())
    assert error.value.code == "T263"


def test_noise_on_numbers_beyond_its_own_says_why(load: Any) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(
            load(pa.table({"x": pa.array([2**63, 1], pa.uint64())})), Noise(column="x", scale=1.0), StepContext()
        )
    assert error.value.code == "T263"
    assert "below 2^63" in str(error.value)


def test_a_step_that_fails_half_way_leaves_nothing_behind() -> None:
    """A number that has no noise stands in the last of three batches."""
    raw = from_frame(pa.table({"x": pa.chunked_array([[None] * (2 * BATCH), [float("inf")]], pa.float64())}))
    before = raw.engine.run("SELECT table_name FROM duckdb_tables()")
    with pytest.raises(JalousieError) as error:
        apply_step(raw, Noise(column="x", scale=1.0), StepContext())
    assert error.value.code == "T263"
    assert raw.engine.run("SELECT table_name FROM duckdb_tables()") == before
    assert rows(raw).num_rows == 2 * BATCH + 1, "the table can still be read"


def test_columns_without_a_value_stay_so(load: Any) -> None:
    raw = load(pa.table({"x": pa.array([None, None], pa.string()), "n": pa.array([None, None], pa.int64())}))
    for step in (
        Pseudonymise(columns=("x", "n")),
        Noise(column="n", scale=1.0),
        Round(column="n", to=2),
        RandomisedResponse(column="x", epsilon=1.0, categories=("a", "b")),
    ):
        done, _ = apply_step(raw, step, StepContext("sha256:1", key_for))
        assert column(done, "x") == column(done, "n") == [None, None]
    bare = from_frame(pl.DataFrame({"x": [None, None]}))
    assert (
        column(apply_step(bare, Pseudonymise(columns=("x",)), StepContext("sha256:1", key_for))[0], "x") == [None] * 2
    )


def test_moments_have_one_pseudonym_in_every_time_zone() -> None:
    utc = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    one = pa.array([utc], pa.timestamp("us", "UTC"))
    raw = pl.from_arrow(pa.table({"a": one, "b": one.cast(pa.timestamp("us", "Europe/Brussels"))}))
    done, _ = apply_step(from_frame(raw), Pseudonymise(columns=("a", "b")), StepContext("sha256:1", key_for))
    assert column(done, "a") == column(done, "b")


def test_durations_have_no_pseudonym(load: Any) -> None:
    raw = load(pa.table({"x": pa.array([dt.timedelta(days=1)], pa.duration("us"))}))
    with pytest.raises(JalousieError) as error:
        apply_step(raw, Pseudonymise(columns=("x",)), StepContext("sha256:1", key_for))
    assert error.value.code == "T261"


def test_lists_have_no_pseudonym(load: Any) -> None:
    with pytest.raises(JalousieError) as error:
        apply_step(load(pa.table({"x": [[1], [2]]})), Pseudonymise(columns=("x",)), StepContext("sha256:1", key_for))
    assert error.value.code == "T261"


def test_a_multiple_beyond_the_type_is_told_without_the_cell(load: Any) -> None:
    raw = load(pa.table({"x": pa.array([127], pa.int8())}))
    with pytest.raises(JalousieError) as error:
        apply_step(raw, Round(column="x", to=10), StepContext())
    assert error.value.code == "T263"
    shown = "".join(traceback.format_exception(error.value))
    assert "out of range" not in shown
    assert "127" not in shown
    assert "130" not in shown
