"""Attack: the ML party asks about sealed labels for the least budget that there is.

The sampler gives whole numbers of 64 bits: noise that is wider ends at the largest of them, or at the smallest. Masked sums go
round there, so that such noise is a number that everybody knows: the ML party subtracts it and has exact sums, for nothing. Off
(whatever noise is drawn): it reads most of them. On: a question for which noise would be that wide is refused, and costs nothing.
"""

from __future__ import annotations

import numpy as np
import pytest

from jalousie.architectures.ask_sealed import SealedValidator
from jalousie.contract.feedback import Feedback, Label, Sealed
from jalousie.errors import ValidatorError
from jalousie.validator import noise
from jalousie.validator.types import Answer, Partition, Question

N, QUESTIONS = 60, 50
PAY = Label(column="pay", kind="number", low=0.0, high=200_000.0, unit=1e-4)
CENTS = np.random.default_rng(1).integers(0, 20_000_000, N)
NANO = 1e-9
"""The least budget."""


def sealed() -> SealedValidator:
    feedback = Feedback(
        identifier="id",
        labels={"pay": PAY},
        noise="laplace",
        min_group=1,
        sealed=Sealed(providers=("north", "south"), disjoint=True),
    )
    table, north = {"pay": CENTS / 100}, np.arange(N) % 2 == 0
    return SealedValidator.from_arrays(
        {"north": table, "south": table}, feedback, present={"north": north, "south": ~north}
    )


def one_by_one(validator: SealedValidator, rho: float) -> Answer:
    """Everybody but the first, but the second, and so on."""
    parts = [np.where(np.arange(N) == left_out, -1, 0).astype(np.int32) for left_out in range(QUESTIONS)]
    return validator.ask(
        Question(validator.population.digest(), "pay", tuple(Partition(part, 1) for part in parts), rho)
    )


def read(answer: Answer) -> float:
    """Share of sums that are exact once the largest or the smallest number is subtracted."""
    truth = (CENTS.sum() - CENTS[:QUESTIONS]) * 100
    found = np.concatenate(answer.counts)[:, 0]
    ends = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    with np.errstate(over="ignore"):
        return float(np.mean([(found - end == truth) for end in ends], axis=1).sum())


def test_off_the_least_budget_buys_exact_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "WIDEST", np.inf)
    validator = sealed()
    assert read(one_by_one(validator, NANO)) > 0.5
    assert validator.budget("pay").epsilon_spent < 1e-8


def test_on_it_buys_nothing_and_costs_nothing() -> None:
    validator = sealed()
    with pytest.raises(ValidatorError) as caught:
        one_by_one(validator, NANO)
    assert caught.value.code == "V209"
    assert validator.budget("pay").spent.nano == 0


def test_on_noise_that_is_wide_and_not_too_wide_goes_round_without_a_trace() -> None:
    validator = sealed()
    answer = one_by_one(validator, 0.01)
    assert answer.scale < noise.WIDEST
    assert read(answer) == 0.0
