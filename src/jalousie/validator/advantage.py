"""The most that anybody learns about a label: what is promised, as a figure that attacks can be held against.

The *advantage* of an attacker is how much more often a record that has the label is said to have it than one that has not.
"""

from __future__ import annotations

from math import sqrt, tanh

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.budget import account
from jalousie.validator.noise import gaussian_masses
from jalousie.validator.sensitivity import grid


def advantage_bound(feedback: Feedback, label: Label) -> float:
    """The largest advantage in telling two labels of one record apart, if the contract's whole budget goes into it.

    That is the total variation distance between the answers for either label: for the discrete Gaussian of scale s moved by
    one step, the probability of its middle, about 2 Phi(1 / 2s) - 1; for pure epsilon, tanh(epsilon / 2). One cell that
    takes all of the budget is the worst case: the same budget over more cells comes closer to the continuous distribution
    from above. Under `add-or-remove` another label is one record less and one more: it moves two cells, or a sum by the
    whole range; a statistic of a number, by no more than a record does.
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
    return max(1.0, (steps.most - steps.least) ** 2 / max(abs(steps.least), abs(steps.most)) ** 2)
