"""The questions of a contract as both sides see them: from the provider's store, with what the ledger says of their overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jalousie.architectures.answering import feedback_of
from jalousie.contract import digest, load_contract
from jalousie.errors import ValidatorError
from jalousie.ledger.entry import QuestionAsked, decode_entry
from jalousie.places.store import Asked, Store
from jalousie.validator.budget import NANO
from jalousie.wire.messages import Event, History

PAGE: Final = 1000
_OUTCOME: Final = {"spent": "unfinished"}
"""A question whose answer was never kept: its budget stays spent."""


def events(store: Store, contract: str, after: int) -> History:
    """A page of a contract's questions, oldest first."""
    found = store.questions(contract, after, PAGE)
    page = tuple(_event(item) for item in found)
    return History(contract=contract, events=page, next=found[-1].number if len(found) == PAGE else None)


def own_events(home: Path, contract: Path) -> tuple[str, list[Event]]:
    """A contract's digest and all questions under it, at the provider's own place.

    Raises
    ------
    JalousieError
        L713 no store there, V210 the contract was never served or is erased
    """
    loaded = load_contract(contract).contract
    feedback_of(loaded)
    store = Store.existing(home)
    try:
        name = digest(loaded)
        if name not in store.contracts():
            raise ValidatorError("V210", "nothing was ever asked under this contract here", effect="")
        found: list[Event] = []
        after: int | None = 0
        while after is not None:
            page = events(store, name, after)
            found += page.events
            after = page.next
        return name, found
    finally:
        store.close()


def _event(item: Asked) -> Event:
    entry = decode_entry(item.leaf, item.entry)
    asked = entry if isinstance(entry, QuestionAsked) else None
    return Event(
        minute=item.minute,
        question=item.digest,
        label=item.label,
        partitions=item.partitions,
        groups=item.groups,
        outcome=_OUTCOME.get(item.status, item.status),  # type: ignore[arg-type]  # checked by the store's schema
        code=item.code,
        rho_spent=item.spent / NANO,
        entry=item.entry,
        records=asked.records if asked is not None else 0,
        before=asked.before if asked is not None else None,
        nearest=asked.nearest if asked is not None else None,
    )
