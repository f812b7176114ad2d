"""`RawTable`: a provider's records inside the process. It can be counted and transformed; it cannot be written or sent."""

from __future__ import annotations

from typing import Any, NoReturn

import narwhals as nw


class RawTable:
    """A lazy table that has not been protected.

    It deliberately has no serialiser: no `to_csv`, no `to_parquet`, no pickling, no interchange protocol, no rows in its
    `repr`. Only `tables` and `privacy` work on its frame.
    """

    __slots__ = ("_frame", "_keep", "_rows", "_schema")

    def __init__(self, frame: nw.LazyFrame[Any], *, rows: int, keep: Any = None) -> None:
        """`keep` holds what must outlive the frame (a DuckDB connection)."""
        self._frame = frame
        self._rows = rows
        self._keep = keep
        self._schema = dict(frame.collect_schema())

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._schema)

    @property
    def rows(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"RawTable({self._rows} rows, {len(self._schema)} columns)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RawTable cannot be serialised; protect it first")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a RawTable cannot be serialised; protect it first")
