"""Differencing and averaging: two groups that differ by one record, and the same group asked again and again.

Both attack many records at once, each with companions of its own, so that every target gets the contract's whole budget: a
record pays only for the group that it is in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jalousie.attacks.feedback_facts import Flags
from jalousie.attacks.feedback_targets import Asker, Secret
from jalousie.errors import UsageError
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Counts, Floats
from jalousie.validator.types import Partition

STUBBORN = 10
"""Refusals in a row after which an attacker gives up."""
LEFT_OUT = 3
"""Known records that are left out, others each time, to dodge a memory of earlier questions."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an attack guessed, and what was true."""

    guessed: Flags
    truth: Flags
    answered: int
    refused: int
    replayed: int = 0

    @property
    def pair(self) -> tuple[Flags, Flags]:
        return self.guessed, self.truth


def crowds(validator: Validator, size: int, most: int, rng: np.random.Generator) -> Counts:
    """(crowds, size) positions of records, no record twice; the first of each crowd is its target.

    Raises UsageError U151 where the population is too small for one.
    """
    many = min(most, validator.population.size // size, validator.feedback.max_groups)
    if many < 1:
        raise UsageError("U151", f"the attack needs a population of at least {size} records", effect="")
    return rng.permutation(validator.population.size)[: many * size].reshape(many, size)


def partition_by(crowd: Counts, population: int) -> Partition:
    """One group for each row of `crowd`; nobody else is asked about."""
    groups = np.full(population, -1, np.int32)
    groups[crowd] = np.arange(len(crowd), dtype=np.int32)[:, None]
    return Partition(groups, len(crowd))


def random_halves(many: int, size: int, least: int, rng: np.random.Generator) -> Flags:
    """(many, size) random subsets of `size` records, none of which has fewer than `least` inside or outside.

    `size` has to be at least 2 `least`. A subset that a validator would refuse is drawn again.
    """
    halves: Flags = rng.random((many, size)) < 0.5
    while True:
        inside = halves.sum(axis=1)
        poor = np.flatnonzero(np.minimum(inside, size - inside) < least)
        if not len(poor):
            return halves
        halves[poor] = rng.random((len(poor), size)) < 0.5


def differencing(
    validator: Validator, label: str, secret: Secret, *, targets: int = 1000, pairs: int = 1, seed: int = 0
) -> Outcome:
    """Ask about a crowd without the target, then with it; the difference is the target's label.

    pairs
        differences that are averaged, each with other companions: what rounding needs. The budget is split among them.
    """
    rng = np.random.default_rng(seed)
    asker, population = Asker(validator, label, secret), validator.population.size
    chosen = crowds(validator, validator.feedback.min_group + 1, targets, rng)
    price = asker.whole / (2 * pairs)
    total, used = np.zeros(len(chosen)), 0
    for _ in range(pairs):
        # companions are whoever is no target, since the attacker knows nothing about them
        mixed = np.column_stack([chosen[:, 0], rng.permutation(chosen[:, 1:].ravel()).reshape(len(chosen), -1)])
        without = asker.ask([partition_by(mixed[:, 1:], population)], price)
        together = asker.ask([partition_by(mixed, population)], price)
        if without is None or together is None:
            break
        total += together[0] - without[0]
        used += 1
    differences = total / max(used, 1)
    guessed = differences > secret.middle if used else np.zeros(len(chosen), bool)
    return Outcome(guessed, secret.above[chosen[:, 0]], asker.answered, asker.refused, asker.replayed)


def averaging(
    validator: Validator,
    label: str,
    secret: Secret,
    *,
    times: int,
    varied: bool,
    targets: int = 1000,
    seed: int = 0,
) -> Outcome:
    """Ask `times` times about a target among records whose labels the attacker knows, and average the noise away.

    The whole budget is offered each time. `varied`: a few known records are left out, others each time, so that no
    question equals an earlier one.
    """
    rng = np.random.default_rng(seed)
    asker, population = Asker(validator, label, secret), validator.population.size
    spare = LEFT_OUT if varied else 0
    chosen = crowds(validator, validator.feedback.min_group + 1 + spare, targets, rng)
    price, sums, in_vain = asker.whole, [], 0
    for _ in range(times):
        asked = chosen if not varied else np.column_stack([chosen[:, 0], _some(chosen[:, 1:], rng)])
        answer = asker.ask([partition_by(asked, population)], price)
        if answer is not None:
            sums.append(answer[0] - secret.values[asked[:, 1:]].sum(axis=1))
        in_vain = in_vain + 1 if answer is None else 0
        if in_vain == STUBBORN:
            break
    mean: Floats = np.mean(sums, axis=0) if sums else np.zeros(len(chosen))
    return Outcome(mean > secret.middle, secret.above[chosen[:, 0]], asker.answered, asker.refused, asker.replayed)


def _some(known: Counts, rng: np.random.Generator) -> Counts:
    """All but `LEFT_OUT` of each row, chosen at random."""
    order = np.argsort(rng.random(known.shape), axis=1)
    return np.take_along_axis(known, np.sort(order[:, LEFT_OUT:], axis=1), axis=1)
