"""The validator's store, kept by the provider's place: memo, tallies and history on SQLite, every step in the ledger.

`Kept` is one contract's memory, shared by all threads of a process. `Turn` is one question's way through it: the decision and
the spend are made alone on the file, the flush to the disk is shared with other questions, and what is computed meanwhile
needs no lock.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import numpy as np

from jalousie.errors import ValidatorError
from jalousie.ledger.entry import Answered, PartitionAsked, QuestionAsked, Refused
from jalousie.places.book import Book
from jalousie.places.store import Batch, Store
from jalousie.validator.budget import Rho
from jalousie.validator.canonical import KnownPopulation, Mask, know
from jalousie.validator.monitor import History, QuestionFacts
from jalousie.validator.noise import Noise
from jalousie.validator.store import Stored
from jalousie.validator.tallies import Standing, Tallies
from jalousie.validator.types import NoiseKind, Population
from jalousie.wire.envelope import body_digest

_MINUTE = 60_000
Step = Callable[[str], None]
"""Called between the steps of the order of work, with the name of what was just done."""


class RacedError(Exception):
    """Another process answered the same partition meanwhile: its answer holds, and the question is asked again."""


class _Cells(msgspec.Struct, frozen=True, array_like=True):
    """Noisy cells of one partition as kept."""

    rows: int
    cells: bytes
    totals: bytes | None
    kind: NoiseKind
    scale: float


def encode_cells(stored: Stored) -> bytes:
    totals = None if stored.totals is None else stored.totals.astype("<i8").tobytes()
    return msgspec.msgpack.encode(
        _Cells(len(stored.cells), stored.cells.astype("<i8").tobytes(), totals, stored.noise.kind, stored.noise.scale)
    )


def decode_cells(data: bytes) -> Stored:
    kept = msgspec.msgpack.decode(data, type=_Cells)
    cells = np.frombuffer(kept.cells, "<i8").astype(np.int64).reshape(kept.rows, -1)
    totals = None if kept.totals is None else np.frombuffer(kept.totals, "<i8").astype(np.int64)
    return Stored(cells, totals, Noise(kept.kind, kept.scale))


class Kept:
    """What the provider remembers of one contract's questions.

    `remembered` gives a population that was handed over, by its digest. The clock is that of the place; it is never taken
    to go back, since the ledger's minutes may not.
    """

    def __init__(
        self,
        store: Store,
        book: Book,
        contract: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        step: Step = lambda _: None,
    ) -> None:
        self.store = store
        self.book = book
        self.contract = contract
        self.step = step
        self._now = now
        self._latest = datetime.fromtimestamp(0, UTC)
        self._tallies = Tallies()
        self._moments: deque[int] = deque()
        self._charged = 0
        self._seen = 0
        self._batch: Batch | None = None
        """The newest transaction that we had a turn in."""
        self._known: dict[str, KnownPopulation] = {}
        self._busy: set[tuple[str, str]] = set()
        self._idle = threading.Condition()

    def moment(self) -> datetime:
        """The place's time, never earlier than it was."""
        self._latest = max(self._latest, self._now())
        return self._latest

    def known(self, population: str) -> KnownPopulation | None:
        """A population that was handed over, or None."""
        found = self._known.get(population)
        if found is None:
            data = self.store.pseudonyms(self.contract, population)
            if data is None:
                return None
            found = know(Population(np.frombuffer(data, dtype=np.uint8).reshape(-1, 16)))
            self._known[population] = found
        return found

    def remember(self, known: KnownPopulation) -> None:
        """A population that was just handed over."""
        self._known.setdefault(known.digest, known)

    def standing_of(self, label: str) -> tuple[Rho, int]:
        """What the record asked about most has spent of a label, and how many questions were charged."""
        with self.store.transaction() as batch:
            self.catch_up(batch)
            return self._tallies.largest(label), self._charged

    # -- inside a transaction

    def catch_up(self, batch: Batch) -> None:
        """Take in what was spent since we last looked: at start all of it, later what other processes spent.

        Nobody else can have spent within a transaction that we have a part in already. What we counted in one that could
        not be written has never happened.
        """
        if batch is self._batch:
            return
        if self._batch is not None and self._batch.failed:
            self.forget()
        self._batch = batch
        for past in self.store.questions_after(self.contract, self._seen):
            self._seen = past.number
            self._moments.append(past.moment)
            if past.spent:
                known = self.known(past.population)
                if known is None:
                    raise ValidatorError("V206", "a population that was asked about is gone", effect="")
                asked = None
                if past.bits:
                    asked = np.unpackbits(np.frombuffer(past.bits, np.uint8), count=known.size).astype(np.bool_)
                self._charge(past.label, known, asked, Rho(past.spent))

    def _charge(self, label: str, known: KnownPopulation, asked: Mask | None, spent: Rho) -> None:
        self._charged += 1
        self._tallies.name(known)
        self._tallies.add(label, known.digest, known.size, asked, spent)

    def forget(self) -> None:
        """What we have counted may never have happened: it is counted again when the next turn begins."""
        self._tallies, self._charged, self._seen, self._batch = Tallies(), 0, 0, None
        self._moments.clear()

    def history(self, moment: int) -> History:
        while self._moments and self._moments[0] <= moment - _MINUTE:
            self._moments.popleft()
        return History(self._charged, len(self._moments))

    def standing(self, label: str, known: KnownPopulation, asked: Mask | None) -> Standing:
        self._tallies.name(known)
        return self._tallies.standing(label, known.digest, known.size, asked)

    def record(
        self,
        facts: QuestionFacts,
        sequence: int,
        sent: str,
        known: KnownPopulation | None,
        asked: Mask | None,
        code: str,
    ) -> tuple[int, int]:
        """Write a question into ledger and store, with its spend or its refusal: (number, ledger entry)."""
        moment = self.moment()
        minute, milliseconds = self.book.minute(moment), int(moment.timestamp() * 1000)
        spent = 0 if code else facts.charge.nano
        entry = QuestionAsked(
            minute=minute,
            contract=self.contract,
            question=facts.question or sent,
            sequence=sequence,
            population=facts.population,
            label=facts.label,
            asked=facts.asked,
            records=facts.records,
            partitions=tuple(
                PartitionAsked(digest=part.digest, groups=part.groups, smallest=part.smallest, new=part.new)
                for part in facts.partitions
            ),
            offered=facts.offered.nano,
            charge=facts.charge.nano,
            spent=spent,
            tally=facts.tally.nano + spent,
        )
        index = self.book.append(entry)
        if code:
            self.book.append(Refused(minute=minute, contract=self.contract, index=index, code=code))
        charged = None
        if spent and known is not None:
            bits = b"" if asked is None else np.packbits(asked).tobytes()
            charged = self.store.add_asked(self.contract, known.digest, facts.asked, bits)
        number = self.store.add_question(
            self.contract,
            charged,
            digest=entry.question,
            label=facts.label,
            population=facts.population,
            partitions=len(facts.partitions),
            groups=sum(part.groups for part in facts.partitions),
            spent=spent,
            moment=milliseconds,
            minute=minute,
            status="refused" if code else "spent",
            code=code,
            entry=index,
        )
        # other processes' questions were taken in when this turn began, so this one is the next
        self._seen = number
        self._moments.append(milliseconds)
        if spent and known is not None:
            self._charge(facts.label, known, asked, facts.charge)
        return number, index

    # -- partitions that are being computed: whoever asks about them as well waits for the answer

    def claim(self, parts: Sequence[tuple[str, str]]) -> None:
        with self._idle:
            self._busy.update(parts)

    def release(self, parts: Sequence[tuple[str, str]]) -> None:
        with self._idle:
            self._busy.difference_update(parts)
            self._idle.notify_all()

    def claimed(self, parts: Sequence[tuple[str, str]]) -> bool:
        with self._idle:
            return not self._busy.isdisjoint(parts)

    def wait_for(self, parts: Sequence[tuple[str, str]]) -> None:
        with self._idle:
            self._idle.wait_for(lambda: self._busy.isdisjoint(parts))


