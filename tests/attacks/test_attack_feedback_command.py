"""`jalousie attack` on a contract about answers: the user's own labels, a validator in this process."""

from __future__ import annotations

import json

import pytest

from command_desk import Desk
from jalousie.report import load_feedback_card, render_feedback_html

ATTACKS = [
    "differencing",
    "averaging-repeats",
    "averaging-varied",
    "leaderboard-boosting",
    "log-loss-oracle",
    "reconstruction-random",
    "reconstruction-far-apart",
    "refusals",
    "worst-case",
]
FEEDBACK = """\
jalousie: 1
name: answers
parties: {provider: Hospital, ml-party: Lab}
table: {file: people.csv}
columns:
  id: {role: identifier}
  illness: {role: sensitive}
feedback:
  identifier: id
  epsilon: 4
  min-group: 5
  labels:
    ill: {column: illness, classes: [canary-flu, canary-cold]}
"""


@pytest.fixture
def asked(desk: Desk) -> Desk:
    people = [(f"p{i}", "canary-flu" if i * 7 % 10 < 4 else "canary-cold") for i in range(640)]
    desk.table([("id", "illness"), *people, ("", "canary-flu"), ("q", "")])
    desk.write("contract.yaml", FEEDBACK)
    return desk


def test_every_attack_is_carried_out_and_no_label_is_printed(asked: Desk) -> None:
    ran = asked.run("attack", "contract.yaml", "--json")
    assert ran.code == 0
    assert "canary" not in ran.text
    facts = json.loads(ran.out)
    assert [fact["attack"] for fact in facts] == ATTACKS
    assert {fact["verdict"] for fact in facts} == {"PASS"}
    assert {fact["label"] for fact in facts} == {"ill"}
    for fact in facts:
        assert fact["off"] > 0.6
        assert fact["on"] < fact["off"]
        assert fact["targets"] >= 400
    assert not (asked.folder / "home").exists()  # no place was opened, no budget was spent


