"""Widths of the prior by column, on made-up people of whom one column tells everything and others nothing."""

from __future__ import annotations

import numpy as np
import pytest

from jalousie.learning.additive import AdditiveFit, Measured, Part, Prior, one_hot
from jalousie.learning.evidence import best_prior, weight

PARTS = (Part(6, 6), Part(6), Part(6))


def fitter(noise: float) -> AdditiveFit:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 6, (6000, 3)).astype(np.int32)
    logits = np.array([-4.0, 4.0, -4.0, 4.0, 4.0, -4.0])[codes[:, 1]]
    labels = (rng.random(len(codes)) < 1 / (1 + np.exp(-logits))).astype(float)
    rows = one_hot(codes, PARTS)
    asked = rows.matrix[:, :-1]
    counts = np.asarray(asked.T @ labels).ravel() + rng.normal(0, np.sqrt(noise), asked.shape[1])
    sizes = np.asarray(asked.sum(axis=0), float).ravel()
    return AdditiveFit(rows, PARTS, Measured(counts, sizes, noise, 0.0, np.ones(len(codes))))


def test_a_column_that_tells_much_gets_a_wide_prior_and_the_others_narrow_ones() -> None:
    prior, _ = best_prior(fitter(noise=1.0))
    ordered, telling, useless = prior.scales
    assert telling > 2
    assert ordered < 0.7
    assert useless < 0.7


def test_the_widths_found_have_more_evidence_than_one_width_for_all() -> None:
    made = fitter(noise=100.0)
    prior, fit = best_prior(made)
    usual = Prior(scales=(1.0, 1.0, 1.0))
    assert weight(fit, prior) > weight(made.fit(usual), usual)


def test_where_noise_drowns_the_answers_the_widths_stay_as_they_were() -> None:
    prior, _ = best_prior(fitter(noise=1e12))
    assert prior.scales == pytest.approx((1.0, 1.0, 1.0), abs=0.05)


def test_no_scales_are_scales_of_one() -> None:
    plain, plain_logdet = Prior(2.0).precision(PARTS)
    scaled, scaled_logdet = Prior(1.0, scales=(2.0, 2.0, 2.0)).precision(PARTS)
    assert scaled == pytest.approx(plain)
    assert scaled_logdet == pytest.approx(plain_logdet)
