"""Apply a recoding: the second of the two operations on the full data.

Where a column's generalised value follows from its own value, a value map is joined (a small table). Where it follows from
the whole combination (local recoding), and where combinations are suppressed, one table of the distinct combinations is
joined on the packed codes. Read order is kept (see `order`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

import narwhals as nw
import numpy as np
from msgspec import Struct

from jalousie.errors import InternalError, TableError
from jalousie.tables.border import Own
from jalousie.tables.count import (
    Dictionary,
    Packing,
    code_lookup,
    dictionaries,
    free_prefix,
    require_columns,
    with_texts,
    word_expressions,
)
from jalousie.tables.engine import Engine
from jalousie.tables.lookup import Lookup, look_up
from jalousie.tables.order import Numbered, number_rows
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Codes, FrequencyTable, Guarded, Mask

if TYPE_CHECKING:
    from jalousie.privacy.recoding import Recoding

STAR = "*"
GONE = -1
"""In place of packed labels, of a combination that is suppressed."""
Suppressed = Literal["drop", "star"]


class RecodedFrame(Guarded, frozen=True, eq=False):
    """The rows of a release, lazily, with what is known about them beforehand.

    frame      Narwhals, in read order; `tables.write` computes it and checks order and count
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
    origin: dict[str, Own]
    """The caller's own column types, where these columns are untouched."""

    numbered: Numbered | None = None
    """The same rows, numbered and not yet sorted: what large results are written from."""

    def streamable(self) -> Numbered | None:
        """`numbered`, unless a later step has put another frame in place of the one that it belongs to."""
        return self.numbered if self.numbered is not None and self.numbered.frame is self.frame else None

    def check_unchanged(self) -> None:
        """T213 where the source is not what it was."""
        if isinstance(self.engine, Engine):
            self.engine.check_unchanged()

    def __reduce__(self) -> NoReturn:
        # the plan of a lazy frame holds the raw rows that it starts from
        raise TypeError("a RecodedFrame cannot be serialised; write it, or turn it into a data frame")

    def __repr__(self) -> str:
        return f"RecodedFrame({self.rows} rows, {len(self.schema)} columns)"


class _Plan(Struct, frozen=True, eq=False):
    """How each quasi-identifier gets its value: kept as it is, from its own code, or from the whole combination."""

    kept: tuple[int, ...]
    by_value: tuple[int, ...]
    by_group: tuple[int, ...]
    star: bool

    @property
    def changed(self) -> tuple[int, ...]:
        return (*self.by_value, *self.by_group)


def apply_recoding(
    raw: RawTable, table: FrequencyTable, recoding: Recoding, *, suppressed: Suppressed = "drop"
) -> RecodedFrame:
    """The released rows: generalised quasi-identifiers, all other columns untouched.

    `table` is `count_groups` of the same rows. Suppressed rows are left out (`drop`) or kept with `*` in every quasi-identifier
    (`star`). A quasi-identifier of which no released cell changes keeps its type; the others become text.

    Raises T201, T213 (the table is not the one that was counted), T214.
    """
    _check(raw, table, recoding)
    names, prefix, gone = table.names, free_prefix(raw.columns), recoding.suppressed
    plan = _plan(table, recoding, star=suppressed == "star" and bool(gone.any()))
    row = f"{prefix}row"
    frame = with_texts(raw, number_rows(raw.frame, raw.engine, row), names, prefix)
    found = dictionaries(raw, frame, names, prefix, table.values)
    packing = Packing.of([len(d.values) for d in found])
    grouped = bool(plan.by_group) or bool(gone.any())
    maps = {i: _value_map(table, recoding, i) for i in plan.by_value}
    lookups = []
    for i, d in enumerate(found):
        label = {f"{prefix}g{i}": [maps[i][code] for code in d.codes.tolist()]} if i in maps else {}
        if grouped or label:
            lookups.append(code_lookup(raw, d, i, packing.strides[i], prefix, label))
    frame = look_up(frame, raw.engine, lookups)
    if lookups:
        words = word_expressions(raw, found, packing, prefix, None if grouped else plan.by_value)
        frame = frame.with_columns(**words)
        # a value that was not counted has no code: its row goes, and the number of rows will tell
        frame = frame.filter(*(~nw.col(word).is_null() for word in words))
    if grouped:
        parcel = Packing.of([len(recoding.labels[i]) for i in plan.by_group])
        groups = _group_lookup(table, recoding, plan, packing, tuple(words), parcel, prefix)
        frame = look_up(frame, raw.engine, [groups])
        frame = _without_gone(frame, plan, nw.col(f"{prefix}o0"))
        frame = _unpacked(frame, raw.engine, recoding, plan, parcel, prefix)
    released = {names[i]: _released(names[i], maps.get(i), found[i], f"{prefix}g{i}") for i in plan.changed}
    if plan.star:
        hidden = nw.col(f"{prefix}o0") == GONE
        released = {name: nw.when(hidden).then(nw.lit(STAR)).otherwise(value) for name, value in released.items()}
    columns = [released[n].alias(n) if n in released else nw.col(n) for n in raw.columns]
    # two zeros that are one value must not be told apart in the release either
    zeros = [d.name for d in found if raw.schema[d.name].is_float() and "-0.0" in d.engine and d.name not in released]
    columns = [_one_zero(n, raw.schema[n]) if n in zeros else c for n, c in zip(raw.columns, columns, strict=True)]
    if lookups:
        out = frame.sort(row).select(*columns)
        numbered = Numbered(out, frame, tuple(columns), row, raw.engine)
    else:  # nothing was joined
        out, numbered = raw.frame.select(*columns) if zeros else raw.frame, None
    return RecodedFrame(
        frame=out,
        rows=raw.rows if suppressed == "star" else raw.rows - int(table.counts[gone].sum()),
        native=tuple(names[i] for i in plan.kept),
        schema={n: nw.String() if n in released else t for n, t in raw.schema.items()},
        engine=raw.engine,
        kind=raw.kind,
        origin={n: t for n, t in raw.origin.items() if n not in released},
        numbered=numbered,
    )


