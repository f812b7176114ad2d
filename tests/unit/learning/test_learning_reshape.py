"""The encoder does to a raw cell what the steps did to the column, and leaves labels as they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.model import Clip, Round, TruncateDate
from jalousie.learning import ColumnSpace
from jalousie.learning.encoder import GeneralisedEncoder
from jalousie.learning.frames import cell_text
from jalousie.learning.reshape import Rule, reshaped, rules_of
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps import StepContext, apply_steps
from jalousie.tables import from_frame
from jalousie.tables.rows import raw_rows

WHOLE = st.integers(-10_000, 10_000)
CASES: dict[str, tuple[Any, st.SearchStrategy[Any], tuple[Rule, ...]]] = {
    "round whole numbers": (pa.int64(), WHOLE, (Round(column="x", to=7),)),
    "round to tenths": (pa.float64(), st.floats(-1000, 1000), (Round(column="x", to=0.1),)),
    "round decimals": (
        pa.decimal128(9, 2),
        WHOLE.map(lambda n: Decimal(n) / 100),
        (Round(column="x", to=0.25),),
    ),
    "clip, then round": (pa.int64(), WHOLE, (Clip(column="x", low=-55.5, high=700), Round(column="x", to=50))),
    "round, then clip": (pa.int64(), WHOLE, (Round(column="x", to=50), Clip(column="x", high=75))),
    **{
        f"cut to the {period}": (
            pa.timestamp("us"),
            st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2050, 1, 1)),
            (TruncateDate(column="x", to=period),),
        )
        for period in ("hour", "day", "week", "month", "quarter", "year")
    },
    "cut a day": (
        pa.date32(),
        st.dates(dt.date(1950, 1, 1), dt.date(2050, 1, 1)),
        (TruncateDate(column="x", to="week"),),
    ),
}


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_a_cell_becomes_what_the_steps_made_of_it(case: str, data: st.DataObject) -> None:
    kind, values, steps = CASES[case]
    cells = data.draw(st.lists(values, min_size=1, max_size=8))
    raw = from_frame(pa.table({"x": pa.array(cells, kind)}))
    done, facts, _ = apply_steps(raw, steps, StepContext())
    rules = rules_of(facts)
    texts = [cell_text(cell) for cell in raw_rows(raw)["x"].to_list()]
    wanted = [cell_text(cell) for cell in raw_rows(done)["x"].to_list()]
    for text, want in zip(texts, wanted, strict=True):
        found = reshaped(text, rules)
        assert same(found, want)
        assert same(reshaped(want, rules), want)  # done twice is done once


def same(one: str | None, other: str | None) -> bool:
    try:
        return float(one or "nan") == pytest.approx(float(other or "nan"), rel=1e-12)
    except ValueError:
        return one == other


@pytest.mark.parametrize("label", ["[20, 40)", "*", "{20, 30}", "Higher education", "", None, "nan", "inf"])
def test_what_is_no_number_and_no_date_is_left_as_it_is(label: str | None) -> None:
    rules = (Round(column="x", to=50), Clip(column="x", low=1), TruncateDate(column="x", to="year"))
    assert reshaped(label, rules) == label


def test_a_multiple_too_small_for_a_number_changes_nothing() -> None:
    assert reshaped("17", (Round(column="x", to=5e-324),)) == "17"


def test_what_came_before_noise_or_a_join_is_no_more_done() -> None:
    def said(step: str, rule: Rule | None = None) -> StepFacts:
        return StepFacts(step=step, columns=("x",), sentence="", rows_before=1, rows_after=1, rule=rule)

    first, last = Round(column="x", to=5), Clip(column="x", low=0)
    assert rules_of([said("round", first), said("sample"), said("clip", last)]) == (first, last)
    for step in ("noise", "randomised-response", "pseudonymise", "enrich", "drop-columns"):
        assert rules_of([said("round", first), said(step), said("clip", last)]) == (last,)


def test_a_raw_row_and_its_rounded_twin_have_the_same_features() -> None:
    space = ColumnSpace(name="x", kind="number", labels=("[0, 100)",), bounds=((0, 100),), whole=True)
    release = pd.DataFrame({"x": ["50", "[0, 100)", "0"], "y": [50, 100, 0]})
    steps = (Round(column="x", to=50), Round(column="y", to=50))
    encoder = GeneralisedEncoder((space,), steps=steps).fit(release)
    raw = pd.DataFrame({"x": [27, 20, 99], "y": [27, 20, 99]})
    assert np.array_equal(
        encoder.transform(raw), encoder.transform(pd.DataFrame({"x": [50, 0, 100], "y": [50, 0, 100]}))
    )
