"""That nothing changed which was not meant to: names, types, nulls and rows, before and after, from the written file itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import narwhals as nw
from msgspec import Struct

from jalousie.errors import ReleaseError, library_boundary
from jalousie.tables.border import enter
from jalousie.tables.engine import Engine, EngineOptions, arrow_errors, engine_boundary, file_list
from jalousie.tables.raw import RawTable
from jalousie.tables.text import type_name

if TYPE_CHECKING:
    from jalousie.tables.apply import RecodedFrame


_UNITS = ("s", "ms", "us", "ns")


class ColumnKept(Struct, frozen=True):
    """One column of a release that was not to be changed: its nulls in the table and in the release."""

    name: str
    nulls_before: int
    nulls_after: int


def open_written(engine: Engine, path: Path, form: str) -> nw.LazyFrame[Any]:
    """A written Parquet or Arrow file, lazily. Raises R501 where it cannot be read back."""
    if form == "arrow":
        import pyarrow as pa
    with library_boundary(
        ReleaseError, "R501", "what was written cannot be read back", duckdb.Error, OSError, *arrow_errors()
    ):
        if form == "parquet":
            return engine.frame(engine.view(f"SELECT * FROM read_parquet({file_list(path)})"))
        table = enter(pa.ipc.open_file(pa.memory_map(str(path))).read_all(), written=True)
        view = engine.name()
        engine.connection.register(view, table)
        engine.sources.append(table)
        return engine.frame(view)


def check_schema(recoded: RecodedFrame, written: nw.LazyFrame[Any]) -> None:
    """R501 where a column of the file has another name, place or type than was decided (a format may lack a type)."""
    found = dict(written.collect_schema())
    if list(found) != list(recoded.schema):
        raise ReleaseError(
            "R501", "the file does not have the columns that were decided", hint="this is a fault; report it"
        )
    for name, dtype in recoded.schema.items():
        if not _same(dtype, found[name]):
            raise ReleaseError(
                "R501",
                f'column "{name}" has type {type_name(dtype)} and would have been written as {type_name(found[name])}',
                hint="turn it into a type that the format has, or drop it",
            )


def _same(before: nw.dtypes.DType, after: nw.dtypes.DType) -> bool:
    """Equal, or without a loss of values: text without a dictionary, times in a finer unit, instants in UTC.

    Types that Narwhals has no name for are the engine's own, which `border` lets in only where they come back.
    """
    texts = (nw.String, nw.Categorical, nw.Enum)
    if before == nw.Unknown or after == nw.Unknown:
        return True
    if isinstance(before, nw.Datetime) and isinstance(after, nw.Datetime):
        same_zone = (before.time_zone is None) == (after.time_zone is None)
        return same_zone and _UNITS.index(before.time_unit) <= _UNITS.index(after.time_unit)
    return before == after or (isinstance(before, texts) and isinstance(after, texts))


def compare_nulls(
    raw: RawTable, recoded: RecodedFrame, path: Path | str, names: Sequence[str], *, format: str = "parquet"
) -> tuple[ColumnKept, ...]:
    """Nulls of the columns `names`, which were not to be changed, in the table and in the written file.

    R501 where there are more than before, or fewer than dropped rows can explain.
    """
    engine = Engine(EngineOptions(threads=1))
    try:
        before = _nulls(raw.frame, names)
        after = _nulls(open_written(engine, Path(path), format), names)
    finally:
        engine.close()
    dropped = raw.rows - recoded.rows
    for name, old, new in zip(names, before, after, strict=True):
        if not old - dropped <= new <= old:
            raise ReleaseError(
                "R501", f'column "{name}" had {old} nulls and has {new}', hint="this is a fault; report it"
            )
    return tuple(ColumnKept(*kept) for kept in zip(names, before, after, strict=True))


def _nulls(frame: nw.LazyFrame[Any], names: Sequence[str]) -> list[int]:
    if not names:
        return []
    with engine_boundary(frame):
        # numbered names: a column may be called anything
        counts = frame.select(**{f"n{i}": nw.col(name).null_count() for i, name in enumerate(names)}).collect("pyarrow")
        return [int(counts[f"n{i}"].item()) for i in range(len(names))]
