"""Refusals that look at counts give labels away one by one; the monitor's tell nothing. And the worst case, in many trials."""

from __future__ import annotations

import numpy as np
import pytest

from feedback_ground import GRADES, YES_OR_NO, contract, ground, secret
from jalousie.attacks.feedback_all import Ground, attack_label, facts_of
from jalousie.attacks.feedback_facts import advantage, advantage_interval, cell_scale
from jalousie.attacks.feedback_plans import plans
from jalousie.attacks.feedback_refusals import refusals
from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.noise import gaussian_masses
from jalousie.validator.sensitivity import noised_classes


@pytest.mark.parametrize("label", [YES_OR_NO, GRADES], ids=["two", "three"])
@pytest.mark.parametrize("neighbours", ["change-label", "add-or-remove"])
@pytest.mark.parametrize("min_group", [1, 25])
def test_refusing_small_counts_tells_every_label_and_the_monitor_none(
    label: Label, neighbours: str, min_group: int
) -> None:
    where = ground(contract(label, neighbours=neighbours, min_group=min_group), size=2_000)
    off = refusals(where.unprotected("small-counts-refused"), "it", secret(where))
    assert advantage(*off.pair) == 1
    assert 0 < off.refused < len(off.truth) == 400
    on = refusals(where.protected(), "it", secret(where))
    assert advantage(*on.pair) == 0
    assert (on.answered, on.refused) == (400, 0)


@pytest.mark.parametrize("having", [3, 40])
def test_a_rare_label_is_attacked_from_the_other_side(having: int) -> None:
    values = np.array(["pass"] * having + ["fail"] * (1_000 - having), object)
    where = Ground(contract(), {"it": values})
    off = refusals(where.unprotected("small-counts-refused"), "it", secret(where))
    assert advantage(*off.pair) == 1
    assert advantage(*refusals(where.protected(), "it", secret(where)).pair) == 0


def test_the_least_that_refusals_tell_is_a_failure() -> None:
    where = ground(contract(epsilon=4.0), size=2_000)
    plan = next(plan for plan in plans(where.feedback, "it", secret(where)) if plan.attack == "refusals")
    told = refusals(where.unprotected("small-counts-refused"), "it", secret(where))
    assert facts_of(plan, where.feedback, "it", told, told, {}).verdict == "FAIL"
    hidden = refusals(where.protected(), "it", secret(where))
    facts = facts_of(plan, where.feedback, "it", told, hidden, {})
    assert (facts.verdict, facts.bound, facts.on) == ("PASS", 0.0, 0.0)


def test_few_questions_are_few_targets() -> None:
    where = ground(contract(max_questions=10), size=2_000)
    assert len(refusals(where.protected(), "it", secret(where)).truth) == 10


def reached(feedback: Feedback) -> float:
    """What the worst case reaches, exactly: another label moves each of its noised cells by one, and their sum is judged."""
    _, masses = gaussian_masses(cell_scale(feedback, YES_OR_NO))
    cells = noised_classes(YES_OR_NO, feedback.neighbours)
    total = masses if cells == 1 else np.convolve(masses, masses)
    return float(np.sort(total)[-cells:].sum())


@pytest.mark.parametrize(
    ("epsilon", "neighbours", "short"),
    [(1.0, "change-label", 0), (4.0, "change-label", 0), (4.0, "add-or-remove", 0.04)],
)
def test_ten_thousand_worst_cases_agree_with_the_exact_bound(epsilon: float, neighbours: str, short: float) -> None:
    where = ground(contract(epsilon=epsilon, neighbours=neighbours))
    found = next(fact for fact in attack_label(where, "it") if fact.attack == "worst-case")
    assert found.targets >= 10_000
    assert found.off == 1
    assert found.bound == advantage_bound(where.feedback, YES_OR_NO)
    # two noised cells come short of the bound, which holds for one that takes all of the budget
    exact = reached(where.feedback)
    assert found.bound - short <= exact + 1e-12
    assert exact <= found.bound + 1e-12
    low, high = found.on_interval
    assert high - low < 0.06
    # five standard errors either way: the strongest attacker reaches what is computed, and never passes it
    assert abs(found.on - exact) < 1.3 * (high - low)
    assert found.verdict == "PASS"


def test_half_of_the_noise_is_found_out_by_the_worst_case() -> None:
    """The bound of epsilon 1 against answers of epsilon 4: what a fault in the noise would look like."""
    honest, careless = ground(contract(epsilon=1.0)), ground(contract(epsilon=4.0))
    facts = attack_label(honest, "it", protected=careless.protected)
    assert next(fact.verdict for fact in facts if fact.attack == "worst-case") == "FAIL"
    assert advantage_interval(np.ones(5, bool), np.ones(5, bool)) == (-1.0, 1.0)
