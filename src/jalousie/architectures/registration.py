"""Registering a contract: it reserves its budget of every label column, once and for life.

From then on no refusal depends on what other contracts did, and all contracts and ML parties of a provider together cannot
spend more of a column than its lifetime budget.
"""

from __future__ import annotations

import numpy as np

from jalousie.architectures.kept import Kept
from jalousie.architectures.records import Records
from jalousie.contract import Contract, canonical_json
from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.ledger.entry import ContractRegistered, LabelBudget, PublicLimits
from jalousie.places.store import Reserved
from jalousie.validator.budget import Pure, Reservation, Rho, check_reservation, reservations
from jalousie.validator.rows import PAIR_BYTES, RowIndex, index_rows
from jalousie.wire.keys import SigningKey


def register(contract: Contract, feedback: Feedback, kept: Kept, key: SigningKey, master_key: str = "") -> None:
    """Register a contract, unless it is registered already. With the first one the store is bound to the master key.

    Raises
    ------
    ValidatorError
        V210 its columns have too little lifetime budget left, or it was erased
    StoreError
        S805 the store is bound to another master key
    """
    store = kept.store
    wanted = reservations(feedback)
    with store.transaction():
        if master_key:  # a simulation has none
            store.bind_master_key(master_key)
        if store.known(kept.contract):
            if kept.contract not in store.contracts():
                raise ValidatorError("V210", "the contract was erased", hint="agree on a new one", effect="")
            return
        for name, reservation in wanted.items():
            column = reservation.column
            earlier = [_reservation(row) for row in store.reserved(column)]
            before = list(wanted)[: list(wanted).index(name)]
            earlier += [wanted[other] for other in before if wanted[other].column == column]
            check_reservation(reservation, earlier)
        store.add_contract(
            kept.contract,
            canonical_json(contract),
            {name: _row(item) for name, item in wanted.items()},
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
                master_key=master_key,
            )
        )


def remembered_rows(records: Records, feedback: Feedback, kept: Kept) -> RowIndex:
    """The rows that count; of subjects with several records, those that counted before and, up to m, new ones.

    The choice is on the disk when this returns, so before anything is answered from it.
    """
    if records.names is None or records.subjects is None:
        return records.index
    with kept.store.transaction():
        before = np.frombuffer(kept.store.chosen(kept.contract), dtype=np.uint8).reshape(-1, PAIR_BYTES)
        index = index_rows(records.names, feedback, records.subjects, before)
        if index.chosen is not None and len(index.chosen):
            kept.store.add_chosen(kept.contract, index.chosen.tobytes())
    return index


def _reservation(row: Reserved) -> Reservation:
    pure = None
    if row.epsilon is not None and row.lifetime_epsilon is not None:
        pure = Pure(row.epsilon, row.lifetime_epsilon)
    return Reservation(row.column, Rho(row.reserved), Rho(row.lifetime), row.delta, pure)


def _row(item: Reservation) -> Reserved:
    pure = (None, None) if item.pure is None else (item.pure.epsilon, item.pure.lifetime)
    return Reserved(item.column, item.reserved.nano, item.lifetime.nano, item.delta, *pure)
