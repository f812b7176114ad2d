"""`jalousie attack` on a contract about answers: the user's own labels, a validator in this process."""

from __future__ import annotations

import json

import pytest

from command_desk import Desk

ATTACKS = [
    "differencing",
    "averaging-repeats",
    "averaging-varied",
    "leaderboard-boosting",
    "log-loss-oracle",
    "reconstruction-random",
    "reconstruction-far-apart",
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


def test_the_text_says_what_each_figure_is(asked: Desk) -> None:
    ran = asked.run("attack", "contract.yaml")
    assert ran.code == 0
    assert "canary" not in ran.text
    for words in ("What attacks on answers achieved", "Reconstruction far apart: ill", "Bound", "no attacker exceeds"):
        assert words in ran.out


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
