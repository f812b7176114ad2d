"""What all parts of a contract are made of, who signs it, and how a table is written down.

No file with parts puts its annotations off (`from __future__ import annotations`): msgspec would evaluate each as a text.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
Scalar = str | int | float | bool | None
Role = Literal["identifier", "quasi-identifier", "sensitive", "plain"]
ColumnType = Literal["text", "integer", "decimal", "boolean", "date", "datetime"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Base of every part of a contract."""


class Parties(Part, frozen=True, kw_only=True):
    """Who takes part."""

    provider: str
    """Who has the records."""
    ml_party: str = ""
    """Who receives the release and learns from it."""
    mediator: str = ""
    """Who stands between them, if anybody."""
    provider_key: str = ""
    """The provider's public key, `ed25519:` and base64, for questions and answers over the network."""
    ml_party_key: str = ""
    """The ML party's public key."""


class Csv(Part, frozen=True, kw_only=True):
    """How a CSV file is written down."""

    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    """Between cells."""
    quote: Annotated[str, Meta(max_length=1)] = '"'
    """Around cells that hold a delimiter or a line break; empty: cells are never quoted."""
    encoding: str = "utf-8"
    """Such as `utf-8`, `latin-1`, `cp1252` or `utf-16`."""
    decimal: Literal[".", ","] = "."
    """The decimal sign of numbers."""
    header: bool = True
    """Whether the first line names the columns; if not, `columns` names them in their order. Blank lines above it, and a line
    `sep=;` that names the delimiter, are passed over."""
    nulls: tuple[str, ...] = ("",)
    """Cells that stand for a null."""


class Table(Part, frozen=True, kw_only=True):
    """The provider's table. `file` is relative to the contract; it never leaves the provider and is not in the digest."""

    file: str = ""
    """Path, relative to the contract."""
    format: Literal["csv", "parquet", "arrow", ""] = ""
    """Empty: by the end of the file's name."""
    csv: Csv = msgspec.field(default_factory=Csv)
    """Only for CSV."""
    sha256: Sha256 = ""
    """Digest of the file, as `sha256sum` prints it; another file is then refused."""
