"""Columns that are named like something of the engine's own, or of ours."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from jalousie.contract.model import Column, Table
from jalousie.errors import TableError
from jalousie.tables import count_groups, from_frame, read_table

NAMES = ("v", "r", "s0", "by0", "add0", "c0", "rowid", "count", "select", "_jrow", 'a"b', "100%", "^v.*$", "$1", "x\ny")


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_any_name_can_be_counted(kind: str) -> None:
    frame = pd.DataFrame({name: ["a", "b", "b", None] for name in NAMES})
    raw = from_frame(frame if kind == "pandas" else pa.Table.from_pandas(frame))
    table = count_groups(raw, NAMES[:-1], NAMES[-1:])
    assert table.names == NAMES[:-1]
    assert sorted(table.counts.tolist()) == [1, 1, 2]


@pytest.mark.parametrize("name", ["rowid", "RowID"])
def test_a_column_named_rowid_does_not_say_where_a_cell_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text(f"{name},age\nsecret,3\nhidden,old\n")
    columns = {name: Column(role="plain"), "age": Column(role="plain", type="integer")}
    with pytest.raises(TableError) as caught:
        read_table(Table(file="t.csv"), columns, tmp_path)
    assert caught.value.code == "T207"
    assert 'column "age", line 3' in str(caught.value)
