"""What the ML party's tools ask of a validator, whatever stands behind it: one process, HTTP, or sealed labels."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import UsageError, ValidatorError, did_you_mean
from jalousie.validator.budget import Budget, account
from jalousie.validator.types import Answer, Partition, Population, Question


@runtime_checkable
class Validator(Protocol):
    """Answers questions about one population under one contract."""

    @property
    def population(self) -> Population: ...

    @property
    def feedback(self) -> Feedback: ...

    def ask(self, question: Question) -> Answer: ...

    def budget(self, label: str) -> Budget: ...


def label_of(validator: Validator, name: str | None) -> tuple[str, Label]:
    """The label to ask about; None means the only one of the contract. Raises V208 where it is not known."""
    labels = validator.feedback.labels
    if name is None and len(labels) == 1:
        name = next(iter(labels))
    if name is None or name not in labels:
        hint = did_you_mean(name or "", labels)
        raise ValidatorError("V208", "no such label in the contract", hint=hint, effect="nothing was asked")
    return name, labels[name]


def rho_to_spend(validator: Validator, label: str, epsilon: float | None) -> float:
    """rho of one question: that of `epsilon` at the contract's delta, or (None) all that is left of the label's budget.

    rho of several questions adds up, epsilon does not: epsilon 1 twice is less than epsilon 2.
    """
    left = validator.budget(label).left.value
    feedback = validator.feedback
    if epsilon is None:
        rho = left
    elif not epsilon > 0:
        raise UsageError("U151", "epsilon is not above 0", effect="nothing was asked")
    else:
        rho = account(feedback).rho_of(epsilon).value
        rho = left if epsilon == feedback.epsilon and abs(rho - left) < 1e-8 else rho
    if not rho > 0:
        raise ValidatorError("V209", "no budget was offered, or none is left", effect="nothing was asked")
    return rho


def ask_partitions(validator: Validator, label: str, partitions: list[Partition], rho: float) -> list[Answer]:
    """Ask about all partitions at one noise level; in several questions only where the contract's limits need it.

    K partitions for rho have noise variance K / (2 rho) times that of one, whether in one question or in several whose
    shares of rho are their shares of the partitions. Every answer is returned, in the order of the partitions.
    """
    limits = validator.feedback
    batches: list[list[Partition]] = [[]]
    for partition in partitions:
        groups = sum(part.count for part in batches[-1]) + partition.count
        if batches[-1] and (groups > limits.max_groups or len(batches[-1]) >= limits.max_partitions):
            batches.append([])
        batches[-1].append(partition)
    digest = validator.population.digest()
    answers, left = [], rho
    for number, batch in enumerate(batches):
        share = left if number == len(batches) - 1 else np.floor(rho * len(batch) / len(partitions) * 1e9) / 1e9
        answers.append(validator.ask(Question(digest, label, tuple(batch), float(share))))
        left -= share
    return answers
