"""The attacks on answers as plans: how each runs, what stands for no protection, and the half measures it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from jalousie.attacks.feedback_facts import cell_scale
from jalousie.attacks.feedback_reconstruct import Design, reconstruction
from jalousie.attacks.feedback_refusals import refusals
from jalousie.attacks.feedback_repeat import LEFT_OUT, Outcome, averaging, differencing
from jalousie.attacks.feedback_scores import boosting, log_loss_oracle
from jalousie.attacks.feedback_targets import HALF_MEASURES, Half, Secret, small
from jalousie.contract.feedback import Feedback
from jalousie.learning.validator_protocol import Validator
from jalousie.validator.card import FeedbackAttack

ENOUGH = 400
"""Targets of an attack; a small population is attacked again, with its budget as on the first day."""
PLENTY = 2 * ENOUGH
"""Targets of an attack that is tried only once."""
MOST_TARGETS = 1_024
"""Of a reconstruction."""
MOST_SESSIONS = 20
TRIALS = 10_000
"""Targets of the worst case, which is compared with what can be computed exactly; in at most `MOST_TRIALS` populations."""
MOST_TRIALS = 60
ASKED_LIVE = 100
"""Questions of an attack that needs one a target, where each takes its time."""
MOST_REPEATS = 600
PAIRS = 40
"""Differences that an attacker averages against rounding."""

DESIGNS: tuple[tuple[FeedbackAttack, Design, str], ...] = (
    ("reconstruction-random", "random", "Random halves"),
    ("reconstruction-far-apart", "far-apart", "Halves that all differ by half of the records"),
)
Run = Callable[[Validator, int], Outcome]


@dataclass(frozen=True, slots=True)
class Plan:
    """One attack: how it runs, what stands for no protection, and the half measures that it is also tried on."""

    attack: FeedbackAttack
    told: str
    run: Run
    off: Half
    weaker: Mapping[str, tuple[Half, Run]]
    off_min_group: int | None = None
    enough: int = ENOUGH
    """Targets with the protection on."""
    sessions: int = MOST_SESSIONS
    tells_nothing: bool = False
    """What is attacked must not depend on labels at all, whatever the budget is."""


def plans(feedback: Feedback, label: str, secret: Secret, *, questions: int = ENOUGH) -> list[Plan]:
    """The attacks that make sense for a label: scores and counts are about classes.

    questions
        how many an attack may take that needs one for each target
    """
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

    def once(validator: Validator, seed: int) -> Outcome:
        return averaging(validator, label, secret, times=1, varied=False, targets=TRIALS // 5, seed=seed)

    def provoke(validator: Validator, seed: int) -> Outcome:
        return refusals(validator, label, secret, targets=questions, seed=seed)

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
    if about.kind == "classes":
        told = "Crowds that are answered only if the target has the label"
        found.append(
            Plan("refusals", told, provoke, "small-counts-refused", {}, enough=1, tells_nothing=True),
        )
    told = "Every label known but one, and the whole budget for it"
    found.append(Plan("worst-case", told, once, "exact", {}, enough=TRIALS, sessions=MOST_TRIALS))
    return found


def shares_of(feedback: Feedback, label: str, people: int) -> list[int]:
    """How many of `people` each attack of `attack_live` gets, in its order: what gives it enough targets, or equal parts of
    what those that need less leave."""
    least = feedback.min_group
    wanted = [(least + 1) * PLENTY, (least + 1) * PLENTY, (least + 1 + LEFT_OUT) * PLENTY]
    if feedback.labels[label].kind == "classes":
        wanted += [max(ENOUGH, 4 * least), least * PLENTY]
    wanted += [MOST_TARGETS] * len(DESIGNS)
    if feedback.labels[label].kind == "classes":
        wanted.append(
            20 * max(ASKED_LIVE, small(feedback))
        )  # so that a label that one in twenty has is found often enough
    wanted.append((least + 1) * TRIALS // 5)
    shares = [0] * len(wanted)
    left = people
    for done, at in enumerate(sorted(range(len(wanted)), key=lambda at: wanted[at])):
        shares[at] = min(wanted[at], left // (len(wanted) - done))
        left -= shares[at]
    return shares
