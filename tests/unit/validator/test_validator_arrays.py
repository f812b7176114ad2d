"""Arrays, lists and columns of other libraries as labels in one process: what is one of each, and what is told instead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jalousie.architectures.ask import LocalValidator
from jalousie.architectures.records import array_records
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.match import LabelColumn
from sealed_ground import pseudonyms

N = 30
NUMBER = Feedback(identifier="id", labels={"z": Label(column="z", kind="number", low=0.0, high=100.0)})
VALUES = [float(value) for value in range(N - 1)]


def read(values: Any, **other: Any) -> LabelColumn:
    return array_records({"z": values}, NUMBER, pseudonyms(N), **other).labels["z"]


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ValidatorError) as caught:
        act()
    assert caught.value.__cause__ is None
    assert "CANARY" not in caught.value.local_text()
    return caught.value.code


@pytest.mark.parametrize(
    "values",
    [
        [*VALUES, None],
        np.array([*VALUES, np.nan]),
        [Decimal(int(value)) for value in VALUES] + [None],
        pd.Series([*VALUES, None]),
        pd.Series([*VALUES, None], dtype="Float64"),
        pd.Series([*VALUES, None], dtype="Int64"),
        pd.array([*VALUES, None], dtype="Float64"),
        pl.Series([*VALUES, None]),
        pl.Series([int(value) for value in VALUES] + [None]),
    ],
    ids=lambda values: f"{type(values).__name__}-{getattr(values, 'dtype', '')}",
)
def test_numbers_and_their_nulls_are_read_whatever_holds_them(values: Any) -> None:
    column = read(values)
    assert column.values[:-1].tolist() == VALUES
    assert column.present.tolist() == [True] * (N - 1) + [False]


@pytest.mark.parametrize(
    "values",
    [
        ["CANARY"] * N,
        [dt.date(2020, 1, 1)] * N,
        np.full(N, "2020-01-01", "M8[D]"),
        np.full(N, "NaT", "M8[ns]"),
        np.full(N, 5, "m8[s]"),
        np.full(N, 1 + 1j),
        [10**400] * N,
        [[1.0, 2.0]] * N,
        np.zeros((N, 1)),
        pd.DataFrame({"z": np.zeros(N)}),
        VALUES,
        [*VALUES, 1.0, 2.0],
        [],
    ],
    ids=lambda values: type(values).__name__,
)
def test_what_is_not_a_number_for_each_record_is_told_and_not_quoted(values: Any) -> None:
    assert refusal(lambda: read(values)) == "V212"


@pytest.mark.parametrize("present", [[True] * (N - 1), np.ones(N + 1, bool), np.arange(N), [0, 5, 7]])
def test_presence_is_one_truth_value_for_each_record(present: Any) -> None:
    """Numbers of records, or too short a mask, would say that all others are absent."""
    assert refusal(lambda: read(np.zeros(N), present=present)) == "V212"


@pytest.mark.parametrize("present", [[True, False] * 15, pd.Series([True, False] * 15), pl.Series([True, False] * 15)])
def test_presence_may_be_a_list_or_a_column(present: Any) -> None:
    assert len(read(np.arange(N), present=present).values) == 15


@pytest.mark.parametrize("names", [np.zeros((N, 8), np.uint8), np.zeros((N, 16), np.int64), np.zeros(N, np.uint8)])
def test_pseudonyms_of_another_form_are_told(names: Any) -> None:
    assert refusal(lambda: LocalValidator.from_arrays({"z": np.zeros(N)}, NUMBER, names)) == "V211"


def test_no_labels_at_all_are_told() -> None:
    assert refusal(lambda: LocalValidator.from_arrays({}, NUMBER)) == "V212"
