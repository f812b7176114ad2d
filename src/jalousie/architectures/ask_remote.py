"""The ML party's side of 2.A over HTTP: a validator like the local one, behind a signing client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from jalousie.architectures.answering import feedback_of
from jalousie.architectures.records import population_of
from jalousie.contract import Contract, Loaded, digest, load_contract
from jalousie.errors import ContractError, JalousieError, WireError
from jalousie.ledger.checkpoint import cosign_checkpoint, open_checkpoint
from jalousie.ledger.log import decode_hashes
from jalousie.places.book import ledger_key, party_name
from jalousie.places.keys import KeyStore, home_folder
from jalousie.places.ml_party import Client
from jalousie.places.seen_checkpoint import SeenCheckpoint
from jalousie.validator.budget import Budget, Rho
from jalousie.validator.types import Answer, Population, Question
from jalousie.wire.arrays import ARROW_TYPE, answer_from_bytes, population_to_bytes, question_to_bytes
from jalousie.wire.canonical import canonical
from jalousie.wire.keys import PublicKey, SigningKey
from jalousie.wire.messages import (
    BudgetAnswer,
    CheckpointAnswer,
    ConsistencyAnswer,
    CosignatureAccepted,
    CosignatureRequest,
    Event,
    History,
    LabelLeft,
    PopulationAccepted,
    decode_message,
)
from jalousie.wire.parts import MAX_PARTS, PARTS_TYPE, Part, pack_parts, unpack_parts
from jalousie.wire.problem import error_of

_MESSAGE: Final = 2**19
"""Bytes of questions that are asked together; a larger one goes alone."""


class RemoteProvider:
    """A provider as an ML party reaches it, under one contract."""

    def __init__(self, contract: Contract, client: Client) -> None:
        self.contract = contract
        self.feedback = feedback_of(contract)
        self.client = client

    def close(self) -> None:
        """Close the connection; the next request opens one again."""
        self.client.close()

    def __enter__(self) -> RemoteProvider:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def population(self, identifiers: Sequence[str | None]) -> Population:
        """The population of these identifiers (canonical text, all different), under the contract's key.

        Raises
        ------
        TableError
            T263 one is missing or occurs twice
        WireError
            the key could not be fetched
        """
        return population_of(identifiers, self.client.pseudonym_key())

    def hand_over(self, population: Population) -> str:
        """Name the records that questions will be about."""
        body = self.client.send("PUT", "/population", population_to_bytes(population), kind=ARROW_TYPE)
        accepted = decode_message(body, PopulationAccepted)
        if accepted.population != population.digest() or accepted.size != population.size:
            raise WireError("W608", "the provider took another population than was sent", effect="")
        return accepted.population

    def ask(self, question: Question) -> Answer:
        """Raises ValidatorError V201 to V212 where the provider refuses, WireError where it cannot be understood."""
        body = question_to_bytes(question)
        return _answer(self.client.send("POST", "/questions", body, kind=ARROW_TYPE), question)

    def ask_many(self, questions: Sequence[Question]) -> list[Answer | JalousieError]:
        """Several questions in one signed message, which spares most of what a small one costs.

        Each is decided, charged and answered for itself, in their order; where it is refused, its error is in its place.

        Raises
        ------
        WireError
            the provider cannot be understood
        InternalError
            X900: it has failed; ask again, what was answered already is answered again and costs nothing
        """
        bodies = [question_to_bytes(question) for question in questions]
        answers: list[Answer | JalousieError] = []
        for start, end in _messages(bodies):
            sent = pack_parts([Part(body) for body in bodies[start:end]])
            parts = unpack_parts(self.client.send("POST", "/questions/many", sent, kind=PARTS_TYPE))
            if len(parts) != end - start:
                raise WireError("W608", "the answer is not one to the questions that were asked", effect="")
            answers += [
                error_of(part.body) if part.problem else _answer(part.body, question)
                for part, question in zip(parts, questions[start:end], strict=True)
            ]
        return answers

    def budget(self, label: str) -> Budget:
        """Raises ValidatorError V208."""
        (left,) = self.client.get("/budget", BudgetAnswer, label=label).labels
        return _budget(left)

    def budgets(self) -> BudgetAnswer:
        """Of all labels."""
        return self.client.get("/budget", BudgetAnswer)

    def history(self) -> Iterator[Event]:
        """All questions, oldest first."""
        after: int | None = 0
        while after is not None:
            page = self.client.get("/history", History, after=after)
            yield from page.events
            after = page.next

    def cosign(self, seen: SeenCheckpoint) -> CosignatureAccepted:
        """Check that the provider's ledger continues what we saw last, cosign its checkpoint, and remember it.

        Raises
        ------
        LedgerError
            L705, L706, L708, L711: the ledger is not what it was
        """
        log = ledger_key(self.client.provider)
        note = self.client.get("/ledger/checkpoint", CheckpointAnswer).checkpoint
        newest = open_checkpoint(note, log)
        last = seen.last(log)
        proof: tuple[bytes, ...] = ()
        if last is not None and 0 < last.size < newest.size:
            answer = self.client.get("/ledger/consistency", ConsistencyAnswer, old=last.size, size=newest.size)
            proof = decode_hashes(answer.path)
        key = self.client.key
        time = int(self.client.now().timestamp())
        signed = cosign_checkpoint(note, log, name=party_name(key.public), key=key, time=time, seen=last, proof=proof)
        seen.keep(signed)
        body = canonical(CosignatureRequest(checkpoint=signed))
        return decode_message(
            self.client.send("POST", "/ledger/cosignatures", body, kind="application/json"), CosignatureAccepted
        )


class RemoteValidator:
    """The ML party's view of a provider over HTTP, about one population."""

    def __init__(self, provider: RemoteProvider, population: Population) -> None:
        self.provider = provider
        self.feedback = provider.feedback
        self.population = population
        provider.hand_over(population)

    def ask(self, question: Question) -> Answer:
        """As `RemoteProvider.ask`."""
        return self.provider.ask(question)

    def ask_many(self, questions: Sequence[Question]) -> list[Answer | JalousieError]:
        """As `RemoteProvider.ask_many`."""
        return self.provider.ask_many(questions)

    def budget(self, label: str) -> Budget:
        """As `RemoteProvider.budget`."""
        return self.provider.budget(label)


