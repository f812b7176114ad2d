"""One contract under which questions are answered, whoever answers: the provider itself, or a mediator.

Composition only: the validator's order of work (`jalousie.validator.engine`) in a place with a store, a ledger and a clock.
`ask.Asking` answers from labels (architecture 2.A), `ask_sealed.Mediating` from what it cannot read (2.B).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np

from jalousie.architectures.kept import Kept
from jalousie.architectures.registration import register
from jalousie.architectures.turn import Turn
from jalousie.contract import Contract
from jalousie.contract.feedback import Feedback
from jalousie.contract.model import Column, Parties
from jalousie.errors import ContractError, ValidatorError
from jalousie.ledger.entry import PopulationNamed
from jalousie.places.steps import Pause, Steps, run
from jalousie.validator.budget import Budget, budget_of
from jalousie.validator.canonical import KnownPopulation, know
from jalousie.validator.engine import Prepared, Reserved, Terms, prepare, reserve, unread
from jalousie.validator.types import Answer, Population, Question
from jalousie.wire.arrays import answer_to_bytes
from jalousie.wire.keys import SigningKey

MAX_POPULATIONS = 1000
Labels = TypeVar("Labels")
"""What answers about one population are computed from."""


class Answering(ABC, Generic[Labels]):
    """Takes populations, answers questions, knows what is left. Threads may share it. Subclasses say what it answers from."""

    def __init__(self, contract: Contract, kept: Kept, key: SigningKey, *, master_key: str = "") -> None:
        """Registers the contract. Raises what `register` and `Terms.of` raise, and C103 without `feedback`."""
        self.contract = contract
        self.feedback = feedback_of(contract)
        self.kept = kept
        self._terms = Terms.of(self.feedback)
        register(contract, self.feedback, kept, key, master_key)

    # -- what the ML party does

    def hand_over(self, population: Population) -> str:
        """Take a population: match it once, remember it, record it. Its digest names it in questions.

        Raises
        ------
        ValidatorError
            V211 records twice, or none, V215 a new one, and the contract has named as many as it may
        """
        known = know(population)
        kept = self.kept
        with kept.store.transaction():
            pseudonyms = np.ascontiguousarray(population.pseudonyms).tobytes()
            if kept.store.add_population(kept.contract, known.digest, pseudonyms, known.size):
                # only a new one can be one too many: what is left of the budget can be asked for among the old ones, always
                if kept.store.count_populations(kept.contract) > MAX_POPULATIONS:
                    raise ValidatorError(
                        "V215",
                        f"{MAX_POPULATIONS} populations were named under the contract already",
                        hint="ask about one of these; a question may leave records out (group -1)",
                        effect="the populations named before can still be asked about, and no budget was spent",
                    )
                minute = kept.book.minute(kept.moment())
                kept.book.append(
                    PopulationNamed(minute=minute, contract=kept.contract, population=known.digest, size=known.size)
                )
        kept.remember(known)
        self._labels(known)
        return known.digest

    def _asked(self, question: Question, *, sequence: int = 0, sent: str = "") -> Answer:
        """Answer a question, or refuse it, in this thread. Raises ValidatorError V201 to V212."""
        made = run(self.steps(question, sequence=sequence, sent=sent or _unsent(question)), self.kept.store)
        if isinstance(made, BaseException):
            raise made
        return made[0]

    def steps(self, question: Question, *, sequence: int, sent: str) -> Steps[tuple[Answer, bytes]]:
        """A question's way, for whoever drives many of them; gives the answer also as it was kept, ready to leave.

        `sent` is the digest of the question's bytes.
        """
        kept, population = self.kept, question.population
        if not self._at_hand(population):
            yield Pause.APART
        known = kept.known(population)
        labels = self._labels(known) if known is not None else None
        prepared = prepare(question, known, self._terms)
        parts = [(question.label, digest) for digest in prepared.partitions]
        while True:
            turn = Turn(kept, sequence, sent)
            try:
                yield Pause.TURN
                while kept.claimed(parts):
                    yield Pause.APART
                    kept.wait_for(parts)
                    yield Pause.TURN
                reserved = self._reserve(prepared, turn)
                if isinstance(reserved, ValidatorError):
                    yield Pause.FLUSH
                    raise reserved
                if reserved.facts.new:
                    yield Pause.FLUSH
                    kept.step("spent")
                assert labels is not None  # else the monitor has refused
                answer = self._compute(reserved, labels, turn)
                body = answer_to_bytes(answer)
                yield Pause.TURN
                with kept.counting():
                    finished = turn.finish(body)
                if finished:
                    yield Pause.FLUSH
                    kept.step("stored")
                    return answer, body
            finally:
                turn.release()

    def refusal(self, code: str, *, sequence: int, sent: str) -> Steps[None]:
        """Record a question that could not be read: it came from the ML party, and nothing in it is repeated."""
        yield Pause.TURN
        with self.kept.counting():
            Turn(self.kept, sequence, sent).refuse(unread(), code, self.kept.moment().timestamp())
        yield Pause.FLUSH

    def _reserve(self, prepared: Prepared, turn: Turn) -> Reserved | ValidatorError:
        """Steps 2 to 4 in a turn; a refusal is no error that would undo the turn, since it is recorded."""
        with self.kept.counting():
            try:
                return reserve(prepared, self._terms, turn, self.kept.moment().timestamp())
            except ValidatorError as error:
                return error

    def budget(self, label: str) -> Budget:
        """What is left of a label, for the record that was asked about most.

        Raises
        ------
        ValidatorError
            V208
        """
        if label not in self.feedback.labels:
            raise ValidatorError("V208", "the contract has no such label", effect="")
        spent, questions = self.kept.standing_of(label)
        return budget_of(label, self._terms.account, spent, questions, self.feedback.max_questions)

    # -- what it answers from

    def _at_hand(self, population: str) -> bool:
        """Whether `_labels` takes no time."""
        return self.kept.at_hand(population)

    @abstractmethod
    def _labels(self, known: KnownPopulation) -> Labels:
        """What answers about a population are computed from. Found before the question is looked at: its time tells nothing about
        it."""

    @abstractmethod
    def _compute(self, reserved: Reserved, labels: Labels, turn: Turn) -> Answer:
        """Steps 5 and 6 of the order of work."""


def feedback_of(contract: Contract) -> Feedback:
    """Raises ContractError C103 where there is none."""
    if contract.feedback is None:
        raise ContractError("C103", "the contract has no feedback part", hint="add `feedback:` with labels and budget")
    return contract.feedback


def made_up(feedback: Feedback) -> Contract:
    """A contract around a feedback part, for simulations and notebooks."""
    columns = {label.column: Column(role="sensitive") for label in feedback.labels.values()}
    return Contract(
        jalousie=1,
        name="simulation",
        parties=Parties(provider="provider", ml_party="ml-party", mediator="mediator" if feedback.sealed else ""),
        columns={feedback.identifier: Column(role="identifier"), **columns},
        feedback=feedback,
    )


def _unsent(question: Question) -> str:
    """Names a question that came from this process, should it be refused before it has a digest of its own."""
    import hashlib

    state = hashlib.sha256(repr((question.population, question.label, question.rho)).encode())
    for partition in question.partitions:
        state.update(np.ascontiguousarray(partition.groups).tobytes())
        state.update(b"" if partition.statistic is None else partition.statistic.to_bytes())
    return "sha256:" + state.hexdigest()
