"""Registering a contract: it reserves its budget of every label column, once and for life.

From then on no refusal depends on what other contracts did, and all contracts and ML parties of a provider together cannot
spend more of a column than its lifetime budget.
"""

from __future__ import annotations

from jalousie.architectures.kept import Kept
from jalousie.contract import Contract, canonical_json
from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.ledger.entry import ContractRegistered, LabelBudget, PublicLimits
from jalousie.validator.budget import Reservation, Rho, check_reservation, reservations
from jalousie.wire.keys import SigningKey


def register(contract: Contract, feedback: Feedback, kept: Kept, key: SigningKey) -> None:
    """Register a contract, unless it is registered already.

    Raises
    ------
    ValidatorError
        V210 its columns have too little lifetime budget left, or it was erased
    """
    store = kept.store
    wanted = reservations(feedback)
    with store.transaction():
        if store.known(kept.contract):
            if kept.contract not in store.contracts():
                raise ValidatorError("V210", "the contract was erased", hint="agree on a new one", effect="")
            return
        for name, reservation in wanted.items():
            column = reservation.column
            earlier = [Reservation(column, Rho(rho), Rho(life)) for rho, life in store.reserved(column)]
            before = list(wanted)[: list(wanted).index(name)]
            earlier += [wanted[other] for other in before if wanted[other].column == column]
            check_reservation(reservation, earlier)
        store.add_contract(
            kept.contract,
            canonical_json(contract),
            {name: (item.column, item.reserved.nano, item.lifetime.nano) for name, item in wanted.items()},
        )
        kept.book.append(
            ContractRegistered(
                minute=kept.book.minute(kept.moment()),
                contract=kept.contract,
                provider=key.public.text,
                ml_party=contract.parties.ml_party_key,
                neighbours=feedback.neighbours,
                noise=feedback.noise,
                labels={
                    name: LabelBudget(column=item.column, reserved=item.reserved.nano, lifetime=item.lifetime.nano)
                    for name, item in wanted.items()
                },
                limits=PublicLimits(
                    min_group=feedback.min_group,
                    max_groups=feedback.max_groups,
                    max_partitions=feedback.max_partitions,
                    max_questions=feedback.max_questions,
                    questions_per_minute=feedback.questions_per_minute,
                ),
            )
        )
