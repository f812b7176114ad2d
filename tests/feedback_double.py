"""A validator in one process for tests of what is learnt from answers: the real noise and sensitivity, a plain budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.budget import Budget, Rho, account, budget_of
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import grid, noised_classes, sensitivity
from jalousie.validator.types import Answer, Population, Question


class Double:
    """Holds labels by name: (n,) class texts or numbers; None or NaN where the provider lacks the record."""

    def __init__(self, labels: Mapping[str, Any], feedback: Feedback, *, exact: bool = False) -> None:
        self.labels = {name: np.asarray(values, object) for name, values in labels.items()}
        self.feedback = feedback
        self.exact = exact
        size = len(next(iter(self.labels.values())))
        words = np.arange(2 * size, dtype=np.uint64).reshape(size, 2)
        self.population = Population(words.view(np.uint8).reshape(size, 16))
        self.asked: list[Question] = []
        self._spent = {name: Rho(0) for name in labels}

    def budget(self, label: str) -> Budget:
        return budget_of(label, account(self.feedback), self._spent[label], len(self.asked), 1000)

    def ask(self, question: Question) -> Answer:
        label, values = self.feedback.labels[question.label], self.labels[question.label]
        charge = Rho.nearest(question.rho)
        if charge > self.budget(question.label).left:
            raise ValidatorError("V201", "too little is left")
        for part in question.partitions:
            sizes = np.bincount(part.groups[part.groups >= 0], minlength=part.count)
            assert len(sizes) == part.count
            assert sizes.min() >= self.feedback.min_group
        assert sum(part.count for part in question.partitions) <= self.feedback.max_groups
        assert len(question.partitions) <= self.feedback.max_partitions
        self.asked.append(question)
        self._spent[question.label] += charge
        whole = sensitivity(label, self.feedback).of_partitions(len(question.partitions))
        noise = noise_for(account(self.feedback), whole, charge)
        public = self.feedback.neighbours == "change-label"
        counts, totals = [], []
        for part in question.partitions:
            cells, total = self._cells(label, values, part.groups, part.count)
            noisy = cells if self.exact else noise.add(cells)
            if public and noised_classes(label, self.feedback.neighbours) == 1 and label.kind == "classes":
                noisy = np.column_stack([total - noisy[:, 0], noisy[:, 0]])
            counts.append(noisy)
            totals.append(total if public else np.zeros(0, np.int64))
        left = self.budget(question.label)
        steps = grid(label, self.feedback.neighbours) if label.kind == "number" else None
        return Answer(
            question=f"sha256:{len(self.asked)}",
            label=question.label,
            classes=label.classes,
            counts=tuple(counts),
            totals=tuple(totals),
            variance=0.0 if self.exact else noise.variance,
            noise=self.feedback.noise,
            scale=noise.scale,
            neighbours=self.feedback.neighbours,
            rho_spent=charge.value,
            rho_left=left.left.value,
            epsilon_spent=left.epsilon_spent,
            epsilon_left=left.epsilon_left,
            delta=self.feedback.delta,
            unit=steps.unit if steps else 1.0,
            origin=steps.origin if steps else 0.0,
        )

    def _cells(self, label: Label, values: Any, groups: Any, count: int) -> tuple[Any, Any]:
        if label.kind == "number":
            steps = grid(label, self.feedback.neighbours)
            numbers = values.astype(float)
            held = (groups >= 0) & ~np.isnan(numbers)
            whole = np.round((np.clip(numbers[held], steps.low, steps.high) - steps.origin) / steps.unit)
            sums = np.bincount(groups[held], weights=whole, minlength=count).astype(np.int64)
            return sums[:, None], np.bincount(groups[held], minlength=count)
        place = {name: i for i, name in enumerate(label.classes)}
        codes = np.array([place.get(value, -1) for value in values])
        held = (groups >= 0) & (codes >= 0)
        classes = len(label.classes)
        table = np.bincount(groups[held] * classes + codes[held], minlength=count * classes).reshape(count, classes)
        total = table.sum(axis=1)
        if noised_classes(label, self.feedback.neighbours) == 1:
            table = table[:, 1:]
        return table.astype(np.int64), total
