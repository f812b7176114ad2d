"""The contract: what provider and ML party agreed, as data. One file, YAML or JSON; every key is here and nowhere else.

The JSON Schema, the reference page and the error messages are made from these structs (`msgspec`), so a key's
description is its docstring's first sentence or its `Meta`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Scalar = str | int | float | bool | None
Role = Literal["identifier", "quasi-identifier", "sensitive", "plain"]
ColumnType = Literal["text", "integer", "decimal", "boolean", "date", "datetime"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Base of every part of a contract."""


# -- who and what ----------------------------------------------------------------------------------------------------


class Parties(Part, frozen=True, kw_only=True):
    """Who signs. Names only: keys come with signing."""

    provider: str
    ml_party: str = ""
    mediator: str = ""


class Csv(Part, frozen=True, kw_only=True):
    """How a CSV file is written down."""

    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Meta(max_length=1)] = '"'
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    header: bool = True
    nulls: tuple[str, ...] = ("",)


class Table(Part, frozen=True, kw_only=True):
    """The provider's table. `file` is relative to the contract; it never leaves the provider and is not in the digest."""

    file: str = ""
    format: Literal["csv", "parquet", "arrow", ""] = ""
    csv: Csv = msgspec.field(default_factory=Csv)


# -- hierarchies -----------------------------------------------------------------------------------------------------


class FileHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="file"):
    """A CSV file without a header: column 0 the raw value, then level 1, 2, ... (as ARX writes it)."""

    file: str
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ";"
    encoding: str = "utf-8"


class IntervalHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="intervals"):
    """Numbers in half-open intervals, one width a level, each a multiple of the one before; the top is `*`."""

    widths: Annotated[tuple[Positive, ...], Meta(min_length=1)]
    origin: float = 0.0
    low: float | None = None
    """Values below are gathered in one bottom class."""
    high: float | None = None
    """Values from here on are gathered in one top class."""


class OrderedHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="ordered"):
    """An ordered set of values; level l gathers `sizes[l]` neighbours of the level below."""

    values: tuple[str, ...]
    sizes: Annotated[tuple[Count, ...], Meta(min_length=1)]


class SetHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="sets"):
    """Named groups of values, for one level or (as a list) for several, finest first."""

    levels: Annotated[tuple[dict[str, tuple[str, ...]], ...], Meta(min_length=1)]


class MaskHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="mask"):
    """One character more is masked a level, from the right or the left (postcodes)."""

    side: Literal["right", "left"] = "right"
    character: Annotated[str, Meta(min_length=1, max_length=1)] = "*"
    length: Annotated[int, Meta(ge=0)] = 0
    """Values are padded to this length; 0 takes the longest value."""
    steps: tuple[Count, ...] = ()
    """Characters masked in all at level 1, 2, ...; empty: one more each."""


class PrefixHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="prefix"):
    """Values cut to a prefix, one length a level, longest first (NACE, ICD and postal codes)."""

    lengths: Annotated[tuple[Count, ...], Meta(min_length=1)]
    ignore: str = ""
    """Characters that do not count, such as the dot of `62.01`."""


class DateHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="dates"):
    """Dates cut to week, month, quarter, year, decade or another number of years."""

    levels: Annotated[
        tuple[Literal["day", "week", "month", "quarter", "year", "5-years", "decade", "century"], ...],
        Meta(min_length=1),
    ]


class FrequencyHierarchy(Part, frozen=True, kw_only=True, tag_field="by", tag="frequency"):
    """Rare values first: at each level the values rarer than the threshold (a share of rows) become `other`."""

    thresholds: Annotated[tuple[Fraction, ...], Meta(min_length=1)]
    other: str = "other"


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
    type: ColumnType = "text"
    """Of a CSV column; Parquet and Arrow carry their own types, which are then checked against this if it is given."""
    hierarchy: Hierarchy = msgspec.field(default_factory=NoHierarchy)
    weight: Annotated[float, Meta(ge=0)] = 1.0
    """Of a quasi-identifier in the quality measure."""
    order: tuple[str, ...] = ()
    """Values in their order, for ordered distances and Mondrian; numbers and dates are ordered by themselves."""
    max_level: Annotated[int, Meta(ge=0)] | None = None
    min_level: Annotated[int, Meta(ge=0)] = 0
    description: str = ""


