"""One question's way through what the provider remembers: the validator's `Store`, for a place that shares flushes.

Nothing here waits for the disk: who drives the question (`ask.Asking.steps`) pauses for that between the spend and the labels,
and again between the answer's keeping and its leaving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jalousie.architectures.kept import Kept, cells_digest, decode_cells, encode_cells
from jalousie.ledger.entry import Answered
from jalousie.validator.budget import Rho
from jalousie.validator.canonical import KnownPopulation, Mask
from jalousie.validator.monitor import History, QuestionFacts
from jalousie.validator.store import Stored
from jalousie.validator.tallies import Standing
from jalousie.wire.envelope import body_digest


@dataclass(slots=True)
class Turn:
    """The engine's `Store` for one question. All but `keep` is called in the question's turn on the file."""

    kept: Kept
    sequence: int
    sent: str
    """Digest of the question as it came, for the ledger where it has no canonical form."""
    _number: int = 0
    _entry: int = -1
    _facts: QuestionFacts | None = None
    _fresh: dict[str, Stored] = field(default_factory=dict)
    _replayed: dict[str, Stored] = field(default_factory=dict)
    _claims: list[tuple[str, str]] = field(default_factory=list)

    def stored(self, label: str, partitions: Sequence[str]) -> dict[str, Stored]:
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
        """Partitions that are new are ours to answer: whoever asks about them meanwhile waits (until `release`)."""
        self.kept.step("decided")
        self._facts = facts
        self._number, self._entry = self.kept.record(facts, self.sequence, self.sent, known, asked, "")
        self._claims = [(facts.label, part.digest) for part in facts.partitions if part.new]
        self.kept.claim(self._claims)
        return self._number

    def keep(self, number: int, label: str, answers: dict[str, Stored]) -> None:
        # written by `finish`, together with the answer's entry: a ledger must not replay what it never saw answered
        self.kept.step("computed")
        self._fresh = answers

    def refuse(self, facts: QuestionFacts, code: str, moment: float) -> None:
        self.kept.record(facts, self.sequence, self.sent, None, None, code)

    def finish(self, answer: bytes) -> bool:
        """Write an answer, with its entry and its memo. False where a process beside this one has answered one of the
        partitions meanwhile: nothing is written, and the question has to be asked again."""
        facts, store, contract = self._facts, self.kept.store, self.kept.contract
        assert facts is not None
        memos = {digest: encode_cells(fresh) for digest, fresh in self._fresh.items()}
        if not store.add_memos(contract, facts.label, memos, self._number):
            return False
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
        return True

    def release(self) -> None:
        """Let those go on who wait for our partitions."""
        self.kept.release(self._claims)
        self._claims = []
