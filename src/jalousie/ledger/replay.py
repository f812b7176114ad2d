"""Replaying a ledger: budgets and refusals recomputed from its entries, by rules written here once more and independently.

Rules, each a fault if broken:

- a contract is registered once, and what contracts reserve of a column never passes the column's lifetime budget;
- all contracts have their pseudonyms under one master key, as far as they name it: under another, tallies begin anew;
- a question is about a named population and a label of its contract where it is answered;
- an outcome names an earlier question that has none yet; nothing is answered that was not charged, now or before;
- a partition that was answered is never charged again, and every replay repeats the stored answer;
- what is spent is what the new partitions cost, and no more than was offered;
- the largest tally lies between what this set of records has certainly spent and what any record can have spent, and
  within the reservation; where the pseudonyms are at hand, it is recomputed exactly;
- the contract's limits hold for what was answered, and a refusal that they explain is explained by the recorded numbers.

A question without an outcome (a crash, or the end of the export) keeps its spend: that wastes budget and is no fault.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from jalousie.errors import LedgerError
from jalousie.ledger.entry import (
    Answered,
    ContractRegistered,
    Entry,
    Erased,
    PopulationNamed,
    QuestionAsked,
    Refused,
)
from jalousie.wire.envelope import MINUTE_FORMAT

Pseudonyms = Callable[[str], Iterable[bytes] | None]
"""From the digest of a set of asked records to their pseudonyms, or None where the auditor does not have them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that breaks a rule."""

    index: int
    message: str


@dataclass(slots=True)
class LabelFacts:
    """A label of a contract, recomputed. Budgets in billionths of rho."""

    reserved: int
    lowest: int = 0
    """The most that some record has certainly spent."""
    highest: int = 0
    """The most that any record can have spent: the sum of all spends."""
    tally: int = 0
    """The largest tally that the ledger states."""
    exact: bool = True
    """Whether every tally could be recomputed from pseudonyms."""
    answered: int = 0
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. `unfinished`: questions whose spend stands without an outcome."""

    entries: int
    labels: dict[tuple[str, str], LabelFacts]
    reserved: dict[str, int]
    """By column, over all contracts."""
    unfinished: tuple[int, ...]
    unexplained: int
    """Refusals for reasons that the ledger's numbers do not show; none of them is a fault."""
    faults: tuple[Fault, ...]

    def require(self) -> None:
        """Raise L710 for the first fault."""
        if self.faults:
            first = self.faults[0]
            raise LedgerError(
                "L710", f"entry {first.index}: {first.message} ({len(self.faults)} such entries or more)", effect=""
            )


@dataclass(slots=True)
class _Label:
    """What is known of one label under one contract."""

    facts: LabelFacts
    by_set: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_record: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    charged: set[str] = field(default_factory=set)
    answers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Contract:
    registered: ContractRegistered
    labels: dict[str, _Label]
    populations: set[str] = field(default_factory=set)
    paid: int = 0
    """Questions that were charged."""
    asked: Counter[str] = field(default_factory=Counter)
    """Questions by minute, refused ones too."""
    answered: Counter[str] = field(default_factory=Counter)
    erased: bool = False


@dataclass(slots=True)
class _Open:
    """A question that waits for its outcome."""

    question: QuestionAsked
    broken: frozenset[str]
    """Codes of the limits that it breaks, as recorded."""


