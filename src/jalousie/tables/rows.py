"""Rows inside the process, in read order: for measuring beside a release, never for writing.

What attacks and learning utility need: the raw rows as they were generalised, and for each the distinct combination that it
belongs to; and which rows are left of the table that was read.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from jalousie.errors import InternalError
from jalousie.tables.apply import RecodedFrame
from jalousie.tables.count import Packing, code_lookup, dictionaries, free_prefix, with_texts, word_expressions
from jalousie.tables.engine import fetch
from jalousie.tables.lookup import look_up
from jalousie.tables.native import to_frame
from jalousie.tables.order import number_rows
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Counts, FrequencyTable, Mask


def raw_rows(raw: RawTable) -> nw.DataFrame[Any]:
    """All rows in read order, in memory."""
    recoded = RecodedFrame(raw.frame, raw.rows, (), raw.schema, raw.engine, "arrow", {})
    frame: nw.DataFrame[Any] = nw.from_native(to_frame(recoded, "arrow"), eager_only=True)
    return frame


def rows_for_which(raw: RawTable, rule: nw.Expr) -> Mask:
    """(N,) whether the rule holds for each row, in read order; a null does not hold."""
    frame = raw.frame.select(holds=rule.fill_null(False))
    recoded = RecodedFrame(frame, raw.rows, (), {"holds": nw.Boolean()}, raw.engine, "arrow", {})
    found: nw.DataFrame[Any] = nw.from_native(to_frame(recoded, "arrow"), eager_only=True)
    return found["holds"].to_numpy().astype(bool)


def distinct_values(raw: RawTable, name: str) -> int:
    """Number of distinct values of a column, nulls apart."""
    values = raw.frame.select(value=nw.col(name)).filter(~nw.col("value").is_null()).unique()
    return int(fetch(values.select(n=nw.len()))["n"][0])


def source_rows(raw: RawTable) -> Counts:
    """(M,) for each row in read order its position in the table as it was read, whatever steps removed since."""
    place: Counts | None = None
    for kept in raw.trail:
        mask = kept()
        place = np.flatnonzero(mask) if place is None else place[mask]
    if place is None:
        return np.arange(raw.rows, dtype=np.int64)
    if len(place) != raw.rows:
        raise InternalError("X900", "the rows that steps left are not those that they said")
    return place


def row_groups(raw: RawTable, table: FrequencyTable) -> Counts:
    """(N,) for each row in read order, the row of `table` that counts it.

    `table` is `count_groups` of the same rows.
    """
    prefix = free_prefix(raw.columns)
    row = f"{prefix}row"
    texts = with_texts(raw, number_rows(raw.frame.select(*table.names), raw.engine, row), table.names, prefix)
    found = dictionaries(raw, texts, table.names, prefix, table.values)
    packing = Packing.of([len(d.values) for d in found])
    lookups = [code_lookup(raw, d, i, packing.strides[i], prefix) for i, d in enumerate(found)]
    words = word_expressions(raw, found, packing, prefix)
    frame = look_up(texts, raw.engine, lookups).sort(row).select(**words)
    recoded = RecodedFrame(frame, raw.rows, (), dict.fromkeys(words, nw.Int64()), raw.engine, "arrow", {})
    coded = nw.from_native(to_frame(recoded, "arrow"), eager_only=True)
    rows = np.stack([coded[name].to_numpy() for name in words])
    keys = np.stack(packing.pack(table.codes))
    return _place(keys, rows)


def _place(keys: Counts, rows: Counts) -> Counts:
    """(N,) column of `keys` (W, G) that equals each column of `rows` (W, N)."""
    if len(keys) > 1:
        _, both = np.unique(np.concatenate([keys, rows], axis=1), axis=1, return_inverse=True)
        both = both.ravel()
        keys, rows = both[None, : keys.shape[1]], both[None, keys.shape[1] :]
    order = np.argsort(keys[0], kind="stable")
    at = np.minimum(np.searchsorted(keys[0][order], rows[0]), len(order) - 1)
    place: Counts = order[at]
    if not np.array_equal(keys[0][place], rows[0]):
        raise InternalError("X900", "rows do not fit the combinations that were counted")
    return place
