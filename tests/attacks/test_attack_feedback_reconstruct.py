"""Reconstruction from sums of many subsets, also where all of them are far apart."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_ground import HOURS, YES_OR_NO, contract, ground, secret
from jalousie.attacks.feedback_facts import advantage, surely_exceeds
from jalousie.attacks.feedback_reconstruct import Design, closest, halves_of, reconstruction
from jalousie.attacks.feedback_scores import boosting
from jalousie.contract.feedback import Label
from jalousie.errors import UsageError
from jalousie.validator.advantage import advantage_bound

DESIGNS: list[Design] = ["random", "far-apart"]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
@pytest.mark.parametrize("label", [YES_OR_NO, HOURS], ids=["classes", "number"])
def test_exact_sums_are_solved_for_all_labels_and_noisy_ones_are_not(
    design: Design, neighbours: str, label: Label
) -> None:
    where = ground(contract(label, neighbours=neighbours), size=2_000)
    truth = secret(where)
    free = reconstruction(where.unprotected("exact"), "it", truth, design=design)
    assert advantage(*free.pair) > 0.99
    on = reconstruction(where.protected(), "it", truth, design=design)
    assert len(on.truth) == 1_024
    assert on.refused == 0
    assert not surely_exceeds(*on.pair, advantage_bound(where.feedback, label))


@pytest.mark.parametrize("design", DESIGNS)
def test_rounding_and_noise_without_a_budget_are_solved_too(design: Design) -> None:
    where = ground(contract(epsilon=2.0), size=2_000)
    truth = secret(where)
    for half in ("rounded", "noise-without-budget"):
        found = reconstruction(where.unprotected(half), "it", truth, design=design)
        assert advantage(*found.pair) > 0.8, half


def test_halves_of_the_far_design_all_differ_by_half_of_the_records() -> None:
    rng = np.random.default_rng(0)
    far = halves_of(64, "far-apart", rng)
    assert far.shape == (63, 64)
    assert closest(far) == 32
    plainly = min(min((a != b).sum(), (a == b).sum()) for i, a in enumerate(far) for j, b in enumerate(far) if i != j)
    assert plainly == 32
    assert (far.sum(axis=1) == 32).all()
    assert closest(halves_of(64, "random", rng)) < 32


def test_a_population_too_small_for_halves_is_not_attacked() -> None:
    where = ground(contract(min_group=100), size=300)
    with pytest.raises(UsageError, match="four groups of the contract"):
        reconstruction(where.protected(), "it", secret(where), design="random")


@pytest.mark.parametrize("least", [1, 2])
def test_a_table_of_a_dozen_rows_is_attacked_without_a_refusal(least: int) -> None:
    where = ground(contract(min_group=least, noise="laplace", epsilon=8.0), size=12)
    for seed in range(5):
        assert reconstruction(where.protected(), "it", secret(where), design="random", seed=seed).refused == 0
        assert boosting(where.protected(), "it", secret(where), submissions=200, seed=seed).refused == 0