def _one_zero(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    return nw.when(nw.col(name) == 0).then(nw.lit(0.0).cast(dtype)).otherwise(nw.col(name)).alias(name)


def _released(name: str, value_map: list[str | None] | None, d: Dictionary, label: str) -> nw.Expr:
    """The generalised value, of a null too (nulls find nothing in a lookup)."""
    of_null = value_map[d.null] if value_map is not None and d.null is not None else None
    value = nw.col(label)
    return value if of_null is None else nw.when(nw.col(name).is_null()).then(nw.lit(of_null)).otherwise(value)


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


def _value_map(table: FrequencyTable, recoding: Recoding, i: int) -> list[str | None]:
    """Generalised value of each value of column i."""
    released: Mask = ~recoding.suppressed
    own = _own(table.codes[i][released], recoding.codes[i][released], len(table.values[i]))
    if own is None:
        raise InternalError("X900", "a value map was expected")
    # a value that only suppressed rows have is mapped to the star, so that no mistake elsewhere could show it
    return [STAR if code < 0 else recoding.labels[i][code] for code in own.tolist()]


def _group_lookup(
    table: FrequencyTable,
    recoding: Recoding,
    plan: _Plan,
    packing: Packing,
    words: tuple[str, ...],
    parcel: Packing,
    prefix: str,
) -> Lookup:
    """Adds `{prefix}o{j}`: packed labels of the columns that depend on the whole combination, `GONE` where it is suppressed.

    Words in place of texts: this is the one lookup that grows with the combinations.
    """
    gone = recoding.suppressed
    # beside value maps only the suppressed combinations are needed: usually few
    wanted = np.ones(len(gone), dtype=bool) if plan.by_group else gone
    out = parcel.pack(recoding.codes[list(plan.by_group)][:, wanted])
    for word in out:
        word[gone[wanted]] = GONE
    return Lookup(
        words, tuple(packing.pack(table.codes[:, wanted])), {f"{prefix}o{j}": word for j, word in enumerate(out)}
    )


def _unpacked(
    frame: nw.LazyFrame[Any], engine: Any, recoding: Recoding, plan: _Plan, parcel: Packing, prefix: str
) -> nw.LazyFrame[Any]:
    """Adds `{prefix}g{i}`, the label, for each column that depends on the whole combination."""
    if not plan.by_group:
        return frame
    parts = {
        f"{prefix}k{i}": nw.col(f"{prefix}o{word}") // stride % max(size, 1)
        for i, size, word, stride in zip(plan.by_group, parcel.sizes, parcel.words, parcel.strides, strict=True)
    }
    lookups = [
        Lookup(
            (f"{prefix}k{i}",),
            (np.arange(len(recoding.labels[i]), dtype=np.int64),),
            {f"{prefix}g{i}": recoding.labels[i]},
        )
        for i in plan.by_group
    ]
    return look_up(frame.with_columns(**parts), engine, lookups)


def _without_gone(frame: nw.LazyFrame[Any], plan: _Plan, mark: nw.Expr) -> nw.LazyFrame[Any]:
    if plan.by_group:
        # a row whose combination was not counted has no mark: it goes, and the number of rows will tell
        return frame.filter(~mark.is_null() if plan.star else mark != GONE)
    return frame if plan.star else frame.filter(mark.is_null())
