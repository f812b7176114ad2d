"""Attack: everything is known but one label (or one record's presence). The answer is the last piece.

Off: exact counts, and the attacker is always right. On: his advantage, true minus false positive rate of the best test there
is, is the total variation distance between the noise and the noise moved by one record: computed exactly from the discrete
noise, about 2 Phi(mu / 2) - 1 with mu = sensitivity / sigma. Measured over 10,000 trials of the whole pipeline.
"""

from __future__ import annotations

import numpy as np
import pytest
from one_unknown_record import contract, trials
from scipy import stats

from jalousie.validator.noise import Noise

TRIALS = 10_000
ALPHA = 1e-7


def exact_advantage(noise: Noise) -> float:
    """Of the best test between X and X + 1 from one draw: the sum of the positive parts of p(x - 1) - p(x)."""
    reach = int(60 * noise.scale) + 5
    values = np.arange(-reach, reach + 2)
    weights = np.exp(-(values**2) / (2 * noise.scale**2) if noise.kind == "gaussian" else -np.abs(values) / noise.scale)
    masses = weights / weights.sum()
    return float(np.clip(masses[:-1] - masses[1:], 0, None).sum())


def advantage(present: np.ndarray, absent: np.ndarray) -> tuple[float, float, float]:
    """True minus false positive rate of "more than half a record", with an interval of confidence 1 - 2 ALPHA."""
    hits, false = int((present >= 1).sum()), int((absent >= 1).sum())
    tests = [
        stats.binomtest(count, len(seen)).proportion_ci(1 - ALPHA) for count, seen in ((hits, present), (false, absent))
    ]
    return hits / len(present) - false / len(absent), tests[0].low - tests[1].high, tests[0].high - tests[1].low


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
@pytest.mark.parametrize(("relation", "without"), [("add-or-remove", -1), ("change-label", 0)])
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 4.0])
def test_the_advantage_is_that_of_the_noise_and_no_more(
    epsilon: float, relation: str, without: int, noise: str
) -> None:
    feedback = contract(epsilon=epsilon, neighbours=relation, noise=noise)
    present = trials(feedback, np.full(TRIALS, 1))
    absent = trials(feedback, np.full(TRIALS, without))
    found, low, high = advantage(present.seen, absent.seen)
    exact = exact_advantage(Noise(noise, present.answer.scale))  # type: ignore[arg-type]
    assert low <= exact <= high, f"measured {found:.3f}, exact {exact:.3f}"
    if noise == "gaussian":
        assert exact == pytest.approx(2 * stats.norm.cdf(1 / (2 * present.answer.scale)) - 1, abs=0.01)
    else:
        assert exact <= np.tanh(epsilon / 2) + 1e-9  # what pure epsilon allows anybody (Kairouz, Oh & Viswanath 2015)


@pytest.mark.parametrize("relation", ["add-or-remove", "change-label"])
def test_without_noise_the_attacker_is_always_right(relation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noise, "add", lambda self, cells: cells)
    feedback = contract(neighbours=relation)
    found, _, _ = advantage(trials(feedback, np.full(200, 1)).seen, trials(feedback, np.full(200, 0)).seen)
    assert found == 1.0


def test_several_partitions_of_a_question_help_no_more_than_one() -> None:
    feedback = contract(epsilon=1.0)
    present = trials(feedback, np.full(TRIALS, 1), partitions=4)
    absent = trials(feedback, np.full(TRIALS, -1), partitions=4)
    # the sum of four cells, each moved by one: the best test of four Gaussians
    cut = 2
    hits, false = float((present.seen > cut).mean()), float((absent.seen > cut).mean())
    bound = 2 * stats.norm.cdf(4 / (2 * 2 * present.answer.scale)) - 1
    spread = 5.5 * np.sqrt(2 * 0.25 / TRIALS)
    assert hits - false <= bound + spread
    assert hits - false >= bound - 0.02 - spread
