"""Architecture 2.B: the prediction validator at a mediator that cannot read the labels.

    provider_i: label -> masked column (once) ; ML party: question -> mediator[ monitor -> budget -> masked sums -> noise ]
    -> masked answer -> ML party opens it

Composition only, in one process: `seal_labels` is the provider's part, `Mediating` the mediator's, `SealedValidator` the ML
party's. To its tools that is a validator like `ask.LocalValidator`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from jalousie.architectures.answering import Answering, feedback_of, made_up
from jalousie.architectures.kept import Kept
from jalousie.architectures.records import Records, Values, array_records
from jalousie.architectures.turn import Turn
from jalousie.contract import Contract, digest
from jalousie.contract.feedback import Feedback
from jalousie.errors import ContractError, JalousieError, ValidatorError
from jalousie.places.book import Book
from jalousie.places.pseudonym_key import PSEUDONYM_BYTES
from jalousie.places.steps import Steps
from jalousie.places.store import Store
from jalousie.randomness import random_words
from jalousie.sealed.keys import ProviderKey, SealingKey
from jalousie.sealed.masking import seal
from jalousie.sealed.mediating import SealedLabels, masked_answers, require_plain
from jalousie.sealed.opening import Opener
from jalousie.sealed.types import Context, SealedAnswer, SealedColumn
from jalousie.validator.budget import Budget
from jalousie.validator.canonical import KnownPopulation
from jalousie.validator.engine import Reserved, complete
from jalousie.validator.match import align, match_rows
from jalousie.validator.types import Answer, Population, Question
from jalousie.wire.keys import SigningKey


def seal_labels(
    records: Records, population: Population, contract: Contract, provider: str, key: ProviderKey, epoch: int = 0
) -> Iterator[SealedColumn]:
    """A provider's part: one column of each label, of all records of the population, also of those that it does not have.

    `provider` is its name in `feedback.sealed.providers`, `key` its own (`SealingKey.of`).
    """
    feedback = feedback_of(contract)
    rows = match_rows(population.pseudonyms, records.index)
    for name in feedback.labels:
        context = Context(digest(contract), population.digest(), name, provider, epoch)
        yield seal(align(rows, records.labels[name]), key, context, feedback)


class Mediating(Answering[SealedLabels]):
    """One contract at the mediator, about one population in one epoch. Threads may share it.

    Answers that it keeps are masked by the columns that they were summed from, so columns never change, and a store that has
    answers from before is not taken up again.
    """

    def __init__(
        self, contract: Contract, kept: Kept, key: SigningKey, population: Population, *, epoch: int = 0
    ) -> None:
        """
        Raises
        ------
        ContractError
            C103 the contract has no `feedback`, its labels are not sealed, or a provider is named twice
        ValidatorError
            V210 to V212 as at a provider, V222 the store has answered under this contract already
        """
        sealed = feedback_of(contract).sealed
        if sealed is None:
            raise ContractError(
                "C103", "the contract does not say who seals labels", hint="add `sealed: {providers: [...]}`"
            )
        if len(set(sealed.providers)) < len(sealed.providers):
            raise ContractError("C103", "a provider that seals labels is named twice", hint="name each of them once")
        with kept.store.transaction():
            if kept.store.known(kept.contract):
                raise ValidatorError(
                    "V222",
                    "the store's answers are masked by columns that were sealed before, and those are gone",
                    hint="agree on a new contract; what was spent under this one stays spent",
                    effect="nothing was changed",
                )
        super().__init__(contract, kept, key)
        self.population, self.epoch = population, epoch
        self._sealed = SealedLabels(kept.contract, self.feedback, population.digest(), population.size, epoch)
        self._adding = threading.Lock()
        self.hand_over(population)

    def hand_over(self, population: Population) -> str:
        """Name the population again. Raises ValidatorError V215 for another one: its labels are not sealed here."""
        if population.digest() != self.population.digest():
            raise ValidatorError(
                "V215",
                "labels are sealed for one population",
                hint="name all records at once; a question may leave records out (group -1)",
                effect="the population named before can still be asked about, and no budget was spent",
            )
        return super().hand_over(population)

    def accept(self, column: SealedColumn) -> None:
        """Take a provider's column. Raises ValidatorError V218, V220, V222, see `SealedLabels.accept`."""
        with self._adding:
            self._sealed.accept(column)

    def ask(self, question: Question) -> SealedAnswer:
        """Answer a question, or refuse it, in this thread.

        Raises
        ------
        ValidatorError
            V201 to V212 as at a provider, V217 a statistic, V219 a provider has not sealed the label yet: refused, recorded,
            nothing spent
        """
        return SealedAnswer(self._asked(question), self._sealed.headers(question.label))

    def require(self) -> None:
        """Raises ValidatorError V219 as long as a column is missing."""
        for label in self.feedback.labels:
            self._sealed.require(label)

    def steps(self, question: Question, *, sequence: int, sent: str) -> Steps[tuple[Answer, bytes]]:
        try:
            require_plain(question)
            self._sealed.require(question.label)
        except ValidatorError as error:
            yield from self.refusal(error.code, sequence=sequence, sent=sent)
            raise
        return (yield from super().steps(question, sequence=sequence, sent=sent))

    def _labels(self, known: KnownPopulation) -> SealedLabels:
        return self._sealed

    def _compute(self, reserved: Reserved, labels: SealedLabels, turn: Turn) -> Answer:
        words = labels.sums(reserved.question.label)
        return complete(reserved, lambda: masked_answers(reserved, words, self._terms), self._terms, turn)


