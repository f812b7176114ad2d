"""The feedback card: everything that is said about a collaboration by questions and answers, and not one label.

As `privacy.card` is for a release: whoever measures (the ML party, the attacks, an auditor) and whoever shows (report, command
line) agree on its words here. Shares and scores are in [0, 1] unless said otherwise.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from jalousie.contract.digest import digest
from jalousie.contract.model import Contract
from jalousie.errors import UsageError
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.budget import Budget, account

Verdict = Literal["PASS", "WARN", "FAIL", "INFO"]
Metric = Literal["auc", "macro-auc", "accuracy", "r2"]
FeedbackAttack = Literal[
    "differencing",
    "averaging-repeats",
    "averaging-varied",
    "leaderboard-boosting",
    "log-loss-oracle",
    "reconstruction-random",
    "reconstruction-far-apart",
    "refusals",
    "worst-case",
]


SURE = 3.9
"""Standard errors beyond which a difference is no chance (1 in 20,000)."""


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Base of every part of a feedback card."""


class FeedbackAttackFacts(Part, frozen=True, kw_only=True):
    """One attack with the protection off and on.

    Figures are *advantages*: how much more often a record that has the label is said to have it than one that has not. A guess
    without answers has advantage 0 whatever it says and however rare the label is; knowing every label has advantage 1.
    """

    attack: FeedbackAttack
    label: str = ""
    contract: str = ""
    """Name of the contract under which the questions were asked."""
    live: bool = False
    """Against a service that ran, not against a validator made for the attack."""
    targets: int
    """Records whose labels were guessed."""
    without: str
    """What stood in the validator's place with the protection off."""
    off: float
    off_interval: tuple[float, float]
    on: float
    on_interval: tuple[float, float]
    """95 % interval."""
    bound: float | None
    """The most that any attacker gains from all answers together; None where nothing is promised."""
    answered: int
    """Questions answered with the protection on, replays included."""
    replayed: int = 0
    refused: int
    weaker: dict[str, float] = msgspec.field(default_factory=dict)
    """The same attack against half measures, by name."""
    verdict: Verdict
    sentence: str


class Guessed(Part, frozen=True, kw_only=True):
    """How well people's labels are guessed from answers about themselves, and as strangers."""

    how: str
    inside_auc: float
    strangers_auc: float
    inside_right: float
    """Share guessed right."""
    strangers_right: float
    error: float
    """Standard error of the difference between the two AUCs."""

    @property
    def gap(self) -> float:
        return self.inside_auc - self.strangers_auc

    def surely(self, above: float) -> bool:
        """Whether a gap beyond `above` cannot be chance."""
        return self.gap - SURE * self.error > above


class GuessFacts(Part, frozen=True, kw_only=True):
    """How well the ML party guesses the provider's own labels with all that it received."""

    attack: Literal["label-guessing"] = "label-guessing"
    label: str
    contract: str = ""
    records: int
    epsilon: float
    answers: Guessed
    """With the answers of this contract."""
    exact: Guessed
    """With exact answers to the same question."""
    response: Guessed
    """With every label handed over by randomised response at the same epsilon."""
    bound: float
    """The most by which the population can be guessed better than strangers: an AUC compares two records, and the answers
    change by at most the advantage's bound when either's label is another's. Loose: the figures are what counts."""
    verdict: Verdict
    """FAIL beyond the bound; WARN where people are surely guessed better than others like them, if only a little."""
    sentence: str


class CurvePoint(Part, frozen=True, kw_only=True):
    """What a model is worth that learnt from answers for this much."""

    epsilon: float
    """Spent for each record asked about, at the contract's delta."""
    score: float
    """On people who were not asked about."""
    inside: float | None = None
    """The same score on those who were: what the model gives away about them in particular shows as a gap."""
    questions: int = 1
    contract: str = ""


class LearningCurve(Part, frozen=True, kw_only=True):
    """A score against the budget spent, with what it starts from and what it could reach."""

    label: str
    metric: Metric = "auc"
    points: tuple[CurvePoint, ...]
    """In order of epsilon."""
    baseline: float | None = None
    """What the ML party has without a question."""
    central: float | None = None
    """A model of all labels in one place, where anybody may make one: in a trial, hardly ever in earnest."""
    labelled: int = 0
    """Records whose labels the ML party has itself."""
    asked: int
    """Records asked about."""
    tested: int
    """Records that the scores are from."""


class Terms(Part, frozen=True, kw_only=True):
    """What a contract allows about one label, and what was used of it."""

    contract: str
    digest: str
    label: str
    neighbours: Literal["add-or-remove", "change-label"]
    noise: Literal["gaussian", "laplace"]
    min_group: int
    epsilon: float
    delta: float
    """0 for pure epsilon."""
    rho: float
    """The same budget in rho, which adds up over contracts."""
    bound: float
    """The most that any attacker gains from all answers that this budget pays for (an advantage)."""
    lifetime_epsilon: float | None = None
    """Budget of a record over all contracts, where the contract states one."""
    rho_spent: float | None = None
    """By the record asked about most; None where nobody looked."""
    epsilon_spent: float | None = None
    epsilon_left: float | None = None
    """For that record; one never asked about has it all."""
    questions: int | None = None
    """Answered and charged, of all labels."""


class LedgerFacts(Part, frozen=True, kw_only=True):
    """What an auditor found who had the exported ledger and the provider's public key."""

    entries: int
    root: str
    """Root of the Merkle tree, in hexadecimal."""
    cosigned: int = 0
    """Entries that the ML party vouches for too; 0 where it cosigned nothing."""
    answered: int
    replayed: int
    refused: int


class FeedbackCheck(Part, frozen=True, kw_only=True):
    """A line of the verdict table."""

    verdict: Verdict
    what: str
    sentence: str


class FeedbackCard(Part, frozen=True, kw_only=True):
    """The whole card. `validator.judge` fills in what follows from the rest."""

    format: Literal["jalousie-feedback/1"] = "jalousie-feedback/1"
    software: str
    created: str = ""
    """UTC, to the minute."""
    name: str
    provider: str
    ml_party: str = ""
    terms: tuple[Terms, ...]
    together: float | None = None
    """Epsilon of all contracts together, for a record and label asked about under each of them to the end."""
    curve: LearningCurve | None = None
    attacks: tuple[FeedbackAttackFacts, ...] = ()
    guesses: tuple[GuessFacts, ...] = ()
    ledger: LedgerFacts | None = None
    checks: tuple[FeedbackCheck, ...] = ()


def terms_of(contract: Contract, label: str, budget: Budget | None = None) -> Terms:
    """What a contract allows about one of its labels, and what a provider said was used of it.

    Raises
    ------
    UsageError
        U151: the contract has no such label
    """
    feedback = contract.feedback
    if feedback is None or label not in feedback.labels:
        raise UsageError("U151", "the contract allows no questions about this label", effect="")
    granted = account(feedback)
    return Terms(
        contract=contract.name,
        digest=digest(contract),
        label=label,
        neighbours=feedback.neighbours,
        noise=feedback.noise,
        min_group=feedback.min_group,
        epsilon=feedback.epsilon,
        delta=feedback.delta if feedback.noise == "gaussian" else 0.0,
        rho=granted.reserved.value,
        bound=advantage_bound(feedback, feedback.labels[label]),
        lifetime_epsilon=feedback.lifetime_epsilon,
        rho_spent=None if budget is None else budget.spent.value,
        epsilon_spent=None if budget is None else budget.epsilon_spent,
        epsilon_left=None if budget is None else budget.epsilon_left,
        questions=None if budget is None else budget.questions,
    )
