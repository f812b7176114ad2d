"""The caller's own column types after steps: nothing may be lost in them, and they may not say more than the rows do."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import polars as pl
import pytest

from jalousie import Release, protect
from jalousie.contract import parse_contract
from jalousie.contract.load import Loaded
from jalousie.contract.model import Csv
from jalousie.errors import TableError
from jalousie.places.provider import Provider
from jalousie.report import card_json

CANARY = "CANARY-7731"


def contract(columns: dict[str, Any], steps: list[dict[str, Any]] = [], models: str = "") -> Loaded:  # noqa: B006
    import json

    whole = {"jalousie": 1, "name": "x", "parties": {"provider": "P"}, "columns": columns, "steps": steps}
    if models:
        privacy = {"models": [{"model": "k-anonymity", "k": 3}], "suppression": 0.5, "recoding": models}
        whole["privacy"] = privacy
    return parse_contract(json.dumps(whole))


def released(frame: Any, step: dict[str, Any]) -> Any:
    plain = {name: {"role": "plain"} for name in frame.columns}
    return protect(frame, contract(plain, [step])).to_native()


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JALOUSIE_HOME", str(tmp_path / "keys"))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series([7, None, 7], dtype="Int64"),
        pd.Series([7, 8, 7], dtype="int8"),
        pd.Series([True, False, None], dtype="boolean"),
    ],
)
def test_pseudonyms_do_not_go_back_into_the_old_type(column: pd.Series) -> None:
    made = released(pd.DataFrame({"x": column}), {"step": "pseudonymise", "columns": ["x"]})["x"]
    assert made.isna().tolist() == column.isna().tolist()
    assert all(len(text) == 32 for text in made.dropna())


def test_categories_that_a_step_adds_are_not_lost() -> None:
    frame = pd.DataFrame({"x": pd.Series(["a"] * 200, dtype="category")})
    step = {"step": "randomised-response", "column": "x", "epsilon": 0.1, "categories": ["a", "b"]}
    assert released(frame, step)["x"].value_counts().sum() == 200


def test_noise_does_not_wrap_around_in_a_small_type() -> None:
    frame = pd.DataFrame({"x": pd.Series([100] * 500, dtype="int8")})
    made = released(frame, {"step": "noise", "column": "x", "scale": 1000})["x"]
    assert made.abs().max() > 127


@pytest.mark.parametrize("step", [{"step": "round", "to": 1}, {"step": "noise", "scale": 300}])
def test_decimals_have_room_for_what_becomes_of_them(step: dict[str, Any]) -> None:
    frame = pd.DataFrame({"x": [Decimal("99.99")] * 100})
    made = released(frame, {**step, "column": "x"})["x"]
    assert max(made) >= 100
    assert {-value.as_tuple().exponent for value in made} == {2}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas])
def test_a_time_is_cut_in_utc_on_every_engine(make: Any) -> None:
    early = pd.Series(pd.to_datetime(["2024-07-01T00:30"]).tz_localize("Europe/Brussels"))
    frame = make(pd.DataFrame({"x": early}))
    made = released(frame, {"step": "truncate-date", "column": "x", "to": "month"})["x"]
    assert made.to_list()[0] == dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


QI = {"role": "quasi-identifier", "max-level": 0}
VALUES = ["a"] * 5 + ["b"] * 5 + [CANARY]


def test_no_category_of_a_suppressed_row_is_left_in_the_type() -> None:
    frame = pd.DataFrame({"x": pd.Categorical(VALUES, categories=["b", "a", CANARY, CANARY + "2"])})
    made = protect(frame, contract({"x": QI}, models="optimal")).to_native()
    assert made["x"].cat.categories.tolist() == ["b", "a"]
    assert CANARY.encode() not in pickle.dumps(made)


def enum() -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(VALUES, dtype=pl.Enum(["a", "b", CANARY]))})


def test_the_card_does_not_list_the_categories() -> None:
    release = protect(enum(), contract({"x": QI}, models="optimal"))
    assert release.card.columns[0].type == "text"
    assert CANARY.lower().encode() not in card_json(release.card).lower()


def test_no_message_lists_the_categories(tmp_path: Path) -> None:
    from jalousie.contract.model import Column
    from jalousie.tables import from_frame
    from jalousie.tables.read import _expected

    with pytest.raises(TableError) as caught:
        _expected(from_frame(enum()), {"x": Column(role="plain", type="integer")}, "refuse", csv=False)
    assert caught.value.code == "T210"
    assert CANARY.lower() not in str(caught.value).lower()


def test_a_release_of_categories_can_be_opened(tmp_path: Path) -> None:
    from jalousie.architectures.share import Sharing

    Sharing(enum(), contract({"x": QI}, models="optimal"), Provider()).publish(tmp_path / "x.release")
    assert set(Release.load(tmp_path / "x.release").to_pandas()["x"]) == {"a", "b"}
    for file in (tmp_path / "x.release").iterdir():
        assert CANARY.lower().encode() not in file.read_bytes().lower()


@pytest.mark.parametrize("mark", [".", ","])
def test_numbers_keep_their_type_in_csv(tmp_path: Path, mark: str) -> None:
    from jalousie.architectures.share import Sharing

    frame = pl.DataFrame(
        {
            "small": pl.Series([1, None], dtype=pl.Int8),
            "large": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
            "single": pl.Series([0.1, None], dtype=pl.Float32),
            "exact": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(20, 2)),
        }
    )
    loaded = contract({name: {"role": "plain"} for name in frame.columns})
    delimiter = ";" if mark == "," else ","
    form = msgspec.structs.replace(
        loaded.contract.release,
        format="csv",
        csv=Csv(decimal=mark, delimiter=delimiter),  # type: ignore[arg-type]
    )
    Sharing(frame, msgspec.structs.replace(loaded.contract, release=form)).publish(tmp_path / "x.release")
    assert Release.load(tmp_path / "x.release").to_polars().equals(frame)
    assert Release.load(tmp_path / "x.release").to_polars().schema == frame.schema
