"""`Release`: the only form in which architecture 1 lets rows out. A protected table, its card, and the way to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import narwhals as nw

from jalousie.contract.model import Csv
from jalousie.errors import ReleaseError, UsageError, did_you_mean, library_boundary
from jalousie.privacy.card import Card
from jalousie.tables.border import to_pandas
from jalousie.tables.bundle import CARD, SPACE, check_digest, check_files, read_member, read_released

if TYPE_CHECKING:
    from pathlib import Path

    from jalousie.learning.encoder import Cells, GeneralisedEncoder

KINDS = ("arrow", "pandas", "polars", "polars-lazy", "duckdb")


class Release:
    """A de-identified table with everything that is said about it.

    Attributes
    ----------
    card
        the release card: contract digest, steps, models and what they reached, risk, quality; no cell value
    """

    def __init__(self, table: Any, card: Card, space: bytes, kind: str = "arrow") -> None:
        """`table` is a data frame of the given kind; `space` says, as JSON, what generalised cells stand for."""
        self.card = card
        self._table = table
        self._space = space
        self._kind = kind

    # -- the rows

    def __len__(self) -> int:
        return self.card.rows_out

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.card.columns)

    @property
    def space(self) -> bytes:
        """What generalised cells stand for: JSON, as `space.json` holds it."""
        return self._space

    def to_native(self) -> Any:
        """The rows in the kind of data frame that went in (PyArrow where a file went in)."""
        return self._table

    def to(self, kind: str) -> Any:
        """The rows as `arrow`, `pandas`, `polars`, `polars-lazy` or `duckdb`.

        Raises
        ------
        UsageError
            U160 for another kind
        """
        if kind not in KINDS:
            raise UsageError(
                "U160", "a release cannot be given as that kind of data frame", hint=did_you_mean(kind, KINDS)
            )
        if kind == self._kind:
            return self._table
        with library_boundary(
            UsageError,
            "U160",
            f"the release has values that {kind} cannot hold",
            hint="take another kind, such as arrow",
        ):
            return self._converted(kind)

    def _converted(self, kind: str) -> Any:
        frame = nw.from_native(self._table)
        table = frame.collect("pyarrow").to_native() if isinstance(frame, nw.LazyFrame) else frame.to_arrow()
        if kind == "arrow":
            return table
        if kind == "pandas":
            return to_pandas(table)
        if kind == "duckdb":
            import duckdb

            return duckdb.from_arrow(table)
        import polars as pl

        polars = pl.from_arrow(table)
        return polars.lazy() if kind == "polars-lazy" else polars

    def to_pandas(self) -> Any:
        return self.to("pandas")

    def to_polars(self) -> Any:
        return self.to("polars")

    def to_arrow(self) -> Any:
        return self.to("arrow")

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's PyCapsule interface: any data frame library can take a release as it is."""
        return self.to("arrow").__arrow_c_stream__(requested_schema)

    # -- learning

    def encoder(self, cells: Cells | None = None, **options: Any) -> GeneralisedEncoder:
        """A scikit-learn transformer that reads this release's cells and raw cells into one feature space.

        `cells` is "draws", "shares" or "midpoints"; by default what the card states.
        """
        from jalousie.learning.encoder import GeneralisedEncoder
        from jalousie.learning.reshape import rules_of
        from jalousie.learning.spaces import ColumnSpace

        spaces = msgspec.json.decode(self._space, type=tuple[ColumnSpace, ...])
        options = {"steps": rules_of(self.card.steps)} | options
        return GeneralisedEncoder(spaces, cells=cells or self.card.encoder, **options)  # type: ignore[arg-type]

    # -- files

    @classmethod
    def load(cls, path: Path | str) -> Release:
        """Open a release folder, after checking that its files are those that the card describes.

        Raises
        ------
        ReleaseError
            R510 if it cannot be read, R511 if a file was changed, R520 if the card is not one
        """
        card = read_card(path)
        file = check_digest(path, card.data_file, card.data_digest)
        types = {column.name: column.type for column in card.columns}
        table = read_released(file, format=card.data_format, csv=card.csv or Csv(), types=types)
        if table.num_rows != card.rows_out or tuple(table.column_names) != tuple(types):
            raise ReleaseError(
                "R511",
                "the release's table has other rows or columns than its card says",
                hint="fetch the release again",
                effect="",
            )
        return cls(table, card, read_member(path, SPACE))

    def __repr__(self) -> str:
        return f"Release({self.card.contract.name!r}, {len(self)} rows, {len(self.columns)} columns)"

    def _repr_html_(self) -> str:
        """What a notebook shows: verdicts and figures, not rows."""
        from jalousie.report import render_snippet

        return render_snippet(self.card)


def read_card(folder: Path | str) -> Card:
    """The card of a release folder, after checking the small files that it names; the table is checked by who reads it.

    Raises ReleaseError R510 (no folder or card, or a file is missing), R511 (a file was changed), R520 (not a card).
    """
    from jalousie.report import load_card

    card = load_card(read_member(folder, CARD))
    check_files(folder, card.files)
    return card
