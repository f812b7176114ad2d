"""Every attack on labels against one contract: with the protection off, with half measures, and on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from jalousie.attacks.feedback_facts import (
    advantage,
    advantage_interval,
    cell_scale,
    surely_exceeds,
)
from jalousie.attacks.feedback_reconstruct import Design, reconstruction
from jalousie.attacks.feedback_repeat import LEFT_OUT, Outcome, averaging, differencing
from jalousie.attacks.feedback_scores import boosting, log_loss_oracle
from jalousie.attacks.feedback_targets import HALF_MEASURES, Half, Secret, Unprotected, secret_of
from jalousie.attacks.measure import percent
from jalousie.contract.feedback import Feedback
from jalousie.errors import UsageError
from jalousie.learning.validator_protocol import Validator
from jalousie.validator.advantage import advantage_bound
from jalousie.validator.card import FeedbackAttack, FeedbackAttackFacts
from jalousie.validator.local import Simulated
from jalousie.validator.match import LabelColumn, RowIndex
from jalousie.validator.sensitivity import grid
from jalousie.validator.types import Population

ENOUGH = 400
"""Targets of an attack; a small population is attacked again, with its budget as on the first day."""
MOST_TARGETS = 1_024
"""Of a reconstruction."""
MOST_SESSIONS = 20
MOST_RECORDS = 12_000
"""Of a large table; more would only narrow the intervals."""
MOST_REPEATS = 600
PAIRS = 40
"""Differences that an attacker averages against rounding."""

DESIGNS: tuple[tuple[FeedbackAttack, Design, str], ...] = (
    ("reconstruction-random", "random", "Random halves"),
    ("reconstruction-far-apart", "far-apart", "Halves that all differ by half of the records"),
)
Run = Callable[[Validator, int], Outcome]


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


@dataclass(frozen=True, slots=True)
class Plan:
    """One attack: how it runs, what stands for no protection, and the half measures that it is also tried on."""

    attack: FeedbackAttack
    told: str
    run: Run
    off: Half
    weaker: Mapping[str, tuple[Half, Run]]
    off_min_group: int | None = None


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
        found = plans(ground.feedback, label, secret)
        if number >= len(found):
            return
        facts = _carry_out(found[number], ground, label, lambda validator=validator: validator, seed, sessions=1)  # type: ignore[misc]
        yield replace(facts, contract=contract, live=True)


def shares_of(feedback: Feedback, label: str, people: int) -> list[int]:
    """How many of `people` each attack of `attack_live` gets, in its order: what gives it enough targets, or equal parts of
    what those that need less leave."""
    least = feedback.min_group
    wanted = [(least + 1) * ENOUGH, *[(least + 1 + LEFT_OUT) * ENOUGH] * 2]
    if feedback.labels[label].kind == "classes":
        wanted += [max(ENOUGH, 4 * least), least * ENOUGH]
    wanted += [MOST_TARGETS] * len(DESIGNS)
    shares = [0] * len(wanted)
    left = people
    for done, at in enumerate(sorted(range(len(wanted)), key=lambda at: wanted[at])):
        shares[at] = min(wanted[at], left // (len(wanted) - done))
        left -= shares[at]
    return shares


def plans(feedback: Feedback, label: str, secret: Secret) -> list[Plan]:
    """The attacks that make sense for a label: scores are about classes."""
    about = feedback.labels[label]
    unit = about.unit if about.kind == "number" else 1.0
    # between the typical record above the middle and the one below
    spread = 2 * float(secret.values.std()) if about.kind == "number" else 1.0
    # until the mean's standard deviation is a quarter of the difference to be seen
    times = min(MOST_REPEATS, max(10, ceil((4 * cell_scale(feedback, about) * unit / spread) ** 2)))

    def differ(pairs: int) -> Run:
        return lambda validator, seed: differencing(validator, label, secret, pairs=pairs, seed=seed)

    def average(*, varied: bool) -> Run:
        return lambda validator, seed: averaging(validator, label, secret, times=times, varied=varied, seed=seed)

    def climb(validator: Validator, seed: int) -> Outcome:
        return boosting(validator, label, secret, seed=seed)

    def read(validator: Validator, seed: int) -> Outcome:
        return log_loss_oracle(validator, label, secret, seed=seed)

    def solve(design: Design) -> Run:
        return lambda validator, seed: reconstruction(validator, label, secret, design=design, seed=seed)

    rounded, unending = HALF_MEASURES["rounded"], HALF_MEASURES["noise-without-budget"]
    found = [
        Plan(
            "differencing",
            "Two questions that differ by one record",
            differ(1),
            "exact",
            {f"{rounded}, {PAIRS} pairs averaged": ("rounded", differ(PAIRS))},
        ),
        Plan(
            "averaging-repeats", f"The same question {times} times", average(varied=False), "noise-without-memory", {}
        ),
        Plan(
            "averaging-varied",
            f"Nearly the same question {times} times",
            average(varied=True),
            "noise-without-budget",
            {},
        ),
    ]
    if about.kind == "classes":
        found += [
            Plan(
                "leaderboard-boosting",
                "Voting by random submissions to a leaderboard",
                climb,
                "exact",
                {rounded: ("rounded", climb)},
            ),
            Plan(
                "log-loss-oracle",
                "Twenty labels from one log-loss",
                read,
                "exact",
                {f"{HALF_MEASURES['exact']} of no group under the smallest": ("exact", read)},
                off_min_group=1,
            ),
        ]
    for attack, design, told in DESIGNS:
        halves: dict[str, tuple[Half, Run]] = {
            rounded: ("rounded", solve(design)),
            unending: ("noise-without-budget", solve(design)),
        }
        found.append(Plan(attack, f"{told}, solved for every label", solve(design), "exact", halves))
    return found


def _carry_out(
    plan: Plan,
    ground: Ground,
    label: str,
    opened: Callable[[], Validator],
    seed: int,
    *,
    sessions: int = MOST_SESSIONS,
) -> FeedbackAttackFacts:
    free = _pooled(plan.run, lambda: ground.unprotected(plan.off, min_group=plan.off_min_group), seed)
    on = _pooled(plan.run, opened, seed, sessions)
    weaker = {
        name: round(advantage(*_pooled(run, lambda half=half: ground.unprotected(half), seed).pair), 4)  # type: ignore[misc]
        for name, (half, run) in plan.weaker.items()
    }
    return facts_of(plan, ground.feedback, label, free, on, weaker)


def facts_of(
    plan: Plan, feedback: Feedback, label: str, free: Outcome, on: Outcome, weaker: dict[str, float]
) -> FeedbackAttackFacts:
    """FAIL where what was gained is surely more than the contract's noise allows."""
    bound = advantage_bound(feedback, feedback.labels[label])
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
            f"{plan.told}: advantage {percent(without)} with {HALF_MEASURES[plan.off]}, {percent(max(0.0, gained))} with "
            f"this contract, which allows {percent(bound)}; {on.answered - on.replayed} questions answered, "
            f"{on.replayed} replayed, {on.refused} refused."
        ),
    )


def _pooled(run: Run, opened: Callable[[], Validator], seed: int, sessions: int = MOST_SESSIONS) -> Outcome:
    """One attack on as many validators, each as on its first day, as give enough targets."""
    outcomes = [run(opened(), seed)]
    while sum(len(found.truth) for found in outcomes) < ENOUGH and len(outcomes) < sessions:
        outcomes.append(run(opened(), seed + len(outcomes)))
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
        found[name] = Ground(replace(feedback, labels={name: label}, subject=""), {name: values})
    return found
