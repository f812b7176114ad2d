"""Budgets: whole billionths, conversions that never understate, and reservations for a lifetime."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.budget import (
    ZERO,
    Account,
    Reservation,
    Rho,
    account,
    budget_of,
    check_reservation,
    epsilon,
    epsilon_together,
    reservations,
    rho_for,
)
from jalousie.validator.noise import noise_for
from jalousie.validator.sensitivity import Sensitivity

LABEL = Label(column="x", classes=("a", "b"))


def feedback(**other: object) -> Feedback:
    return Feedback(identifier="id", labels={"y": LABEL}, **other)  # type: ignore[arg-type]


@given(st.floats(min_value=0, max_value=1e6))
def test_the_floor_is_the_largest_amount_that_is_not_more(rho: float) -> None:
    found = Rho.floor(rho).nano
    assert found <= Fraction(rho) * 10**9 < found + 1


# up to a rho of a million; above, floats become coarser than billionths
@given(st.integers(min_value=0, max_value=10**15))
def test_an_amount_survives_being_a_float(nano: int) -> None:
    assert Rho.nearest(Rho(nano).value) == Rho(nano)


@pytest.mark.parametrize("rho", [float("nan"), float("inf"), -1.0, -0.0])
def test_no_number_is_no_budget(rho: float) -> None:
    assert Rho.floor(rho) == Rho.nearest(rho) == ZERO


def test_an_amount_is_never_negative() -> None:
    with pytest.raises(ValueError, match="between 0"):
        Rho(1) - Rho(2)


@given(st.integers(min_value=0, max_value=10**12), st.integers(min_value=1, max_value=40), st.data())
def test_a_share_covers_its_partitions_and_is_never_more_than_the_whole(
    nano: int, whole: int, data: st.DataObject
) -> None:
    part = data.draw(st.integers(min_value=0, max_value=whole))
    share = Rho(nano).share(part, whole)
    assert Fraction(nano * part, whole) <= share.nano <= nano


@pytest.mark.parametrize("delta", [1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("wanted", [0.01, 0.5, 1.0, 2.0, 4.0, 8.0, 50.0])
def test_what_is_granted_is_used_up_and_never_passed(wanted: float, delta: float) -> None:
    found = rho_for(wanted, delta)
    assert epsilon(found, delta) <= wanted < epsilon(Rho(found.nano + 1), delta)


def test_epsilon_grows_with_rho_and_is_nothing_for_nothing() -> None:
    shown = [epsilon(Rho(10**power), 1e-6) for power in range(12)]
    assert shown == sorted(set(shown))
    assert epsilon(ZERO, 1e-6) == 0.0


@pytest.mark.parametrize("partitions", [1, 12])
@pytest.mark.parametrize("wanted", [0.1, 0.5, 1.0, 2.0, 4.0, 8.0])
@pytest.mark.filterwarnings("ignore")
def test_epsilon_is_never_below_that_of_an_independent_accountant(wanted: float, partitions: int) -> None:
    """The tight epsilon of the discrete Gaussian that is drawn, by dp-accounting's privacy loss distributions."""
    from dp_accounting.pld.privacy_loss_distribution import from_discrete_gaussian_mechanism

    granted = Account("gaussian", wanted, 1e-6, rho_for(wanted, 1e-6))
    noise = noise_for(granted, Sensitivity(1, 1).of_partitions(partitions), granted.reserved)
    loss = from_discrete_gaussian_mechanism(noise.scale, value_discretization_interval=1e-3).self_compose(partitions)
    # the accountant itself errs upwards
    tight = loss.get_epsilon_for_delta(1e-6)
    assert tight <= granted.epsilon(granted.reserved)
    assert tight > 0.75 * wanted  # and little is given away


@pytest.mark.parametrize("spends", [[1.0], [0.5, 0.5], [0.1] * 10, [0.7, 0.2, 0.1]])
def test_laplace_questions_add_up_to_pure_epsilon(spends: list[float]) -> None:
    granted = account(feedback(noise="laplace", epsilon=2.0))
    charges = [Rho.floor(granted.reserved.value * share) for share in spends]
    assert sum(charge.nano for charge in charges) <= granted.reserved.nano
    # from the noise itself: one record moves L1 = 3 of three partitions by 3 / scale
    paid = sum(3 / noise_for(granted, Sensitivity(3, 3), charge).scale for charge in charges)
    assert paid <= 2.0
    assert paid == pytest.approx(2.0, rel=1e-6)


def test_what_to_offer_for_an_epsilon() -> None:
    for granted in (account(feedback(epsilon=2.0)), account(feedback(epsilon=2.0, noise="laplace"))):
        offer = granted.rho_of(0.5)
        assert granted.epsilon(offer) == pytest.approx(0.5, rel=1e-6)
        assert granted.epsilon(offer) <= 0.5


@given(st.integers(min_value=1, max_value=10**8))
def test_what_is_shown_with_an_answer_errs_on_the_safe_side(nano: int) -> None:
    granted = Account("gaussian", 1.0, 1e-6, rho_for(1.0, 1e-6))
    spent = Rho(min(nano, granted.reserved.nano))
    exact = granted.epsilon(spent)
    assert granted.shown(spent, up=False) <= exact <= granted.shown(spent, up=True) <= max(1.0, exact)
    assert granted.shown(spent, up=True) <= 1.011 * exact + 1e-12


def test_an_epsilon_too_small_for_anything_is_refused() -> None:
    with pytest.raises(ValidatorError, match="too small"):
        account(feedback(epsilon=1e-12))


