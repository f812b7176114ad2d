"""The ML party's side: subtract the pads of each group from a sealed answer, and read what is left as signed numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.sealed.keys import SealingKey, pads, require_key
from jalousie.sealed.sums import group_sums
from jalousie.sealed.types import Context, Header, SealedAnswer, Words, check_context, width_of
from jalousie.validator.sensitivity import noised_classes
from jalousie.validator.types import Answer, Partition, Question

_UNOPENED = "the answer was not opened"
_KEPT = 4  # labels whose pads are kept: 8 bytes a word and record each


class Opener:
    """Opens the answers about one population under one contract and epoch."""

    def __init__(
        self, key: SealingKey, contract: str, feedback: Feedback, population: str, records: int, epoch: int
    ) -> None:
        """`contract` and `population` are digests."""
        self.feedback = feedback
        self._key = key
        self._contract, self._population = contract, population
        self._records, self._epoch = records, epoch
        self._pads: dict[tuple[Header, ...], Words] = {}

    def unmask(self, sealed: SealedAnswer, question: Question) -> Answer:
        """The answer in clear: noisy sums, and nothing else that the mediator had.

        Raises
        ------
        ValidatorError
            V218 not an answer to this question, V219 not from all providers' columns, V221 sealed with another key, V222 summed
            from columns of another contract, population, label or epoch
        """
        self._require_headers(sealed.headers, question.label)
        self._require_shape(sealed.masked, question)
        masks = self._pads_of(sealed.headers)
        counts, totals = [], []
        for number, partition in enumerate(question.partitions):
            cells, present = self._masks(masks, partition, question.label)
            counts.append(sealed.masked.counts[number] - cells)
            if sealed.masked.totals:
                totals.append(sealed.masked.totals[number] - present)
        return replace(sealed.masked, counts=tuple(counts), totals=tuple(totals))

    def _masks(self, masks: Words, partition: Partition, label: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What lies on the counts and totals of a partition. 64-bit numbers go round, so signed ones subtract as well."""
        feedback = self.feedback
        sums = group_sums(masks, partition.groups, partition.count).view(np.int64)
        noised = noised_classes(feedback.labels[label], feedback.neighbours)
        cells, present = sums[:, :noised], sums[:, -1]
        if noised < len(feedback.labels[label].classes):  # the first of two classes is the total less the second
            cells = np.stack([present - cells[:, 0], cells[:, 0]], axis=1)
        return cells, present

    def _pads_of(self, headers: tuple[Header, ...]) -> Words:
        """(n, W) sum of all providers' pads; worked out once for a label."""
        if headers not in self._pads:
            total: Words | None = None
            for header in headers:
                made = pads(self._key.of(header.context.provider), header)
                total = made if total is None else np.add(total, made, out=total)
            assert total is not None
            if len(self._pads) >= _KEPT:
                del self._pads[next(iter(self._pads))]
            self._pads[headers] = total
        return self._pads[headers]

    def _require_headers(self, headers: tuple[Header, ...], label: str) -> None:
        if headers in self._pads and headers[0].context.label == label:
            return
        spec = self.feedback.labels[label]
        for header in headers:
            wanted = Context(self._contract, self._population, label, "", self._epoch)
            check_context(header, wanted, self._records, width_of(spec, self.feedback))
        providers = () if self.feedback.sealed is None else self.feedback.sealed.providers
        if tuple(header.context.provider for header in headers) != providers:
            raise ValidatorError(
                "V219",
                "the answer does not come from one column of each provider of the contract",
                hint="ask again when all providers have sealed their labels",
                effect=_UNOPENED,
            )
        for header in headers:
            require_key(self._key.of(header.context.provider), header)

    def _require_shape(self, masked: Answer, question: Question) -> None:
        spec = self.feedback.labels[question.label]
        cells = max(1, len(spec.classes)) if spec.kind == "classes" else 1
        shapes = [(partition.count, cells) for partition in question.partitions]
        totals = [(rows,) for rows, _ in shapes] if self.feedback.neighbours == "change-label" else []
        if [part.shape for part in masked.counts] != shapes or [part.shape for part in masked.totals] != totals:
            raise ValidatorError("V218", "the sealed answer is not one to the question asked", effect=_UNOPENED)
