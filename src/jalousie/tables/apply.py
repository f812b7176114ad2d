"""Apply a recoding: the second of the two operations on the full data.

Where a column's generalised value follows from its own value, a value map is joined (a small table). Where it follows from
the whole combination (local recoding), and where combinations are suppressed, one table of the distinct combinations is
joined on the packed codes. No window over the rows, no sort: rows leave in the order in which they were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np

from jalousie.errors import InternalError, TableError
from jalousie.tables.count import (
    Dictionary,
    Packing,
    dictionary,
    free_prefix,
    require_columns,
    with_codes,
    word_expressions,
)
from jalousie.tables.engine import Engine, numbered, small_table
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Codes, FrequencyTable, Mask

if TYPE_CHECKING:
    from jalousie.privacy.recoding import Recoding

STAR = "*"
Suppressed = Literal["drop", "star"]


@dataclass(frozen=True, slots=True, eq=False)
class RecodedFrame:
    """The rows of a release, lazily, with what is known about them beforehand.

    frame      Narwhals; to be computed through `tables.write` alone, which keeps and checks order and count
    rows       number of rows that it must give
    native     quasi-identifiers that kept their type since no cell of them changes
    schema     column types, in column order
    """

    frame: nw.LazyFrame[Any]
    rows: int
    native: tuple[str, ...]
    schema: dict[str, nw.dtypes.DType]
    engine: Any
    kind: str
    origin: dict[str, Any]
    """The caller's own column types, where these columns are untouched."""

    def check_unchanged(self) -> None:
        """T213 where the source is not what it was."""
        if isinstance(self.engine, Engine):
            self.engine.check_unchanged()

    def __repr__(self) -> str:
        return f"RecodedFrame({self.rows} rows, {len(self.schema)} columns)"


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """How each quasi-identifier gets its value: kept as it is, from its own code, or from the whole combination."""

    kept: tuple[int, ...]
    by_value: tuple[int, ...]
    by_group: tuple[int, ...]
    star: bool


def apply_recoding(
    raw: RawTable, table: FrequencyTable, recoding: Recoding, *, suppressed: Suppressed = "drop"
) -> RecodedFrame:
    """The released rows: generalised quasi-identifiers, all other columns untouched.

    `table` is `count_groups` of the same rows. Suppressed rows are left out (`drop`) or kept with `*` in every quasi-identifier
    (`star`). A quasi-identifier of which no released cell changes keeps its type; the others become text.

    Raises T201, T213 (the table is not the one that was counted), T214.
    """
    _check(raw, table, recoding)
    dictionaries = [dictionary(raw, name, known) for name, known in zip(table.names, table.values, strict=True)]
    prefix = free_prefix(raw.columns)
    gone = recoding.suppressed
    plan = _plan(table, recoding, star=suppressed == "star" and bool(gone.any()))
    counted = numbered(raw.frame, f"{prefix}row")
    frame = raw.frame if counted is None else counted
    if plan.by_group or gone.any():
        frame = _join_groups(raw, frame, table, recoding, dictionaries, plan, prefix)
    frame = _join_values(raw, frame, table, recoding, dictionaries, plan, prefix)
    released = {table.names[i]: nw.col(f"{prefix}g{i}") for i in (*plan.by_value, *plan.by_group)}
    if plan.star:
        hidden = nw.col(f"{prefix}gone") == 1
        released = {name: nw.when(hidden).then(nw.lit(STAR)).otherwise(value) for name, value in released.items()}
    if counted is not None:
        frame = frame.sort(f"{prefix}row")
    out = frame.select(*(released[n].alias(n) if n in released else nw.col(n) for n in raw.columns))
    rows = raw.rows if suppressed == "star" else raw.rows - int(table.counts[gone].sum())
    schema = {n: nw.String() if n in released else t for n, t in raw.schema.items()}
    native = tuple(table.names[i] for i in plan.kept)
    return RecodedFrame(
        out, rows, native, schema, raw.engine, raw.kind, {n: t for n, t in raw.origin.items() if n not in released}
    )


def _check(raw: RawTable, table: FrequencyTable, recoding: Recoding) -> None:
    require_columns(raw, table.names)
    if table.rows != raw.rows:
        raise TableError("T213", "the table does not have the rows that were counted", hint="count it again")
    if recoding.codes.shape != table.codes.shape or recoding.suppressed.shape != table.counts.shape:
        raise InternalError("X900", "the recoding belongs to another table")


