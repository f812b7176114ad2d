"""Audit of the whole pipeline from its answers alone (after Jagielski et al. 2020 and DP-Auditorium, Kong et al. 2024).

From as many answers with and without a record, a lower bound of what they cost at confidence 1 - 1e-6: thresholds are
chosen on one half, Clopper-Pearson bounds are taken on the other. A right mechanism stays below what it claims; mechanisms
that are broken on purpose do not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from one_unknown_record import contract, trials
from scipy import stats

from jalousie.validator import engine
from jalousie.validator.budget import account
from jalousie.validator.noise import Noise, noise_for
from jalousie.validator.sensitivity import Sensitivity

DRAWS = {"gaussian": 20_000, "laplace": 10_000}  # what is broken is found out by six standard errors and more
ALPHA = 1e-6


def rates(more: np.ndarray, less: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower bound of P[more >= t] and upper bound of P[less >= t] (Clopper & Pearson 1934), by threshold."""
    size = len(more)
    hits, false = (size - np.searchsorted(np.sort(seen), thresholds) for seen in (more, less))
    low = np.where(hits > 0, stats.beta.ppf(ALPHA, hits, size - hits + 1), 0.0)
    high = np.where(false < size, stats.beta.ppf(1 - ALPHA, false + 1, size - false), 1.0)
    return np.nan_to_num(low), np.nan_to_num(high, nan=1.0)


def loss_bound(with_record: np.ndarray, without: np.ndarray, kind: str) -> float:
    """Lower confidence bound of what the answers cost: pure epsilon, or rho of zCDP.

    Pure epsilon is at least ln(P[A] / Q[A]). rho is at least the divergence of Kullback and Leibler, and that at least
    2 (P[A] - Q[A])^2 (Pinsker), whatever the mechanism is.
    """

    def loss(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        if kind == "laplace":
            return np.log(np.maximum(low, 1e-300) / high)
        return 2 * np.clip(low - high, 0, None) ** 2

    half, best = len(with_record) // 2, 0.0
    for sign in (1, -1):
        for more, less in ((sign * with_record, sign * without), (sign * without, sign * with_record)):
            thresholds = np.unique(more[:half])
            chosen = thresholds[[int(np.argmax(loss(*rates(more[:half], less[:half], thresholds))))]]
            best = max(best, float(loss(*rates(more[half:], less[half:], chosen))[0]))
    return best


def audited(partitions: int = 1, **terms: Any) -> tuple[float, float]:
    """What the audit finds, and what is claimed."""
    feedback = contract(**terms)
    draws = DRAWS[feedback.noise]
    present = trials(feedback, np.full(draws, 1), partitions=partitions)
    absent = trials(feedback, np.full(draws, -1), partitions=partitions)
    claim = feedback.epsilon if feedback.noise == "laplace" else account(feedback).reserved.value
    return loss_bound(present.seen, absent.seen, feedback.noise), claim


KINDS = pytest.mark.parametrize("noise", ["gaussian", "laplace"])


@KINDS
@pytest.mark.parametrize(("epsilon", "partitions"), [(1.0, 1), (4.0, 1), (2.0, 3)])
def test_the_pipeline_keeps_its_claim(noise: str, epsilon: float, partitions: int) -> None:
    found, claim = audited(partitions, noise=noise, epsilon=epsilon)
    assert found <= claim
    if epsilon >= 2 and partitions == 1:
        assert found >= 0.3 * claim  # the audit sees something


@KINDS
@pytest.mark.parametrize("epsilon", [2.0, 4.0])
def test_half_of_the_noise_is_found_out(noise: str, epsilon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(*args: Any) -> Noise:
        right = noise_for(*args)
        return replace(right, scale=right.scale / 2)

    monkeypatch.setattr(engine, "noise_for", halved)
    found, claim = audited(noise=noise, epsilon=epsilon)
    assert found > claim


@KINDS
def test_forgetting_that_partitions_add_up_is_found_out(noise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sensitivity, "of_partitions", lambda self, count: self)
    found, claim = audited(4, noise=noise, epsilon=2.0)
    assert found > claim
