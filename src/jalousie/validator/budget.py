"""Budget: what an answer costs, what a contract reserves, what is left. Whole billionths of rho, never floats.

rho is that of zero-concentrated differential privacy (Bun & Steinke 2016): it adds up over questions, also over questions
that were chosen after earlier answers were seen (a filter: Feldman & Zrnic 2021; Whitehouse et al. 2023).

Laplace noise is for contracts that want pure epsilon in all. Pure epsilons add up too, so there a spend is a *share*: a
question that spends the share f of the reservation is answered at epsilon f E, E the contract's epsilon, and the sum over
questions is at most E. What is reserved is E L / 2, L the lifetime's epsilon (E itself where the contract states none): that
is at least E^2 / 2, what pure E is worth in rho (Bun & Steinke 2016, proposition 1.4), and contracts under one lifetime of
L^2 / 2 then have epsilons that sum to at most L. Beside Gaussian noise a lifetime of pure epsilon is kept in epsilon too
(`check_reservation`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, isfinite, nextafter, sqrt
from typing import Any

from jalousie.contract.feedback import Feedback
from jalousie.errors import ValidatorError
from jalousie.validator.library import opendp
from jalousie.validator.types import NoiseKind

NANO = 10**9
_MOST = 2**53 - 1  # the largest integer that JSON carries everywhere
_NO_PROTECTION = 1000 * NANO
_UNTOLD_DELTA = 1e-6
_DIGITS = 3  # of a budget for which epsilon is shown with an answer


@dataclass(frozen=True, slots=True, order=True)
class Rho:
    """An amount of budget in billionths of rho; never negative."""

    nano: int

    def __post_init__(self) -> None:
        if not 0 <= self.nano <= _MOST:
            raise ValueError("a budget is between 0 and 2^53 - 1 billionths")

    @classmethod
    def floor(cls, rho: float) -> Rho:
        """The largest amount that is at most `rho`; nothing for what is not a positive number."""
        if not (isfinite(rho) and rho > 0):
            return cls(0)
        return cls(min(floor(Fraction(rho) * NANO), _MOST))

    @classmethod
    def ceil(cls, rho: float) -> Rho:
        """The smallest amount that is at least `rho`, up to the largest that there is."""
        return cls(min(ceil(Fraction(rho) * NANO), _MOST)) if isfinite(rho) else cls(_MOST)

    @classmethod
    def nearest(cls, rho: float) -> Rho:
        """What a question that offers the float `rho` means, so that `Rho.value` survives the wire."""
        if not (isfinite(rho) and rho > 0):
            return cls(0)
        return cls(min(round(Fraction(rho) * NANO), _MOST))

    @property
    def value(self) -> float:
        """For showing and for choosing noise, rounded to the nearest float."""
        return self.nano / NANO

    def __add__(self, other: Rho) -> Rho:
        return Rho(self.nano + other.nano)

    def __sub__(self, other: Rho) -> Rho:
        return Rho(self.nano - other.nano)

    def share(self, part: int, whole: int) -> Rho:
        """part / whole of it, rounded up: what `part` of `whole` partitions cost."""
        return Rho(-(-self.nano * part // whole))


ZERO = Rho(0)


@lru_cache(maxsize=4096)
def epsilon(rho: Rho, delta: float) -> float:
    """Epsilon at `delta` of `rho` by OpenDP's conversion from zCDP (Canonne, Kamath & Steinke 2020): an upper bound."""
    if rho == ZERO:
        return 0.0
    unit, converted = _unit_gaussian()
    distance = sqrt(2 * rho.value)
    while unit.map(distance) < rho.value:
        distance = nextafter(distance, float("inf"))
    return float(converted.map(distance).epsilon(delta))