class SealedValidator:
    """The ML party's view of a mediator in the same process. It has the key, and sees noisy sums alone."""

    def __init__(self, mediating: Mediating, key: SealingKey) -> None:
        self.mediating = mediating
        self.feedback = mediating.feedback
        self.population = mediating.population
        population = self.population
        self._opener = Opener(
            key, digest(mediating.contract), self.feedback, population.digest(), population.size, mediating.epoch
        )

    @classmethod
    def from_arrays(
        cls,
        tables: Mapping[str, Mapping[str, Values]],
        feedback: Feedback,
        pseudonyms: NDArray[np.uint8] | None = None,
        *,
        present: Mapping[str, NDArray[np.bool_]] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> SealedValidator:
        """All parties in memory, for simulations and notebooks: real masks, noise, monitor, ledger and budget.

        Parameters
        ----------
        tables
            by provider and label: (n,) values in the order of the population; None or NaN where there is none
        feedback
            its `sealed.providers` are the keys of `tables`
        pseudonyms
            (n, 16) bytes; drawn at random where they are not given
        present
            by provider: (n,) whether it has the record; by default all of them

        Raises
        ------
        ContractError
            C103 the contract does not say who seals labels
        ValidatorError
            V212 labels of different lengths, V219 a provider of the contract has no table, V220 a table or presence of another
        """
        unknown = set(present or {}) - set(tables)
        if unknown:
            raise ValidatorError(
                "V220", "presence is given of a provider that has no table", hint="see the keys of `tables`", effect=""
            )
        sizes = {len(values) for table in tables.values() for values in table.values()}
        sizes |= {len(mask) for mask in (present or {}).values()} | (
            {len(pseudonyms)} if pseudonyms is not None else set()
        )
        if len(sizes) != 1:
            raise ValidatorError(
                "V212", "labels, presence and pseudonyms are not of one length, or none is given", effect=""
            )
        size = sizes.pop()
        if pseudonyms is None:
            pseudonyms = random_words(2 * size).view(np.uint8).reshape(size, PSEUDONYM_BYTES)
        contract, population, own = made_up(feedback), Population(pseudonyms), SigningKey.new()
        store = Store()
        kept = Kept(store, Book(store, own), digest(contract), now=now)
        mediating, key = Mediating(contract, kept, own, population), SealingKey.new()
        for name, labels in tables.items():
            records = array_records(labels, feedback, pseudonyms, present=(present or {}).get(name))
            for column in seal_labels(records, population, contract, name, key.of(name)):
                mediating.accept(column)
        mediating.require()
        return cls(mediating, key)

    def ask(self, question: Question) -> Answer:
        """
        Raises
        ------
        ValidatorError
            V201 to V212 refused, recorded, nothing spent; V218 to V222 the answer cannot be opened
        """
        return self._opener.unmask(self.mediating.ask(question), question)

    def ask_many(self, questions: Sequence[Question]) -> list[Answer | JalousieError]:
        """Each for itself, in their order: its answer, or why it was refused."""
        return [self._or_error(question) for question in questions]

    def budget(self, label: str) -> Budget:
        """Raises ValidatorError V208."""
        return self.mediating.budget(label)

    def _or_error(self, question: Question) -> Answer | JalousieError:
        try:
            return self.ask(question)
        except JalousieError as error:
            return error