class Replay:
    """Feed it every entry in order (`verify_export(..., each=replay.feed)`), then take `result`."""

    def __init__(self, pseudonyms: Pseudonyms | None = None) -> None:
        self._pseudonyms = pseudonyms
        self._contracts: dict[str, _Contract] = {}
        self._reserved: defaultdict[str, int] = defaultdict(int)
        self._master_key = ""
        self._open: dict[int, _Open] = {}
        self._faults: list[Fault] = []
        self._unexplained = 0
        self._entries = 0

    def feed(self, index: int, entry: Entry) -> None:
        self._entries += 1
        if isinstance(entry, ContractRegistered):
            self._register(index, entry)
            return
        contract = self._contracts.get(entry.contract)
        if contract is None or contract.erased:
            self._fault(index, "it belongs to a contract that is not registered, or erased")
        elif isinstance(entry, PopulationNamed):
            contract.populations.add(entry.population)
        elif isinstance(entry, QuestionAsked):
            self._question(index, entry, contract)
        elif isinstance(entry, Erased):
            self._erase(index, entry, contract)
        else:
            self._outcome(index, entry, contract)

    def result(self) -> Replayed:
        labels = {
            (digest, name): label.facts
            for digest, contract in self._contracts.items()
            for name, label in contract.labels.items()
        }
        return Replayed(
            self._entries, labels, dict(self._reserved), tuple(self._open), self._unexplained, tuple(self._faults)
        )

    def _fault(self, index: int, message: str) -> None:
        self._faults.append(Fault(index, message))

    def _register(self, index: int, entry: ContractRegistered) -> None:
        if entry.contract in self._contracts:
            self._fault(index, "its contract is registered a second time")
            return
        self._master_key = self._master_key or entry.master_key
        if entry.master_key not in ("", self._master_key):
            self._fault(index, "its pseudonyms are under another master key than those of earlier contracts")
        labels = {name: _Label(LabelFacts(budget.reserved)) for name, budget in entry.labels.items()}
        self._contracts[entry.contract] = _Contract(entry, labels)
        for budget in entry.labels.values():
            self._reserved[budget.column] += budget.reserved
            if self._reserved[budget.column] > budget.lifetime:
                self._fault(index, "its reservations pass the lifetime budget of a column")

    def _erase(self, index: int, entry: Erased, contract: _Contract) -> None:
        if entry.what == "contract":
            contract.erased = True
        elif entry.population in contract.populations:
            contract.populations.discard(entry.population)
        else:
            self._fault(index, "it erases a population that is not named")

    def _question(self, index: int, entry: QuestionAsked, contract: _Contract) -> None:
        contract.asked[entry.minute] += 1
        self._open[index] = _Open(entry, _broken(entry, contract))
        label = contract.labels.get(entry.label)
        if entry.spent not in (0, entry.charge) or entry.spent > entry.offered:
            self._fault(index, "it spends something else than its charge, or more than was offered")
        if label is None or entry.population not in contract.populations:
            if entry.spent:
                self._fault(index, "it spends budget for an unknown label or population")
            return
        known = [part.digest in label.answers for part in entry.partitions]
        if any(part.new == answered for part, answered in zip(entry.partitions, known, strict=True)):
            self._fault(index, "it takes an answered partition for a new one, or a new one for answered")
        if all(known) and entry.charge:
            self._fault(index, "it charges for partitions that were answered before")
        if entry.spent:
            contract.paid += 1
            label.charged.update(part.digest for part in entry.partitions if part.new)
        self._tally(index, entry, label)

    def _tally(self, index: int, entry: QuestionAsked, label: _Label) -> None:
        facts = label.facts
        label.by_set[entry.asked] += entry.spent
        facts.highest += entry.spent
        facts.lowest = max(facts.lowest, label.by_set[entry.asked])
        facts.tally = max(facts.tally, entry.tally)
        if not label.by_set[entry.asked] <= entry.tally <= facts.highest:
            self._fault(index, "its tally is impossible after the spends so far")
        if entry.tally > facts.reserved:
            self._fault(index, "its tally passes what the contract reserves")
        records = self._pseudonyms(entry.asked) if self._pseudonyms is not None and entry.asked else None
        if records is None:
            # the spends of records that are not at hand are lost to the exact tallies from here on
            facts.exact = facts.exact and not entry.spent
            return
        largest = 0
        for record in records:
            label.by_record[record] += entry.spent
            largest = max(largest, label.by_record[record])
        if facts.exact and largest != entry.tally:
            self._fault(index, "its tally is not the one that its records have")

    def _outcome(self, index: int, entry: Answered | Refused, contract: _Contract) -> None:
        waiting = self._open.get(entry.index)
        if waiting is None or waiting.question.contract != entry.contract:
            self._fault(index, "it is the outcome of no question, or a second one")
            return
        del self._open[entry.index]
        label = contract.labels.get(waiting.question.label)
        if isinstance(entry, Refused):
            self._refusal(index, entry, waiting, label)
        elif label is None or waiting.question.population not in contract.populations:
            self._fault(index, "it answers about an unknown label or population")
        else:
            self._answer(index, entry, waiting, contract, label)

    def _refusal(self, index: int, entry: Refused, waiting: _Open, label: _Label | None) -> None:
        if waiting.question.spent:
            self._fault(index, "it refuses a question that was charged")
        if label is not None:
            label.facts.refused[entry.code] += 1
        if entry.code not in _EXPLAINED:
            self._unexplained += 1
        elif entry.code not in waiting.broken:
            self._fault(index, f"its refusal {entry.code} does not follow from what is recorded")

    def _answer(self, index: int, entry: Answered, waiting: _Open, contract: _Contract, label: _Label) -> None:
        question = waiting.question
        contract.answered[question.minute] += 1
        replayed = not any(part.new for part in question.partitions)
        label.facts.replayed += replayed
        label.facts.answered += not replayed
        if contract.answered[question.minute] > contract.registered.limits.questions_per_minute:
            self._fault(index, "more questions were answered in a minute than the contract allows")
        if not replayed and waiting.broken & _FORBIDDING:
            self._fault(index, f"it answers what {min(waiting.broken & _FORBIDDING)} forbids")
        if len(entry.partitions) != len(question.partitions):
            self._fault(index, "it answers another number of partitions than were asked")
            return
        for part, answer in zip(question.partitions, entry.partitions, strict=True):
            if part.digest not in label.charged:
                self._fault(index, "it answers a partition that was never charged")
            if label.answers.setdefault(part.digest, answer) != answer:
                self._fault(index, "it answers a partition a second time with other noise")


