"""What is inside of a group, where only the counts of its classes are known.

Where a figure depends on where inside a group the positives are (log-loss, Brier, AUC, average precision), their odds are taken
to go with the scores as they do from group to group: the log-odds of each class are a line through the score's own, fitted to the
noisy counts of all groups (Platt 1999) and in each group scaled to its count. So neither an overconfident nor a shy model is
judged by its own belief. How far the line's slope may be off, by noise, by misfit and for want of being a line, goes into the
figures' intervals; which records of a group are its positives, given the odds, goes there too (`scatter`, `hidden_ranks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jalousie.learning.additive import sigmoid
from jalousie.learning.estimate import NoisyTable
from jalousie.learning.score_groups import SLICES, ScoreGroups
from jalousie.tables.types import Floats

LEAST = 1e-6
"""Probabilities below it count as this."""
_PRIOR = 0.5  # deviation of the slope around 1
_BEND = 0.1  # of the slope: a calibration curve is no line
_STEPS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """(C,) by class: log-odds = shift + slope * the score's own, and how far the slope may be off."""

    shift: Floats
    slope: Floats
    doubt: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Inside:
    """Means and shares of those of a group whose label is k, under some odds."""

    probability: Floats
    """(G, C, C) [g, k, c]: mean probability of class c of those whose label is k."""
    log_loss: Floats
    """(G, C) mean -log probability of their label, of those whose label is k."""
    brier: Floats
    """(G, C) mean squared distance (for two classes: of the second class's probability)."""
    scatter: Floats
    """(2, G, C) variance of the log-loss and of the squared distance, of those whose label is k."""
    called: Floats
    """(G, C, C) [g, k, c]: share of those whose label is k that is predicted as c."""
    profile: Floats
    """(G, Q, 2) share of a group's first and second class in each of its slices, two classes only."""


def fitted_odds(table: NoisyTable, groups: ScoreGroups) -> Odds:
    """The odds that the noisy counts show, class by class."""
    logits = _logits(groups)
    found = np.array([_line(table, groups, logits[:, k], k) for k in range(logits.shape[1])])
    if len(found) == 2:  # one line for both
        found[0] = [-found[1, 0], *found[1, 1:]]
    return Odds(found[:, 0], found[:, 1], found[:, 2])


def inside(groups: ScoreGroups, odds: Odds, *, bend: float = 0.0) -> Inside:
    """What is inside of the groups; with slopes that are off by `bend` times their doubt within each group."""
    p, where, count = groups.probabilities, groups.partition.groups, groups.partition.count
    classes = p.shape[1]
    clipped, logits = np.clip(p, LEAST, 1.0), _logits(groups)
    centre = np.stack([np.bincount(where, weights=logits[:, k]) for k in range(classes)], 1) / groups.sizes[:, None]
    line = odds.shift + odds.slope * logits + bend * odds.doubt * (logits - centre[where])
    chance = sigmoid(line) + 1e-12
    total = np.stack([np.bincount(where, weights=chance[:, k]) for k in range(classes)], 1)

    def given(values: Floats, label: int) -> Floats:
        weighted = np.bincount(where, weights=values * chance[:, label], minlength=count)
        return np.asarray(weighted / total[:, label])

    def each(of: Floats) -> Floats:
        return np.stack([given(of[:, k], k) for k in range(classes)], -1)

    distance = (1 - p) ** 2 if classes == 2 else np.sum(p**2, axis=1)[:, None] - 2 * p + 1
    log_loss, brier = each(-np.log(clipped)), each(distance)
    squares = np.stack([each(np.log(clipped) ** 2), each(distance**2)])
    called = [[given(groups.predicted == c, k) for c in range(classes)] for k in range(classes)]
    probability = [[given(p[:, c], k) for c in range(classes)] for k in range(classes)]
    profile = np.empty((count, 0, 2))
    if classes == 2:
        cells = where * SLICES + groups.slices
        parts = [np.bincount(cells, weights=chance[:, k], minlength=count * SLICES) for k in range(2)]
        profile = np.stack(parts, -1).reshape(count, SLICES, 2) / total[:, None, :]
    return Inside(
        np.moveaxis(np.array(probability), 2, 0),
        log_loss,
        brier,
        np.maximum(squares - np.stack([log_loss, brier]) ** 2, 0.0),
        np.moveaxis(np.array(called), 2, 0),
        profile,
    )


def _logits(groups: ScoreGroups) -> Floats:
    p = np.clip(groups.probabilities, LEAST, 1 - LEAST)
    return np.asarray(np.log(p / (1 - p)))


def _line(table: NoisyTable, groups: ScoreGroups, logits: Floats, k: int) -> tuple[float, float, float]:
    """Shift, slope and its doubt: Gauss-Newton on the groups' noisy counts, by the mean logits of their slices."""
    cells = groups.partition.groups * SLICES + groups.slices
    size = groups.partition.count * SLICES
    records = np.bincount(cells, minlength=size)
    mean = (np.bincount(cells, weights=logits, minlength=size) / np.maximum(records, 1)).reshape(-1, SLICES)
    share = records.reshape(-1, SLICES) / groups.sizes[:, None]
    total = np.maximum(table.counts.sum(axis=1), 1.0)
    rate = np.clip(table.counts[:, k] / total, 0.0, 1.0)
    theta = np.array([0.0, 1.0])
    prior = np.diag([1e-4, 1 / _PRIOR**2])
    for _ in range(_STEPS):
        p = sigmoid(theta[0] + theta[1] * mean)
        slope = share * p * (1 - p)
        design = np.column_stack([slope.sum(axis=1), (slope * mean).sum(axis=1)])
        expected = (share * p).sum(axis=1)
        weight = 1 / (np.maximum(expected * (1 - expected), 1e-5) / total + table.variance / total**2)
        information = design.T @ (weight[:, None] * design) + prior
        gradient = design.T @ (weight * (rate - expected)) - prior @ (theta - np.array([0.0, 1.0]))
        step = np.clip(np.linalg.solve(information, gradient), -1, 1)
        theta = theta + step
        if np.abs(step).max() < 1e-6:
            break
    misfit = float(np.sum(weight * (rate - expected) ** 2)) / max(len(rate) - 2, 1)
    deviation = float(np.sqrt(np.linalg.inv(information)[1, 1] * max(misfit, 1.0)))
    doubt = float(np.hypot(2 * deviation, _BEND * theta[1]))
    return float(theta[0]), float(theta[1]), doubt