def test_a_number_counted_by_interval_is_attacked_as_its_classes(desk: Desk) -> None:
    desk.table([("id", "illness", "age"), *((f"p{i}", str(i * 7 % 10), str(i % 3)) for i in range(640))])
    text = FEEDBACK.replace("role: sensitive", "role: sensitive, type: integer").replace(
        "  id: {", "  age: {role: plain}\n  id: {"
    )
    desk.write("contract.yaml", text.replace("classes: [canary-flu, canary-cold]", "cuts: [4], low: 0, high: 10"))
    ran = desk.run("attack", "contract.yaml", "--guess", "age", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert [fact["attack"] for fact in facts] == [*ATTACKS, "label-guessing"]
    assert all(fact["on"] < fact["off"] for fact in facts[:-1])


def test_the_text_says_what_each_figure_is(asked: Desk) -> None:
    ran = asked.run("attack", "contract.yaml")
    assert ran.code == 0
    assert "canary" not in ran.text
    for words in ("What attacks on answers achieved", "Reconstruction far apart: ill", "Bound", "no attacker exceeds"):
        assert words in ran.out


def test_the_report_and_its_twin_hold_figures_and_nothing_of_the_table(asked: Desk) -> None:
    asked.write("facts.html", "an earlier one")
    ran = asked.run("attack", "contract.yaml", "--report", "facts.html")
    assert ran.code == 0
    page, twin = (asked.folder / name for name in ("facts.html", "facts.json"))
    card = load_feedback_card(twin.read_bytes())
    assert page.read_text(encoding="utf-8") == render_feedback_html(card)
    assert [fact.attack for fact in card.attacks] == ATTACKS
    assert [check.verdict for check in card.checks] == ["PASS"]
    assert (card.name, card.provider, card.curve, card.ledger) == ("answers", "Hospital", None, None)
    assert not any(fact.live for fact in card.attacks)
    assert "Advantage of each attack" in page.read_text(encoding="utf-8")
    assert "facts.html" in ran.err
    for text in (page.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8"), ran.text):
        for secret in ("canary", "p17", "people.csv", str(asked.folder)):
            assert secret not in text


def test_labels_are_guessed_from_columns_that_the_ml_party_knows(desk: Desk) -> None:
    rows = [
        (f"p{i}", str(i % 50), "canary-north" if i % 3 else "canary-south", "flu" if i % 50 < 20 else "cold")
        for i in range(2_000)
    ]
    desk.table([("id", "age", "town", "illness"), *rows, ("", "1", "canary-north", "flu"), ("q", "", "", "flu")])
    contract = FEEDBACK.replace("canary-", "").replace(
        "columns:\n", "columns:\n  age: {role: plain, type: integer}\n  town: {role: plain}\n"
    )
    desk.write("contract.yaml", contract)
    ran = desk.run("attack", "contract.yaml", "--guess", "age", "town", "--report", "facts.html", "--json")
    assert ran.code == 0
    *_, guessed = json.loads(ran.out)
    assert (guessed["attack"], guessed["label"], guessed["contract"], guessed["records"]) == (
        "label-guessing",
        "ill",
        "answers",
        2_001,
    )
    assert guessed["answers"]["inside-auc"] > 0.9  # age tells, of strangers as well
    assert abs(guessed["answers"]["inside-auc"] - guessed["answers"]["strangers-auc"]) < 0.05
    card = load_feedback_card((desk.folder / "facts.json").read_bytes())
    assert len(card.guesses) == 1
    assert any(check.what == "guessing ill under answers" for check in card.checks)
    for text in ((desk.folder / "facts.html").read_text(encoding="utf-8"), ran.text):
        for secret in ("canary", "north", "p17", "people.csv"):
            assert secret not in text


@pytest.mark.parametrize(
    ("column", "code", "words"), [("nowhere", "T201", "no column"), ("illness", "U100", "a label itself")]
)
def test_columns_to_guess_from_are_checked(asked: Desk, column: str, code: str, words: str) -> None:
    ran = asked.run("attack", "contract.yaml", "--guess", column)
    assert code in ran.err
    assert words in ran.err
    assert "canary" not in ran.text


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("nowhere/facts.html", "R500", "the folder does not exist"),
        ("facts.json", "U100", "name of a page"),
        (".", "R500", "a folder stands where a file is needed"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    asked: Desk, name: str, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jalousie.cli.attack.attack_answers", lambda *_: pytest.fail("the work was done"))
    ran = asked.run("attack", "contract.yaml", "--report", name)
    assert ran.code in (2, 7)
    assert code in ran.err
    assert words in ran.err


def test_a_release_has_its_report_in_its_folder(desk: Desk) -> None:
    desk.table([("id", "age", "town", "illness", "note"), *_people(40)])
    desk.contract()
    ran = desk.run("attack", "contract.yaml", "--report", "facts.html")
    assert ran.code == 2
    assert "`feedback`" in ran.err
    assert not (desk.folder / "facts.html").exists()
    guessing = desk.run("attack", "contract.yaml", "--guess", "age")
    assert "--guess is for" in guessing.err


def test_a_contract_for_a_release_and_for_answers_is_attacked_in_both_ways(desk: Desk) -> None:
    desk.table([("id", "age", "town", "illness", "note"), *_people(400)])
    feedback = "feedback:\n  identifier: id\n  min-group: 5\n  labels: {ill: {column: illness, classes: [flu, cold]}}\n"
    desk.contract("privacy:\n", feedback + "privacy:\n")
    facts = json.loads(desk.run("attack", "contract.yaml", "--json").out)
    names = [fact["attack"] for fact in facts]
    assert "re-identification" in names
    assert names[-len(ATTACKS) :] == ATTACKS


def test_a_table_too_small_to_attack_is_said_so(desk: Desk) -> None:
    desk.table([("id", "illness"), *((f"p{i}", "canary-flu" if i % 2 else "canary-cold") for i in range(12))])
    desk.write("contract.yaml", FEEDBACK)
    ran = desk.run("attack", "contract.yaml")
    assert ran.code == 2
    assert "U151" in ran.err
    assert "smallest" in ran.err
    assert "canary" not in ran.text


def _people(many: int) -> list[tuple[str, ...]]:
    return [
        (f"p{i}", str(20 + i % 8), "NS"[i % 2] + "x", "flu" if i * 7 % 10 < 4 else "cold", str(i)) for i in range(many)
    ]
