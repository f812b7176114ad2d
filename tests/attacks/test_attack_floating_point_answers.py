"""Attack: the low bits of floating-point noise tell which count it was added to (Mironov 2012).

Off: textbook Laplace noise in doubles on a count. One answer decides between two counts far more often than epsilon allows.
On: every answer is a whole number, and every whole number is possible whatever the count is.
"""

from __future__ import annotations

import numpy as np
import pytest
from one_unknown_record import contract, trials

from jalousie.validator.noise import Noise

OUTPUTS = 4_000
SCALE = 10.0


def textbook(value: float, uniform: np.ndarray) -> np.ndarray:
    """Laplace noise by inverting its distribution function on uniforms in (0, 1)."""
    upper = uniform >= 0.5
    return np.where(
        upper, value - SCALE * np.log(2 - 2 * uniform), value + SCALE * np.log(2 * np.minimum(uniform, 0.5))
    )


def possible(outputs: np.ndarray, value: float) -> np.ndarray:
    """Whether the textbook sampler can give each output for the count: the uniforms around its inverse are tried."""
    z = (outputs - value) / SCALE
    nearest = np.round(np.where(z >= 0, 1 - 0.5 * np.exp(-np.abs(z)), 0.5 * np.exp(-np.abs(z))) * 2.0**53)
    hit = np.zeros(len(outputs), bool)
    for step in range(-6, 7):
        hit |= textbook(value, np.clip(nearest + step, 1, 2.0**53 - 1) * 2.0**-53) == outputs
    return hit


def decided(outputs: np.ndarray, truth: float, other: float) -> float:
    """Share of outputs that are possible for the true count alone."""
    return float((possible(outputs, truth) & ~possible(outputs, other)).mean())


def test_off_a_single_answer_gives_the_count_away() -> None:
    rng = np.random.default_rng(11)
    for truth, other in ((0.0, 1.0), (1.0, 0.0)):
        outputs = textbook(truth, rng.integers(1, 2**53, OUTPUTS) * 2.0**-53)
        # at this scale the advantage that pure epsilon 0.1 allows is 0.05
        assert decided(outputs, truth, other) > 0.25


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_on_all_answers_are_whole_numbers_that_either_count_can_give(noise: str) -> None:
    feedback = contract(epsilon=1.0, noise=noise)
    present, absent = trials(feedback, np.full(OUTPUTS, 1)), trials(feedback, np.full(OUTPUTS, -1))
    assert all(counts.dtype == np.int64 for counts in (*present.answer.counts, *absent.answer.counts))
    # the same values occur with and without the record, wherever they occur often enough to tell
    often = {
        int(value) for value, times in zip(*np.unique(present.seen, return_counts=True), strict=True) if times > 80
    }
    assert often
    assert often <= set(absent.seen.tolist())


def test_on_the_parity_of_an_answer_tells_nothing() -> None:
    """Whole numbers alone would not do: noise on a grid of 2 would leave the parity of the count."""
    even = Noise("gaussian", 6.0).add(np.zeros(OUTPUTS, dtype=np.int64)) % 2
    assert abs(float(even.mean()) - 0.5) < 5.5 * 0.5 / np.sqrt(OUTPUTS)
