"""Cells that Python, Arrow and a release write differently: short masked values, times, time zones, huge numbers."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from jalousie.learning import ColumnSpace, GeneralisedEncoder
from jalousie.learning.spaces import Match

BRUSSELS = ZoneInfo("Europe/Brussels")


@pytest.mark.parametrize(("match", "label", "raw"), [("mask-left", "****31", "1231"), ("mask-right", "12****", "123")])
def test_a_value_shorter_than_the_mask_finds_its_label(match: Match, label: str, raw: str) -> None:
    space = ColumnSpace(name="zip", kind="categorical", values=(label, "other!"), match=match, mark="*")
    encoder = GeneralisedEncoder((space,), cells="shares").fit(pd.DataFrame({"zip": [label]}))
    found = encoder.transform(pd.DataFrame({"zip": [label, raw, raw * 3]}))
    assert found.tolist() == [[1, 0], [1, 0], [0, 0]]


def test_a_time_is_read_as_releases_write_it() -> None:
    values = ("2024-01-01T01:02:03.5", "2024-03-31T00:30:00Z")
    moments = [dt.datetime(2024, 1, 1, 1, 2, 3, 500_000), dt.datetime(2024, 3, 31, 1, 30, tzinfo=BRUSSELS)]
    for value, moment in zip(values, moments, strict=True):
        space = ColumnSpace(name="at", kind="categorical", values=(value, "never"))
        encoder = GeneralisedEncoder((space,), cells="shares").fit(pd.DataFrame({"at": [value]}))
        assert encoder.transform(pd.DataFrame({"at": pd.Series([moment])})).tolist() == [[1, 0]]


def test_a_time_zone_does_not_shift_a_moment() -> None:
    space = ColumnSpace(name="at", kind="date", labels=("2024-03-31",), bounds=((19813, 19814),), whole=False)
    encoder = GeneralisedEncoder((space,), cells="midpoints").fit(pd.DataFrame({"at": ["2024-03-31"]}))
    moment = pd.Series([dt.datetime(2024, 3, 31, 1, 0, tzinfo=BRUSSELS)])  # midnight in UTC
    assert encoder.transform(pd.DataFrame({"at": moment})).tolist() == [[19813]]


def test_numbers_beyond_single_precision_stay_finite() -> None:
    frame = pd.DataFrame({"wealth": [1e300, -1e300, 1.0], "age": ["[20, 40)", "1e300", "30"]})
    space = ColumnSpace(name="age", kind="number", labels=("[20, 40)",), bounds=((20, 40),), whole=False)
    matrix, _ = GeneralisedEncoder((space,)).fit_resample(frame, np.zeros(3))
    assert np.isfinite(matrix).all()
    assert GeneralisedEncoder((space,)).fit(frame).transform(frame)[0, 0] > 1e38
