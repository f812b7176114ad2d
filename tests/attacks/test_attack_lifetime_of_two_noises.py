"""Attack: ask under two contracts of one column, one with Laplace noise and a lifetime of pure epsilon, one with Gaussian noise.

Off, the lifetime of pure epsilon L is kept in rho alone, as L^2 / 2: Gaussian contracts fit in whose epsilon is several times L.
On, such a lifetime is kept in epsilon as well, whichever contract came first.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.budget import Reservation, Rho, check_reservation, epsilon, reservations

LABELS = {"y": Label(column="salary", classes=("a", "b"))}
PURE = Feedback(identifier="id", labels=LABELS, noise="laplace", epsilon=0.1, lifetime_epsilon=1.0)
GAUSSIAN = [Feedback(identifier="id", labels=LABELS, epsilon=e, lifetime_epsilon=8.0) for e in (4.3, 1.0, 0.5, 0.2)]


def in_rho_alone(wanted: Reservation, earlier: list[Reservation]) -> bool:
    everyone = [*earlier, wanted]
    return sum(one.reserved.nano for one in everyone) <= min(one.lifetime.nano for one in everyone)


def accounted(wanted: Reservation, earlier: list[Reservation]) -> bool:
    try:
        check_reservation(wanted, earlier)
    except ValidatorError:
        return False
    return True


def worst(rule: object) -> float:
    """The most that the pure contract and others come to, of all orders in which they register, where the pure one is in."""
    most = 0.0
    for order in permutations([PURE, *GAUSSIAN]):
        taken: list[Reservation] = []
        for contract in order:
            wanted = reservations(contract)["y"]
            if rule(wanted, taken):  # type: ignore[operator]
                taken.append(wanted)
        if reservations(PURE)["y"] in taken:
            rho = sum(one.reserved.nano for one in taken if one.pure is None)
            most = max(most, PURE.epsilon + epsilon(Rho(rho), 1e-6))
    return most


def test_off_rho_does_not_give_epsilon_back() -> None:
    assert worst(in_rho_alone) > 4 * (PURE.lifetime_epsilon or 0)


def test_on_all_contracts_keep_the_lowest_lifetime() -> None:
    found = worst(accounted)
    assert 0.5 < found <= (PURE.lifetime_epsilon or 0)  # and the smaller ones still fit beside it


@pytest.mark.parametrize("order", [(PURE, GAUSSIAN[0]), (GAUSSIAN[0], PURE)])
def test_on_the_second_of_the_two_is_refused(order: tuple[Feedback, Feedback]) -> None:
    first, second = (reservations(contract)["y"] for contract in order)
    assert accounted(first, [])
    with pytest.raises(ValidatorError, match="lifetime of pure epsilon") as refused:
        check_reservation(second, [first])
    assert refused.value.code == "V210"
