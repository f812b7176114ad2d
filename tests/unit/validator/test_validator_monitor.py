"""The monitor's rules one by one, on public facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.budget import ZERO, Account, Rho
from jalousie.validator.monitor import Allow, History, PartitionFacts, QuestionFacts, Refuse, after, decide

CONTRACT = Feedback(
    identifier="id",
    labels={"y": Label(column="x", classes=("a", "b"))},
    min_group=10,
    max_groups=6,
    max_partitions=2,
    max_questions=3,
    questions_per_minute=5,
)
ACCOUNT = Account("gaussian", 1.0, 1e-6, Rho(1000))
NEW = PartitionFacts("sha256:a", 3, 10, new=True)
OLD = PartitionFacts("sha256:b", 3, 10, new=False)
ASKED = QuestionFacts(
    question="sha256:q",
    population="sha256:p",
    label="y",
    asked="sha256:s",
    records=30,
    partitions=(NEW,),
    offered=Rho(100),
    charge=Rho(100),
    tally=ZERO,
    before=0,
)
START = History(0, 0)


def code(asked: QuestionFacts, history: History = START) -> str:
    decision = decide(CONTRACT, ACCOUNT, history, asked)
    return decision.code if isinstance(decision, Refuse) else ""


def test_what_is_within_all_limits_is_allowed_and_spends_its_charge() -> None:
    assert decide(CONTRACT, ACCOUNT, START, ASKED) == Allow(Rho(100))


@pytest.mark.parametrize(
    ("wanted", "asked", "history"),
    [
        ("V206", replace(ASKED, known_population=False), START),
        ("V208", replace(ASKED, known_label=False), START),
        ("V202", ASKED, History(0, 5)),
        ("V205", replace(ASKED, partitions=(NEW, NEW, NEW)), START),
        ("V205", replace(ASKED, partitions=(replace(NEW, groups=7),)), START),
        ("V204", replace(ASKED, partitions=(replace(NEW, smallest=9),)), START),
        ("V203", ASKED, History(3, 0)),
        ("V209", replace(ASKED, charge=ZERO, offered=ZERO), START),
        ("V201", replace(ASKED, tally=Rho(901)), START),
    ],
)
def test_each_limit_and_its_edge(wanted: str, asked: QuestionFacts, history: History) -> None:
    assert code(asked, history) == wanted


def test_the_last_step_before_each_limit_is_allowed() -> None:
    assert code(replace(ASKED, tally=Rho(900), partitions=(NEW, replace(NEW, groups=3))), History(2, 4)) == ""


@pytest.mark.parametrize("history", [History(3, 0), History(99, 4)])
def test_a_replay_costs_nothing_and_is_bound_by_the_rate_alone(history: History) -> None:
    replayed = replace(ASKED, partitions=(OLD,), charge=ZERO, tally=Rho(1000))
    assert decide(CONTRACT, ACCOUNT, history, replayed) == Allow(ZERO)
    assert code(replayed, History(0, 5)) == "V202"


def test_the_state_counts_what_was_charged_and_what_came() -> None:
    allowed, refused = Allow(Rho(1)), Refuse("V201", "", "")
    assert after(START, allowed) == History(1, 1)
    assert after(START, Allow(ZERO)) == History(0, 1)
    assert after(START, refused) == History(0, 1)


def test_messages_of_refusals_have_a_hint() -> None:
    decision = decide(CONTRACT, ACCOUNT, START, replace(ASKED, tally=Rho(1000)))
    assert isinstance(decision, Refuse)
    assert decision.hint
    assert "1e-07" in decision.message  # what it would cost
