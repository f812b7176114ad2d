"""Replaying a ledger: budgets and refusals recomputed from its entries, by rules written here once more and independently.

Rules, each a fault if broken:

- a contract is registered once, and what contracts reserve of a column never passes the column's lifetime budget: the lowest
  that any of them states;
- all contracts have their pseudonyms under one master key, as far as they name it: under another, tallies begin anew;
- a question is about a named population and a label of its contract where it is answered;
- an outcome names an earlier question that has none yet; nothing is answered that was not charged, now or before;
- a partition that was answered is never charged again, and every replay repeats the stored answer;
- a question's digest is that of its label, its partitions and what was offered, all as recorded;
- what is spent is what the new partitions cost, which is their share of what was offered;
- sizes agree: a population and a set of records have one size, a set fits into its population, groups fit into their set;
- the largest tally lies between what these records have certainly spent and what any record can have spent, and within the
  reservation; where the pseudonyms are at hand, it is recomputed exactly. The sizes of sets alone often show that they
  overlap: whatever no arrangement of the sets could keep within the reservation is a fault;
- how many of the records were asked about before is possible, too;
- the contract's limits hold for what was answered, and a refusal that they explain is explained by the recorded numbers.

A question without an outcome (a crash, or the end of the export) keeps its spend: that wastes budget and is no fault.

No fault does not mean that all is well. Where the sets of records could overlap in a way that passes the reservation, only who
was asked can tell: such labels are `undecided` until the members of the sets are at hand (`jalousie.ledger.members`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from jalousie.errors import LedgerError
from jalousie.ledger.bounds import Bounds, Numbers, Pseudonyms
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
    """The most that any record can have spent. Where no pseudonyms are at hand: the sum of all spends."""
    tally: int = 0
    """The largest tally that the ledger states: the provider's word, within `lowest` and `highest`."""
    exact: bool = True
    """Whether every tally could be recomputed from pseudonyms."""
    answered: int = 0
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def undecided(self) -> bool:
        """Whether some record may have spent more than is reserved; who was asked would tell."""
        return self.highest > self.reserved


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

    @property
    def undecided(self) -> tuple[tuple[str, str], ...]:
        """(contract, label) of which the ledger alone does not tell whether the budget was kept."""
        return tuple(name for name, facts in self.labels.items() if facts.undecided)

    def require(self) -> None:
        """Raise L710 for the first fault. That there is none does not mean that all is well: see `undecided`."""
        if self.faults:
            first = self.faults[0]
            raise LedgerError(
                "L710", f"entry {first.index}: {first.message} ({len(self.faults)} such entries or more)", effect=""
            )


