"""What is learnt from answers and how sure it is: with noise from a seed, so that a run fails where the code does."""

from __future__ import annotations

import pytest

from seeded_noise import seed_noise


@pytest.fixture(autouse=True)
def _noise_from_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_noise(monkeypatch)
