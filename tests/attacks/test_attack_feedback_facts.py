"""What is said about attacks: the bound, the verdict that can fail, and facts that hold no label."""

from __future__ import annotations

from math import erf, sqrt, tanh

import msgspec
import numpy as np
import pytest

from feedback_ground import GRADES, HOURS, YES_OR_NO, contract, ground, labels_of
from jalousie.attacks.feedback_all import attack_label
from jalousie.attacks.feedback_facts import advantage, advantage_interval
from jalousie.attacks.feedback_plans import shares_of
from jalousie.attacks.feedback_targets import secret_of
from jalousie.errors import UsageError
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.budget import account
from jalousie.validator.noise import gaussian_masses


def far_from(masses: np.ndarray, shift: int) -> float:
    """Total variation distance between a distribution on whole numbers and itself moved."""
    moved = np.concatenate([np.zeros(shift), masses])
    return float(np.abs(np.concatenate([masses, np.zeros(shift)]) - moved).sum() / 2)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 4.0, 8.0])
def test_the_bound_is_the_distance_between_answers_and_one_cell_is_the_worst_case(epsilon: float) -> None:
    feedback = contract(epsilon=epsilon)
    bound = advantage_bound(feedback, YES_OR_NO)
    scale = 1 / sqrt(2 * account(feedback).reserved.value)
    assert bound == pytest.approx(far_from(gaussian_masses(scale)[1], 1), rel=1e-9)
    assert bound == pytest.approx(erf(1 / (2 * scale) / sqrt(2)), rel=0.1)
    for cells in (2, 3, 5):
        # the likelihood ratio of several cells that each move by one depends on their sum alone
        spread = gaussian_masses(scale * sqrt(cells))[1]
        together = spread
        for _ in range(cells - 1):
            together = np.convolve(together, spread)
        assert far_from(together, cells) <= bound * (1 + 1e-9)


def test_the_bound_counts_both_cells_that_another_label_moves() -> None:
    plain = advantage_bound(contract(), YES_OR_NO)
    assert advantage_bound(contract(GRADES), GRADES) == pytest.approx(plain)
    both = advantage_bound(contract(neighbours="add-or-remove"), YES_OR_NO)
    assert both == pytest.approx(sqrt(2) * plain, rel=0.01)
    assert advantage_bound(contract(HOURS, neighbours="add-or-remove"), HOURS) == pytest.approx(plain)
    assert advantage_bound(contract(noise="laplace"), YES_OR_NO) == pytest.approx(tanh(0.5))
    assert advantage_bound(contract(noise="laplace", neighbours="add-or-remove"), GRADES) == pytest.approx(tanh(1.0))


def test_a_service_without_protection_is_failed() -> None:
    where = ground(contract(epsilon=4.0), size=3_000)
    for found in attack_label(where, "it", protected=lambda: where.unprotected("exact")):
        assert found.bound is not None
        if found.attack in ("averaging-repeats", "averaging-varied", "refusals"):
            continue  # exact counts need no averaging, the first answer is the last; and nothing is refused for its count
        assert found.verdict == "FAIL", found.attack
    unending = attack_label(where, "it", protected=lambda: where.unprotected("noise-without-budget"))
    failed = {found.attack for found in unending if found.verdict == "FAIL"}
    assert {"averaging-varied", "reconstruction-random", "reconstruction-far-apart"} <= failed


@pytest.mark.parametrize(
    ("label", "attacks"), [(YES_OR_NO, 9), (GRADES, 9), (HOURS, 6)], ids=["classes", "three", "number"]
)
def test_the_product_passes_and_no_protection_does_not_help(label: object, attacks: int) -> None:
    found = attack_label(ground(contract(label, epsilon=4.0), size=3_000), "it")  # type: ignore[arg-type]
    assert len(found) == attacks
    assert {facts.verdict for facts in found} == {"PASS"}
    assert all(facts.off > 0.7 and facts.off > facts.on + 0.2 for facts in found)
    assert all(facts.targets >= 400 for facts in found)
    text = msgspec.json.encode(found).decode()
    assert "grade" not in text  # neither a class nor a column of the provider


def test_a_label_that_all_records_share_has_nothing_to_guess() -> None:
    where = ground(contract(), size=300)
    where.labels["it"][:] = "pass"  # type: ignore[index]
    with pytest.raises(UsageError, match="nothing is left to guess"):
        attack_label(where, "it")


def test_a_record_without_a_label_is_no_target() -> None:
    values = labels_of(YES_OR_NO, 50)
    values[3] = None
    with pytest.raises(UsageError, match="all have a label"):
        secret_of(YES_OR_NO, contract(), values)


def test_advantage_of_no_guess_of_a_perfect_and_of_a_wrong_one() -> None:
    truth = np.arange(200) % 4 == 0
    assert advantage(np.ones(200, bool), truth) == 0
    assert advantage(truth, truth) == 1
    assert advantage(~truth, truth) == -1
    low, high = advantage_interval(truth, truth)
    assert 0.85 < low < 1 == high


def test_the_interval_covers_the_advantage() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(300):
        truth = rng.random(400) < 0.3
        guessed = rng.random(400) < np.where(truth, 0.55, 0.35)
        low, high = advantage_interval(guessed, truth)
        covered += low <= 0.2 <= high
    assert covered >= 280


@pytest.mark.parametrize("people", [0, 700, 9_000, 150_000])
def test_attacks_share_people_by_what_they_need(people: int) -> None:
    feedback = contract(YES_OR_NO)
    shares = shares_of(feedback, "it", people)
    assert len(shares) == 9
    assert sum(shares) <= people
    if people == 150_000:
        # 800 targets with companions of their own, or all that a reconstruction takes
        assert shares == [26 * 800, 26 * 800, 29 * 800, 400, 25 * 800, 1_024, 1_024, 2_000, 26 * 2_000]
    if people == 9_000:
        assert shares[3] == 400
        assert sum(shares) == people
        assert max(shares) - min(shares[at] for at in (0, 1, 2, 4, 8)) <= 1


def test_numbers_are_attacked_in_fewer_ways() -> None:
    assert len(shares_of(contract(HOURS), "it", 10_000)) == 6