@dataclass(slots=True)
class _Label:
    """What is known of one label under one contract."""

    facts: LabelFacts
    bounds: Bounds = field(default_factory=Bounds)
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
        self._numbers = Numbers()
        self._contracts: dict[str, _Contract] = {}
        self._columns: dict[str, tuple[int, int]] = {}
        """By column: reserved so far, lowest lifetime stated."""
        self._sizes: dict[str, int] = {}
        """Of populations and of sets of records, by digest."""
        self._whole: dict[str, str] = {}
        """By population: the set of all of its records."""
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
            if self._sizes.setdefault(entry.population, entry.size) != entry.size:
                self._fault(index, "its population has another size than before")
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
        reserved = {column: taken for column, (taken, _) in self._columns.items()}
        return Replayed(self._entries, labels, reserved, tuple(self._open), self._unexplained, tuple(self._faults))

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
            taken, lifetime = self._columns.get(budget.column, (0, budget.lifetime))
            # nobody's promise is loosened by a later contract: the lowest lifetime counts
            taken, lifetime = taken + budget.reserved, min(lifetime, budget.lifetime)
            self._columns[budget.column] = (taken, lifetime)
            if taken > lifetime:
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
        self._form(index, entry)
        known = [part.digest in label.answers for part in entry.partitions]
        if any(part.new == answered for part, answered in zip(entry.partitions, known, strict=True)):
            self._fault(index, "it takes an answered partition for a new one, or a new one for answered")
        if all(known) and entry.charge:
            self._fault(index, "it charges for partitions that were answered before")
        if entry.spent:
            contract.paid += 1
            label.charged.update(part.digest for part in entry.partitions if part.new)
        self._tally(index, entry, label)

    def _form(self, index: int, entry: QuestionAsked) -> None:
        """Whether digest, cost and sizes of a question about a known label and population agree with each other."""
        if not entry.partitions:
            if entry.records or entry.asked or entry.charge or entry.tally:
                self._fault(index, "it has no partition, and yet records or a charge")
            return
        if entry.question != _question_digest(entry):
            self._fault(index, "its digest is not that of its label, partitions and offer")
        distinct = {part.digest: part.new for part in entry.partitions}
        if entry.charge != -(-entry.offered * sum(distinct.values()) // len(distinct)):
            self._fault(index, "its charge is not the new partitions' share of what was offered")
        size = self._sizes[entry.population]
        new = any(distinct.values())
        if not 0 < entry.records <= size or any(
            not part.groups or part.groups * part.smallest > (entry.records if part.new or not new else size)
            for part in entry.partitions
        ):
            self._fault(index, "its sizes are impossible: groups, records asked about, or population")
        other = entry.records == size and self._whole.setdefault(entry.population, entry.asked) != entry.asked
        if other or self._sizes.setdefault(entry.asked, entry.records) != entry.records:
            self._fault(index, "its set of records has another size or digest than before")

    def _tally(self, index: int, entry: QuestionAsked, label: _Label) -> None:
        facts, bounds, size = label.facts, label.bounds, self._sizes[entry.population]
        facts.tally = max(facts.tally, entry.tally)
        if entry.tally > facts.reserved:
            self._fault(index, "its tally passes what the contract reserves")
        if not entry.partitions:
            return
        members = self._members(index, entry)
        seen = bounds.seen(entry.asked, entry.records, entry.population, size, members)
        if not seen.least + entry.spent <= entry.tally <= seen.most + entry.spent:
            self._fault(index, "its tally is impossible after the spends so far")
        if entry.before is not None:
            least, most = seen.before
            if not least <= entry.before <= most or (not entry.before and entry.tally != entry.spent):
                self._fault(index, "so many of its records cannot have been asked about before")
        if entry.nearest == 0 and not bounds.charged(entry.asked):
            self._fault(index, "its set of records was not asked about before")
        within = bounds.lowest <= facts.reserved
        bounds.spend(entry.asked, entry.records, entry.population, size, members, entry.spent)
        facts.lowest, facts.highest, facts.exact = bounds.lowest, bounds.highest, bounds.exact
        if within and facts.lowest > facts.reserved:
            self._fault(index, "some record has spent more than the contract reserves, whatever is stated")

    def _members(self, index: int, entry: QuestionAsked) -> NDArray[np.int64] | None:
        """The records that a question asks about, by number, where they are at hand."""
        if self._pseudonyms is None:
            return None
        members = self._numbers.of(entry.asked, self._pseudonyms)
        if members is not None and len(members) != entry.records:
            self._fault(index, "it asks about another number of records than its set has")
        return members

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


def _question_digest(entry: QuestionAsked) -> str:
    """Of label, partitions in their order and what was offered: what the ML party computes of its own question."""
    label = entry.label.encode()
    state = hashlib.sha256(b"jalousie/question/1\0" + entry.offered.to_bytes(8, "big"))
    state.update(len(label).to_bytes(4, "big") + label)
    for part in entry.partitions:
        state.update(bytes.fromhex(part.digest.removeprefix("sha256:")))
    return "sha256:" + state.hexdigest()


@lru_cache(maxsize=1024)
def _minute_before(minute: str) -> str:
    try:
        return (datetime.strptime(minute, MINUTE_FORMAT) - timedelta(minutes=1)).strftime(MINUTE_FORMAT)
    except (ValueError, OverflowError):
        return ""  # an impossible minute has none before it
