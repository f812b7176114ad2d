"""Every kind of bad input in `tests/spoiled_input.py`: the code that says what is wrong, a hint, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable

import pytest

import jalousie.errors
from command_desk import CANARY, CONTRACT, ROWS, Desk, Ran
from spoiled_input import EVERY, MODELS

Refused = Callable[[Ran, str, int], None]
EXITS = {
    letter: kind.exit_code
    for letter, kind in zip(
        "UCTHPR",
        (
            jalousie.errors.UsageError,
            jalousie.errors.ContractError,
            jalousie.errors.TableError,
            jalousie.errors.HierarchyError,
            jalousie.errors.PrivacyError,
            jalousie.errors.ReleaseError,
        ),
        strict=True,
    )
}
INPUT = {"h.csv", "h.xyz", "people.parquet", "people.arrow", "home"}


@pytest.mark.parametrize("name", EVERY)
def test_bad_input_is_refused(name: str, desk: Desk, refused: Refused) -> None:
    code = EVERY[name].code
    EVERY[name].spoil(desk)
    ran = desk.run("protect", "contract.yaml")
    refused(ran, code, EXITS[code[0]])
    assert CANARY.lower() not in ran.text.lower()
    assert desk.left() <= INPUT
    told = json.loads(desk.run("protect", "contract.yaml", "--json").out)["error"]
    assert (told["code"], bool(told["hint"])) == (code, True)


@pytest.mark.parametrize("name", MODELS)
def test_what_would_do_does(name: str, desk: Desk) -> None:
    """The hint of an unsatisfiable contract, followed word by word, gives a release."""
    MODELS[name].spoil(desk)
    hint = json.loads(desk.run("protect", "contract.yaml", "--json").out)["error"]["hint"]
    if name in ("one row", "all null"):
        assert hint == "weaken the models, or add rows"
        return
    text = (desk.folder / "contract.yaml").read_text()
    if found := re.search(r"k = (\d+) would do", hint):
        text = re.sub(r"k: \d+", f"k: {found[1]}", text)
    else:
        changes = re.findall(r"([a-z-]+)(?: of \w+)? with ([\d.]+) in place of ([\d.]+)", hint)
        assert changes, hint
        for model, number, wanted in changes:
            text, made = re.subn(
                rf"(model: {model},.*? [kltc]|model: {model}, risk): {re.escape(wanted)}\b", rf"\1: {number}", text
            )
            assert made == 1, (hint, text)
    desk.write("contract.yaml", text)
    ran = desk.protect()
    assert ran.code == 0, ran.text


def test_suppression_that_would_do_does(desk: Desk) -> None:
    """One town of two, which no level joins with the rest, is too small a class."""
    desk.table([ROWS[0], *((row[0], "30", "Nx" if i < 6 else "Sx", *row[3:]) for i, row in enumerate(ROWS[1:]))])
    desk.write(
        "contract.yaml",
        CONTRACT.replace("town: {role: quasi-identifier}", "town: {role: quasi-identifier, max-level: 0}")
        .replace("k: 3", "k: 10")
        .replace("suppression: 0.1", "suppression: 0.1\n  recoding: optimal"),
    )
    hint = json.loads(desk.protect("--json").out)["error"]["hint"]
    found = re.search(r"suppression of ([\d.]+) \(6 rows\) would do", hint)
    assert found, hint
    desk.write("contract.yaml", (desk.folder / "contract.yaml").read_text().replace("0.1", found[1]))
    assert desk.protect().code == 0


def test_a_name_from_a_file_cannot_move_the_cursor(desk: Desk) -> None:
    desk.table([(*ROWS[0], "red\x1b[31m"), *((*row, "x") for row in ROWS[1:])])
    ran = desk.protect()
    assert ran.code == 4
    assert "red?[31m" in ran.err
    assert "\x1b" not in ran.text


def edit_card(desk: Desk, **changes: object) -> None:
    path = desk.folder / "small.release" / "card.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {name.replace("_", "-"): to for name, to in changes.items()})
    )


def cut_table(desk: Desk) -> None:
    path = desk.folder / "small.release" / "table.parquet"
    path.write_bytes(path.read_bytes()[:-1])


RELEASES: dict[str, tuple[Callable[[Desk], object], str]] = {
    "no folder": (lambda d: (d.folder / "small.release").rename(d.folder / "h.csv"), "R510"),
    "no card": (lambda d: (d.folder / "small.release" / "card.json").unlink(), "R510"),
    "no table": (lambda d: (d.folder / "small.release" / "table.parquet").unlink(), "R510"),
    "a table that was cut": (cut_table, "R511"),
    "another table": (lambda d: edit_card(d, data_file="space.json"), "R511"),
    "a table outside": (lambda d: edit_card(d, data_file="../people.csv"), "R511"),
    "a table by its whole path": (lambda d: edit_card(d, data_file="/etc/hostname"), "R511"),
    "no name of a table": (lambda d: edit_card(d, data_file=""), "R511"),
    "a card with a cell too many": (lambda d: edit_card(d, surplus=CANARY), "R520"),
    "a card with text for a number": (lambda d: edit_card(d, rows_in=CANARY), "R520"),
    "a card of bytes": (lambda d: d.write("small.release/card.json", b"\xff" + CANARY.encode()), "R520"),
    "a huge card": (
        lambda d: os.truncate(d.folder / "small.release" / "card.json", 65 << 20),
        "R510",
    ),
}


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_that_is_none_is_not_opened(name: str, desk: Desk, refused: Refused) -> None:
    assert desk.protect("--no-report", "--no-attacks").code == 0
    spoil, code = RELEASES[name]
    spoil(desk)
    ran = desk.run("open", "small.release", "--junit", "junit.xml")
    refused(ran, code, 7)
    assert CANARY not in ran.text
    assert not (desk.folder / "junit.xml").exists()


def test_a_release_of_other_rows_was_not_attacked(desk: Desk, refused: Refused) -> None:
    assert desk.protect("--no-report", "--no-attacks").code == 0
    desk.table(ROWS[:-6])
    refused(desk.run("attack", "contract.yaml", "--release", "small.release"), "R511", 7)
