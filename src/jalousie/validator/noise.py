"""Noise: OpenDP's exact samplers of the discrete Gaussian and the discrete Laplace distribution, scaled to what was paid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jalousie.validator.budget import NANO, Rho
from jalousie.validator.sensitivity import Sensitivity
from jalousie.validator.types import NoiseKind


@dataclass(frozen=True, slots=True)
class Noise:
    """A distribution on whole numbers. `scale`: sigma of the discrete Gaussian, b of the discrete Laplace."""

    kind: NoiseKind
    scale: float

    @property
    def variance(self) -> float:
        """Exactly that of the discrete distribution."""
        return _variance(self.kind, self.scale)


class Sampler(Protocol):
    """Adds noise to a vector of whole numbers. The product has one, `draw`; tests and attacks bring worse ones."""

    def __call__(self, exact: NDArray[np.int64], noise: Noise) -> NDArray[np.int64]: ...


def charge_for(offered: Rho, kind: NoiseKind, partitions: int, new: int) -> Rho:
    """What `new` of `partitions` cost each record asked about, when `offered` was for all of them; rounded up.

    Every partition gets the noise that it would have were all of them new; those already answered are free.
    Gaussian: rho is proportional to the number. Laplace: epsilon is, and rho = epsilon^2 / 2.
    """
    power = 1 if kind == "gaussian" else 2
    return Rho(-(-offered.nano * new**power // partitions**power))


@lru_cache(maxsize=4096)
def noise_for(kind: NoiseKind, sensitivity: Sensitivity, partitions: int, new: int, offered: Rho) -> Noise:
    """The noise of each cell. OpenDP's own map says what it costs, and the scale grows until that is within the charge."""
    offered_rho = offered.nano / NANO
    paid = charge_for(offered, kind, partitions, new).nano / NANO
    one, moved = sensitivity.over(partitions), sensitivity.over(new)
    scale = one.l2 / math.sqrt(2 * offered_rho) if kind == "gaussian" else one.l1 / math.sqrt(2 * offered_rho)
    while _cost(kind, scale, moved) > paid:
        scale *= 1 + 1e-12
    return Noise(kind, scale)


def _cost(kind: NoiseKind, scale: float, moved: Sensitivity) -> float:
    """rho of a measurement with this noise, by OpenDP."""
    measurement = _measurement(kind, scale, 1)
    if kind == "gaussian":
        return float(measurement.map(moved.l2))
    return math.nextafter(float(measurement.map(moved.l1)) ** 2 / 2, math.inf)


def draw(exact: NDArray[np.int64], noise: Noise) -> NDArray[np.int64]:
    """(n,) whole numbers plus independent noise, drawn by OpenDP from the operating system's randomness in one call."""
    if not len(exact):
        return exact
    return np.array(_measurement(noise.kind, noise.scale, len(exact))(exact.tolist()), np.int64)


@lru_cache(maxsize=512)
def _measurement(kind: NoiseKind, scale: float, size: int) -> Any:
    import opendp.prelude as dp

    dp.enable_features("contrib")
    domain = dp.vector_domain(dp.atom_domain(T="i64"), size=size)
    if kind == "laplace":
        return dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=scale)
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)


@lru_cache(maxsize=4096)
def _variance(kind: NoiseKind, scale: float) -> float:
    if kind == "laplace":
        # p = exp(-1/b): 2p / (1-p)^2, written so that nothing cancels
        return 0.5 / math.sinh(0.5 / scale) ** 2 if scale > 1e-3 else 0.0
    if scale > 10:
        return scale**2  # differs by less than exp(-2 pi^2 scale^2)
    points = np.arange(1, 200, dtype=np.float64)
    weights = np.exp(-(points**2) / (2 * scale**2))
    return float((2 * points**2 * weights).sum() / (1 + 2 * weights.sum()))
