"""The encoder: raw and generalised cells in one space, any data frame, and scikit-learn's own rules."""

from __future__ import annotations

import datetime as dt
import pickle
import traceback
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from jalousie.errors import UsageError
from jalousie.learning import ColumnSpace, GeneralisedEncoder

AGE = ColumnSpace(name="age", kind="number", labels=("[20, 40)", ">= 60"), bounds=((20, 40), (60, None)), whole=True)
SCHOOL = ColumnSpace(
    name="school",
    kind="categorical",
    values=("9th", "10th", "Bachelors", "Masters"),
    labels=("School", "Higher"),
    covers=((0, 1), (2, 3)),
)
SPACES = (AGE, SCHOOL)
RELEASE = {
    "age": ["[20, 40)", "[20, 40)", "50", ">= 60", "*"],
    "school": ["School", "Masters", "Higher", "*", "9th"],
    "hours": [40.0, None, 20.0, 10.0, 60.0],
    "sex": ["F", "M", "F", None, "M"],
}
RAW: dict[str, list[Any]] = {"age": [27, 63], "school": ["Masters", "12th"], "hours": [1.0, 2.0], "sex": ["M", "X"]}


def columns(encoder: GeneralisedEncoder, matrix: Any) -> dict[str, list[float]]:
    return {name: matrix[:, i].tolist() for i, name in enumerate(encoder.get_feature_names_out())}


def test_generalised_and_raw_cells_share_one_space() -> None:
    encoder = GeneralisedEncoder(SPACES, cells="midpoints").fit(pd.DataFrame(RELEASE))
    release = columns(encoder, encoder.transform(pd.DataFrame(RELEASE)))
    raw = columns(encoder, encoder.transform(pd.DataFrame(RAW)))
    assert release["age"][0] == pytest.approx(29.5)  # the mean of 20, 21, ..., 39
    assert release["age"][2] == 50
    assert release["school=9th"] == pytest.approx([0.5, 0, 0, 0.25, 1])
    assert release["school=Masters"] == pytest.approx([0, 1, 0.5, 0.25, 0])
    assert raw["age"] == [27, 63]
    assert raw["school=Masters"] == [1, 0]
    assert [raw[f"school={value}"][1] for value in SCHOOL.values] == [0, 0, 0, 0]  # 12th is unknown
    assert raw["hours"] == [1, 2]
    assert raw["sex=M"] == [1, 0]
    assert np.isnan(release["hours"][1])
    assert release["sex=<null>"] == [0, 0, 0, 1, 0]


def test_shares_give_low_and_high_too() -> None:
    encoder = GeneralisedEncoder((AGE,), cells="shares").fit(pd.DataFrame({"age": RELEASE["age"]}))
    found = columns(encoder, encoder.transform(pd.DataFrame({"age": ["[20, 40)", "33"]})))
    assert found == {"age": [pytest.approx(29.5), 33], "age low": [20, 33], "age high": [39, 33]}


def test_draws_stay_inside_their_cell_and_differ() -> None:
    frame = pd.DataFrame({"age": ["[20, 40)"] * 200 + ["50"] * 10, "school": ["School"] * 210})
    encoder = GeneralisedEncoder(SPACES, draws=3)
    matrix, target = encoder.fit_resample(frame, np.arange(210))
    found = columns(encoder, matrix)
    assert matrix.shape[0] == 630
    assert target.tolist() == list(range(210)) * 3
    ages = np.array(found["age"]).reshape(3, 210)
    assert ages[:, :200].min() >= 20
    assert ages[:, :200].max() <= 39
    assert len(np.unique(ages[:, :200])) == 20
    assert (ages[:, 200:] == 50).all()
    drawn = np.array([found[f"school={value}"] for value in SCHOOL.values])
    assert (drawn.sum(axis=0) == 1).all()
    assert drawn[:2].sum(axis=1).tolist() == [315, 315]  # stratified: evenly spread
    assert drawn[2:].sum() == 0


def test_transform_never_draws() -> None:
    frame = pd.DataFrame(RELEASE)
    encoder = GeneralisedEncoder(SPACES).fit(frame)
    assert np.array_equal(encoder.transform(frame), encoder.transform(frame), equal_nan=True)
    expected = GeneralisedEncoder(SPACES, cells="midpoints").fit(frame).transform(frame)
    assert np.array_equal(encoder.transform(frame), expected, equal_nan=True)


