"""Architecture 2.A: the prediction validator at the provider.

    ML party: question -> provider[ monitor -> budget -> sums -> noise ] -> answer -> ML party: scores, a better model

Composition only. `Asking` puts the module (`jalousie.validator`) into the provider's place (`jalousie.places`). The ML party's
tools see a validator with `population`, `feedback`, `ask` and `budget`: `LocalValidator` here, in one process, or
`RemoteValidator` (`ask_remote`) over HTTP; they cannot tell which.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jalousie.architectures.kept import Kept, Step
from jalousie.architectures.records import Records, Values, array_records, provider_records
from jalousie.architectures.registration import register, remembered_rows
from jalousie.architectures.table_fit import TableFit, fit_of
from jalousie.architectures.turn import Turn
from jalousie.contract import Contract, Loaded, digest, load_contract
from jalousie.contract.feedback import Feedback
from jalousie.contract.model import Column, Parties
from jalousie.errors import ContractError, JalousieError, ValidatorError
from jalousie.ledger.entry import PopulationNamed
from jalousie.places.book import Book
from jalousie.places.provider import Provider
from jalousie.places.pseudonym_key import PSEUDONYM_BYTES, purpose, subject_purpose
from jalousie.places.steps import Pause, Steps, run
from jalousie.places.store import FILE, Store
from jalousie.randomness import random_words
from jalousie.tables import read_table
from jalousie.tables.engine import EngineOptions
from jalousie.validator.budget import Budget, budget_of
from jalousie.validator.canonical import KnownPopulation, know
from jalousie.validator.engine import Prepared, Reserved, Terms, compute, prepare, reserve, unread
from jalousie.validator.match import Aligned, align, match_rows
from jalousie.validator.types import Answer, Population, Question
from jalousie.wire.arrays import answer_to_bytes
from jalousie.wire.keys import SigningKey

MAX_POPULATIONS = 1000
_ALIGNED = 8
"""Populations whose labels are kept aligned; more are matched again when they are asked about."""


class Asking:
    """One contract at the provider: takes populations, answers questions, knows what is left. Threads may share it."""

    def __init__(
        self, contract: Contract, records: Records, kept: Kept, key: SigningKey, *, master_key: str = ""
    ) -> None:
        """
        `master_key`: the fingerprint of the key that the records' pseudonyms are made under, where that is a place's.

        Raises
        ------
        ContractError
            C103 the contract has no `feedback`
        ValidatorError
            V210 the lifetime budget of a column has no room for this contract, V212 a label that cannot be answered about
        StoreError
            S805 the store is bound to another master key
        """
        self.contract = contract
        self.feedback = feedback_of(contract)
        self.kept = kept
        self._terms = Terms.of(self.feedback)
        self._records = records
        self._aligned: dict[str, dict[str, Aligned]] = {}
        self._matching = threading.Lock()
        register(contract, self.feedback, kept, key, master_key)
        self._rows = remembered_rows(records, self.feedback, kept)

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

    def ask(self, question: Question, *, sequence: int = 0, sent: str = "") -> Answer:
        """Answer a question, or refuse it, in this thread.

        Raises
        ------
        ValidatorError
            V201 to V212: refused, recorded, nothing spent
        """
        made = run(self.steps(question, sequence=sequence, sent=sent or _unsent(question)), self.kept.store)
        if isinstance(made, BaseException):
            raise made
        return made[0]

    def steps(self, question: Question, *, sequence: int, sent: str) -> Steps[tuple[Answer, bytes]]:
        """As `ask`, for whoever drives many questions; gives the answer also as it was kept, ready to leave.

        `sent` is the digest of the question's bytes.
        """
        kept, population = self.kept, question.population
        if not (kept.at_hand(population) and population in self._aligned):
            yield Pause.APART
        known = kept.known(population)
        labels = self._labels(known) if known is not None else {}
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
                answer = compute(reserved, labels, self._terms, turn)
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
        """
        size = len(next(iter(labels.values())))
        if pseudonyms is None:
            pseudonyms = random_words(2 * size).view(np.uint8).reshape(size, PSEUDONYM_BYTES)
        columns = {label.column: Column(role="sensitive") for label in feedback.labels.values()}
        contract = Contract(
            jalousie=1,
            name="simulation",
            parties=Parties(provider="provider", ml_party="ml-party"),
            columns={feedback.identifier: Column(role="identifier"), **columns},
            feedback=feedback,
        )
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
    feedback_of(item.contract)
    stated = item.contract.parties.provider_key
    if stated and stated != key.public.text:
        raise ContractError(
            "C103",
            "the contract names another provider's key",
            hint="`jalousie keys show` prints this provider's",
            where=item.positions.where("parties.provider-key"),
        )


def feedback_of(contract: Contract) -> Feedback:
    """Raises ContractError C103 where there is none."""
    if contract.feedback is None:
        raise ContractError("C103", "the contract has no feedback part", hint="add `feedback:` with labels and budget")
    return contract.feedback


def _or_error(ask: Callable[[Question], Answer], question: Question) -> Answer | JalousieError:
    try:
        return ask(question)
    except JalousieError as error:
        return error


def _unsent(question: Question) -> str:
    """Names a question that came from this process, should it be refused before it has a digest of its own."""
    import hashlib

    state = hashlib.sha256(repr((question.population, question.label, question.rho)).encode())
    for partition in question.partitions:
        state.update(np.ascontiguousarray(partition.groups).tobytes())
    return "sha256:" + state.hexdigest()
