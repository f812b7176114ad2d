"""How far an attack on a validator got (`validator.advantage` has the most that its noise lets anyone achieve).

The measure is the *advantage*: how much more often a record that has the label is said to have it than one that has not. A
guess without answers has advantage 0 whatever it says and however rare the label is; knowing every label has advantage 1.
"""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.budget import account
from jalousie.validator.sensitivity import sensitivity

Flags = NDArray[np.bool_]


def advantage(guessed: Flags, truth: Flags) -> float:
    """Share of right alarms minus share of false ones; 0 where all labels are the same."""
    if truth.all() or not truth.any():
        return 0.0
    return float(guessed[truth].mean() - guessed[~truth].mean())


def advantage_interval(guessed: Flags, truth: Flags, *, outside: float = 0.05) -> tuple[float, float]:
    """Interval of the difference of two shares (Newcombe 1998), from Clopper-Pearson intervals of each; 95 % if not told."""
    if truth.all() or not truth.any():
        return -1.0, 1.0
    right, false = guessed[truth], guessed[~truth]
    right_low, right_high = _share_interval(right, outside / 2)
    false_low, false_high = _share_interval(false, outside / 2)
    middle = float(right.mean() - false.mean())
    low = middle - hypot(right.mean() - right_low, false_high - false.mean())
    high = middle + hypot(right_high - right.mean(), false.mean() - false_low)
    return max(-1.0, low), min(1.0, high)


def _share_interval(found: Flags, tail: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    hits, tries = int(found.sum()), len(found)
    low = float(betaincinv(hits, tries - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, tries - hits, 1 - tail)) if hits < tries else 1.0
    return low, high


def surely_exceeds(guessed: Flags, truth: Flags, bound: float) -> bool:
    """Whether an advantage above `bound` cannot be chance. Three attacks reach the bound itself, so that a 95 % interval would
    raise a false alarm now and then; this one does in fewer than 1 of 20 million such attacks."""
    return advantage_interval(guessed, truth, outside=1e-7)[0] > bound


def cell_scale(feedback: Feedback, label: Label) -> float:
    """Standard deviation of one cell when one partition takes the whole budget, in the cells' own unit."""
    granted = account(feedback)
    moved = sensitivity(label, feedback)
    if granted.noise == "laplace":
        return sqrt(2) * moved.l1 / granted.granted
    return moved.l2 / sqrt(2 * granted.reserved.value)
