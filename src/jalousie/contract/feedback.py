"""The part of a contract about questions and answers (architecture 2): labels, budget, and what the monitor refuses."""

from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr, replace

from jalousie.contract.parts import Count, Part, Positive


class Label(Part, frozen=True, kw_only=True):
    """A column of the provider's table that questions may be about. Its values never leave."""

    column: str
    """The column, of role sensitive or plain: what others know of a person no budget hides."""
    kind: Literal["classes", "number"] = "classes"
    """Counted by class, or summed."""
    classes: tuple[str, ...] = ()
    """All classes, in order; a record with another value or none counts nowhere."""
    cuts: tuple[float, ...] = ()
    """Of a number that is counted by interval: where intervals meet, rising, between `low` and `high`. They are the classes."""
    low: float | None = None
    """Of a number: smaller values count as this."""
    high: float | None = None
    """Of a number: larger values count as this."""
    unit: Positive = 1.0
    """Of a number: values are rounded to multiples of this before they are summed."""

    def __post_init__(self) -> None:
        if self.cuts and not self.classes:
            force_setattr(self, "classes", self.intervals())

    def by_name(self) -> "Label":
        """The same classes where values are their names: how a label with `cuts` is once its numbers were put into intervals."""
        return replace(self, cuts=(), low=None, high=None) if self.cuts else self

    def ends(self) -> tuple[float, ...]:
        """Ends of the intervals, one more than there are, of a label with `cuts`, `low` and `high`."""
        return () if self.low is None or self.high is None else (self.low, *self.cuts, self.high)

    def intervals(self) -> tuple[str, ...]:
        """Names of the intervals; a cut itself belongs to the interval above it."""
        return tuple(f"{low:.12g} to {high:.12g}" for low, high in pairwise(self.ends()))


class Sealed(Part, frozen=True, kw_only=True):
    """Labels that a mediator sums without reading them (architecture 2.B)."""

    providers: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Names of all providers whose labels are summed, each once."""
    disjoint: bool = False
    """Whether no record (no subject, where that is the unit) is at more than one provider. Otherwise it counts at each of
    them, and noise covers it at all of them."""


class Feedback(Part, frozen=True, kw_only=True):
    """What the provider answers about predictions, and how much in all."""

    identifier: str
    """The column, of role identifier, by which both parties name a record."""
    labels: Annotated[dict[str, Label], Meta(min_length=1)]
    """What may be asked about, by the name that questions use."""
    neighbours: Literal["add-or-remove", "change-label"] = "add-or-remove"
    """What an answer hides: that a record is there at all, or only its label where the population is public."""
    unit: Literal["record", "subject"] = "record"
    """What one unit of budget protects: all records of one identifier, or all of one subject."""
    subject: str = ""
    """Column that names the subject (`unit: subject`), where several identifiers may be about one; empty: the identifier does.
    Records that share an identifier are of one subject."""
    records_per_subject: Count = 1
    """Records of one subject that count, for the life of this contract; further ones are left out."""
    noise: Literal["gaussian", "laplace"] = "gaussian"
    """Discrete Gaussian (zCDP), or discrete Laplace (pure epsilon)."""
    epsilon: Positive = 1.0
    """Budget of a record and label for the life of this contract, at `delta`."""
    delta: Annotated[float, Meta(gt=0, lt=1)] = 1e-6
    """Probability with which the epsilon that is shown may not hold."""
    lifetime_epsilon: Positive | None = None
    """Budget of a record and label over all contracts of the provider; none: that of this contract."""
    min_group: Count = 25
    """Smallest group that may be asked about, in records of the population."""
    max_groups: Count = 2000
    """Groups in one question, all partitions together."""
    max_partitions: Count = 200
    """Partitions in one question."""
    max_questions: Count = 1000
    """Questions over the life of the contract, replays not counted."""
    questions_per_minute: Count = 600
    """Rate, replays counted."""
    answer_grid: Annotated[float, Meta(ge=0)] = 0.05
    """Answers leave at multiples of this many seconds, so that time tells nothing; 0 for none."""
    sealed: Sealed | None = None
    """Providers seal their labels and a mediator answers; without it the provider answers itself."""

    def copies(self) -> int:
        """How many times one record may count in an answer: once at every provider that may have it."""
        return 1 if self.sealed is None or self.sealed.disjoint else len(self.sealed.providers)
