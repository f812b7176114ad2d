"""Public bins: heaped numbers, rare categories, nulls, and kinds of tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jalousie.learning.bins import TableBins, cut_numbers


def test_values_that_recur_get_bins_of_their_own() -> None:
    gains = np.concatenate([np.zeros(900), np.full(40, 15024.0), np.full(30, 7298.0), np.arange(1, 61)])
    edges = cut_numbers(gains, 8, 20)
    bins = np.searchsorted(edges, gains)
    for value in (0.0, 7298.0, 15024.0):
        assert len(set(gains[bins == bins[gains == value][0]])) == 1


def test_numbers_that_were_not_seen_fall_to_the_nearest_bin() -> None:
    binned = TableBins(10, 2).fit(pd.DataFrame({"a": [1.0] * 5 + [10.0] * 5}))
    assert binned.codes(pd.DataFrame({"a": [-9.0, 2.0, 9.0, 99.0]}))[:, 0].tolist() == [0, 0, 1, 1]


def test_rare_categories_share_a_group_or_are_not_asked_about() -> None:
    texts = ["a"] * 50 + ["b"] * 40 + ["c"] * 6 + ["d"] * 5
    shared = TableBins(10, 10).fit(pd.DataFrame({"t": texts}))
    assert shared.columns[0].count == 3
    assert shared.codes(pd.DataFrame({"t": ["c", "d", "never seen"]}))[:, 0].tolist() == [2, 2, 2]
    lone = TableBins(10, 20).fit(pd.DataFrame({"t": texts}))
    assert lone.codes(pd.DataFrame({"t": ["a", "b", "c", "never seen"]}))[:, 0].tolist() == [0, 1, -1, -1]


def test_nulls_are_a_group_where_there_are_enough() -> None:
    values = np.array([1.0, 2.0] * 20 + [np.nan] * 12)
    many = TableBins(8, 10).fit(pd.DataFrame({"a": values}))
    assert many.codes(pd.DataFrame({"a": [np.nan]}))[0, 0] == many.columns[0].count - 1
    few = TableBins(8, 15).fit(pd.DataFrame({"a": values}))
    assert few.codes(pd.DataFrame({"a": [np.nan]}))[0, 0] == -1


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_any_table_gives_the_same_groups(kind: str) -> None:
    columns = {"a": [1, 2, 3, 4] * 20, "t": ["x", "y", "y", "z"] * 20, "b": [True, False] * 40}
    tables = {"pandas": pd.DataFrame(columns), "polars": pl.DataFrame(columns), "arrow": pa.table(columns)}
    reference = TableBins(4, 10).fit(tables["pandas"])
    found = TableBins(4, 10).fit(tables[kind])
    assert (found.codes(tables[kind]) == reference.codes(tables["pandas"])).all()
    assert [column.count for column in found.columns] == [4, 3, 2]
