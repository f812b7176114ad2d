"""What an attack on a validator achieved, and the most that its noise lets anyone achieve.

The measure is the *advantage*: how much more often a record that has the label is said to have it than one that has not. A
guess without answers has advantage 0 whatever it says and however rare the label is; knowing every label has advantage 1.
"""

from __future__ import annotations

from math import hypot, sqrt, tanh
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.privacy.card import Part, Verdict
from jalousie.validator.budget import account
from jalousie.validator.noise import gaussian_masses
from jalousie.validator.sensitivity import grid, sensitivity

Flags = NDArray[np.bool_]

FeedbackAttack = Literal[
    "differencing",
    "averaging-repeats",
    "averaging-varied",
    "leaderboard-boosting",
    "log-loss-oracle",
    "reconstruction-random",
    "reconstruction-far-apart",
]


class FeedbackAttackFacts(Part, frozen=True, kw_only=True):
    """One attack with the protection off and on: advantages, see above."""

    attack: FeedbackAttack
    label: str = ""
    targets: int
    """Records whose labels were guessed."""
    without: str
    """What stood in the validator's place with the protection off."""
    off: float
    off_interval: tuple[float, float]
    on: float
    on_interval: tuple[float, float]
    """95 % interval."""
    bound: float | None
    """The most that any attacker gains from all answers together; None where nothing is promised."""
    answered: int
    """Questions answered with the protection on, replays included."""
    replayed: int = 0
    refused: int
    weaker: dict[str, float] = msgspec.field(default_factory=dict)
    """The same attack against half measures, by name."""
    verdict: Verdict
    sentence: str


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
    """Whether an advantage above `bound` cannot be chance. Two attacks reach the bound itself, so that a 95 % interval would
    raise a false alarm now and then."""
    return advantage_interval(guessed, truth, outside=1e-4)[0] > bound


def advantage_bound(feedback: Feedback, label: Label) -> float:
    """The largest advantage in telling two labels of one record apart, if the contract's whole budget goes into it.

    That is the total variation distance between the answers for either label: for the discrete Gaussian of scale s moved by
    one step, the probability of its middle, about 2 Phi(1 / 2s) - 1; for pure epsilon, tanh(epsilon / 2). One cell that
    takes all of the budget is the worst case: the same budget over more cells comes closer to the continuous distribution
    from above. Under `add-or-remove` another label is one record less and one more: it moves two cells, or a sum by the
    whole range.
    """
    granted = account(feedback)
    ratio = _step_squared(feedback, label)
    if granted.noise == "laplace":
        # L1: the two cells of another label add up, as do the two ends of a range
        return tanh(granted.granted * (ratio if label.kind == "classes" else sqrt(ratio)) / 2)
    rho = ratio * granted.reserved.value
    _, masses = gaussian_masses(1 / sqrt(2 * rho))
    return float(masses.max())


def _step_squared(feedback: Feedback, label: Label) -> float:
    """Squared L2 distance that another label of a record moves cells by, over the squared sensitivity."""
    if feedback.neighbours == "change-label":
        return 1.0
    if label.kind == "classes":
        return 2.0
    steps = grid(label, feedback.neighbours)
    return (steps.most - steps.least) ** 2 / max(abs(steps.least), abs(steps.most)) ** 2


def cell_scale(feedback: Feedback, label: Label) -> float:
    """Standard deviation of one cell when one partition takes the whole budget, in the cells' own unit."""
    granted = account(feedback)
    moved = sensitivity(label, feedback)
    if granted.noise == "laplace":
        return sqrt(2) * moved.l1 / granted.granted
    return moved.l2 / sqrt(2 * granted.reserved.value)
