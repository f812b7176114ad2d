"""The validator's store, kept by the provider's place: memo, tallies and history on SQLite, every step in the ledger.

`Kept` is one contract's memory, shared by all threads of a process; `turn.Turn` is one question's way through it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec
import numpy as np

from jalousie.errors import ValidatorError
from jalousie.ledger.entry import PartitionAsked, QuestionAsked, Refused
from jalousie.places.book import Book
from jalousie.places.store import Batch, Store
from jalousie.validator.budget import Rho
from jalousie.validator.canonical import KnownPopulation, Mask, know
from jalousie.validator.monitor import History, QuestionFacts
from jalousie.validator.noise import Noise
from jalousie.validator.store import Stored
from jalousie.validator.tallies import Standing, Tallies
from jalousie.validator.types import NoiseKind, Population

_MINUTE = 60_000
Step = Callable[[str], None]
"""Called between the steps of the order of work, with the name of what was just done."""


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

    def at_hand(self, population: str) -> bool:
        """Whether `known` takes no time."""
        return population in self._known

    def remember(self, known: KnownPopulation) -> None:
        """A population that was just handed over."""
        self._known.setdefault(known.digest, known)

    def standing_of(self, label: str) -> tuple[Rho, int]:
        """What the record asked about most has spent of a label, and how many questions were charged."""
        with self.store.transaction(), self.counting():
            return self._tallies.largest(label), self._charged

    # -- inside a transaction

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Around whatever looks at tallies in one's turn, or adds to them: an error undoes what was counted in it."""
        try:
            self._catch_up(self.store.batch)
            yield
        except BaseException:
            self._forget()
            raise

    def _catch_up(self, batch: Batch) -> None:
        """Take in what was spent since we last looked: at start all of it, later what other processes spent.

        Nobody else can have spent within a transaction that we have a part in already. What we counted in one that could
        not be written has never happened.
        """
        if batch is self._batch:
            return
        if self._batch is not None and self._batch.failed:
            self._forget()
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

    def _forget(self) -> None:
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
                PartitionAsked(
                    digest=part.digest,
                    groups=part.groups,
                    smallest=part.smallest,
                    new=part.new,
                    statistic=part.statistic,
                )
                for part in facts.partitions
            ),
            offered=facts.offered.nano,
            charge=facts.charge.nano,
            spent=spent,
            tally=facts.tally.nano + spent,
            before=facts.before,
            nearest=facts.nearest,
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


def cells_digest(stored: Stored) -> str:
    """Of noisy cells in canonical order, and of their noise; for the ledger."""
    return "sha256:" + hashlib.sha256(encode_cells(stored)).hexdigest()