def test_draws_follow_the_seed() -> None:
    frame = pd.DataFrame(RELEASE)
    first, again, other = (GeneralisedEncoder(SPACES, random_state=seed).fit_transform(frame) for seed in (1, 1, 2))
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)


@pytest.mark.parametrize(
    "make",
    [pd.DataFrame, pl.DataFrame, lambda data: pl.LazyFrame(data), pa.table],
    ids=["pandas", "polars", "lazy", "arrow"],
)
def test_every_kind_of_data_frame_gives_the_same_features(make: Any) -> None:
    encoder = GeneralisedEncoder(SPACES).fit(pa.table(RELEASE))
    expected = encoder.transform(pa.table(RELEASE))
    assert np.array_equal(
        GeneralisedEncoder(SPACES).fit(make(RELEASE)).transform(make(RELEASE)), expected, equal_nan=True
    )
    assert np.array_equal(encoder.transform(make(RELEASE)), expected, equal_nan=True)


def test_row_labels_and_column_order_of_a_data_frame_do_not_matter() -> None:
    frame = pd.DataFrame(RELEASE)
    encoder = GeneralisedEncoder(SPACES).fit(frame)
    turned = frame.set_axis([4, 0, 9, 1, 2])[["sex", "hours", "age", "school"]].assign(more=1)
    assert np.array_equal(encoder.transform(turned), encoder.transform(frame), equal_nan=True)


def test_mixed_cells_and_categoricals_of_pandas_are_read() -> None:
    frame = pd.DataFrame(
        {
            "age": pd.Series([27, "[20, 40)", 50.0, np.nan], dtype=object),
            "school": pd.Categorical(["9th", "School", "*", "10th"]),
        }
    )
    encoder = GeneralisedEncoder(SPACES, cells="midpoints").fit(frame)
    found = columns(encoder, encoder.transform(frame))
    assert found["age"][:3] == [27, pytest.approx(29.5), 50]
    assert np.isnan(found["age"][3])
    assert found["school=9th"] == [1, 0.5, 0.25, 0]


def test_release_weights_follow_the_exact_cells() -> None:
    frame = pd.DataFrame({"school": ["9th"] * 90 + ["10th"] * 10 + ["School"] * 20})
    even = GeneralisedEncoder((SCHOOL,), cells="shares").fit(frame)
    learned = GeneralisedEncoder((SCHOOL,), cells="shares", weights="release").fit(frame)
    given = GeneralisedEncoder((SCHOOL,), cells="shares", weights={"school": {"9th": 3, "10th": 1}}).fit(frame)
    cell = pd.DataFrame({"school": ["School"]})
    assert columns(even, even.transform(cell))["school=9th"] == [0.5]
    assert columns(learned, learned.transform(cell))["school=9th"] == [pytest.approx(0.9, abs=0.01)]
    assert columns(given, given.transform(cell))["school=9th"] == [0.75]


def test_ordered_values_become_their_place() -> None:
    space = ColumnSpace(name="size", kind="ordered", values=("S", "M", "L", "XL"), labels=("S .. M",), covers=((0, 1),))
    encoder = GeneralisedEncoder((space,), cells="midpoints").fit(
        pd.DataFrame({"size": ["S .. M", "L", "*", "{M, XL}"]})
    )
    assert encoder.transform(pd.DataFrame({"size": ["S .. M", "XL", "*", "{M, XL}", "?"]}))[:4, 0].tolist() == [
        0.5,
        3,
        1.5,
        2,
    ]


def test_dates_become_days() -> None:
    space = ColumnSpace(name="born", kind="date", labels=("1970-Q1",), bounds=((0, 90),), whole=True)
    encoder = GeneralisedEncoder((space,), cells="midpoints").fit(pd.DataFrame({"born": ["1970-Q1", "1970-01-31"]}))
    raw = pl.DataFrame({"born": [dt.date(1970, 2, 1), None]})
    assert encoder.transform(raw)[0, 0] == 31
    assert np.isnan(encoder.transform(raw)[1, 0])
    assert encoder.transform(pd.DataFrame({"born": ["1970-Q1", "1970-01"]}))[:, 0] == pytest.approx([44.5, 15])


