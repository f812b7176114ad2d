"""What a run must measure, and what cannot be measured: enforced limits, targets of too many classes, releases with draws."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pytest

import jalousie
from command_desk import ROWS, Desk, Ran
from jalousie.errors import PrivacyError, UsageError

Refused = Callable[[Ran, str, int], None]
LEARN = "learning: {target: illness, learners: [logistic-regression], test-share: 0.5}\n"
MANY = [ROWS[0], *((f"q{i}", *ROWS[1 + i % 40][1:]) for i in range(400))]


def test_an_enforced_limit_is_not_got_round_by_measuring_nothing(desk: Desk, refused: Refused) -> None:
    desk.table(MANY)
    desk.contract("privacy:", LEARN + "limits: {learning-share: 0.1, enforce: [learning-share]}\nprivacy:")
    ran = desk.protect()
    refused(ran, "P432", 6)
    assert "--no-learning" in ran.err
    assert desk.left() == set()


def test_protect_in_python_measures_what_is_enforced(desk: Desk) -> None:
    desk.table(MANY)
    lines = LEARN.replace("illness", "note") + "limits: {learning-share: 0.1, enforce: [learning-share]}\nprivacy:"
    desk.contract("privacy:", lines)
    made = jalousie.protect(None, desk.folder / "contract.yaml")
    assert made.card.learning is not None
    desk.contract("privacy:", lines.replace(", enforce: [learning-share]", ""))
    assert jalousie.protect(None, desk.folder / "contract.yaml").card.learning is None


def test_an_enforced_limit_of_a_gain_that_is_none_is_refused(desk: Desk, refused: Refused) -> None:
    """Illness follows nothing that is in the table."""
    rows = [(f"q{i}", str(20 + i % 7), "NS"[i % 2] + "x", "flu" if (i // 14) % 2 else "cold", "") for i in range(560)]
    desk.table([ROWS[0], *rows])
    desk.contract("privacy:", LEARN + "limits: {learning-share: 0.1, enforce: [learning-share]}\nprivacy:")
    ran = desk.run("protect", "contract.yaml", "--no-attacks")
    refused(ran, "P432", 6)
    assert "gains too little" in ran.err
    desk.contract("privacy:", LEARN + "limits: {learning-share: 0.1}\nprivacy:")
    ran = desk.run("protect", "contract.yaml", "--no-attacks")
    assert ran.code == 0
    said = " ".join(ran.out.split()).lower()
    assert "not judged" in said
    assert "cannot be said" in said


def test_a_limit_without_any_figure_is_refused_where_it_is_enforced(desk: Desk) -> None:
    text = (desk.folder / "contract.yaml").read_text()
    steps = "steps: [{step: drop-columns, columns: [id]}]\nlimits: {highest-risk: 0.5, enforce: [highest-risk]}\n"
    desk.write("contract.yaml", text[: text.index("privacy:")] + steps)
    with pytest.raises(PrivacyError) as caught:
        jalousie.protect(None, desk.folder / "contract.yaml")
    assert caught.value.code == "P432"


@pytest.mark.parametrize("values", ["decimals", "whole"])
def test_a_number_to_be_classified_is_refused_before_the_work(values: str, desk: Desk, refused: Refused) -> None:
    bill = [str(i / 7) if values == "decimals" else str(i) for i in range(2000)]
    desk.table([(*ROWS[0][:4], "bill"), *((f"q{i}", *ROWS[1 + i % 40][1:4], bill[i]) for i in range(2000))])
    desk.contract("  note: {role: plain}\n", "  bill: {role: plain}\nlearning: {target: bill}\n")
    start = time.process_time()
    ran = desk.run("protect", "contract.yaml")
    assert time.process_time() - start < 5
    refused(ran, "U153", 2)
    assert "task: regression" in ran.err
    frame = pd.read_csv(desk.folder / "people.csv")
    with pytest.raises(UsageError):
        jalousie.protect(frame, desk.folder / "contract.yaml", learning=True)
    assert desk.protect("--no-attacks").code == 0


DRAWN = {
    "sample": "{step: sample, fraction: 0.8}",
    "noise": "{step: noise, column: age, scale: 2}",
    "randomised-response": "{step: randomised-response, column: illness, epsilon: 1}",
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_release_with_draws_says_why_it_cannot_be_attacked_afterwards(
    name: str, desk: Desk, refused: Refused
) -> None:
    desk.contract("privacy:", f"steps: [{DRAWN[name]}]\nprivacy:")
    assert desk.protect("--no-attacks").code == 0
    ran = desk.run("attack", "contract.yaml", "--release", "small.release")
    refused(ran, "R512", 7)
    assert name in ran.err
    assert "cannot be attacked afterwards" in ran.err
    assert desk.run("attack", "contract.yaml").code == 0


def test_draws_in_columns_that_no_attack_looks_at_do_not_matter(desk: Desk) -> None:
    desk.contract("  note: {role: plain}", "  note: {role: plain, type: integer}")
    text = (desk.folder / "contract.yaml").read_text()
    desk.write(
        "contract.yaml",
        text.replace(
            "privacy:", "steps: [{step: noise, column: note, scale: 2}, {step: round, column: age, to: 2}]\nprivacy:"
        ),
    )
    assert desk.protect("--no-attacks").code == 0
    ran = desk.run("attack", "contract.yaml", "--release", "small.release")
    assert ran.code == 0, ran.text
