"""Columns of a contract: their roles, and how each is generalised."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jalousie.contract.parts import ColumnType, Count, Fraction, Part, Positive, Role, Sha256


class FileHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="file"):
    """A CSV file without a header: column 0 the raw value, then level 1, 2, ... (as ARX writes it)."""

    file: str
    """Path, relative to the contract."""
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ";"
    """Between the levels."""
    encoding: str = "utf-8"
    """Of the file."""
    sha256: Sha256 = ""
    """Digest of the file, as `sha256sum` prints it; another file is then refused."""


class IntervalHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="intervals"):
    """Numbers in half-open intervals, one width a level, each a multiple of the one before; the top is `*`."""

    widths: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    """Level 1, 2, ...: each wider than, and a multiple of, the one before."""
    origin: float = 0.0
    """A number that is the lower bound of an interval at every level."""
    low: float | None = None
    """Values below are gathered in one bottom class."""
    high: float | None = None
    """Values from here on are gathered in one top class."""


class OrderedHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="ordered"):
    """An ordered set of values; level l gathers `sizes[l]` neighbours of the level below."""

    values: tuple[str, ...]
    """All values that may occur, in their order."""
    sizes: Annotated[tuple[Count, ...], Meta(min_length=1)]
    """Level 1, 2, ...: how many neighbours become one."""


class SetHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="sets"):
    """Named groups of values, for one level or (as a list) for several, finest first."""

    levels: Annotated[tuple[dict[str, tuple[str, ...]], ...], Meta(min_length=1)]
    """Each a mapping from a group's name to its members: at level 1 raw values (all that may occur), above it groups of the
    level below; a group that is not mentioned stays itself."""


class MaskHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="mask"):
    """One character more is masked a level, from the right or the left (postcodes)."""

    side: Literal["right", "left"] = "right"
    """Where masking begins."""
    character: Annotated[str, Meta(min_length=1, max_length=1)] = "*"
    """Stands for a masked character."""
    length: Annotated[int, Meta(ge=0)] = 0
    """Values are padded to this length; 0 takes the longest value."""
    steps: tuple[Count, ...] = ()
    """Characters masked in all at level 1, 2, ...; empty: one more each."""


class PrefixHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="prefix"):
    """Values cut to a prefix, one length a level, longest first (NACE, ICD and postal codes)."""

    lengths: Annotated[tuple[Count, ...], Meta(min_length=1)]
    """Level 1, 2, ...: characters kept, falling."""
    ignore: str = ""
    """Characters that do not count, such as the dot of `62.01`."""


class DateHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="dates"):
    """Dates cut to week, month, quarter, year, decade or another number of years."""

    levels: Annotated[
        tuple[Literal["day", "week", "month", "quarter", "year", "5-years", "decade", "century"], ...],
        Meta(min_length=1),
    ]
    """Level 1, 2, ...: each lies within the next. A week lies in no month or year, so it can only come last."""


class FrequencyHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="frequency"):
    """Rare values first: at each level the values rarer than the threshold (a share of rows) become `other`."""

    thresholds: Annotated[tuple[Fraction, ...], Meta(min_length=1)]
    """Level 1, 2, ...: shares of rows, rising; a rarer value becomes `other`."""
    other: str = "other"
    """What rare values become."""


class NoHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="none"):
    """The value or `*`, nothing between."""


Hierarchy = (
    FileHierarchy
    | IntervalHierarchy
    | OrderedHierarchy
    | SetHierarchy
    | MaskHierarchy
    | PrefixHierarchy
    | DateHierarchy
    | FrequencyHierarchy
    | NoHierarchy
)


class Column(Part, frozen=True, kw_only=True):
    """One column of the table and what may become of it."""

    role: Role
    """What the column is for somebody who wants to find a person: `identifier` (names one), `quasi-identifier` (others may
    know it), `sensitive` (others want to know it), `plain` (neither)."""
    type: ColumnType = "text"
    """Of a CSV column; Parquet and Arrow carry their own types, which are then checked against this if it is given."""
    hierarchy: Hierarchy = msgspec.field(default_factory=NoHierarchy)
    """How a quasi-identifier is generalised (or a sensitive column compared, for a hierarchical distance)."""
    weight: Annotated[float, Meta(ge=0)] = 1.0
    """Of a quasi-identifier in the quality measure."""
    order: tuple[str, ...] = ()
    """Values in their order, for ordered distances and Mondrian; numbers and dates are ordered by themselves."""
    max_level: Annotated[int, Meta(ge=0)] | None = None
    """The most general level allowed; level 0 is the raw value."""
    min_level: Annotated[int, Meta(ge=0)] = 0
    """The least general level allowed: 1 or more forces generalisation."""
    description: str = ""
    """For readers."""
