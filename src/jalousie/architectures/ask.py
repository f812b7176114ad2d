"""Architecture 2.A: the prediction validator at the provider.

    ML party: question -> provider[ monitor -> budget -> sums -> noise ] -> answer -> ML party: scores, a better model

Composition only. `Asking` puts the module (`jalousie.validator`) into the provider's place (`jalousie.places`), by what it has
in common with a mediator (`answering`). The ML party's tools see a validator with `population`, `feedback`, `ask` and
`budget`: `LocalValidator` here, in one process, or `RemoteValidator` (`ask_remote`) over HTTP; they cannot tell which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jalousie.architectures.answering import Answering, feedback_of, made_up
from jalousie.architectures.kept import Kept, Step
from jalousie.architectures.records import Records, Values, array_records, provider_records
from jalousie.architectures.registration import remembered_rows
from jalousie.architectures.table_fit import TableFit, fit_of
from jalousie.architectures.turn import Turn
from jalousie.contract import Contract, Loaded, digest, load_contract
from jalousie.contract.feedback import Feedback
from jalousie.errors import ContractError, JalousieError, ValidatorError
from jalousie.places.book import Book
from jalousie.places.provider import Provider
from jalousie.places.pseudonym_key import PSEUDONYM_BYTES, purpose, subject_purpose
from jalousie.places.store import FILE, Store
from jalousie.randomness import random_words
from jalousie.tables import read_table
from jalousie.tables.engine import EngineOptions
from jalousie.validator.budget import Budget
from jalousie.validator.canonical import KnownPopulation
from jalousie.validator.engine import Reserved, compute
from jalousie.validator.match import Aligned, align, match_rows
from jalousie.validator.types import Answer, Population, Question
from jalousie.wire.keys import SigningKey

_ALIGNED = 8
"""Populations whose labels are kept aligned; more are matched again when they are asked about."""


class Asking(Answering[Mapping[str, Aligned]]):
    """One contract at the provider, which answers from its labels. Threads may share it."""

    def __init__(
        self, contract: Contract, records: Records, kept: Kept, key: SigningKey, *, master_key: str = ""
    ) -> None:
        """
        `master_key`: the fingerprint of the key that the records' pseudonyms are made under, where that is a place's.

        Raises
        ------
        ContractError
            C103 the contract has no `feedback`, or its labels are sealed: a mediator answers about these
        ValidatorError
            V210 the lifetime budget of a column has no room for this contract, V212 a label that cannot be answered about
        StoreError
            S805 the store is bound to another master key
        """
        in_clear(contract)
        super().__init__(contract, kept, key, master_key=master_key)
        self._records = records
        self._aligned: dict[str, dict[str, Aligned]] = {}
        self._matching = threading.Lock()
        self._rows = remembered_rows(records, self.feedback, kept)

    def ask(self, question: Question, *, sequence: int = 0, sent: str = "") -> Answer:
        """Answer a question, or refuse it, in this thread.

        Raises
        ------
        ValidatorError
            V201 to V212: refused, recorded, nothing spent
        """
        return self._asked(question, sequence=sequence, sent=sent)

    def _at_hand(self, population: str) -> bool:
        return super()._at_hand(population) and population in self._aligned

    def _compute(self, reserved: Reserved, labels: Mapping[str, Aligned], turn: Turn) -> Answer:
        return compute(reserved, labels, self._terms, turn)

    def _labels(self, known: KnownPopulation) -> dict[str, Aligned]:
        """Labels in the population's order. Found before the question is looked at: its time tells nothing about it."""
        with self._matching:
            found = self._aligned.get(known.digest)
            if found is None:
                rows = match_rows(known.population.pseudonyms, self._rows)
                found = {name: align(rows, column) for name, column in self._records.labels.items()}
                if len(self._aligned) >= _ALIGNED:
                    del self._aligned[next(iter(self._aligned))]
                self._aligned[known.digest] = found
            return found