@dataclass(slots=True)
class Turn:
    """One question on its way: the engine's `Store`. Used as a context, around everything from decision to `finish`."""

    kept: Kept
    sequence: int
    sent: str
    """Digest of the question as it came, for the ledger where it has no canonical form."""
    _inside: bool = False
    _number: int = 0
    _entry: int = -1
    _facts: QuestionFacts | None = None
    _fresh: dict[str, Stored] = field(default_factory=dict)
    _replayed: dict[str, Stored] = field(default_factory=dict)
    _claims: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Turn:
        self._enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._inside:
            self.kept.forget()  # what was counted in this turn is undone with it
            self._inside = False
            self.kept.store.abandon()
        self.kept.release(self._claims)

    def _enter(self) -> None:
        batch = self.kept.store.enter()
        try:
            self.kept.catch_up(batch)
        except BaseException:
            self.kept.forget()
            self.kept.store.abandon()
            raise
        self._inside = True

    def _leave(self) -> None:
        """Let the next one in; when this returns all that was written is on the disk."""
        self._inside = False
        self.kept.store.leave()

    # -- the engine's store

    def stored(self, label: str, partitions: Sequence[str]) -> dict[str, Stored]:
        parts = [(label, digest) for digest in partitions]
        while self.kept.claimed(parts):
            self._leave()
            self.kept.wait_for(parts)
            self._enter()
        found = {digest: self.kept.store.memo(self.kept.contract, label, digest) for digest in partitions}
        self._replayed = {digest: decode_cells(data) for digest, data in found.items() if data is not None}
        return dict(self._replayed)

    def history(self, moment: float) -> History:
        return self.kept.history(int(moment * 1000))

    def standing(self, label: str, known: KnownPopulation, asked: Mask | None) -> Standing:
        return self.kept.standing(label, known, asked)

    def largest(self, label: str) -> Rho:
        return self.kept.standing_of(label)[0]

    def spend(self, facts: QuestionFacts, known: KnownPopulation, asked: Mask | None, moment: float) -> int:
        self.kept.step("decided")
        self._facts = facts
        self._number, self._entry = self.kept.record(facts, self.sequence, self.sent, known, asked, "")
        if facts.new:
            self._claims = [(facts.label, part.digest) for part in facts.partitions if part.new]
            self.kept.claim(self._claims)
            self._leave()
            self.kept.step("spent")
        return self._number

    def keep(self, number: int, label: str, answers: dict[str, Stored]) -> None:
        # written by `finish`, together with the answer's entry: a ledger must not replay what it never saw answered
        self.kept.step("computed")
        self._fresh = answers

    def refuse(self, facts: QuestionFacts, code: str, moment: float) -> None:
        if not self._inside:
            self._enter()
        self.kept.record(facts, self.sequence, self.sent, None, None, code)
        self._leave()

    # -- after the engine

    def finish(self, answer: bytes) -> None:
        """Make an answer durable; only then may it leave.

        Raises
        ------
        RacedError
            a process beside this one has answered one of the partitions meanwhile
        """
        facts, store, contract = self._facts, self.kept.store, self.kept.contract
        assert facts is not None
        if not self._inside:
            self._enter()
        for digest, fresh in self._fresh.items():
            data = encode_cells(fresh)
            if store.add_memo(contract, facts.label, digest, data, self._number) != data:
                raise RacedError
        parts = {digest: cells_digest(part) for digest, part in (self._replayed | self._fresh).items()}
        self.kept.book.append(
            Answered(
                minute=self.kept.book.minute(self.kept.moment()),
                contract=contract,
                index=self._entry,
                answer=body_digest(answer),
                partitions=tuple(parts[part.digest] for part in facts.partitions),
            )
        )
        store.finish(self._number, "answered" if facts.new else "replayed", answer)
        self._leave()
        self.kept.step("stored")


def cells_digest(stored: Stored) -> str:
    """Of noisy cells in canonical order, and of their noise; for the ledger."""
    return "sha256:" + hashlib.sha256(encode_cells(stored)).hexdigest()
