"""Providers, mediator and ML party with sealed labels, taken apart so that each can misbehave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.architectures.answering import made_up
from jalousie.architectures.ask_sealed import Mediating, SealedValidator, seal_labels
from jalousie.architectures.kept import Kept
from jalousie.architectures.records import array_records
from jalousie.contract import Contract, digest
from jalousie.contract.feedback import Feedback, Label, Sealed
from jalousie.places.book import Book
from jalousie.places.store import Store
from jalousie.sealed.keys import SealingKey
from jalousie.sealed.types import SealedColumn
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.keys import SigningKey

TWO = Label(column="y", classes=("0", "1"))
THREE = Label(column="w", classes=("a", "b", "c"))
NUMBER = Label(column="z", kind="number", low=-3.0, high=5.0, unit=0.25)
OWN = SigningKey.new()


def contract(providers: tuple[str, ...] = ("north", "south"), *, disjoint: bool = True, **changes: Any) -> Feedback:
    """Labels y, w and z, sealed by these providers."""
    sealed = Sealed(providers=providers, disjoint=disjoint and len(providers) > 1)
    labels = {"y": TWO, "w": THREE, "z": NUMBER}
    return Feedback(**{"identifier": "id", "labels": labels, "sealed": sealed} | changes)


def people(size: int, seed: int = 4) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return {
        "y": rng.choice(np.array(["0", "1"], object), size, p=[0.7, 0.3]),
        "w": rng.choice(np.array(["a", "b", "c"], object), size),
        "z": rng.normal(1, 3, size),
    }


def pseudonyms(size: int, seed: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (size, 16), dtype=np.uint8)


@dataclass(slots=True)
class Ground:
    """All parties before anything was sealed."""

    feedback: Feedback
    population: Population
    key: SealingKey = field(default_factory=SealingKey.new)
    epoch: int = 0
    agreed: Contract = field(init=False)

    def __post_init__(self) -> None:
        self.agreed = made_up(self.feedback)

    def columns(
        self,
        provider: str,
        table: Mapping[str, Any],
        present: NDArray[np.bool_] | None = None,
        key: SealingKey | None = None,
        epoch: int | None = None,
    ) -> list[SealedColumn]:
        """What one provider seals, in the order of the contract's labels."""
        records = array_records(table, self.feedback, self.population.pseudonyms, present=present)
        own = (key or self.key).of(provider)
        return list(
            seal_labels(records, self.population, self.agreed, provider, own, self.epoch if epoch is None else epoch)
        )

    def mediator(self) -> Mediating:
        store = Store()
        kept = Kept(store, Book(store, OWN), digest(self.agreed))
        return Mediating(self.agreed, kept, OWN, self.population, epoch=self.epoch)


def validator(
    tables: Mapping[str, Mapping[str, Any]], feedback: Feedback, present: Mapping[str, NDArray[np.bool_]] | None = None
) -> SealedValidator:
    return SealedValidator.from_arrays(tables, feedback, present=present)


def split(size: int, seed: int = 6) -> dict[str, NDArray[np.bool_]]:
    """Who is at which of two providers; a quarter is at none."""
    at = np.random.default_rng(seed).integers(0, 4, size)
    return {"north": at == 0, "south": (at == 1) | (at == 2)}


def question(made: SealedValidator | Mediating, rho: float, *groups: NDArray[Any], label: str = "y") -> Question:
    partitions = tuple(Partition(part.astype(np.int32), int(part.max()) + 1) for part in groups)
    return Question(made.population.digest(), label, partitions, rho)