def _plan(table: FrequencyTable, recoding: Recoding, *, star: bool) -> _Plan:
    kept, by_value, by_group = [], [], []
    released = ~recoding.suppressed
    for i, values in enumerate(table.values):
        raw_codes, codes = table.codes[i][released], recoding.codes[i][released]
        of_label = {label: code for code, label in enumerate(recoding.labels[i])}
        same = np.array([of_label.get(value, -1) for value in values], dtype=np.int64)
        if not star and np.array_equal(same[raw_codes], codes):
            kept.append(i)
        elif _own(raw_codes, codes, len(values)) is not None:
            by_value.append(i)
        else:
            by_group.append(i)
    return _Plan(tuple(kept), tuple(by_value), tuple(by_group), star)


def _own(raw_codes: Codes, codes: Codes, size: int) -> Codes | None:
    """(size,) generalised code of each value, -1 for values that are not released, if it depends on the value alone."""
    found = np.full(size, -1, dtype=np.int32)
    found[raw_codes] = codes
    return found if np.array_equal(found[raw_codes], codes) else None


def _join_values(
    raw: RawTable,
    frame: nw.LazyFrame[Any],
    table: FrequencyTable,
    recoding: Recoding,
    dictionaries: list[Dictionary],
    plan: _Plan,
    prefix: str,
) -> nw.LazyFrame[Any]:
    """Adds `{prefix}g{i}` for the columns whose generalised value follows from their own value."""
    released: Mask = ~recoding.suppressed
    for i in plan.by_value:
        d, labels = dictionaries[i], recoding.labels[i]
        own = _own(table.codes[i][released], recoding.codes[i][released], len(d.values))
        if own is None:
            raise InternalError("X900", "a value map was expected")
        # values that only suppressed rows have are mapped to the star, so that a mistake could not show them
        texts = [STAR if code < 0 else labels[code] for code in own.tolist()]
        text, value = f"{prefix}t{i}", f"{prefix}v{i}"
        small = small_table(
            frame, raw.engine, {value: d.engine, f"{prefix}g{i}": [texts[code] for code in d.codes.tolist()]}
        )
        frame = frame.with_columns(d.text(raw).alias(text)).join(small, left_on=text, right_on=value, how="left")
        if d.null is not None and texts[d.null] is not None:
            label = nw.when(nw.col(text).is_null()).then(nw.lit(texts[d.null])).otherwise(nw.col(f"{prefix}g{i}"))
            frame = frame.with_columns(label.alias(f"{prefix}g{i}"))
    return frame


def _join_groups(
    raw: RawTable,
    frame: nw.LazyFrame[Any],
    table: FrequencyTable,
    recoding: Recoding,
    dictionaries: list[Dictionary],
    plan: _Plan,
    prefix: str,
) -> nw.LazyFrame[Any]:
    """Marks or drops suppressed rows, and adds `{prefix}g{i}` for the columns that depend on the whole combination."""
    packing = Packing.of([len(d.values) for d in dictionaries])
    frame = with_codes(raw, frame, dictionaries, packing.strides, prefix)
    words = word_expressions(packing, prefix)
    frame = frame.with_columns(**words)
    gone = recoding.suppressed
    # of value maps alone, only the suppressed combinations are needed: usually few
    wanted = np.ones(len(gone), dtype=bool) if plan.by_group else gone
    keys = [f"{name}k" for name in words]
    groups = dict(zip(keys, packing.pack(table.codes[:, wanted]), strict=True))
    if not plan.by_group and not plan.star:
        return frame.join(small_table(frame, raw.engine, groups), left_on=list(words), right_on=keys, how="anti")
    small = small_table(
        frame,
        raw.engine,
        {
            **groups,
            f"{prefix}gone": gone[wanted].astype(np.int64),
            **{f"{prefix}l{i}": recoding.codes[i].astype(np.int64) for i in plan.by_group},
        },
    )
    for i in plan.by_group:
        labels = recoding.labels[i]
        texts = small_table(
            frame, raw.engine, {f"{prefix}n{i}": np.arange(len(labels), dtype=np.int64), f"{prefix}g{i}": list(labels)}
        )
        small = small.join(texts, left_on=f"{prefix}l{i}", right_on=f"{prefix}n{i}", how="left")
    frame = frame.join(small, left_on=list(words), right_on=keys, how="left")
    # a row whose combination was not counted has no mark: it goes, and the count of rows then tells
    mark = nw.col(f"{prefix}gone")
    if plan.by_group:
        return frame.filter(~mark.is_null() if plan.star else mark == 0)
    return frame
