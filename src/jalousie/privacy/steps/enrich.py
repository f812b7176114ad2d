"""Enrich: join the columns of another table by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from jalousie.contract.model import Enrich
from jalousie.errors import PrivacyError, TableError, did_you_mean
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import boundary, dtype_of, require_columns, unlike
from jalousie.privacy.steps.context import StepContext, table_name
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.tables.raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa


def enrich(raw: RawTable, step: Enrich, context: StepContext) -> tuple[RawTable, StepFacts]:
    """Add the columns that the step names; every row stays, in its place, and gets nulls where its key is unknown.

    A null key matches nothing. The other table is held in memory (its key and the columns that are asked for).

    Raises
    ------
    PrivacyError
        P423 where the other table is not at hand
    TableError
        T260 unknown column, T261 keys of different types, T262 a key twice in the other table (rows would multiply), T264 a
        new column that exists already
    """
    other = context.tables.get(table_name(step))
    if other is None:
        raise PrivacyError(
            "P423", f'step enrich: the table to join on "{step.on}" is not at hand', hint="pass it to protect"
        )
    kind = _key_kind(raw, other, step)
    keys, columns = _other_side(other, step, kind)
    matched = 0

    def change(batch: pa.RecordBatch) -> Change:
        nonlocal matched
        import pyarrow as pa
        import pyarrow.compute as pc

        key = _plain(batch.column(step.on)).cast(_arrow(kind))
        # nulls are absent from `keys`, so a null key finds nothing
        found = pc.index_in(key, value_set=keys) if len(keys) else pa.nulls(len(key), pa.int32())
        matched += len(found) - found.null_count
        return Change({name: column.take(found) for name, column in columns.items()})

    done = rewrite(raw, change, "enrich")
    if not step.keep_key:
        done = done.derive(done.frame.drop(step.on))
    rate = matched / raw.rows if raw.rows else 0.0
    return done, StepFacts(
        step="enrich",
        columns=tuple(step.columns),
        sentence=f"Joined {len(step.columns)} column{'s' if len(step.columns) != 1 else ''} by {step.on}: "
        f"{matched:,} of {raw.rows:,} rows ({rate:.1%}) matched.",
        rows_before=raw.rows,
        rows_after=done.rows,
        facts={"match-rate": rate, "rows-matched": matched, "keys": len(keys)},
        caveat="Joined columns describe people too: they count as quasi-identifiers unless the contract says otherwise.",
    )


def _key_kind(raw: RawTable, other: RawTable, step: Enrich) -> str:
    """Check names and types on both sides; the kind in which keys are compared."""
    require_columns(raw, (step.on,), "enrich")
    name = step.key or step.on
    for wanted in (name, *step.columns):
        if wanted not in other.columns:
            raise TableError(
                "T260",
                f'step enrich: the table to join has no column "{wanted}"',
                hint=did_you_mean(wanted, other.columns),
            )
    present = {name.lower() for name in raw.columns}  # engines do not tell capitals apart
    for new in step.columns:
        if new.lower() in present:
            raise TableError(
                "T264",
                f'step enrich: the table has a column "{new}" already',
                hint="drop it before, or rename it over there",
            )
    here, there = _kind(dtype_of(raw, step.on)), _kind(dtype_of(other, name))
    if not here or here != there:
        raise unlike(
            step.on,
            "enrich",
            "the other table's key",
            hint="declare one type (text, integer, date or boolean) on both sides",
        )
    return here


def _other_side(other: RawTable, step: Enrich, kind: str) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Keys (no nulls, no duplicates) and new columns of the other table, in one order."""
    import pyarrow.compute as pc

    name = step.key or step.on
    with boundary("enrich"):
        wanted = list(dict.fromkeys((name, *step.columns)))
        table: Any = other.frame.select(*wanted).collect("pyarrow").to_native()
        table = table.filter(pc.is_valid(table.column(name)))
        keys = _plain(table.column(name).combine_chunks()).cast(_arrow(kind))
        duplicates = len(keys) - len(pc.unique(keys))
    if duplicates:
        rows = "1 row repeats" if duplicates == 1 else f"{duplicates:,} rows repeat"
        raise TableError(
            "T262",
            f'step enrich: the key "{name}" of the table to join is not unique: {rows} a key',
            hint="give it one row per key; otherwise rows would multiply",
        )
    return keys, {c: _plain(table.column(c).combine_chunks()) for c in step.columns}


def _kind(dtype: nw.dtypes.DType) -> str:
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum):
        return "text"
    if dtype.is_integer():
        return "integer"
    if isinstance(dtype, nw.Boolean):
        return "boolean"
    return "date" if isinstance(dtype, nw.Date) else ""


def _arrow(kind: str) -> Any:
    import pyarrow as pa

    return {"text": pa.large_string(), "integer": pa.int64(), "boolean": pa.bool_(), "date": pa.date32()}[kind]


def _plain(column: Any) -> Any:
    """The column without dictionary encoding."""
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
