"""What the engine needs of a store: memo, history, tallies, and a spend that lasts. And the one that lives in memory.

A store belongs to one contract at one provider. Between `history` and `spend` nobody else may spend: whoever calls the
engine from several threads or processes holds the store's lock around the question.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.budget import Rho
from jalousie.validator.canonical import KnownPopulation, Mask
from jalousie.validator.monitor import History, QuestionFacts
from jalousie.validator.noise import Noise
from jalousie.validator.tallies import Standing, Tallies

_MINUTE = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The answer to one partition, groups in canonical order."""

    cells: NDArray[np.int64]
    """(G, noised cells) with noise."""
    totals: NDArray[np.int64] | None
    """(G,) exact records by group, where membership is public."""
    noise: Noise


class Store(Protocol):
    """Keeps what must outlast a question. Errors of the medium are its own (`StoreError`)."""

    def stored(self, label: str, partitions: Sequence[str]) -> dict[str, Stored]:
        """The answers that exist, by canonical digest of the partition."""
        ...

    def history(self, moment: float) -> History:
        """Questions charged so far, and questions of the minute before `moment` (seconds)."""
        ...

    def standing(self, label: str, known: KnownPopulation, asked: Mask | None) -> Standing:
        """What the asked records (None: all of the population) have spent."""
        ...

    def largest(self, label: str) -> Rho:
        """The most that any record has spent."""
        ...

    def spend(self, facts: QuestionFacts, known: KnownPopulation, asked: Mask | None, moment: float) -> int:
        """Make the spend of `facts.charge` by every asked record durable; also called, with nothing to spend, for a replay.

        Returns a number that names the question in `keep`. When this returns the budget is gone, whatever happens next.
        """
        ...

    def keep(self, number: int, label: str, answers: dict[str, Stored]) -> None:
        """Make the answers to the new partitions durable. An answer that was not kept must never leave."""
        ...

    def refuse(self, facts: QuestionFacts, code: str, moment: float) -> None:
        """Record a refusal. It costs nothing."""
        ...


@dataclass(slots=True, eq=False)
class MemoryStore:
    """A store for simulations, notebooks and tests; nothing outlasts the process."""

    tallies: Tallies = field(default_factory=Tallies)
    asked: list[QuestionFacts] = field(default_factory=list)
    refused: list[tuple[QuestionFacts, str]] = field(default_factory=list)
    _answers: dict[tuple[str, str], Stored] = field(default_factory=dict)
    _moments: deque[float] = field(default_factory=deque)
    _charged: int = 0

    def stored(self, label: str, partitions: Sequence[str]) -> dict[str, Stored]:
        found = ((digest, self._answers.get((label, digest))) for digest in partitions)
        return {digest: answer for digest, answer in found if answer is not None}

    def history(self, moment: float) -> History:
        while self._moments and self._moments[0] <= moment - _MINUTE:
            self._moments.popleft()
        return History(self._charged, len(self._moments))

    def standing(self, label: str, known: KnownPopulation, asked: Mask | None) -> Standing:
        self.tallies.name(known)
        return self.tallies.standing(label, known.digest, known.size, asked)

    def largest(self, label: str) -> Rho:
        return self.tallies.largest(label)

    def spend(self, facts: QuestionFacts, known: KnownPopulation, asked: Mask | None, moment: float) -> int:
        self._moments.append(moment)
        self.asked.append(facts)
        if facts.charge.nano:
            self._charged += 1
            self.tallies.name(known)
            self.tallies.add(facts.label, known.digest, known.size, asked, facts.charge)
        return len(self.asked)

    def keep(self, number: int, label: str, answers: dict[str, Stored]) -> None:
        for digest, answer in answers.items():
            self._answers.setdefault((label, digest), answer)

    def refuse(self, facts: QuestionFacts, code: str, moment: float) -> None:
        self._moments.append(moment)
        self.refused.append((facts, code))
