"""Populations to attack: labels drawn at random, so that whatever is guessed was learnt from answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.attacks.feedback_all import Ground
from jalousie.attacks.feedback_targets import Secret, secret_of
from jalousie.contract.feedback import Feedback, Label

YES_OR_NO = Label(column="grade", classes=("fail", "pass"))
GRADES = Label(column="grade", classes=("a", "b", "c"))
HOURS = Label(column="hours", kind="number", low=0.0, high=50.0, unit=1.0)


def contract(label: Label = YES_OR_NO, **changes: Any) -> Feedback:
    return Feedback(**{"identifier": "id", "labels": {"it": label}, "neighbours": "change-label"} | changes)


def labels_of(label: Label, size: int, seed: int = 11) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if label.kind == "number":
        return np.rint(rng.choice([5.0, 45.0], size) + rng.normal(0, 2, size))
    chances = np.arange(1, len(label.classes) + 1) / np.arange(1, len(label.classes) + 1).sum()
    return rng.choice(np.array(label.classes, object), size, p=chances)


def ground(feedback: Feedback, size: int = 12_000) -> Ground:
    return Ground(feedback, {"it": labels_of(feedback.labels["it"], size)})


def secret(where: Ground) -> Secret:
    return secret_of(where.feedback.labels["it"], where.feedback, where.labels["it"])
