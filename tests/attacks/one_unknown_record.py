"""The strongest attacker there is: knows everything about the table but one record's label, or whether it is there.

A question with G groups is G independent trials: every group holds one target and one record that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.local import Simulated
from jalousie.validator.types import Answer, Partition, Question


@dataclass(frozen=True, slots=True)
class Trials:
    """What the attacker gets: the sum over partitions of the second class's count, less what is known, per group."""

    seen: NDArray[np.int64]
    answer: Answer


def contract(**other: Any) -> Feedback:
    labels = {"y": Label(column="y", classes=("0", "1"))}
    wide = {"min_group": 2, "max_groups": 10**6, "max_partitions": 10}
    return Feedback(identifier="id", labels=labels, **{**wide, **other})


def trials(feedback: Feedback, targets: NDArray[np.int64], *, partitions: int = 1) -> Trials:
    """Ask once, for the whole budget. `targets`: the label of each group's target; -1: not in the table."""
    size = len(targets)
    labels = np.concatenate([targets, np.ones(size, dtype=np.int64)])
    made = Simulated.from_arrays({"y": labels}, feedback, present=labels >= 0)
    groups = np.tile(np.arange(size, dtype=np.int32), 2)
    parts = [Partition(groups, size)]
    # further partitions, each different from the others, in which target and known record of a group stay together
    parts += [
        Partition(np.where(groups < shift, 0, groups - shift).astype(np.int32), size - shift)
        for shift in range(1, partitions)
    ]
    answer = made.ask(Question(made.population.digest(), "y", tuple(parts), made.budget("y").left.value))
    seen = np.zeros(size - partitions, dtype=np.int64)
    for shift, counts in enumerate(answer.counts):
        seen += counts[partitions - shift :, 1] - 1
    return Trials(seen, answer)
