"""Noise from a seed, for tests of what is made of answers.

The product's noise comes from the operating system, and intervals that hold the truth 95 times in 100 do not hold it in every
run. Whether the product's noise has the distribution drawn here is tested in `unit/validator` and attacked in `attacks`.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from jalousie.architectures import ask
from jalousie.validator import local
from jalousie.validator.noise import Noise

_WIDE = 100.0  # from this scale on nobody tells a rounded Gaussian from the discrete one


def draw(noise: Noise, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Of the discrete Laplace distribution as a difference of two geometric ones, or of the discrete Gaussian."""
    if noise.kind == "laplace":
        stops = -np.expm1(-1 / noise.scale)
        return rng.geometric(stops, shape) - rng.geometric(stops, shape)
    if noise.scale > _WIDE:
        return np.rint(rng.normal(0, noise.scale, shape)).astype(np.int64)
    values = np.arange(-int(12 * noise.scale) - 2, int(12 * noise.scale) + 3)
    weights = np.exp(-(values**2) / (2 * noise.scale**2))
    return rng.choice(values, shape, p=weights / weights.sum())


def seed_noise(monkeypatch: pytest.MonkeyPatch, seed: int = 1) -> None:
    """Noise, and the made-up pseudonyms by which groups are put in order, are the same in every run."""
    rng = np.random.default_rng(seed)

    def words(count: int) -> NDArray[np.uint64]:
        return rng.integers(0, 2**64, count, dtype=np.uint64)

    monkeypatch.setattr(Noise, "add", lambda self, cells: cells + draw(self, cells.shape, rng))
    for module in (local, ask):
        monkeypatch.setattr(module, "random_words", words)
