"""`RawTable`: a provider's records inside the process. It can be counted and transformed; it cannot be written or sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import narwhals as nw

from jalousie.tables.border import Own
from jalousie.tables.types import Mask

Kept = Callable[[], Mask]
"""Which rows of the table before a step are left, in read order; worked out when it is asked for."""


class RawTable:
    """A lazy table that has not been protected.

    It deliberately has no serialiser: no `to_csv`, no `to_parquet`, no pickling, no interchange protocol, no rows in its
    `repr`. Only `tables` and `privacy` work on its frame.
    """

    __slots__ = ("_frame", "_keep", "_kind", "_origin", "_rows", "_schema", "_trail")

    def __init__(
        self,
        frame: nw.LazyFrame[Any],
        *,
        rows: int,
        keep: Any = None,
        kind: str = "arrow",
        origin: Mapping[str, Own] | None = None,
    ) -> None:
        """`keep` is the engine, which must outlive the frame; `kind` is the caller's own kind of data frame, `origin` its own
        column types."""
        self._frame = frame
        self._rows = rows
        self._keep = keep
        self._kind = kind
        self._origin = dict(origin or {})
        self._schema = dict(frame.collect_schema())
        self._trail: tuple[Kept, ...] = ()

    def derive(self, frame: nw.LazyFrame[Any], *, rows: int | None = None, kept: Kept | None = None) -> RawTable:
        """Another raw table over the same engine (what a step makes of this one); `kept` where it removed rows."""
        made = RawTable(frame, rows=self._rows if rows is None else rows, keep=self._keep, kind=self._kind)
        # a column that got another type cannot go back into the caller's own (it would lose values, or wrap around)
        made._origin = {n: t for n, t in self._origin.items() if made._schema.get(n) == self._schema[n]}
        made._trail = self._trail if kept is None else (*self._trail, kept)
        return made

    @property
    def trail(self) -> tuple[Kept, ...]:
        """One entry for each step that removed rows since the table was read."""
        return self._trail

    @property
    def frame(self) -> nw.LazyFrame[Any]:
        """The rows, lazily: for `tables` and `privacy` alone."""
        return self._frame

    @property
    def engine(self) -> Any:
        return self._keep

    @property
    def kind(self) -> str:
        """`pandas`, `polars`, `polars-lazy`, `arrow` or `duckdb`."""
        return self._kind

    @property
    def origin(self) -> dict[str, Own]:
        return dict(self._origin)

    @property
    def schema(self) -> dict[str, nw.dtypes.DType]:
        """Column types, in column order."""
        return dict(self._schema)

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
