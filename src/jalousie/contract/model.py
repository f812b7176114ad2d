"""The contract: what provider and ML party agreed, as data. One file, YAML or JSON.

Every key is here or in `parts`, `columns` and `steps`, and nowhere else: the JSON Schema, the reference page and the error
messages are made from these structs (`msgspec`), a key's description from the text under it.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jalousie.contract.columns import (
    Column,
    DateHierarchy,
    FileHierarchy,
    FrequencyHierarchy,
    Hierarchy,
    IntervalHierarchy,
    MaskHierarchy,
    NoHierarchy,
    OrderedHierarchy,
    PrefixHierarchy,
    SetHierarchy,
)
from jalousie.contract.feedback import Feedback, Label, Sealed
from jalousie.contract.parts import (
    ColumnType,
    Count,
    Csv,
    Fraction,
    Part,
    Parties,
    Positive,
    Role,
    Scalar,
    Table,
)
from jalousie.contract.steps import (
    Clip,
    DropColumns,
    DropRows,
    Enrich,
    Generalise,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    TruncateDate,
)

__all__ = [
    "AverageRisk",
    "Clip",
    "Column",
    "ColumnType",
    "Contract",
    "Count",
    "Csv",
    "DateHierarchy",
    "DistinctLDiversity",
    "DropColumns",
    "DropRows",
    "Enrich",
    "EntropyLDiversity",
    "Feedback",
    "FileHierarchy",
    "Fraction",
    "FrequencyHierarchy",
    "Generalise",
    "Hierarchy",
    "IntervalHierarchy",
    "KAnonymity",
    "Label",
    "Learning",
    "Limits",
    "MaskHierarchy",
    "Model",
    "NoHierarchy",
    "Noise",
    "OrderedHierarchy",
    "Part",
    "Parties",
    "Positive",
    "PrefixHierarchy",
    "Privacy",
    "Pseudonymise",
    "RandomisedResponse",
    "RecursiveCLDiversity",
    "ReleaseForm",
    "Role",
    "Round",
    "Sample",
    "Scalar",
    "Sealed",
    "SetHierarchy",
    "Step",
    "TCloseness",
    "Table",
    "TruncateDate",
]

# -- privacy models --------------------------------------------------------------------------------------------------


class KAnonymity(Part, frozen=True, kw_only=True, tag_field="model", tag="k-anonymity"):
    """Every class has at least k rows (Sweeney 2002)."""

    k: Annotated[int, Meta(ge=2)]
    """Rows in the smallest class."""


class DistinctLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="distinct-l-diversity"):
    """Every class has at least l different sensitive values (Machanavajjhala et al. 2007)."""

    column: str
    """A sensitive column."""
    l: Annotated[int, Meta(ge=2)]  # noqa: E741 (the field's own name)
    """Different values in every class."""


class EntropyLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="entropy-l-diversity"):
    """The entropy of the sensitive values of every class is at least log l."""

    column: str
    """A sensitive column."""
    l: Annotated[float, Meta(gt=1)]  # noqa: E741
    """As if every class had this many values, equally frequent."""
    estimator: Literal["shannon", "grassberger"] = "shannon"
    """Of the entropy from a class's counts."""


class RecursiveCLDiversity(Part, frozen=True, kw_only=True, tag_field="model", tag="recursive-cl-diversity"):
    """In every class r1 < c (rl + ... + rm), r the counts of the sensitive values in falling order."""

    column: str
    """A sensitive column."""
    c: Positive
    """The smaller, the less the commonest value may dominate."""
    l: Annotated[int, Meta(ge=2)]  # noqa: E741
    """From which value on the rarer ones are counted."""


class TCloseness(Part, frozen=True, kw_only=True, tag_field="model", tag="t-closeness"):
    """Every class's sensitive values are within distance t of the whole table's (Li, Li & Venkatasubramanian 2007)."""

    column: str
    """A sensitive column."""
    t: Annotated[float, Meta(gt=0, le=1)]
    """The largest distance, 0 to 1."""
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    """Between values: equally far, by their place in `order`, or by the level of the hierarchy where they meet."""


class AverageRisk(Part, frozen=True, kw_only=True, tag_field="model", tag="average-risk"):
    """The mean over rows of 1 / class size is at most `risk`."""

    risk: Annotated[float, Meta(gt=0, le=1)]
    """Mean over the released rows."""


Model = KAnonymity | DistinctLDiversity | EntropyLDiversity | RecursiveCLDiversity | TCloseness | AverageRisk