def test_masked_codes_find_their_raw_values() -> None:
    space = ColumnSpace(
        name="post",
        kind="categorical",
        values=("1011", "10**", "30**"),
        labels=("10**",),
        covers=((0, 1),),
        match="mask-right",
        mark="*",
    )
    encoder = GeneralisedEncoder((space,), cells="shares").fit(pd.DataFrame({"post": ["1011", "10**", "30**"]}))
    found = columns(encoder, encoder.transform(pd.DataFrame({"post": ["1011", "1099", "3001", "9999"]})))
    assert found["post=1011"] == [1, 0.5, 0, 0]
    assert found["post=30**"] == [0, 0, 1, 0]


def test_rare_values_are_found_among_the_others() -> None:
    space = ColumnSpace(name="land", kind="categorical", values=("US", "other"), match="other", mark="other")
    encoder = GeneralisedEncoder((space,)).fit(pd.DataFrame({"land": ["US", "other", "*"]}))
    found = columns(encoder, encoder.transform(pd.DataFrame({"land": ["US", "Laos", None]})))
    assert (found["land=US"], found["land=other"]) == ([1, 0, 0], [0, 1, 0])


def test_many_categories_are_limited() -> None:
    values = [f"v{i:03d}" for i in range(200) for _ in range(1 + (i < 5) * 10)]
    encoder = GeneralisedEncoder(max_categories=6).fit(pd.DataFrame({"code": values}))
    assert list(encoder.get_feature_names_out()) == [*(f"code=v{i:03d}" for i in range(5)), "code=<rest>"]
    assert encoder.transform(pd.DataFrame({"code": ["v001", "v150", "?"]})).sum(axis=1).tolist() == [1, 1, 0]


def test_it_can_be_cloned_pickled_and_piped() -> None:
    frame = pd.DataFrame(RELEASE)
    encoder = GeneralisedEncoder(SPACES, draws=2).fit(frame)
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(frame)
    kept = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(kept.transform(frame), encoder.transform(frame), equal_nan=True)
    model = make_pipeline(GeneralisedEncoder(SPACES), LogisticRegression())
    some = frame.drop(columns="hours")
    assert model.fit(some, [0, 1, 0, 1, 1]).predict(pd.DataFrame(RAW)).shape == (2,)
    shown = GeneralisedEncoder(SPACES).set_output(transform="pandas").fit_transform(frame)
    assert list(shown.columns) == list(encoder.get_feature_names_out())


def test_scikit_learn_finds_it_a_proper_estimator() -> None:
    from sklearn.utils.estimator_checks import estimator_checks_generator

    failed, passed = [], 0
    for estimator, check in estimator_checks_generator(GeneralisedEncoder()):
        name = check.func.__name__  # type: ignore[union-attr]
        try:
            check(estimator)
            passed += 1
        except Exception as error:  # noqa: BLE001 (every failure of every check is listed)
            if type(error).__name__ != "SkipTest":
                failed.append((name, repr(error)[:200]))
    assert failed == []
    assert passed > 30


@pytest.mark.parametrize("parameters", [{"cells": "draw"}, {"weights": "relase"}, {"draws": 0}, {"max_categories": 1}])
def test_wrong_parameters_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        GeneralisedEncoder(**parameters).fit(pd.DataFrame({"a": ["x"]}))
    assert caught.value.code == "U151"


def test_a_missing_column_is_named() -> None:
    encoder = GeneralisedEncoder(SPACES).fit(pd.DataFrame(RELEASE))
    with pytest.raises(UsageError, match='"age"') as caught:
        encoder.transform(pd.DataFrame({"agee": [1], "school": ["9th"], "hours": [1], "sex": ["F"]}))
    assert caught.value.code == "U150"
    assert "agee" in caught.value.hint


def test_no_error_and_no_warning_quotes_a_cell() -> None:
    canary = "CANARY-7731"
    encoder = GeneralisedEncoder(SPACES).fit(pd.DataFrame(RELEASE))
    bad = {name: [canary] for name in ("age", "school", "hours", "sex")}
    matrix = encoder.transform(pd.DataFrame({**bad, "hours": [1.0]}))
    assert np.isnan(matrix[0, 0])  # an unknown cell is no error, it says nothing
    for frame in (pd.DataFrame(bad), pl.DataFrame(bad), pa.table(bad)):
        assert np.isnan(encoder.transform(frame)[0, :1]).all()
    with pytest.raises(UsageError) as caught:
        encoder.transform(pd.DataFrame({"age": [canary]}))
    assert canary not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
