"""Which statistics of a number can be asked for: public checks, before anything is spent. `types.Statistic` says what they are.

No float enters: whoever asks turns centres into whole steps (`steps_of`), by the grid that the label itself is rounded by.
"""

from __future__ import annotations

from math import isqrt
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.sensitivity import grid
from jalousie.validator.types import Neighbours, Partition, Statistic, StatisticKind

MOST_SQUARED: Final = 2**18
"""Steps that may be squared: floats hold sums of 2^17 such squares exactly (`sums`)."""
_MOST_SUMMED = 2**62
"""Exact sums, so that with noise they still fit into 64 bits."""


def steps_of(values: NDArray[np.float64], label: Label, neighbours: Neighbours) -> NDArray[np.int32]:
    """(n,) numbers as whole steps above the label's origin, cut to its bounds, as the label itself is.

    Raises
    ------
    ValidatorError
        V212 the label has no bounds
    """
    scale = grid(label, neighbours)
    steps = np.rint((np.clip(values, scale.low, scale.high) - scale.origin) / scale.unit)
    return np.clip(steps, scale.least, scale.most).astype(np.int32)


def check_statistic(partition: Partition, label: Label, feedback: Feedback, number: int) -> None:
    """Of a partition that `check_partition` accepts.

    Raises
    ------
    ValidatorError
        V217: not a statistic of this label
    """
    statistic = partition.statistic
    if statistic is None:
        return
    problem, hint = _problem(statistic, partition, label, feedback)
    if problem:
        effect = "nothing was answered, no budget was spent"
        raise ValidatorError("V217", f"partition {number} {problem}", hint=hint, effect=effect)


def _problem(statistic: Statistic, partition: Partition, label: Label, feedback: Feedback) -> tuple[str, str]:
    """What is wrong with it and what helps; two empty texts where it is right."""
    if label.kind != "number":
        return "asks for a statistic of numbers, and the label is counted by class", "leave the statistic out"
    if statistic.of not in get_args(StatisticKind):
        return "asks for a statistic that there is not", f"there are {', '.join(get_args(StatisticKind))}"
    if type(statistic.within) is not int:
        return "cuts deviations at what is no whole number", "give `within` as an int, in steps"
    if statistic.of == "records":
        if feedback.neighbours == "change-label":
            return "asks for the number of records, which every answer under this contract tells", "see its `totals`"
        if statistic.centres is not None or statistic.within:
            return "asks for the number of records around a centre", "give neither centres nor `within`"
        return "", ""
    scale, centres = grid(label, feedback.neighbours), statistic.centres
    if not isinstance(centres, np.ndarray) or centres.dtype != np.int32 or centres.shape != partition.groups.shape:
        return "has not one centre, a 32-bit number, for each record", "`steps_of` makes them of numbers"
    if int(centres.min()) < scale.least or int(centres.max()) > scale.most:
        return "has a centre beyond the label's bounds", f"centres are {scale.least} to {scale.most} steps of its unit"
    if not 1 <= statistic.within <= scale.most - scale.least:
        return "cuts deviations at none or beyond the label's span", f"give 1 to {scale.most - scale.least} steps"
    if statistic.of == "square" and statistic.within > (most := _most_squared(len(partition.groups), feedback)):
        return "squares too many steps", f"cut deviations at {most} steps at most, or agree on a larger `unit`"
    return "", ""


def _most_squared(size: int, feedback: Feedback) -> int:
    """Steps that may be squared where so many records are asked about, each of which may count several times."""
    most = feedback.records_per_subject if feedback.unit == "subject" else 1
    return min(MOST_SQUARED, isqrt(_MOST_SUMMED // (size * most)))