@lru_cache(maxsize=1)
def _unit_gaussian() -> tuple[Any, Any]:
    """Noise of scale 1: at distance d it spends d^2 / 2, so that every rho can be put to OpenDP's conversion."""
    dp = opendp()
    unit = dp.m.make_gaussian(dp.atom_domain(T="i64"), dp.absolute_distance(T=float), scale=1.0)
    return unit, dp.c.make_zCDP_to_approxDP(unit)


@lru_cache(maxsize=256)
def rho_for(wanted: float, delta: float) -> Rho:
    """The largest budget whose epsilon at `delta` is at most `wanted`. Never overspends: it inverts `epsilon` itself.

    At most rho 1,000, which is epsilon 1,200 or so and no protection: OpenDP's conversion ends a little above it.
    """
    low, high = 0, 1
    while epsilon(Rho(high), delta) <= wanted:
        if high == _NO_PROTECTION:
            return Rho(high)
        low, high = high, min(2 * high, _NO_PROTECTION)
    while high - low > 1:
        middle = (low + high) // 2
        if epsilon(Rho(middle), delta) <= wanted:
            low = middle
        else:
            high = middle
    return Rho(low)


@dataclass(frozen=True, slots=True)
class Account:
    """What a contract grants to a record and label for its whole life."""

    noise: NoiseKind
    granted: float
    """Epsilon, as the contract says it."""
    delta: float
    reserved: Rho

    def epsilon(self, rho: Rho) -> float:
        """What `rho` of this account is worth in epsilon: at `delta` for Gaussian noise, pure for Laplace noise."""
        if self.noise == "laplace":
            return self.granted * (rho.nano / self.reserved.nano)
        return epsilon(rho, self.delta)

    def rho_of(self, epsilon: float) -> Rho:
        """The largest budget whose epsilon is at most `epsilon`: what to offer for it."""
        if self.noise == "laplace":
            return Rho.floor(self.reserved.nano * (epsilon / self.granted) / NANO)
        return rho_for(epsilon, self.delta)

    def shown(self, rho: Rho, *, up: bool) -> float:
        """As `epsilon`, of `rho` rounded to three digits: a conversion takes milliseconds, and rounded ones recur."""
        step = 10 ** max(0, len(str(rho.nano)) - _DIGITS)
        nano = min(-(-rho.nano // step) * step, self.reserved.nano) if up else rho.nano // step * step
        return self.epsilon(Rho(nano))


def account(feedback: Feedback) -> Account:
    """The account that a contract opens for each of its labels."""
    if feedback.noise == "laplace":
        # never less than E^2 / 2, also where the lifetime is too small for the contract; that is refused when it registers
        lifetime = max(feedback.epsilon, feedback.lifetime_epsilon or feedback.epsilon)
        reserved = Rho.ceil(feedback.epsilon * lifetime / 2)
    else:
        reserved = rho_for(feedback.epsilon, feedback.delta)
    if reserved == ZERO:
        raise ValidatorError("V210", "the contract's epsilon is too small for any answer", hint="raise `epsilon`")
    return Account(feedback.noise, feedback.epsilon, feedback.delta, reserved)


@dataclass(frozen=True, slots=True)
class Pure:
    """Epsilon of a contract with Laplace noise, and the most that all contracts may come to in its eyes."""

    epsilon: float
    lifetime: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one contract takes of the lifetime budget of a provider's column."""

    column: str
    reserved: Rho
    lifetime: Rho
    """The most that all contracts may reserve of the column, as this contract has it."""
    delta: float | None = None
    """Of Gaussian noise."""
    pure: Pure | None = None
    """Of Laplace noise."""


def reservations(feedback: Feedback) -> dict[str, Reservation]:
    """By label. Without a `lifetime_epsilon` the lifetime is what this contract itself reserves of the column."""
    reserved = account(feedback).reserved
    laplace = feedback.noise == "laplace"
    labels = Counter(label.column for label in feedback.labels.values())
    result = {}
    for name, label in feedback.labels.items():
        alike = labels[label.column]
        lifetime = Rho(alike * reserved.nano)
        if feedback.lifetime_epsilon is not None:
            lifetime = _lifetime(feedback.noise, feedback.lifetime_epsilon, feedback.delta)
        pure = None
        if laplace:
            own = float(alike * Fraction(str(feedback.epsilon)))  # three times 0.7 is 2.1
            pure = Pure(feedback.epsilon, feedback.lifetime_epsilon or own)
        result[name] = Reservation(label.column, reserved, lifetime, None if laplace else feedback.delta, pure)
    return result


def _lifetime(noise: NoiseKind, granted: float, delta: float) -> Rho:
    # of Laplace rounded up like a reservation, so that one contract may take all of it
    return Rho.ceil(granted * granted / 2) if noise == "laplace" else rho_for(granted, delta)


def check_reservation(wanted: Reservation, earlier: list[Reservation]) -> None:
    """Whether a contract may be registered beside `earlier` reservations of the same column, of all contracts.

    The lowest lifetime that any of them states counts: nobody's promise is loosened by a later contract. A lifetime of
    Gaussian noise is kept in rho, as which pure epsilons count too. A lifetime of pure epsilon is kept in epsilon as well,
    since rho does not give it back: the rho of a pure epsilon of 1 is worth an epsilon of more than 5.

    Raises
    ------
    ValidatorError
        V210
    """
    hint = "lower `epsilon`, or agree on a `lifetime_epsilon` that leaves room for several contracts"
    everyone = [*earlier, wanted]
    lowest = min((Fraction(str(other.pure.lifetime)) for other in everyone if other.pure is not None), default=None)
    if lowest is not None and (total := epsilon_together(everyone)) > lowest:
        raise ValidatorError(
            "V210",
            f'column "{wanted.column}": with this contract all would come to epsilon {float(total):.6g}, and the lowest '
            f"lifetime of pure epsilon is {float(lowest):.6g}",
            hint=hint,
        )
    lifetime = min([wanted.lifetime, *(other.lifetime for other in earlier)])
    taken = sum(other.reserved.nano for other in earlier)
    if taken + wanted.reserved.nano > lifetime.nano:
        raise ValidatorError(
            "V210",
            f'column "{wanted.column}": contracts so far reserve {taken / NANO:.6g} of its lifetime rho '
            f"{lifetime.value:.6g}, and this one wants {wanted.reserved.value:.6g}",
            hint=hint,
        )


def epsilon_together(reservations: Sequence[Reservation]) -> Fraction:
    """Of contracts about one column: their pure epsilons, and epsilon of the others' rho at the smallest delta among these."""
    pure = sum((Fraction(str(one.pure.epsilon)) for one in reservations if one.pure is not None), Fraction(0))
    others = [one for one in reservations if one.pure is None]
    if not others:
        return pure
    delta = min(_UNTOLD_DELTA if one.delta is None else one.delta for one in others)
    return pure + Fraction(epsilon(Rho(sum(one.reserved.nano for one in others)), delta))


@dataclass(frozen=True, slots=True)
class Budget:
    """The state of one label's budget, as both parties may see it: it follows from the questions alone."""

    label: str
    reserved: Rho
    spent: Rho
    """By the record that was asked about most."""
    left: Rho
    """For that record; a record never asked about still has `reserved`."""
    epsilon: float
    epsilon_spent: float
    epsilon_left: float
    delta: float
    questions: int
    """Questions that were charged so far, of all labels."""
    questions_left: int


def budget_of(label: str, account: Account, spent: Rho, questions: int, max_questions: int) -> Budget:
    """The budget of a label when its most asked record has spent `spent`."""
    left = account.reserved - spent
    return Budget(
        label=label,
        reserved=account.reserved,
        spent=spent,
        left=left,
        epsilon=account.granted,
        epsilon_spent=account.epsilon(spent),
        epsilon_left=account.epsilon(left),
        delta=account.delta if account.noise == "gaussian" else 0.0,
        questions=questions,
        questions_left=max(0, max_questions - questions),
    )
