"""The provider's desk of one contract: `Asking` in bytes, as the service serves it."""

from __future__ import annotations

import msgspec

from jalousie.architectures.ask import Asking
from jalousie.architectures.events import events
from jalousie.errors import ContractError, ValidatorError, WireError
from jalousie.places.provider import Provider
from jalousie.places.pseudonym_key import purpose, seal
from jalousie.places.steps import Steps
from jalousie.validator.budget import Budget
from jalousie.wire.arrays import LIMITS, Limits, population_from_bytes, question_from_bytes
from jalousie.wire.envelope import body_digest
from jalousie.wire.keys import PublicKey
from jalousie.wire.messages import (
    BudgetAnswer,
    CheckpointAnswer,
    ConsistencyAnswer,
    CosignatureAccepted,
    History,
    InclusionAnswer,
    LabelLeft,
    PopulationAccepted,
)


class Desk:
    """Implements `places.provider_service.Desk`."""

    def __init__(self, asking: Asking, provider: Provider, limits: Limits = LIMITS) -> None:
        """
        Raises
        ------
        ContractError
            C103 the contract names no key of the ML party
        WireError
            W613 that key is not of its form
        """
        text = asking.contract.parties.ml_party_key
        if not text:
            raise ContractError(
                "C103", "the contract does not name the ML party's key", hint="parties: {ml-party-key: ed25519:...}"
            )
        self.ml_party = PublicKey.parse(text)
        self.contract = asking.kept.contract
        self.grid = asking.feedback.answer_grid
        self.max_body = limits.bytes
        self._limits = limits
        self._asking = asking
        self._book = asking.kept.book
        # now: a key file that goes missing later must not be made anew
        self._pseudonym_key = provider.keys.deriver()(purpose(self.contract))

    def pseudonym_key(self, public: bytes) -> bytes:
        """The key of the contract's pseudonyms, sealed to an X25519 key of the ML party."""
        return seal(self._pseudonym_key, public, self.contract)

    def name_population(self, body: bytes) -> PopulationAccepted:
        population = population_from_bytes(body, self._limits)
        return PopulationAccepted(population=self._asking.hand_over(population), size=population.size)

    def ask(self, body: bytes, sequence: int) -> Steps[bytes]:
        try:
            question = question_from_bytes(body, self._limits)
        except WireError as error:
            yield from self._asking.refusal(error.code, sequence=sequence, sent=body_digest(body))
            raise
        return (yield from self._asking.steps(question, sequence=sequence, sent=body_digest(body)))[1]

    def answer(self, question: str) -> bytes:
        """An answer that was given, as it was sent. Raises ValidatorError V214 if there is none."""
        found = self._asking.kept.store.answer(self.contract, question)
        if found is None:
            raise ValidatorError("V214", "the question was not answered yet", hint="ask it", effect="")
        return found

    def budget(self, label: str | None) -> BudgetAnswer:
        names = tuple(self._asking.feedback.labels) if label is None else (label,)
        return BudgetAnswer(
            contract=self.contract, labels=tuple(label_left(self._asking.budget(name)) for name in names)
        )

    def history(self, after: int) -> History:
        return events(self._asking.kept.store, self.contract, after)

    def checkpoint(self) -> CheckpointAnswer:
        return self._book.checkpoint()

    def entries(self, start: int, size: int) -> bytes:
        return self._book.entries(self.contract, start, size)

    def inclusion(self, index: int, size: int) -> InclusionAnswer:
        return self._book.inclusion(index, size)

    def consistency(self, old: int, size: int) -> ConsistencyAnswer:
        return self._book.consistency(old, size)

    def cosign(self, body: bytes) -> CosignatureAccepted:
        return self._book.cosign(body, self.ml_party)


def label_left(budget: Budget) -> LabelLeft:
    """A budget as it travels."""
    return LabelLeft(
        label=budget.label,
        rho=budget.reserved.value,
        rho_spent=budget.spent.value,
        rho_left=budget.left.value,
        epsilon=budget.epsilon,
        epsilon_spent=budget.epsilon_spent,
        epsilon_left=budget.epsilon_left,
        delta=budget.delta,
        questions=budget.questions,
        questions_left=budget.questions_left,
    )


def as_json(message: msgspec.Struct) -> bytes:
    """For the command line."""
    return msgspec.json.format(msgspec.json.encode(message), indent=2)
