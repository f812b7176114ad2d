"""What is attacked: validators without protection or with half measures, and the secret that only the evaluator knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import UsageError, ValidatorError
from jalousie.learning.validator_protocol import Validator
from jalousie.tables.types import Floats
from jalousie.validator.budget import ZERO, Budget, account, budget_of
from jalousie.validator.match import LabelColumn, encode_label
from jalousie.validator.noise import Noise, noise_for
from jalousie.validator.sensitivity import grid, noised_classes, sensitivity
from jalousie.validator.sums import statistic_of
from jalousie.validator.types import Answer, Partition, Population, Question

Half = Literal["exact", "rounded", "small-counts-refused", "noise-without-budget", "noise-without-memory"]

HALF_MEASURES: dict[Half, str] = {
    "exact": "exact counts",
    "rounded": "counts rounded to multiples of 5",
    "small-counts-refused": "refusals wherever a count is small",
    "noise-without-budget": "noise of the same epsilon for each new partition, without a budget",
    "noise-without-memory": "noise of the same epsilon for each partition, without a budget, fresh for repeats too",
}
ROUNDED_TO = 5
OUT_OF_MEANS = frozenset({"V201", "V202", "V203"})


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """(n,) number of each record of the population: 1 or 0 for the attacked class, or the clipped value itself.

    Attacks use it to score their guesses and, where their story says so, as what an attacker knows of *other* records.
    """

    values: Floats
    middle: float
    """A record is guessed to be above or below this."""
    column: int = 0
    """Position of the attacked class in answers."""

    @property
    def above(self) -> NDArray[np.bool_]:
        return self.values > self.middle


def small(feedback: Feedback) -> int:
    """Counts from 1 to below this are small, for a validator that refuses them."""
    return max(2, feedback.min_group)


def secret_of(label: Label, feedback: Feedback, values: NDArray[Any] | Sequence[Any]) -> Secret:
    """The secret of (n,) label values of the population. Attacked is the class whose share is nearest to one half.

    Raises UsageError U151 where a record has no label: such a record has nothing to guess.
    """
    column = encode_label(values, label, feedback)
    if not len(column.values) or not column.present.all():
        raise UsageError("U151", "an attack needs records that all have a label", effect="")
    if label.kind == "number":
        steps = grid(label, feedback.neighbours)
        numbers = steps.origin + steps.unit * column.values.astype(np.float64)
        return Secret(numbers, float(numbers.mean()))
    shares = np.bincount(column.values, minlength=len(label.classes)) / len(column.values)
    # of two equally good classes the last, which is the one that is noised where totals are public
    chosen = len(shares) - 1 - int(np.argmin(np.abs(shares[::-1] - 0.5).round(12)))
    return Secret((column.values == chosen).astype(np.float64), 0.5, chosen)


def read_sums(answer: Answer, partition: Partition, at: int, secret: Secret) -> Floats:
    """(G,) best estimate of the sum of `secret.values` in each group, if the provider has all records asked about.

    Counts of the class and of all others both tell it, the others with (C - 1) times the noise.
    """
    counts = answer.counts[at].astype(np.float64)
    asked = partition.groups[partition.groups >= 0]
    public = answer.neighbours == "change-label"
    size = answer.totals[at] if public else np.bincount(asked, minlength=partition.count)
    if not answer.classes:
        return np.asarray(answer.origin * size + answer.unit * counts[:, 0])
    others = counts.shape[1] - 1
    rest = counts.sum(axis=1) - counts[:, secret.column]
    return np.asarray((others * counts[:, secret.column] + (size - rest)) / (others + 1))


@dataclass(slots=True, eq=False)
class Asker:
    """Asks on behalf of an attack, within the contract's limits, and counts what came of it."""

    validator: Validator
    label: str
    secret: Secret
    answered: int = 0
    refused: int = 0
    replayed: int = 0
    _digest: str = field(default="")

    def ask(self, partitions: Sequence[Partition], rho: float) -> list[Floats] | None:
        """Sums of each partition; in several questions where the limits need it. None once something is refused for want
        of means; other refusals are faults of the attack, and are raised."""
        limits = self.validator.feedback
        self._digest = self._digest or self.validator.population.digest()
        sums: list[Floats] = []
        for batch in _batches(partitions, limits.max_partitions, limits.max_groups):
            # rounded down, or the last of many would find a billionth too little
            share = np.floor(rho * len(batch) / len(partitions) * 1e9) / 1e9
            try:
                answer = self.validator.ask(Question(self._digest, self.label, tuple(batch), float(share)))
            except ValidatorError as error:
                if error.code not in OUT_OF_MEANS:
                    raise
                self.refused += 1
                return None
            self.answered += 1
            self.replayed += answer.replayed
            sums += [read_sums(answer, partition, at, self.secret) for at, partition in enumerate(batch)]
        return sums

    @property
    def whole(self) -> float:
        """rho of a record that was never asked about. What is left of the record asked about most may be another's."""
        return self.validator.budget(self.label).reserved.value


