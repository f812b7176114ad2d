"""Noise on whole numbers, by OpenDP alone: discrete Gaussian (Canonne, Kamath & Steinke 2020) or discrete Laplace.

Whatever the counts are, the possible answers are the whole numbers: floating point gives nothing away (Mironov 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, expm1, inf, nextafter, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.errors import InternalError, library_boundary
from jalousie.validator.budget import Account, Rho
from jalousie.validator.library import opendp
from jalousie.validator.sensitivity import Sensitivity
from jalousie.validator.types import NoiseKind

WIDEST = 2.0**56
"""The largest scale. Noise beyond it ends at the largest number of 64 bits, which everybody can subtract from sums that go round
there (`jalousie.sealed`). Laplace noise of this scale gets there once in e^128 cells, Gaussian noise never."""
_WIDE = 30.0  # from this scale on the discrete Gaussian's variance is scale^2 to the last bit of a float


@dataclass(frozen=True, slots=True)
class Noise:
    """How cells are noised. `scale`: sigma of the Gaussian, or b of the Laplace distribution exp(-|x| / b)."""

    kind: NoiseKind
    scale: float

    @property
    def fits(self) -> bool:
        """Whether it is drawn from the whole distribution, as far as anybody could tell."""
        return self.scale <= WIDEST

    @property
    def variance(self) -> float:
        """Exactly that of the discrete distribution."""
        return discrete_variance(self.kind, self.scale)

    def add(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """`cells` (any shape) with independent noise in every cell.

        The vector is padded with zeros to a size that recurs, so that OpenDP's mechanism is built once.
        """
        size = _recurring(cells.size)
        exact = cells.ravel().tolist() + [0] * (size - cells.size)
        with library_boundary(InternalError, "X900", "the noise could not be drawn"):
            noisy = _mechanism(self.kind, self.scale, size)(exact)
        return np.array(noisy[: cells.size], dtype=np.int64).reshape(cells.shape)


@lru_cache(maxsize=1024)
def noise_for(account: Account, sensitivity: Sensitivity, charge: Rho) -> Noise:
    """The least noise with which cells of this sensitivity cost at most `charge`, by OpenDP's own map."""
    if account.noise == "laplace":
        scale = sensitivity.l1 / account.epsilon(charge)
        distance, allowed = float(sensitivity.l1), account.epsilon(charge)
    else:
        scale = sensitivity.l2 / sqrt(2 * charge.value)
        distance, allowed = sensitivity.l2, charge.value
    # `value` may have been rounded up from the whole number of billionths, and the map rounds up as well
    allowed = nextafter(allowed, 0.0)
    while _mechanism(account.noise, scale, 1).map(distance) > allowed:
        scale = nextafter(scale, inf)
    return Noise(account.noise, scale)


@lru_cache(maxsize=256)
def discrete_variance(kind: NoiseKind, scale: float) -> float:
    """Of the discrete Gaussian exp(-x^2 / 2 scale^2) or the discrete Laplace exp(-|x| / scale) on whole numbers."""
    if kind == "laplace":
        return 2 * exp(-1 / scale) / expm1(-1 / scale) ** 2  # `expm1`: of a large scale, 1 - exp would leave no digits
    if scale >= _WIDE:
        return scale * scale
    values, masses = gaussian_masses(scale)
    return float(np.sum(masses * values * values))


def gaussian_masses(scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and their probabilities under the discrete Gaussian, out to where these vanish from floats."""
    reach = int(40 * scale) + 2
    values = np.arange(-reach, reach + 1, dtype=np.float64)
    masses = np.exp(-values * values / (2 * scale * scale))
    return values, masses / masses.sum()


@lru_cache(maxsize=128)
def _mechanism(kind: NoiseKind, scale: float, size: int) -> Any:
    dp = opendp()
    domain = dp.vector_domain(dp.atom_domain(T="i64"), size=size)
    if kind == "laplace":
        return dp.m.make_laplace(domain, dp.l1_distance(T=float), scale=scale)
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)


def _recurring(size: int) -> int:
    """At least `size`: multiples of 4, then of an eighth of the next lower power of two. Padded cells cost as much."""
    step = max(4, 1 << max(0, size.bit_length() - 4))
    return -(-size // step) * step
