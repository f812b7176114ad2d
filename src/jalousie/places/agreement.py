"""Whether a provider's store says what its own ledger says: whoever changed a row without the ledger is found out.

The budget is counted from the rows, so a row that forgets a spend would give it back. The ledger itself is held against the
newest checkpoint that an ML party cosigned, so that rows and entries cannot be changed together unseen; what came after it is
the provider's word alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from jalousie.ledger.checkpoint import parse_checkpoint
from jalousie.ledger.entry import (
    Answered,
    ContractRegistered,
    Entry,
    PopulationNamed,
    QuestionAsked,
    Refused,
    decode_entry,
)
from jalousie.ledger.merkle import Frontier, leaf_hash
from jalousie.places.store import Asked, Store


@dataclass(slots=True)
class _Told:
    """What the ledger says, by what the store keeps."""

    questions: dict[int, QuestionAsked] = field(default_factory=dict)
    outcomes: dict[int, Answered | Refused] = field(default_factory=dict)
    contracts: dict[str, ContractRegistered] = field(default_factory=dict)
    populations: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, index: int, entry: Entry) -> None:
        if isinstance(entry, QuestionAsked):
            self.questions[index] = entry
        elif isinstance(entry, Answered | Refused):
            self.outcomes[entry.index] = entry
        elif isinstance(entry, ContractRegistered):
            self.contracts[entry.contract] = entry
        elif isinstance(entry, PopulationNamed):
            self.populations[entry.contract, entry.population] = entry.size


def disagreements(store: Store) -> Generator[str]:
    """What store and ledger say differently, in words without any content of either.

    Raises
    ------
    LedgerError
        L701 an entry that is not of its form
    """
    cosigned = store.cosigned()
    checkpoint = None if cosigned is None else parse_checkpoint(cosigned[1])[0]
    told, frontier = _Told(), Frontier()
    with store.transaction():
        for index, leaf in enumerate(store.read(0)):
            told.take(index, decode_entry(leaf, index))
            frontier.append(leaf_hash(leaf))
            if checkpoint is not None and frontier.size == checkpoint.size and frontier.root() != checkpoint.root:
                yield f"the ledger's first {checkpoint.size} entries are not those that an ML party cosigned"
        if checkpoint is not None and frontier.size < checkpoint.size:
            yield f"the ledger has {frontier.size} entries; an ML party cosigned {checkpoint.size}"
        yield from _contracts(store, told)
        for contract in store.contracts():
            yield from _questions(store, told, contract)
            yield from _answers(store, told, contract)


def first_disagreement(store: Store) -> str:
    """Empty where there is none."""
    with closing(disagreements(store)) as found:  # the file is let go of at once
        return next(found, "")


def _contracts(store: Store, told: _Told) -> Iterator[str]:
    reserved = store.reservations()
    stated = {
        (contract, label): (budget.column, budget.reserved, budget.lifetime)
        for contract, entry in told.contracts.items()
        for label, budget in entry.labels.items()
    }
    if reserved != stated:
        yield "the budgets that contracts reserve are not those of the ledger"
    kept = {(contract, name): size for contract in store.contracts() for name, size in store.populations(contract)}
    if any(told.populations.get(name) != size for name, size in kept.items()):
        yield "a population is not one that the ledger names"


def _questions(store: Store, told: _Told, contract: str) -> Iterator[str]:
    ours = {index for index, entry in told.questions.items() if entry.contract == contract}
    sets = store.charged_sets(contract)
    after: int | None = 0
    while after is not None:
        page = store.questions(contract, after)
        for row in page:
            if row.entry not in ours:
                yield f"question {row.number} of the store is not in the ledger, or twice in the store"
                continue
            ours.discard(row.entry)
            entry = told.questions[row.entry]
            if not _same(row, entry, told.outcomes.get(row.entry)):
                yield f"question {row.number} of the store is not what entry {row.entry} of the ledger says"
            if row.spent and sets.get(row.number) != (entry.asked, entry.population):
                yield f"question {row.number} of the store charges other records than entry {row.entry} of the ledger"
        after = page[-1].number if page else None
    if ours:
        yield f"entry {min(ours)} of the ledger is a question that the store does not have"


def _same(row: Asked, entry: QuestionAsked, outcome: Answered | Refused | None) -> bool:
    said = (entry.question, entry.label, entry.population, len(entry.partitions), entry.spent, entry.minute)
    if said != (row.digest, row.label, row.population, row.partitions, row.spent, row.minute):
        return False
    if outcome is None:
        return row.status == "spent"
    if isinstance(outcome, Refused):
        return (row.status, row.code) == ("refused", outcome.code)
    return row.status in ("answered", "replayed")


def _answers(store: Store, told: _Told, contract: str) -> Iterator[str]:
    """Noisy counts that would be replayed are those that were answered."""
    noisy: dict[tuple[str, str], str] = {}
    for index, outcome in told.outcomes.items():
        entry = told.questions.get(index)
        if entry is not None and entry.contract == contract and isinstance(outcome, Answered):
            for part, said in zip(entry.partitions, outcome.partitions, strict=False):
                noisy[entry.label, part.digest] = said
    kept = {name: "sha256:" + hashlib.sha256(counts).hexdigest() for name, counts in store.memos(contract)}
    if kept != noisy:
        yield "the answers that are kept are not those of the ledger"