# -- steps -----------------------------------------------------------------------------------------------------------


class DropColumns(Part, frozen=True, kw_only=True, tag_field="step", tag="drop-columns"):
    """Scrub: columns that nobody needs."""

    columns: Annotated[tuple[str, ...], Meta(min_length=1)]


class DropRows(Part, frozen=True, kw_only=True, tag_field="step", tag="drop-rows"):
    """Scrub: rows for which the rule holds."""

    column: str
    when: Literal["is-null", "not-null", "equals", "not-equals", "in", "not-in", "below", "above"]
    value: Scalar = None
    values: tuple[Scalar, ...] = ()


class Enrich(Part, frozen=True, kw_only=True, tag_field="step", tag="enrich"):
    """Join a table by key. The key is dropped (unless kept), the new columns become quasi-identifiers."""

    table: Table
    on: str
    key: str = ""
    """Key column of the other table; empty: the same name."""
    columns: dict[str, Column]
    keep_key: bool = False


class Pseudonymise(Part, frozen=True, kw_only=True, tag_field="step", tag="pseudonymise"):
    """HMAC-SHA-256 under a key of this contract: same input, same pseudonym inside the contract, unlinkable outside."""

    columns: Annotated[tuple[str, ...], Meta(min_length=1)]


class Generalise(Part, frozen=True, kw_only=True, tag_field="step", tag="generalise"):
    """Where in the order the `privacy` part is carried out; at the end if this step is not listed."""


class Round(Part, frozen=True, kw_only=True, tag_field="step", tag="round"):
    """Round numbers to the nearest multiple."""

    column: str
    to: Positive


class Clip(Part, frozen=True, kw_only=True, tag_field="step", tag="clip"):
    """Bottom and top code a number."""

    column: str
    low: float | None = None
    high: float | None = None


class TruncateDate(Part, frozen=True, kw_only=True, tag_field="step", tag="truncate-date"):
    """Cut a date or time to the start of its period."""

    column: str
    to: Literal["hour", "day", "week", "month", "quarter", "year"]


class Noise(Part, frozen=True, kw_only=True, tag_field="step", tag="noise"):
    """Add noise to each number of a column (OpenDP's samplers)."""

    column: str
    distribution: Literal["laplace", "gaussian"] = "laplace"
    scale: Positive


class RandomisedResponse(Part, frozen=True, kw_only=True, tag_field="step", tag="randomised-response"):
    """Each category stays with probability e^eps / (e^eps + m - 1), else becomes one of the m - 1 others."""

    column: str
    epsilon: Positive
    categories: tuple[str, ...] = ()
    """The m categories; empty: those of the column (which then says which categories occur)."""


class Sample(Part, frozen=True, kw_only=True, tag_field="step", tag="sample"):
    """Keep a random part of the rows (each row by its own draw)."""

    fraction: Annotated[float, Meta(gt=0, le=1)]


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


# -- privacy models --------------------------------------------------------------------------------------------------


class KAnonymity(Part, frozen=True, kw_only=True, tag_field="model", tag="k-anonymity"):
    """Every class has at least k rows (Sweeney 2002)."""

    k: Annotated[int, Meta(ge=2)]


class DistinctLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="distinct-l-diversity"):
    """Every class has at least l different sensitive values (Machanavajjhala et al. 2007)."""

    column: str
    l: Annotated[int, Meta(ge=2)]  # noqa: E741 (the field's own name)


class EntropyLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="entropy-l-diversity"):
    """The entropy of the sensitive values of every class is at least log l."""

    column: str
    l: Annotated[float, Meta(gt=1)]  # noqa: E741
    estimator: Literal["shannon", "grassberger"] = "shannon"


class RecursiveCLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="recursive-cl-diversity"):
    """In every class r1 < c (rl + ... + rm), r the counts of the sensitive values in falling order."""

    column: str
    c: Positive
    l: Annotated[int, Meta(ge=2)]  # noqa: E741


class TCloseness(Part, frozen=True, kw_only=True, tag_field="model", tag="t-closeness"):
    """Every class's sensitive values are within distance t of the whole table's (Li, Li & Venkatasubramanian 2007)."""

    column: str
    t: Annotated[float, Meta(gt=0, le=1)]
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"


class AverageRisk(Part, frozen=True, kw_only=True, tag_field="model", tag="average-risk"):
    """The mean over rows of 1 / class size is at most `risk`."""

    risk: Annotated[float, Meta(gt=0, le=1)]


Model = KAnonymity | DistinctLDiversity | EntropyLDiversity | RecursiveCLDiversity | TCloseness | AverageRisk


class Privacy(Part, frozen=True, kw_only=True):
    """How quasi-identifiers are generalised, and until when."""

    models: Annotated[tuple[Model, ...], Meta(min_length=1)]
    suppression: Fraction = 0.05
    """The largest share of rows that may be suppressed."""
    recoding: Literal["local", "optimal", "mondrian"] = "local"
    """`local`: iterated local recoding, for learning; `optimal`: one scheme for all rows, the proven global optimum;
    `mondrian`: multidimensional cuts."""
    metric: Literal["loss", "entropy", "entropy-monotone", "discernibility", "class-size"] = "loss"
    suppressed: Literal["drop", "star"] = "drop"
    """What is released of a suppressed row: nothing, or the row with `*` for every quasi-identifier."""
    seconds: Positive = 60.0
    """Time allowed for the search; after it the best found is taken and its gap to the bound is stated."""


# -- learning, limits, release -----------------------------------------------------------------------------------------


class Learning(Part, frozen=True, kw_only=True):
    """What the ML party wants to learn: the card then says how well the release serves it."""

    target: str
    task: Literal["classification", "regression"] = "classification"
    learners: tuple[Literal["lightgbm", "logistic-regression"], ...] = ("lightgbm",)
    test_share: Annotated[float, Meta(gt=0, lt=1)] = 0.25
    encoder: Literal["shares", "midpoints", "draws"] = "draws"


class Limits(Part, frozen=True, kw_only=True):
    """Thresholds of the report's verdicts; a release that misses one is a WARN unless `enforce` names it."""

    highest_risk: Fraction | None = None
    average_risk: Fraction | None = None
    certain_share: Fraction | None = None
    """Share of rows whose sensitive value an attacker learns with certainty."""
    almost_certain_share: Fraction | None = None
    """Share of rows whose sensitive value an attacker learns with 90 % certainty."""
    sample_uniques: Fraction | None = None
    suppressed_share: Fraction | None = None
    granularity: Fraction | None = None
    """At least this much detail (1 - mean cell loss) must be left."""
    learning_share: Fraction | None = None
    """At least this share of the raw model's gain over the majority baseline must be left."""
    enforce: tuple[str, ...] = ()


class ReleaseForm(Part, frozen=True, kw_only=True):
    """What is written."""

    format: Literal["parquet", "csv", "arrow"] = "parquet"
    csv: Csv = msgspec.field(default_factory=Csv)
    order: Literal["keep", "shuffle"] = "keep"
    population: Count | None = None
    """Size of the population the table was sampled from, for the journalist's and marketer's risk."""


class Contract(Part, frozen=True, kw_only=True):
    """What provider and ML party agreed."""

    jalousie: Literal[1]
    name: Annotated[str, Meta(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    parties: Parties
    purpose: str = ""
    table: Table = msgspec.field(default_factory=Table)
    columns: dict[str, Column]
    steps: tuple[Step, ...] = ()
    privacy: Privacy | None = None
    learning: Learning | None = None
    limits: Limits = msgspec.field(default_factory=Limits)
    release: ReleaseForm = msgspec.field(default_factory=ReleaseForm)