def reach_provider(
    contract: Loaded | Contract | Path,
    url: str,
    *,
    home: Path | None = None,
    key: SigningKey | None = None,
    authorities: Path | None = None,
) -> RemoteProvider:
    """A provider under a contract, with this ML party's signing key (`jalousie keys new`).

    Raises
    ------
    ContractError
        C103 the contract has no `feedback`, lacks the provider's key, or names another ML party's
    WireError
        W610 to W613 the keys
    """
    if isinstance(contract, Path):
        contract = load_contract(contract)
    if isinstance(contract, Loaded):
        contract = contract.contract
    key = key or KeyStore(home_folder(home)).signing()
    parties = contract.parties
    if not parties.provider_key:
        raise ContractError(
            "C103", "the contract does not name the provider's key", hint="parties: {provider-key: ed25519:...}"
        )
    if parties.ml_party_key != key.public.text:
        raise ContractError(
            "C103", "the contract names another ML party's key", hint="`jalousie keys show` prints this party's"
        )
    client = Client(url, key, PublicKey.parse(parties.provider_key), digest(contract), authorities)
    return RemoteProvider(contract, client)


def _answer(body: bytes, question: Question) -> Answer:
    answer = answer_from_bytes(body)
    shapes = [(partition.count, max(1, len(answer.classes))) for partition in question.partitions]
    if answer.label != question.label or [counts.shape for counts in answer.counts] != shapes:
        raise WireError("W608", "the answer is not one to the question that was asked", effect="")
    return answer


def _messages(bodies: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Which questions go into one message: not too many, and no more than a provider works on at once with others'."""
    start = size = 0
    for end, body in enumerate(bodies):
        if end > start and (end - start == MAX_PARTS or size + len(body) > _MESSAGE):
            yield start, end
            start, size = end, 0
        size += len(body)
    if start < len(bodies):
        yield start, len(bodies)


def _budget(left: LabelLeft) -> Budget:
    return Budget(
        label=left.label,
        reserved=Rho.nearest(left.rho),
        spent=Rho.nearest(left.rho_spent),
        left=Rho.nearest(left.rho_left),
        epsilon=left.epsilon,
        epsilon_spent=left.epsilon_spent,
        epsilon_left=left.epsilon_left,
        delta=left.delta,
        questions=left.questions,
        questions_left=left.questions_left,
    )
