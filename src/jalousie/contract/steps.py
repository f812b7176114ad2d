"""Steps of a contract: what happens to the table, in its order."""

from typing import Annotated, Literal

from msgspec import Meta

from jalousie.contract.columns import Column
from jalousie.contract.parts import Part, Positive, Scalar, Table


class DropColumns(Part, frozen=True, kw_only=True, tag_field="step", tag="drop-columns"):
    """Scrub: columns that nobody needs."""

    columns: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Columns to drop."""


class DropRows(Part, frozen=True, kw_only=True, tag_field="step", tag="drop-rows"):
    """Scrub: rows for which the rule holds."""

    column: str
    """Column that the rule looks at."""
    when: Literal["is-null", "not-null", "equals", "not-equals", "in", "not-in", "below", "above"]
    """The rule. A null fulfils none but `is-null`, and `in` where `values` names a null."""
    value: Scalar = None
    """For equals, not-equals, below and above."""
    values: tuple[Scalar, ...] = ()
    """For in and not-in."""


class Enrich(Part, frozen=True, kw_only=True, tag_field="step", tag="enrich"):
    """Join a table by key. The key is dropped (unless kept), the new columns become quasi-identifiers."""

    table: Table
    """The table to join."""
    on: str
    """Key column of the provider's table."""
    key: str = ""
    """Key column of the other table; empty: the same name."""
    columns: dict[str, Column]
    """Columns to add, with their roles and hierarchies."""
    keep_key: bool = False
    """Whether the key stays in the table."""


class Pseudonymise(Part, frozen=True, kw_only=True, tag_field="step", tag="pseudonymise"):
    """HMAC-SHA-256 under a key of this contract: same input, same pseudonym inside the contract, unlinkable outside."""

    columns: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Columns to replace; equal values in any of them get equal pseudonyms."""


class Generalise(Part, frozen=True, kw_only=True, tag_field="step", tag="generalise"):
    """Where in the order the `privacy` part is carried out; at the end if this step is not listed."""


class Round(Part, frozen=True, kw_only=True, tag_field="step", tag="round"):
    """Round numbers to the nearest multiple."""

    column: str
    """A number column."""
    to: Positive
    """Of this number."""


class Clip(Part, frozen=True, kw_only=True, tag_field="step", tag="clip"):
    """Bottom and top code a number."""

    column: str
    """A number column."""
    low: float | None = None
    """Lower values become this."""
    high: float | None = None
    """Higher values become this."""


class TruncateDate(Part, frozen=True, kw_only=True, tag_field="step", tag="truncate-date"):
    """Cut a date or time to the start of its period."""

    column: str
    """A date or time column."""
    to: Literal["hour", "day", "week", "month", "quarter", "year"]
    """The period."""


class Noise(Part, frozen=True, kw_only=True, tag_field="step", tag="noise"):
    """Add noise to each number of a column (OpenDP's samplers)."""

    column: str
    """A number column."""
    distribution: Literal["laplace", "gaussian"] = "laplace"
    """Of the noise."""
    scale: Positive
    """Laplace: the scale b (standard deviation b * sqrt 2); Gaussian: the standard deviation."""


class RandomisedResponse(Part, frozen=True, kw_only=True, tag_field="step", tag="randomised-response"):
    """Each category stays with probability e^eps / (e^eps + m - 1), else becomes one of the m - 1 others."""

    column: str
    """A category column."""
    epsilon: Positive
    """The smaller, the more answers are random."""
    categories: tuple[str, ...] = ()
    """The m categories; empty: those of the column (which then says which categories occur)."""


class Sample(Part, frozen=True, kw_only=True, tag_field="step", tag="sample"):
    """Keep a random part of the rows (each row by its own draw)."""

    fraction: Annotated[float, Meta(gt=0, le=1)]
    """Chance of each row to stay."""


Step = (
    DropColumns
    | DropRows
    | Enrich
    | Pseudonymise
    | Generalise
    | Round
    | Clip
    | TruncateDate
    | Noise
    | RandomisedResponse
    | Sample
)