# refusals that follow from the recorded numbers, and of these the ones that an answer to a new partition must not break;
# the rate (V202) is judged by the clock of the place, which the ledger keeps to the minute only
_EXPLAINED = frozenset({"V201", "V202", "V203", "V204", "V205", "V206", "V208"})
_FORBIDDING = _EXPLAINED - {"V201", "V202"}


def _broken(entry: QuestionAsked, contract: _Contract) -> frozenset[str]:
    """Codes of the contract's limits that a question breaks by the numbers that are recorded with it."""
    limits = contract.registered.limits
    label = contract.labels.get(entry.label)
    # whatever window of a minute the place looks at lies within two minutes of the ledger
    recent = contract.asked[entry.minute] + contract.asked[_minute_before(entry.minute)]
    tests = {
        "V201": label is not None
        and (entry.tally + entry.charge - entry.spent > label.facts.reserved or entry.charge > entry.offered),
        "V202": recent > limits.questions_per_minute,
        "V203": contract.paid >= limits.max_questions,
        "V204": any(part.smallest < limits.min_group for part in entry.partitions),
        "V205": len(entry.partitions) > limits.max_partitions
        or sum(part.groups for part in entry.partitions) > limits.max_groups,
        "V206": entry.population not in contract.populations,
        "V208": label is None,
    }
    return frozenset(code for code, broken in tests.items() if broken)


@lru_cache(maxsize=1024)
def _minute_before(minute: str) -> str:
    try:
        return (datetime.strptime(minute, MINUTE_FORMAT) - timedelta(minutes=1)).strftime(MINUTE_FORMAT)
    except (ValueError, OverflowError):
        return ""  # an impossible minute has none before it