def _batches(partitions: Sequence[Partition], most: int, groups: int) -> list[list[Partition]]:
    batches: list[list[Partition]] = []
    for partition in partitions:
        last = batches[-1] if batches else None
        if last is None or len(last) >= most or sum(part.count for part in last) + partition.count > groups:
            batches.append([partition])
        else:
            last.append(partition)
    return batches


@dataclass(slots=True, eq=False)
class Unprotected:
    """A validator as it might be built without care: it keeps to the smallest group, but its budget never ends.

    It speaks the same protocol, so that an attack cannot tell the difference but by its success.
    """

    feedback: Feedback
    population: Population
    labels: dict[str, NDArray[Any]]
    """(n,) values by label, in the order of the population."""
    half: Half = "exact"
    _memo: dict[tuple[str, bytes], NDArray[np.int64]] = field(default_factory=dict)
    _encoded: dict[str, LabelColumn] = field(default_factory=dict)

    def budget(self, label: str) -> Budget:
        """As on the first day, always."""
        return budget_of(label, account(self.feedback), ZERO, 0, self.feedback.max_questions)

    def ask(self, question: Question) -> Answer:
        label = self.feedback.labels[question.label]
        granted, noise = account(self.feedback), None
        counts, totals = [], []
        fresh = len(self._memo)
        for partition in question.partitions:
            sizes = np.bincount(partition.groups[partition.groups >= 0], minlength=partition.count)
            if sizes.min() < self.feedback.min_group:
                raise ValidatorError("V204", "a group is smaller than the contract allows")
            if self.half.startswith("noise"):
                noise = noise_for(granted, sensitivity(label, self.feedback, partition), granted.reserved)
            about = b"" if partition.statistic is None else partition.statistic.to_bytes()
            key = (question.label, sha256(partition.groups.tobytes() + about).digest())
            if key not in self._memo or self.half == "noise-without-memory":
                self._memo[key] = self._cells(label, question.label, partition, noise)
            cells, total = self._memo[key], self._sizes(question.label, partition)
            if self.half == "small-counts-refused":
                self._refuse_small(label, cells, total)
            if label.kind == "classes" and cells.shape[1] == 1:
                cells = np.column_stack([total - cells[:, 0], cells[:, 0]])
            counts.append(cells)
            if self.feedback.neighbours == "change-label":
                totals.append(total)
        steps = grid(label, self.feedback.neighbours) if label.kind == "number" else None
        state = self.budget(question.label)
        return Answer(
            question="",
            label=question.label,
            classes=label.classes if label.kind == "classes" else (),
            counts=tuple(counts),
            totals=tuple(totals),
            variance=noise.variance if noise else 0.0,
            noise=self.feedback.noise,
            scale=noise.scale if noise else 0.0,
            neighbours=self.feedback.neighbours,
            rho_spent=0.0,
            rho_left=state.left.value,
            epsilon_spent=0.0,
            epsilon_left=state.epsilon_left,
            delta=self.feedback.delta,
            replayed=len(self._memo) == fresh,
            unit=steps.unit if steps else 1.0,
            origin=steps.origin if steps else 0.0,
        )

    def _refuse_small(self, label: Label, cells: NDArray[np.int64], total: NDArray[np.int64]) -> None:
        counts = np.column_stack([total, cells]) if label.kind == "classes" else total
        if ((counts > 0) & (counts < small(self.feedback))).any():
            raise ValidatorError("V204", "a count is small")

    def _column(self, name: str) -> LabelColumn:
        if name not in self._encoded:
            self._encoded[name] = encode_label(self.labels[name], self.feedback.labels[name], self.feedback)
        return self._encoded[name]

    def _sizes(self, name: str, partition: Partition) -> NDArray[np.int64]:
        asked = self._column(name).present & (partition.groups >= 0)
        return np.bincount(partition.groups[asked], minlength=partition.count)

    def _cells(self, label: Label, name: str, partition: Partition, noise: Noise | None) -> NDArray[np.int64]:
        column = self._column(name)
        inside = column.present & (partition.groups >= 0)
        groups, values = partition.groups[inside].astype(np.int64), column.values[inside].astype(np.int64)
        if label.kind == "number":
            if partition.statistic is not None:
                values = statistic_of(partition.statistic, column.values.astype(np.int32), slice(None))[inside]
            sums = np.bincount(groups, weights=values.astype(np.float64), minlength=partition.count)
            cells = np.rint(sums).astype(np.int64)[:, None]
        else:
            width = len(label.classes)
            cells = np.bincount(groups * width + values, minlength=partition.count * width).reshape(-1, width)
            cells = cells[:, width - noised_classes(label, self.feedback.neighbours) :]
        if noise is not None:
            return noise.add(np.ascontiguousarray(cells, np.int64))
        return ROUNDED_TO * np.rint(cells / ROUNDED_TO).astype(np.int64) if self.half == "rounded" else cells
