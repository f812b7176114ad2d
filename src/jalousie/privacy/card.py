"""The release card: everything that is said about a release, and not one cell value.

Every measured part is a struct here, so that whoever measures it (risk, quality, learning, attacks) and whoever shows it
(report, command line) agree on its words. Shares are in [0, 1]; counts are rows unless said otherwise.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from jalousie.contract.model import Clip, Csv, Round, TruncateDate

Verdict = Literal["PASS", "WARN", "FAIL", "INFO"]


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=False):
    """Base of every part of a card."""


class ContractRef(Part, frozen=True, kw_only=True):
    name: str
    digest: str
    """`sha256:` over the canonical JSON of the contract, without the file's place."""
    provider: str
    ml_party: str


class ColumnFacts(Part, frozen=True, kw_only=True):
    """One column of the release."""

    name: str
    role: str
    type: str
    """Type as released."""
    was: str = ""
    """Type in the provider's table, where the release's file cannot hold it."""
    changed: str
    """What happened to it, in words: `generalised`, `pseudonymised`, `unchanged`, ..."""
    levels: int = 0
    """Levels of its hierarchy, raw and `*` included; 0 where it has none."""
    level: int | None = None
    """Level of the one scheme; None where rows differ (local recoding)."""
    mean_level: float | None = None
    cell_loss: float | None = None
    """Mean share of the domain that a cell covers, suppressed cells counted 1."""
    distinct_before: int = 0
    distinct_after: int = 0


class StepFacts(Part, frozen=True, kw_only=True):
    """What a step did."""

    step: str
    columns: tuple[str, ...] = ()
    sentence: str
    """One sentence for a reader."""
    rows_before: int
    rows_after: int
    facts: dict[str, float] = {}
    """Figures by name, such as `match-rate`."""
    caveat: str = ""
    """What this step does not promise."""
    rule: Round | Clip | TruncateDate | None = None
    """What was done to a number or date, with the bounds as they were used: the encoder does the same to raw rows."""


class ModelFacts(Part, frozen=True, kw_only=True):
    """One privacy model: what was asked for and what the written table reaches, by an independent count."""

    model: str
    column: str = ""
    required: float
    reached: float
    better: Literal["higher", "lower"]
    verdict: Verdict
    sentence: str


class SearchFacts(Part, frozen=True, kw_only=True):
    recoding: str
    metric: str
    loss: float
    lower_bound: float
    gap: float
    exact: bool
    lattice: float
    checked: int
    pruned: float
    method: str
    kernel: str
    candidates: tuple[tuple[float, float, float], ...] = ()
    """(average prosecutor risk, share suppressed, loss) of schemes looked at."""


class SizeBin(Part, frozen=True, kw_only=True):
    """Classes with low <= size <= high (high 0: no end)."""

    low: int
    high: int
    classes: int
    rows: int


class RiskFacts(Part, frozen=True, kw_only=True):
    """Risk of the released (or the raw) classes. Definitions: El Emam 2013; Dankar & El Emam 2010."""

    rows: int
    classes: int
    smallest_class: int
    highest_prosecutor: float
    average_prosecutor: float
    at_risk_share: float
    """Share of rows whose prosecutor risk is above 1/5."""
    highest_journalist: float
    average_journalist: float
    journalist_basis: str
    """What the journalist's figures rest on: a population size with an estimator's name, or `sample` where none was given."""
    marketer: float
    sample_uniques: float
    sizes: tuple[SizeBin, ...]


class DisclosureFacts(Part, frozen=True, kw_only=True):
    """What a class gives away about a sensitive column, though nobody is singled out."""

    column: str
    certain_share: float
    """Rows in classes with a single sensitive value (a null counts as a value)."""
    almost_certain_share: float
    """Rows whose class has one value with at least 90 % of its rows."""
    best_guess: float
    """Share of rows for which the class's commonest value is right."""
    baseline_guess: float
    """The same for a stranger who knows only the whole table's distribution."""


class QualityFacts(Part, frozen=True, kw_only=True):
    """How much detail is left. Higher granularity is better, lower of the others."""

    loss: float
    granularity: float
    entropy_loss: float
    """Non-uniform entropy lost, as a share of all there was."""
    discernibility: float
    """Sum of squared class sizes, suppressed rows costing the table's size each, as a share of the worst case."""
    average_class_size: float
    suppressed_share: float


class LearnerFacts(Part, frozen=True, kw_only=True):
    learner: str
    metric: Literal["auc", "macro-auc", "accuracy", "r2"]
    raw: float
    release: float
    baseline: float
    """Majority class or mean."""
    kept: float | None
    """(release - baseline) / (raw - baseline); None where the raw model gains too little to take a share of."""
    raw_log_loss: float | None = None
    release_log_loss: float | None = None


class LearningFacts(Part, frozen=True, kw_only=True):
    """Trained on the release, tested on held-out raw rows, beside the raw model and the baseline.

    Raw is the table as it was read, before any step; both models learn from the columns that the two have in common.
    """

    target: str
    task: str
    encoder: str
    train_rows: int
    test_rows: int
    learners: tuple[LearnerFacts, ...]
    left_out: tuple[str, ...] = ()
    """Columns of the release that raw rows do not have: joined ones and pseudonyms."""


class AttackFacts(Part, frozen=True, kw_only=True):
    """One attack, with the protection off (raw) and on (release), measured record by record."""

    attack: Literal["re-identification", "attribute-inference", "singling-out", "linkability"]
    column: str = ""
    records: int
    raw_success: float | None
    """With the table as it was read; None where it lacks what the attack is about."""
    release_success: float
    interval: tuple[float, float]
    """95 % interval (Clopper-Pearson) of `release_success`."""
    bound: float | None
    """What the models promise; None where they promise nothing."""
    stranger: float | None = None
    """Success of a guess without the data."""
    control: float | None = None
    """Success against people who are not in the release, where there were any: what it teaches about people in general."""
    verdict: Verdict
    sentence: str


class Check(Part, frozen=True, kw_only=True):
    """A line of the verdict table."""

    verdict: Verdict
    what: str
    sentence: str


class Card(Part, frozen=True, kw_only=True):
    """The whole card (`card.json`)."""

    format: Literal["jalousie-release/1"] = "jalousie-release/1"
    software: str
    created: str = ""
    """UTC, to the minute; set by the place, since the module has no clock."""
    contract: ContractRef
    data_file: str = ""
    data_digest: str = ""
    data_format: str = ""
    csv: Csv | None = None
    """How the table is written down, where it is CSV."""
    files: dict[str, str] = {}
    """`sha256:` of every other file of the release but this card."""
    inputs: dict[str, str] = {}
    """`sha256:` of the files that shaped the release: hierarchy files by column, joined tables whose digest is agreed."""
    rows_in: int
    rows_out: int
    rows_suppressed: int
    columns: tuple[ColumnFacts, ...]
    steps: tuple[StepFacts, ...]
    models: tuple[ModelFacts, ...]
    search: SearchFacts | None
    before: str = ""
    """What the figures called raw are of, where steps came before the table was generalised."""
    risk_before: RiskFacts | None
    risk_after: RiskFacts | None
    disclosure_before: tuple[DisclosureFacts, ...] = ()
    disclosure_after: tuple[DisclosureFacts, ...] = ()
    quality: QualityFacts | None
    encoder: str = ""
    """The encoder to learn with, as `Release.encoder()` builds it."""
    learning: LearningFacts | None = None
    attacks: tuple[AttackFacts, ...] = ()
    checks: tuple[Check, ...] = ()
    seconds: dict[str, float] = {}
    """CPU seconds by stage."""
