"""Noise: the distribution that is claimed, at the scale that was paid for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jalousie.validator.budget import Account, Rho, rho_for
from jalousie.validator.library import opendp
from jalousie.validator.noise import Noise, noise_for
from jalousie.validator.sensitivity import Sensitivity

ALPHA = 1e-9  # a right sampler fails once in a billion runs
GAUSSIAN = Account("gaussian", 1.0, 1e-6, rho_for(1.0, 1e-6))
LAPLACE = Account("laplace", 1.0, 1e-6, Rho.floor(0.5))


def masses(noise: Noise, reach: int) -> np.ndarray:
    """Probabilities of -reach..reach, written down once more."""
    values = np.arange(-reach, reach + 1)
    if noise.kind == "gaussian":
        weights = np.exp(-(values**2) / (2 * noise.scale**2))
        return weights / weights.sum()
    ratio = np.exp(-1 / noise.scale)
    return (1 - ratio) / (1 + ratio) * ratio ** np.abs(values)


def p_value(draws: np.ndarray, expected: np.ndarray) -> float:
    """Chi-square of draws against probabilities of -reach..reach, rare values merged into the ends."""
    reach = len(expected) // 2
    observed = np.bincount(np.clip(draws, -reach, reach) + reach, minlength=len(expected))
    order = np.argsort(expected)[::-1]
    observed, wanted = observed[order], expected[order] * len(draws)
    keep = int((wanted >= 20).sum())
    observed = np.append(observed[:keep], observed[keep:].sum())
    wanted = np.append(wanted[:keep], len(draws) - wanted[:keep].sum())
    if wanted[-1] < 5:
        observed, wanted = observed[:-1], wanted[:-1] * observed[:-1].sum() / wanted[:-1].sum()
    return float(stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue)


@pytest.mark.parametrize("noise", [Noise("gaussian", 0.4), Noise("gaussian", 3.7), Noise("laplace", 2.5)], ids=str)
def test_the_draws_have_the_distribution(noise: Noise) -> None:
    draws = noise.add(np.zeros(50_000, dtype=np.int64))
    assert p_value(draws, masses(noise, 60)) > ALPHA


def test_the_test_of_the_distribution_can_fail() -> None:
    rounded = np.rint(np.random.default_rng(1).normal(0, 3.7 * 1.05, 50_000)).astype(np.int64)
    assert p_value(rounded, masses(Noise("gaussian", 3.7), 60)) < ALPHA


@pytest.mark.parametrize("scale", [0.2, 0.5, 1.0, 3.0, 29.9, 30.1, 200.0])
@pytest.mark.parametrize("kind", ["gaussian", "laplace"])
def test_the_variance_is_exactly_that_of_the_distribution(kind: str, scale: float) -> None:
    noise = Noise(kind, scale)  # type: ignore[arg-type]
    reach = int(60 * scale) + 5
    values = np.arange(-reach, reach + 1)
    assert noise.variance == pytest.approx(float((masses(noise, reach) * values**2).sum()), rel=1e-9)


def test_little_noise_is_less_than_that_of_the_continuous_distribution() -> None:
    assert Noise("gaussian", 0.3).variance < 0.3**2


@given(st.integers(min_value=1, max_value=GAUSSIAN.reserved.nano), st.integers(min_value=1, max_value=30))
def test_gaussian_noise_costs_no_more_than_the_charge_and_hardly_less(nano: int, partitions: int) -> None:
    moved = Sensitivity(1, 2).of_partitions(partitions)
    noise = noise_for(GAUSSIAN, moved, Rho(nano))
    dp = opendp()
    made = dp.m.make_gaussian(
        dp.vector_domain(dp.atom_domain(T="i64"), size=4), dp.l2_distance(T=float), scale=noise.scale
    )
    assert made.map(moved.l2) <= Rho(nano).value
    assert made.map(moved.l2) == pytest.approx(Rho(nano).value, rel=1e-9)


@given(st.integers(min_value=1, max_value=LAPLACE.reserved.nano), st.integers(min_value=1, max_value=30))
def test_laplace_noise_costs_no_more_than_its_share_of_epsilon(nano: int, partitions: int) -> None:
    moved = Sensitivity(2, 2).of_partitions(partitions)
    noise = noise_for(LAPLACE, moved, Rho(nano))
    assert moved.l1 / noise.scale <= LAPLACE.epsilon(Rho(nano))
    assert moved.l1 / noise.scale == pytest.approx(LAPLACE.epsilon(Rho(nano)), rel=1e-9)


def test_shape_and_place_are_kept() -> None:
    exact = np.arange(0, 66 * 10**6, 10**6, dtype=np.int64).reshape(22, 3)
    noisy = Noise("gaussian", 2.0).add(exact)
    assert noisy.shape == (22, 3)
    assert noisy.dtype == np.int64
    assert int(np.abs(noisy - exact).max()) < 100


def test_noise_is_fresh_each_time_and_in_each_cell() -> None:
    noise, zeros = Noise("gaussian", 50.0), np.zeros(200, dtype=np.int64)
    first, second = noise.add(zeros), noise.add(zeros)
    assert (first == second).mean() < 0.2
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 0.5