class LocalValidator:
    """The ML party's view of a provider in the same process, about one population."""

    def __init__(self, asking: Asking, population: Population) -> None:
        self.asking = asking
        self.feedback = asking.feedback
        self.population = population
        asking.hand_over(population)

    @classmethod
    def from_arrays(
        cls,
        labels: Mapping[str, Values],
        feedback: Feedback,
        pseudonyms: NDArray[np.uint8] | None = None,
        *,
        present: NDArray[np.bool_] | None = None,
        subjects: Values | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> LocalValidator:
        """A whole provider in memory, for simulations and notebooks: real noise, monitor, ledger and budget.

        Parameters
        ----------
        labels
            (n,) values by the name of the contract's label; None or NaN where there is none
        pseudonyms
            (n, 16) bytes; drawn at random where they are not given
        present
            (n,) whether the provider has the record; by default all of them
        subjects
            (n,) who each record is about, where the contract's unit is the subject

        Raises
        ------
        ContractError
            C103 the labels are sealed
        ValidatorError
            V211, V212 as `array_records`, V216
        """
        if not labels:
            raise ValidatorError("V212", "there are no values of any label", effect="")
        if pseudonyms is None:
            size = len(next(iter(labels.values())))
            pseudonyms = random_words(2 * size).view(np.uint8).reshape(size, PSEUDONYM_BYTES)
        contract = made_up(feedback)
        key = SigningKey.new()
        store = Store()
        kept = Kept(store, Book(store, key), digest(contract), now=now)
        records = array_records(labels, feedback, pseudonyms, present=present, subjects=subjects)
        return cls(Asking(contract, records, kept, key), Population(pseudonyms))

    def ask(self, question: Question) -> Answer:
        """Raises ValidatorError V201 to V212: refused, recorded, nothing spent."""
        return self.asking.ask(question)

    def ask_many(self, questions: Sequence[Question]) -> list[Answer | JalousieError]:
        """Each for itself, in their order: its answer, or why it was refused."""
        return [_or_error(self.asking.ask, question) for question in questions]

    def budget(self, label: str) -> Budget:
        """Raises ValidatorError V208."""
        return self.asking.budget(label)


def open_provider(
    contracts: Sequence[Loaded | Path],
    provider: Provider,
    *,
    options: EngineOptions | None = None,
    step: Step = lambda _: None,
    found: Callable[[Loaded, TableFit], None] = lambda _, __: None,
) -> tuple[Store, Book, dict[str, Asking]]:
    """Put the validator into a provider's place: its store, its ledger, and each contract ready to be asked under.

    `found` is told how each contract's table fits.

    Raises
    ------
    ContractError
        C103 a contract without `feedback`, or that names another provider's key
    JalousieError
        T the table, S the store or its master key, P and W the keys, V210 no room in a lifetime budget, V212 and V213 a table
        that no question can be asked about, V216 identifiers that several subjects share
    """
    key, derive = provider.keys.signing(), provider.keys.deriver()
    loaded = [contract if isinstance(contract, Loaded) else load_contract(contract) for contract in contracts]
    for item in loaded:
        _ours(item, key)
    master_key = provider.master_key()  # before anything is derived from it
    # all tables are read and found to fit before anything is kept: a registered contract has reserved its budget for life
    records = {}
    for item in loaded:
        raw = read_table(item.contract.table, item.contract.columns, item.folder, options=options)
        name, feedback = digest(item.contract), feedback_of(item.contract)
        keys = derive(purpose(name)), derive(subject_purpose(name))
        records[name] = provider_records(raw, item.contract, feedback, *keys)
        found(item, fit_of(records[name], feedback, item.positions))
    store = Store(provider.home / FILE)
    try:
        book = Book(store, key)
        opened = {}
        for item in loaded:
            name = digest(item.contract)
            kept = Kept(store, book, name, step=step)
            opened[name] = Asking(item.contract, records[name], kept, key, master_key=master_key)
        return store, book, opened
    except BaseException:
        store.close()
        raise


def _ours(item: Loaded, key: SigningKey) -> None:
    """Raises ContractError C103 for a contract that this provider cannot answer under."""
    in_clear(item.contract)
    stated = item.contract.parties.provider_key
    if stated and stated != key.public.text:
        raise ContractError(
            "C103",
            "the contract names another provider's key",
            hint="`jalousie keys show` prints this provider's",
            where=item.positions.where("parties.provider-key"),
        )


def in_clear(contract: Contract) -> None:
    """Raises ContractError C103 where the contract's labels are sealed: their provider does not answer itself."""
    sealed = feedback_of(contract).sealed
    if sealed is not None:
        raise ContractError(
            "C103",
            "the contract's labels are sealed for a mediator, so the provider does not answer itself",
            hint="leave out `feedback.sealed`, or answer through a mediator (`architectures.ask_sealed`)",
        )


def _or_error(ask: Callable[[Question], Answer], question: Question) -> Answer | JalousieError:
    try:
        return ask(question)
    except JalousieError as error:
        return error
