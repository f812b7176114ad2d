"""Every attack on labels against one contract: with the protection off, with half measures, and on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from jalousie.attacks.feedback_facts import advantage, advantage_interval, surely_exceeds
from jalousie.attacks.feedback_plans import ASKED_LIVE, ENOUGH, MOST_SESSIONS, Plan, plans
from jalousie.attacks.feedback_repeat import Outcome
from jalousie.attacks.feedback_targets import HALF_MEASURES, Half, Unprotected, secret_of
from jalousie.attacks.measure import percent
from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError
from jalousie.learning.validator_protocol import Validator
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.card import FeedbackAttackFacts
from jalousie.validator.local import Simulated
from jalousie.validator.match import LabelColumn
from jalousie.validator.rows import RowIndex
from jalousie.validator.sensitivity import grid
from jalousie.validator.types import Population

MOST_RECORDS = 12_000
"""Of a large table; more would only narrow the intervals."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Where attacks are tried: labels of a population, all of whose records the provider has."""

    feedback: Feedback
    labels: Mapping[str, NDArray[Any]]
    """(n,) values by label."""

    def protected(self) -> Simulated:
        """The product's own validator, with a budget that nothing was spent of."""
        return Simulated.from_arrays(self.labels, self.feedback)

    def unprotected(self, half: Half, *, min_group: int | None = None) -> Unprotected:
        feedback = self.feedback if min_group is None else replace(self.feedback, min_group=min_group)
        size = len(next(iter(self.labels.values())))
        return Unprotected(
            feedback,
            Population(np.arange(2 * size, dtype=">u8").view(np.uint8).reshape(size, 16)),
            dict(self.labels),
            half,
        )


def attack_label(
    ground: Ground,
    label: str,
    *,
    contract: str = "",
    seed: int = 0,
    protected: Callable[[], Validator] | None = None,
) -> list[FeedbackAttackFacts]:
    """All attacks on one label. Each has the contract's whole budget for itself, as if it were the only one.

    contract
        its name, for the facts
    protected
        opens a validator on which nothing was spent; the product's own, in this process, if not given

    Raises
    ------
    UsageError
        U151: the population is too small to be attacked within the contract's smallest group
    """
    secret = secret_of(ground.feedback.labels[label], ground.feedback, ground.labels[label])
    if secret.above.all() or not secret.above.any():
        raise UsageError(
            "U151", f'all records have the same value of label "{label}": nothing is left to guess', effect=""
        )
    opened = protected or ground.protected
    found = plans(ground.feedback, label, secret)
    return [replace(_carry_out(plan, ground, label, opened, seed), contract=contract) for plan in found]


def attack_live(
    parts: Iterable[tuple[Ground, Validator]], label: str, *, contract: str = "", seed: int = 0
) -> Iterator[FeedbackAttackFacts]:
    """All attacks on a service that runs, such as one over HTTP, whose budget does not come back.

    Each attack gets a part of its own: a validator about a population of which nobody was asked about before, and the labels
    of that population, in its order, to score guesses with. `shares_of` says how large parts should be. Parts that are too
    many are not used.
    """
    for number, (ground, validator) in enumerate(parts):
        secret = secret_of(ground.feedback.labels[label], ground.feedback, ground.labels[label])
        found = plans(ground.feedback, label, secret, questions=ASKED_LIVE)
        if number >= len(found):
            return
        plan = changed(found[number], sessions=1)
        facts = _carry_out(plan, ground, label, lambda validator=validator: validator, seed)  # type: ignore[misc]
        yield replace(facts, contract=contract, live=True)


def _carry_out(
    plan: Plan,
    ground: Ground,
    label: str,
    opened: Callable[[], Validator],
    seed: int,
) -> FeedbackAttackFacts:
    without = changed(plan, enough=min(ENOUGH, plan.enough), sessions=MOST_SESSIONS)
    free = _pooled(without, lambda: ground.unprotected(plan.off, min_group=plan.off_min_group), seed)
    on = _pooled(plan, opened, seed)
    weaker = {
        name: round(advantage(*_pooled(changed(without, run=run), _opens(ground, half), seed).pair), 4)
        for name, (half, run) in plan.weaker.items()
    }
    return facts_of(plan, ground.feedback, label, free, on, weaker)


def facts_of(
    plan: Plan, feedback: Feedback, label: str, free: Outcome, on: Outcome, weaker: dict[str, float]
) -> FeedbackAttackFacts:
    """FAIL where what was gained is surely more than the contract's noise allows."""
    bound = 0.0 if plan.tells_nothing else advantage_bound(feedback, feedback.labels[label])
    gained, limits, without = advantage(*on.pair), advantage_interval(*on.pair), advantage(*free.pair)
    return FeedbackAttackFacts(
        attack=plan.attack,
        label=label,
        targets=len(on.truth),
        without=HALF_MEASURES[plan.off],
        off=without,
        off_interval=advantage_interval(*free.pair),
        on=gained,
        on_interval=limits,
        bound=bound,
        answered=on.answered,
        replayed=on.replayed,
        refused=on.refused,
        weaker=weaker,
        verdict="FAIL" if surely_exceeds(*on.pair, bound) else "PASS",
        sentence=(
            f"{plan.told}: advantage {percent(without)} with {HALF_MEASURES[plan.off]}, {percent(max(0.0, gained))} with this "
            f"contract ({percent(max(0.0, limits[0]))} to {percent(limits[1])} with 95 % confidence), which allows nobody "
            f"more than {percent(bound)}; questions answered: {on.answered - on.replayed}, replayed: {on.replayed}, "
            f"refused: {on.refused}."
        ),
    )


def _opens(ground: Ground, half: Half) -> Callable[[], Validator]:
    return lambda: ground.unprotected(half)


def _pooled(plan: Plan, opened: Callable[[], Validator], seed: int) -> Outcome:
    """One attack on as many validators, each as on its first day, as give enough targets."""
    outcomes = [plan.run(opened(), seed)]
    while sum(len(found.truth) for found in outcomes) < plan.enough and len(outcomes) < plan.sessions:
        outcomes.append(plan.run(opened(), seed + len(outcomes)))
    return Outcome(
        np.concatenate([found.guessed for found in outcomes]),
        np.concatenate([found.truth for found in outcomes]),
        sum(found.answered for found in outcomes),
        sum(found.refused for found in outcomes),
        sum(found.replayed for found in outcomes),
    )


def grounds(
    index: RowIndex, columns: Mapping[str, LabelColumn], feedback: Feedback, *, most: int = MOST_RECORDS, seed: int = 0
) -> dict[str, Ground]:
    """For each label the provider's records that have one, at most `most` of them, drawn at random; one row a pseudonym."""
    rng = np.random.default_rng(seed)
    firsts = index.rows[index.start[:-1][np.diff(index.start) > 0]]
    found = {}
    for name, label in feedback.labels.items():
        column = columns[name]
        rows = firsts[column.present[firsts]]
        rows = rng.permutation(rows)[:most]
        values: NDArray[Any]
        if label.kind == "number":
            steps = grid(label, feedback.neighbours)
            values = steps.origin + steps.unit * column.values[rows].astype(np.float64)
        else:
            values = np.array(label.classes, object)[column.values[rows]]
        # pseudonyms are subjects enough here: every record is one of its own
        found[name] = Ground(replace(feedback, labels={name: label.by_name()}, subject=""), {name: values})
    return found