class Privacy(Part, frozen=True, kw_only=True):
    """How quasi-identifiers are generalised, and until when."""

    models: Annotated[tuple[Model, ...], Meta(min_length=1)]
    """All of them must hold in every class that is released."""
    suppression: Fraction = 0.05
    """The largest share of rows that may be suppressed."""
    recoding: Literal["local", "optimal", "mondrian"] = "local"
    """`local`: iterated local recoding, for learning; `optimal`: one scheme for all rows, the proven global optimum;
    `mondrian`: multidimensional cuts."""
    metric: Literal["loss", "entropy", "entropy-monotone", "discernibility", "class-size"] = "loss"
    """What the search minimises."""
    suppressed: Literal["drop", "star"] = "drop"
    """What is released of a suppressed row: nothing, or the row with `*` for every quasi-identifier, unless those rows together
    would be a class that breaks a model: then nothing, and the card says so."""
    seconds: Positive = 60.0
    """Time allowed for the search; after it the best found is taken and its gap to the bound is stated."""


# -- learning, limits, release -----------------------------------------------------------------------------------------


class Learning(Part, frozen=True, kw_only=True):
    """What the ML party wants to learn: the card then says how well the release serves it."""

    target: str
    """The column to predict."""
    task: Literal["classification", "regression"] = "classification"
    """Whether the target is a class or a number."""
    learners: tuple[Literal["lightgbm", "logistic-regression"], ...] = ("lightgbm",)
    """Models trained on raw and released rows to compare them."""
    test_share: Annotated[float, Meta(gt=0, lt=1)] = 0.25
    """Share of rows held out for testing; they are raw."""
    encoder: Literal["shares", "midpoints", "draws"] = "draws"
    """How generalised cells become numbers: shares of the values covered, mid-points, or values drawn."""


class Limits(Part, frozen=True, kw_only=True):
    """Thresholds of the report's verdicts; a release that misses one is a WARN unless `enforce` names it."""

    highest_risk: Fraction | None = None
    """At most this: 1 / rows in the smallest class."""
    average_risk: Fraction | None = None
    """At most this: classes / rows."""
    certain_share: Fraction | None = None
    """Share of rows whose sensitive value an attacker learns with certainty."""
    almost_certain_share: Fraction | None = None
    """Share of rows whose sensitive value an attacker learns with 90 % certainty."""
    sample_uniques: Fraction | None = None
    """At most this share of rows that are alone in their class."""
    suppressed_share: Fraction | None = None
    """At most this share of rows suppressed."""
    granularity: Fraction | None = None
    """At least this much detail (1 - mean cell loss) must be left."""
    learning_share: Fraction | None = None
    """At least this share of the raw model's gain over the majority baseline must be left."""
    enforce: tuple[str, ...] = ()
    """Limits that make a release fail rather than warn, by name."""


class ReleaseForm(Part, frozen=True, kw_only=True):
    """What is written."""

    format: Literal["parquet", "csv", "arrow"] = "parquet"
    """Of the released table."""
    csv: Csv = msgspec.field(default_factory=Csv)
    """Only for CSV."""
    order: Literal["keep", "shuffle"] = "keep"
    """Of the rows: as they were, or shuffled with the operating system's randomness."""
    population: Count | None = None
    """Size of the population the table was sampled from, for the journalist's and marketer's risk."""


class Contract(Part, frozen=True, kw_only=True):
    """What provider and ML party agreed."""

    jalousie: Literal[1]
    """Version of this format."""
    name: Annotated[str, Meta(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Names the contract in cards, reports and file names."""
    parties: Parties
    """Who signs."""
    purpose: str = ""
    """What the ML party will use the release for, in a sentence; the report repeats it."""
    table: Table = msgspec.field(default_factory=Table)
    """The provider's table and how it is written down."""
    columns: dict[str, Column]
    """Every column of the table by name; the order is that of the quasi-identifiers."""
    steps: tuple[Step, ...] = ()
    """What happens to the table, in this order."""
    privacy: Privacy | None = None
    """The privacy models and how they are reached; without it nothing is generalised."""
    learning: Learning | None = None
    """What is to be learned; without it the card has no learning utility."""
    limits: Limits = msgspec.field(default_factory=Limits)
    """Thresholds for the report's verdicts."""
    release: ReleaseForm = msgspec.field(default_factory=ReleaseForm)
    """What is written."""
    feedback: Feedback | None = None
    """What the provider answers about predictions (architecture 2); without it nothing."""