def test_contracts_share_a_column_for_life() -> None:
    first = reservations(feedback(epsilon=1.0, lifetime_epsilon=2.0))["y"]
    check_reservation(first, [])
    check_reservation(
        first, [first, first]
    )  # rho adds up: epsilon 2 is more than four times the rho of epsilon 1 would be
    taken = [first] * (first.lifetime.nano // first.reserved.nano)
    with pytest.raises(ValidatorError) as caught:
        check_reservation(first, taken)
    assert caught.value.code == "V210"


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
@pytest.mark.parametrize("epsilon_each", [0.1, 0.25, 0.4, 1.0])
def test_contracts_of_one_lifetime_keep_its_epsilon_together(noise: str, epsilon_each: float) -> None:
    # pure epsilons add up, rho does not say so: 4 times 0.5^2 / 2 is 1^2 / 2, and 4 times epsilon 0.5 is not 1
    contract = feedback(epsilon=epsilon_each, lifetime_epsilon=1.0, noise=noise)
    wanted, granted = reservations(contract)["y"], account(contract)
    earlier: list[Reservation] = []
    while True:
        try:
            check_reservation(wanted, earlier)
        except ValidatorError:
            break
        earlier.append(wanted)
    assert earlier
    if noise == "laplace":
        paid = len(earlier) / noise_for(granted, Sensitivity(1, 1), granted.reserved).scale
    else:
        paid = epsilon(Rho(len(earlier) * granted.reserved.nano), 1e-6)
    assert paid <= 1.0
    assert granted.reserved.value >= (epsilon_each**2 / 2 if noise == "laplace" else 0)


def test_a_contract_above_its_lifetime_is_refused() -> None:
    for noise in ("gaussian", "laplace"):
        with pytest.raises(ValidatorError, match="lifetime"):
            check_reservation(reservations(feedback(epsilon=2.0, lifetime_epsilon=1.0, noise=noise))["y"], [])


def test_an_epsilon_without_any_protection_gets_a_finite_budget() -> None:
    assert rho_for(1e9, 1e-6) == Rho(1000 * 10**9)
    assert account(feedback(epsilon=1e12, noise="laplace")).reserved.nano == 2**53 - 1


def test_a_later_contract_cannot_loosen_an_earlier_promise() -> None:
    first = reservations(feedback(epsilon=1.0))["y"]
    assert first.lifetime == first.reserved
    generous = reservations(feedback(epsilon=1.0, lifetime_epsilon=100.0))["y"]
    with pytest.raises(ValidatorError, match="lifetime"):
        check_reservation(generous, [first])


def test_two_labels_of_one_column_reserve_twice() -> None:
    contract = Feedback(identifier="id", labels={"a": LABEL, "b": LABEL, "c": Label(column="z", classes=("0", "1"))})
    found = reservations(contract)
    assert found["a"].lifetime.nano == 2 * found["a"].reserved.nano
    assert found["c"].lifetime == found["c"].reserved
    check_reservation(found["a"], [found["b"]])


def test_reservations_of_other_columns_do_not_count() -> None:
    check_reservation(Reservation("x", Rho(5), Rho(5)), [])


def test_a_budget_for_people() -> None:
    granted = account(feedback(epsilon=1.0))
    found = budget_of("y", granted, granted.reserved.share(1, 4), 3, 10)
    assert found.spent + found.left == found.reserved
    assert found.epsilon_spent < 1.0
    assert found.epsilon_left < 1.0
    assert found.epsilon_spent + found.epsilon_left > 1.0  # epsilon does not add up, rho does
    assert (found.questions, found.questions_left) == (3, 7)


kinds = st.tuples(
    st.sampled_from(["gaussian", "laplace"]),
    st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.0, 4.3]),
    st.sampled_from([1.0, 1.5, 4.3, 8.0, None]),
    st.sampled_from([1e-6, 1e-9]),
)


@given(st.lists(kinds, min_size=1, max_size=8))
def test_whatever_is_registered_no_promise_of_a_lifetime_is_broken(wanted: list) -> None:
    """Held against the definition: pure epsilons add up, and to epsilon at delta of the rho of all others."""
    taken: list[tuple[Feedback, Reservation]] = []
    for noise, granted, lifetime, delta in wanted:
        contract = feedback(noise=noise, epsilon=granted, lifetime_epsilon=lifetime, delta=delta)
        try:
            check_reservation(reservations(contract)["y"], [earlier for _, earlier in taken])
        except ValidatorError:
            continue
        taken.append((contract, reservations(contract)["y"]))
    pure = sum(contract.epsilon for contract, _ in taken if contract.noise == "laplace")
    gaussian = [(contract, one) for contract, one in taken if contract.noise == "gaussian"]
    rho = Rho(sum(one.reserved.nano for _, one in gaussian))
    smallest = min((contract.delta for contract, _ in gaussian), default=1e-6)
    for contract, _ in taken:
        promised = contract.lifetime_epsilon or contract.epsilon
        # pure epsilon promises no delta of its own: the others' smallest holds
        delta = contract.delta if contract.noise == "gaussian" else smallest
        assert pure + epsilon(rho, delta) <= promised * (1 + 1e-9)


def test_several_labels_of_pure_epsilon_have_the_lifetime_of_all_of_them() -> None:
    contract = Feedback(identifier="id", labels=dict.fromkeys("abc", LABEL), noise="laplace", epsilon=0.7)
    found = list(reservations(contract).values())
    for number, one in enumerate(found):
        check_reservation(one, found[:number])
    assert epsilon_together(found) == Fraction(21, 10)
    with pytest.raises(ValidatorError, match="lifetime"):
        check_reservation(found[0], found)
