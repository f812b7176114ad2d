"""Validators in one process for tests of what is learnt from answers."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from jalousie.architectures.ask import LocalValidator
from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.sensitivity import grid
from jalousie.validator.types import Answer, Partition


def feedback(classes: tuple[str, ...] = ("no", "yes"), **changes: Any) -> Feedback:
    """A contract with one label of these classes; `min_group` 25, delta 1e-6, change of a label."""
    label = Label(column="label", classes=classes)
    return Feedback(**{"identifier": "id", "labels": {"label": label}, "neighbours": "change-label", **changes})


def number_feedback(low: float, high: float, unit: float, **changes: Any) -> Feedback:
    label = Label(column="label", kind="number", low=low, high=high, unit=unit)
    return Feedback(**{"identifier": "id", "labels": {"label": label}, "neighbours": "change-label", **changes})


def local(labels: Any, contract: Feedback, *, present: Any = None) -> LocalValidator:
    values = np.asarray(labels)
    return LocalValidator.from_arrays({"label": values}, contract, present=present)


def people(seed: int, size: int = 6000) -> tuple[pd.DataFrame, np.ndarray]:
    """Made-up people of three columns, and whose label is 1."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, size),
            "gain": np.where(rng.random(size) < 0.9, 0, rng.choice([500, 3000, 15000], size)),
            "job": rng.choice(["a", "b", "c", "d"], size),
        }
    )
    logits = 2 * np.sin(X["age"] / 20) + 2.5 * (X["gain"] == 15000) - 2 * (X["gain"] == 500) + (X["job"] == "b") - 1
    return X, (rng.random(size) < 1 / (1 + np.exp(-logits))).astype(int)


def furthest(noise: str, variance: float) -> float:
    """Fewer than one noisy cell in fifty million is so far from the truth, by noise of this variance."""
    return 2 + (21 / sqrt(2) if noise == "laplace" else 6.2) * sqrt(variance)


def same_counts(first: Answer, second: Answer) -> bool:
    return all((a == b).all() for a, b in zip(first.counts, second.counts, strict=True))


def words(codes: Any, classes: tuple[str, ...] = ("no", "yes")) -> Any:
    """Codes as the contract's class texts."""
    return np.array(classes, dtype=object)[np.asarray(codes, np.int64)]


def exact_answer(partitions: list[Partition], codes: Any, classes: tuple[str, ...], **changes: Any) -> Answer:
    """What a provider that has every record would answer without any noise."""
    counts = []
    for part in partitions:
        inside = part.groups >= 0
        cells = part.groups[inside] * len(classes) + np.asarray(codes)[inside]
        table = np.bincount(cells, minlength=part.count * len(classes)).reshape(part.count, len(classes))
        counts.append(table.astype(np.int64))
    return _answer(tuple(counts), tuple(table.sum(axis=1) for table in counts), classes, **changes)


def exact_sums(partitions: list[Partition], values: Any, contract: Feedback) -> Answer:
    """Sums of a number without noise, in the contract's units above its origin."""
    steps = grid(contract.labels["label"], contract.neighbours)
    whole = np.round((np.asarray(values) - steps.origin) / steps.unit)
    sums = tuple(
        np.bincount(part.groups, weights=whole, minlength=part.count).astype(np.int64)[:, None] for part in partitions
    )
    totals = tuple(np.bincount(part.groups, minlength=part.count) for part in partitions)
    return _answer(sums, totals, (), unit=steps.unit, origin=steps.origin)


def _answer(counts: Any, totals: Any, classes: tuple[str, ...], **changes: Any) -> Answer:
    return Answer(
        **{
            "question": "sha256:0",
            "label": "label",
            "classes": classes,
            "counts": counts,
            "totals": totals,
            "variance": 0.0,
            "noise": "gaussian",
            "scale": 0.0,
            "neighbours": "change-label",
            "rho_spent": 0.0,
            "rho_left": 0.0,
            "epsilon_spent": 0.0,
            "epsilon_left": 0.0,
            "delta": 1e-6,
            **changes,
        }
    )
