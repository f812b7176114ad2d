"""Mironov's attack (CCS 2012): the low bits of floating-point noise tell which value it was added to.

A textbook Laplace sampler turns 2^53 uniform numbers into doubles; after adding the value, many doubles are possible for one
value and impossible for another. One look at such an output then decides, whatever the scale. The attacker here decides
between 0 and 1 from a single output each.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jalousie.contract.model import Noise
from jalousie.privacy.steps import StepContext, apply_step
from jalousie.tables import from_frame

OUTPUTS = 4_000
SCALE = 10.0
Floats = NDArray[np.float64]


def textbook(value: float, uniform: Floats) -> Floats:
    """Laplace noise by inverting its distribution function, as numpy does, on uniforms in (0, 1)."""
    upper = uniform >= 0.5
    with np.errstate(divide="ignore"):
        return np.where(
            upper, value - SCALE * np.log(2.0 - uniform - uniform), value + SCALE * np.log(uniform + uniform)
        )


def possible(outputs: Floats, value: float) -> NDArray[np.bool_]:
    """Whether the textbook sampler can give each output for the value: the uniforms around its inverse are tried."""
    z = (outputs - value) / SCALE
    uniform = np.where(z >= 0, 1 - 0.5 * np.exp(-np.abs(z)), 0.5 * np.exp(-np.abs(z)))
    nearest = np.round(uniform * 2.0**53)
    hit = np.zeros(len(outputs), bool)
    for step in range(-6, 7):
        hit |= textbook(value, np.clip(nearest + step, 1, 2.0**53 - 1) * 2.0**-53) == outputs
    return hit


def advantage(for_zero: Floats, for_one: Floats) -> float:
    """How much likelier the attacker says "one" when it is one than when it is zero; he says nothing where both or none fit."""
    says_one = [possible(o, 1.0) & ~possible(o, 0.0) for o in (for_zero, for_one)]
    says_zero = [possible(o, 0.0) & ~possible(o, 1.0) for o in (for_zero, for_one)]
    return float((says_one[1].mean() - says_one[0].mean() + says_zero[0].mean() - says_zero[1].mean()) / 2)


def released(value: float, kind: pa.DataType) -> Floats:
    raw = from_frame(pa.table({"x": pa.array([value] * OUTPUTS, kind)}))
    done, _ = apply_step(raw, Noise(column="x", scale=SCALE), StepContext())
    return np.array(done.frame.collect("pyarrow").to_native().column(0).to_pylist(), float)


def test_textbook_noise_gives_the_value_away() -> None:
    rng = np.random.default_rng(3)
    uniform = rng.integers(1, 2**53, (2, OUTPUTS)) * 2.0**-53
    # at this scale an honest mechanism would give an advantage of at most (e^0.1 - 1) / (e^0.1 + 1) = 0.05
    assert advantage(textbook(0.0, uniform[0]), textbook(1.0, uniform[1])) > 0.25


def test_released_noise_does_not() -> None:
    # an honest 0.1-differentially private answer leaves at most 0.05, plus six standard errors of the measurement
    limit = 0.05 + 6 * 0.5 / OUTPUTS**0.5
    assert abs(advantage(released(0.0, pa.float64()), released(1.0, pa.float64()))) < limit


def test_whole_numbers_stay_whole() -> None:
    """Discrete noise: every whole number is possible for every value, so nothing is told by what is impossible."""
    zero, one = released(0.0, pa.int64()), released(1.0, pa.int64())
    assert (zero == np.round(zero)).all()
    common = set(range(-20, 21))
    assert common <= set(zero.astype(int).tolist())
    assert common <= set(one.astype(int).tolist())
