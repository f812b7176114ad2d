"""An honest provider's ledger, for tests to read, break and forge."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from dataclasses import dataclass, field

from jalousie.ledger.entry import (
    Answered,
    ContractRegistered,
    Entry,
    LabelBudget,
    PartitionAsked,
    PopulationNamed,
    PublicLimits,
    QuestionAsked,
    Refused,
)
from jalousie.ledger.log import Log, MemoryStorage
from jalousie.ledger.note import verifier_key
from jalousie.wire.keys import SigningKey

ORIGIN = "provider.example/ledger"
LOG_KEY = SigningKey(bytes(range(32)))
WITNESS_KEY = SigningKey(bytes(range(1, 33)))
LOG_VERIFIER = verifier_key(ORIGIN, LOG_KEY.public)
WITNESS = verifier_key("ml.example", WITNESS_KEY.public, cosigner=True)
RESERVED = 1000
SIZE = 10_000
"""Records of the population."""
LIMITS = PublicLimits(min_group=25, max_groups=100, max_partitions=10, max_questions=50, questions_per_minute=20)


def name(*parts: object) -> str:
    """A digest that stands for something."""
    return "sha256:" + hashlib.sha256(repr(parts).encode()).hexdigest()


def question_name(label: str, partitions: tuple[str, ...], offered: int) -> str:
    """A question's digest, as docs/reference/ledger-format.md has it."""
    content = b"jalousie/question/1\0" + offered.to_bytes(8, "big") + len(label).to_bytes(4, "big") + label.encode()
    return "sha256:" + hashlib.sha256(content + b"".join(bytes.fromhex(part[7:]) for part in partitions)).hexdigest()


def share(offered: int, partitions: tuple[str, ...], answered: Container[str]) -> int:
    """What the partitions that were not answered yet cost of what was offered for all of them, rounded up."""
    distinct = set(partitions)
    return -(-offered * sum(part not in answered for part in distinct) // len(distinct))


CONTRACT = name("contract")
POPULATION = name("population")
EVERYBODY = name("asked", "everybody")


@dataclass
class Story:
    """Writes what an honest provider writes: charges new partitions, replays known ones, refuses past the reservation."""

    reserved: int = RESERVED
    entries: list[Entry] = field(default_factory=list)
    minute: int = 0
    spent: dict[str, int] = field(default_factory=dict)
    total: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    sequence: int = 0

    def at(self) -> str:
        hours, minutes = divmod(self.minute, 60)
        return f"2026-11-24T{10 + hours:02}:{minutes:02}Z"

    def add(self, entry: Entry) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def register(self, contract: str = CONTRACT, lifetime: int | None = None) -> int:
        budget = LabelBudget(column="outcome", reserved=self.reserved, lifetime=lifetime or self.reserved)
        return self.add(
            ContractRegistered(
                minute=self.at(),
                contract=contract,
                provider=LOG_KEY.public.text,
                ml_party=WITNESS_KEY.public.text,
                neighbours="add-or-remove",
                noise="gaussian",
                labels={"outcome": budget},
                limits=LIMITS,
            )
        )

    def population(self) -> int:
        return self.add(PopulationNamed(minute=self.at(), contract=CONTRACT, population=POPULATION, size=SIZE))

    def question(
        self,
        partitions: tuple[str, ...],
        charge: int = 100,
        *,
        spend: bool = True,
        smallest: int = 30,
        groups: int = 5,
        asked: str = EVERYBODY,
        records: int = SIZE,
        label: str = "outcome",
        population: str = POPULATION,
    ) -> int:
        """`charge` is offered, and charged where all of the partitions are new; of others their share."""
        new = [partition not in self.answers for partition in partitions]
        offered, charge = charge, share(charge, partitions, self.answers)
        spent = charge if spend else 0
        self.spent[asked] = self.spent.get(asked, 0) + spent
        self.total += spent
        self.sequence += 1
        return self.add(
            QuestionAsked(
                minute=self.at(),
                contract=CONTRACT,
                question=question_name(label, partitions, offered),
                sequence=self.sequence,
                population=population,
                label=label,
                asked=asked,
                records=records,
                partitions=tuple(
                    PartitionAsked(digest=digest, groups=groups, smallest=smallest, new=fresh)
                    for digest, fresh in zip(partitions, new, strict=True)
                ),
                offered=offered,
                charge=charge,
                spent=spent,
                tally=self.spent[asked],
            )
        )

    def answer(self, index: int) -> int:
        question = self.entries[index]
        assert isinstance(question, QuestionAsked)
        noisy = tuple(self.answers.setdefault(p.digest, name("noisy", p.digest, index)) for p in question.partitions)
        return self.add(
            Answered(minute=self.at(), contract=CONTRACT, index=index, answer=name("answer", noisy), partitions=noisy)
        )

    def refuse(self, index: int, code: str) -> int:
        return self.add(Refused(minute=self.at(), contract=CONTRACT, index=index, code=code))

    def ask(self, *partitions: str, charge: int = 100) -> int:
        """A question as an honest provider treats it; returns the entry of its outcome."""
        cost = share(charge, partitions, self.answers)
        fits = self.spent.get(EVERYBODY, 0) + cost <= self.reserved
        index = self.question(partitions, charge, spend=fits)
        return self.answer(index) if fits else self.refuse(index, "V201")


def honest() -> Story:
    """12 questions: new ones, replays, a mixed one, a crash, a refusal for budget and one for a small group."""
    story = Story()
    story.register()
    story.population()
    for number in range(8):
        story.ask(name("partition", number))
        story.minute += 1
    story.ask(name("partition", 3))
    story.ask(name("partition", 4), name("partition", 9))
    story.question((name("partition", "crashed"),))  # its spend stands, and nothing is left
    story.ask(name("partition", 10))
    story.refuse(story.question((name("partition", "small"),), spend=False, smallest=3), "V204")
    return story


def log_of(entries: list[Entry]) -> Log:
    log = Log(MemoryStorage(), ORIGIN)
    for entry in entries:
        log.append(entry)
    return log


def export_of(entries: list[Entry], *, proofs: bool = True) -> list[bytes]:
    log = log_of(entries)
    return list(log.export(log.checkpoint(LOG_KEY), proofs=proofs))
