"""The mediator's side: add what it cannot read, and noise to the sums. It never has a key.

Monitor, budget, memo and the order of work are the validator's own (`validator.engine`); only step 5 is another one here.
"""

from __future__ import annotations

import numpy as np

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.sealed.sums import group_sums
from jalousie.sealed.types import Context, Header, SealedColumn, Words, check_context, check_form, foreign, width_of
from jalousie.validator.engine import Reserved, Terms
from jalousie.validator.sensitivity import noised_classes
from jalousie.validator.store import Stored
from jalousie.validator.types import Question

_NOTHING = "no label was summed, and no budget was spent"


class SealedLabels:
    """All providers' sealed labels for one population, added up by label as they arrive."""

    def __init__(self, contract: str, feedback: Feedback, population: str, records: int, epoch: int) -> None:
        """`contract` and `population` are digests; the contract says which providers there are."""
        self.feedback = feedback
        self._providers = () if feedback.sealed is None else feedback.sealed.providers
        self._contract, self._population = contract, population
        self._records, self._epoch = records, epoch
        self._headers: dict[tuple[str, str], Header] = {}
        self._sums: dict[str, Words] = {}

    def accept(self, column: SealedColumn) -> None:
        """Add a column. What was added once stays: stored answers are masked by it.

        Raises
        ------
        ValidatorError
            V218 not of its form, V220 of a provider that the contract does not name, or that has sealed this label already, V222
            of another contract, population, label or epoch
        """
        check_form(column)
        context = column.header.context
        label = self.feedback.labels.get(context.label)
        if label is None:
            raise foreign("label")
        wanted = Context(self._contract, self._population, context.label, "", self._epoch)
        check_context(column.header, wanted, self._records, width_of(label, self.feedback))
        if context.provider not in self._providers:
            raise ValidatorError(
                "V220",
                "a sealed column is of a provider that the contract does not name",
                hint="`feedback.sealed.providers` names them",
                effect=_NOTHING,
            )
        if (context.label, context.provider) in self._headers:
            raise ValidatorError(
                "V220",
                f'provider "{context.provider}" has sealed label "{context.label}" in this epoch already',
                hint="to seal anew, all providers seal for the next epoch",
                effect="the column that came first is kept",
            )
        if context.label in self._sums:
            self._sums[context.label] += column.words
        else:
            self._sums[context.label] = column.words.copy()
        self._headers[context.label, context.provider] = column.header

    def require(self, label: str) -> None:
        """
        Raises
        ------
        ValidatorError
            V219: a provider has not sealed this label yet. Without all of them nothing could be opened
        """
        missing = [name for name in self._providers if (label, name) not in self._headers]
        if missing and label in self.feedback.labels:
            raise ValidatorError(
                "V219",
                f"{len(missing)} of {len(self._providers)} providers have not sealed the label yet",
                hint="wait for their columns",
                effect="nothing was answered, no budget was spent",
            )

    def headers(self, label: str) -> tuple[Header, ...]:
        """Of the columns that were added, in the contract's order of providers."""
        return tuple(self._headers[label, name] for name in self._providers if (label, name) in self._headers)

    def sums(self, label: str) -> Words:
        """(n, W) masked words, all providers' together."""
        return self._sums[label]


def require_plain(question: Question) -> None:
    """
    Raises
    ------
    ValidatorError
        V217: a statistic. Words were fixed when they were sealed, and a deviation depends on the question
    """
    if any(partition.statistic is not None for partition in question.partitions):
        raise ValidatorError(
            "V217",
            "the question asks for a statistic, and sealed labels are summed as they are",
            hint="leave the statistic out, or agree on a label that is counted by interval (`cuts`)",
            effect="nothing was answered, no budget was spent",
        )


def masked_answers(reserved: Reserved, words: Words, terms: Terms) -> dict[str, Stored]:
    """Step 5 on masked words: sums by group and noise modulo 2^64, groups in canonical order. Nothing in it can be read.

    The noise is that of the clear sums, drawn by OpenDP for zeros and added: OpenDP itself stops at the largest number where
    words go round. Noise that would reach it is refused before anything is spent (`Noise.fits`).
    """
    feedback, question = terms.feedback, reserved.question
    label = feedback.labels[question.label]
    new = {
        form.digest: group_sums(words, partition.groups, partition.count)[np.argsort(form.rank)]
        for partition, form in zip(question.partitions, reserved.forms, strict=True)
        if form.digest not in reserved.stored
    }
    (noise,) = set(reserved.noises.values())
    cells = noised_classes(label, feedback.neighbours)
    drawn = noise.add(np.zeros((sum(map(len, new.values())), cells), dtype=np.int64))
    parts = np.split(drawn, np.cumsum([len(sums) for sums in new.values()])[:-1])
    return {
        digest: Stored(
            (sums[:, :cells] + part.view(np.uint64)).view(np.int64),
            sums[:, -1].copy().view(np.int64) if feedback.neighbours == "change-label" else None,
            noise,
        )
        for (digest, sums), part in zip(new.items(), parts, strict=True)
    }
