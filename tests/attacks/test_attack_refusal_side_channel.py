"""Attack: refusals as answers.

Off, a validator whose refusals look at the data, both of them usual: one suppresses groups with few positives, one charges
only the records that it has. The attacker reads the target's label, or its presence, from a single refusal each. On: the
monitor decides from questions alone, and the same attacker learns nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.local import Simulated
from jalousie.validator.types import Partition, Question

N = 120
TARGET = 0
CONTRACT = Feedback(identifier="id", labels={"y": Label(column="y", classes=("0", "1"))}, min_group=10)
RNG = np.random.default_rng(2)


def table(label: int) -> np.ndarray:
    """Nine known positives, the target, and known negatives; -1: not in the table."""
    labels = np.zeros(N, dtype=np.int64)
    labels[1:10] = 1
    labels[TARGET] = label
    return labels


def refused(made: Simulated, groups: np.ndarray, rho: float) -> bool:
    try:
        made.ask(
            Question(made.population.digest(), "y", (Partition(groups.astype(np.int32), int(groups.max()) + 1),), rho)
        )
    except ValidatorError:
        return True
    return False


def validator(labels: np.ndarray) -> Simulated:
    return Simulated.from_arrays({"y": labels}, CONTRACT, present=labels >= 0)


def test_off_suppressing_small_counts_gives_the_label_away() -> None:
    def suppresses(labels: np.ndarray) -> bool:
        return int((labels == 1).sum()) < 10

    assert [suppresses(table(label)) for label in (0, 1)] == [True, False]


def test_on_few_positives_are_no_reason() -> None:
    everybody = np.zeros(N)
    for rho in (0.01, 1.0):
        decisions = [refused(validator(table(label)), everybody, rho) for label in (0, 1, -1)]
        assert len(set(decisions)) == 1


@dataclass
class ChargesOnlyItsOwn:
    """A filter that keeps a tally for the records that the provider has."""

    labels: np.ndarray
    spent: dict[int, float] = field(default_factory=dict)

    def refuses(self, groups: np.ndarray, rho: float, reserved: float) -> bool:
        own = [record for record in range(N) if groups[record] >= 0 and self.labels[record] >= 0]
        if any(self.spent.get(record, 0.0) + rho > reserved for record in own):
            return True
        for record in own:
            self.spent[record] = self.spent.get(record, 0.0) + rho
        return False


def probes() -> tuple[np.ndarray, np.ndarray]:
    """Two questions that share the target and nobody else."""
    first, second = np.full(N, -1), np.full(N, -1)
    first[TARGET], first[20:40] = 0, 0
    second[TARGET], second[60:80] = 0, 0
    return first, second


def test_off_a_tally_of_own_records_gives_presence_away() -> None:
    first, second = probes()
    seen = {}
    for label in (1, -1):
        broken = ChargesOnlyItsOwn(table(label))
        assert not broken.refuses(first, 0.8, 1.0)
        seen[label] = broken.refuses(second, 0.8, 1.0)
    assert seen == {1: True, -1: False}


def test_on_every_asked_pseudonym_has_a_tally() -> None:
    first, second = probes()
    for label in (0, 1, -1):
        made = validator(table(label))
        rho = 0.8 * made.budget("y").left.value
        assert not refused(made, first, rho)
        assert refused(made, second, rho)  # present or not


def test_on_many_random_questions_are_decided_alike() -> None:
    validators = [validator(table(label)) for label in (0, 1, -1)]
    left = validators[0].budget("y").left.value
    pseudonyms = validators[0].population.pseudonyms
    validators = [
        Simulated.from_arrays({"y": table(label)}, CONTRACT, pseudonyms, present=table(label) >= 0)
        for label in (0, 1, -1)
    ]
    decisions: list[tuple[bool, ...]] = []
    for _ in range(60):
        groups = np.where(RNG.random(N) < 0.4, RNG.integers(0, 2, N), -1)
        rho = float(RNG.uniform(0, 0.5)) * left
        decisions.append(tuple(refused(made, groups, rho) for made in validators))
    assert {len(set(each)) for each in decisions} == {1}
    assert {each[0] for each in decisions} == {True, False}
