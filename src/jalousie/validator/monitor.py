"""The monitor: a security automaton over the history of questions (Schneider 2000; Kumar, Ligatti & Tu 2015).

Its alphabet is the public facts of questions; its state is what earlier questions left behind: how many were charged, how
many came in the last minute, and what the asked pseudonyms have spent. Labels, and which pseudonyms the provider has, are no
part of either, so that a refusal cannot tell anything about them. A refusal costs nothing and is recorded.

Groups that are too small, too many questions and too high a rate are refused to keep the service sane and to make a mistake
visible. The guarantee is the budget's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jalousie.contract.feedback import Feedback
from jalousie.validator.budget import Account, Rho
from jalousie.validator.types import StatisticKind


@dataclass(frozen=True, slots=True)
class PartitionFacts:
    """What is public about one partition."""

    digest: str
    groups: int
    smallest: int
    """Records of the population in the smallest group, whether or not the provider has them."""
    new: bool
    """False where it was answered before: the stored answer is sent again, at no cost."""
    statistic: StatisticKind | Literal[""] = ""
    """What is summed, where that is not the label itself."""


@dataclass(frozen=True, slots=True)
class QuestionFacts:
    """What is public about a question, and all that the monitor sees of it. The ledger records the same."""

    question: str
    population: str
    label: str
    asked: str
    """Digest of the set of records that the new partitions ask about (of all partitions where none is new)."""
    records: int
    partitions: tuple[PartitionFacts, ...]
    offered: Rho
    charge: Rho
    """What the new partitions cost each of those records."""
    tally: Rho
    """The most that one of those records has spent so far."""
    before: int | None
    """How many of those records were asked about before: the overlap with all earlier questions about this label."""
    nearest: int | None = None
    """The fewest records in which their set differs from a recent earlier one (`validator.overlap`), where there is one."""
    known_population: bool = True
    known_label: bool = True

    @property
    def new(self) -> bool:
        return any(part.new for part in self.partitions)


@dataclass(frozen=True, slots=True)
class History:
    """The automaton's state, as far as it is not the tallies."""

    charged: int
    """Questions charged under this contract."""
    recent: int
    """Questions of the last minute, this one not counted, replays and refusals counted."""


@dataclass(frozen=True, slots=True)
class Allow:
    """`spend` is to be made durable before anything is computed; nothing for a replay."""

    spend: Rho


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing is answered and nothing spent. The message names counts of the question and the contract's limits alone."""

    code: str
    message: str
    hint: str


Decision = Allow | Refuse


def decide(contract: Feedback, account: Account, history: History, asked: QuestionFacts) -> Decision:
    """One step of the automaton. The first rule that is broken decides."""
    refusal = (
        _unknown(asked)
        or _too_fast(contract, history)
        or (_too_large(contract, asked) if asked.new else None)
        or _too_small(contract, asked)
        or (_spent(contract, account, history, asked) if asked.new else None)
    )
    return refusal if refusal is not None else Allow(asked.charge)


def after(history: History, decision: Decision) -> History:
    """The state after a question, within the same minute."""
    charged = isinstance(decision, Allow) and decision.spend.nano > 0
    return History(history.charged + charged, history.recent + 1)


def _unknown(asked: QuestionFacts) -> Refuse | None:
    if not asked.known_population:
        return Refuse("V206", "the population was not handed over", "hand over the population first")
    if not asked.known_label:
        return Refuse("V208", "the contract has no such label", "see `feedback.labels` in the contract")
    return None


def _too_fast(contract: Feedback, history: History) -> Refuse | None:
    if history.recent < contract.questions_per_minute:
        return None
    return Refuse(
        "V202", f"the contract allows {contract.questions_per_minute} questions a minute", "wait, and ask again"
    )


def _too_large(contract: Feedback, asked: QuestionFacts) -> Refuse | None:
    groups = sum(part.groups for part in asked.partitions)
    if len(asked.partitions) > contract.max_partitions or groups > contract.max_groups:
        return Refuse(
            "V205",
            f"{len(asked.partitions)} partitions with {groups} groups; the contract allows "
            f"{contract.max_partitions} with {contract.max_groups}",
            "make fewer or coarser groups, or several questions",
        )
    return None


def _too_small(contract: Feedback, asked: QuestionFacts) -> Refuse | None:
    """Of old partitions too: a group without records has no place in their digest, so no answer for it was ever kept."""
    for number, part in enumerate(asked.partitions):
        if part.smallest < contract.min_group:
            return Refuse(
                "V204",
                f"a group of partition {number} has {part.smallest} records; the contract asks for at least "
                f"{contract.min_group}",
                "merge it with its neighbour, or ask about a larger population",
            )
    return None


def _spent(contract: Feedback, account: Account, history: History, asked: QuestionFacts) -> Refuse | None:
    if history.charged >= contract.max_questions:
        return Refuse(
            "V203",
            f"all {contract.max_questions} questions of the contract were asked",
            "put several partitions into one question; earlier questions can be repeated for nothing",
        )
    if asked.charge.nano == 0:
        return Refuse("V209", "no budget was offered", "offer a part of what `budget` says is left")
    left = account.reserved.nano - asked.tally.nano
    if asked.charge.nano > left:
        return Refuse(
            "V201",
            f"it would cost {asked.charge.value:.6g} of rho, and of the record asked about most {left / 1e9:.6g} is left",
            "offer less, or ask about records that were not asked about before",
        )
    return None
