"""Bad input, as a user meets it: a clear error with its code and a hint, an exit code, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from command_desk import CANARY, ROWS, Desk, Ran

Refused = Callable[[Ran, str, int], None]
C = CANARY


def test_the_small_table_is_released(desk: Desk) -> None:
    ran = desk.protect()
    assert ran.code == 0, ran.text
    assert {p.name for p in (desk.folder / "small.release").iterdir()} == {
        "card.json",
        "report.html",
        "space.json",
        "table.parquet",
    }
    assert desk.left() == {"small.release"}


CASES: dict[str, tuple[Callable[[Desk], None], str, int]] = {
    "unknown column in the table": (lambda d: d.table([(*ROWS[0], "extra"), *((*r, C) for r in ROWS[1:])]), "T203", 4),
    "column missing in the table": (lambda d: d.table([r[:-1] for r in ROWS]), "T201", 4),
    "duplicate columns": (lambda d: d.table([(*ROWS[0][:-1], "town"), *ROWS[1:]]), "T202", 4),
    "empty file": (lambda d: d.write("people.csv", "") and None, "T204", 4),
    "header only": (lambda d: d.table(ROWS[:1]), "T204", 4),
    "one row": (lambda d: d.table(ROWS[:2]), "P400", 6),
    "mixed types": (lambda d: d.table([*ROWS, ("p", C, "Nx", "flu", "1")]), "T207", 4),
    "ragged row": (lambda d: d.table([*ROWS, ("p", "20", "Nx", C)]), "T205", 4),
    "unclosed quote": (
        lambda d: d.write("people.csv", "id,age,town,illness,note\np," + f'"{C}' + ",1,2,3\n") and None,
        "T205",
        4,
    ),
    "wrong encoding": (
        lambda d: d.write("people.csv", f"id,age,town,illness,note\np,20,Nx,flu,{C}é\n".encode("latin-1")) and None,
        "T206",
        4,
    ),
    "no such table": (lambda d: (d.folder / "people.csv").unlink(), "T209", 4),
    "k larger than the table": (lambda d: d.contract("k: 3", "k: 1000"), "P400", 6),
    "contract with a typo in a key": (lambda d: d.contract("suppression:", "suppresion:"), "C102", 3),
    "contract with a typo in a role": (lambda d: d.contract("role: plain", "role: plane"), "C102", 3),
    "contract with a typo in a column": (
        lambda d: d.contract("{model: k-anonymity, k: 3}", "{model: distinct-l-diversity, column: ilness, l: 2}"),
        "C102",
        3,
    ),
    "contradictory models": (
        lambda d: d.contract("{model: k-anonymity, k: 3}", "{model: k-anonymity, k: 3}, {model: k-anonymity, k: 4}"),
        "C103",
        3,
    ),
    "model of a column that is not sensitive": (
        lambda d: d.contract("{model: k-anonymity, k: 3}", "{model: distinct-l-diversity, column: note, l: 2}"),
        "C103",
        3,
    ),
    "unsatisfiable diversity": (
        lambda d: d.contract("{model: k-anonymity, k: 3}", "{model: distinct-l-diversity, column: illness, l: 3}"),
        "P400",
        6,
    ),
    "contract is no YAML": (lambda d: d.write("contract.yaml", "jalousie: [1") and None, "C101", 3),
    "contract has a key twice": (lambda d: d.contract("name: small", "name: small\nname: again"), "C104", 3),
    "no such contract": (lambda d: (d.folder / "contract.yaml").unlink(), "C100", 3),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused(case: str, desk: Desk, refused: Refused) -> None:
    spoil, code, exit_code = CASES[case]
    spoil(desk)
    ran = desk.protect()
    refused(ran, code, exit_code)
    assert C not in ran.text
    assert desk.left() == set()


@pytest.mark.parametrize("case", ["mixed types", "contract with a typo in a key", "k larger than the table"])
def test_errors_have_one_shape_in_json(case: str, desk: Desk) -> None:
    spoil, code, exit_code = CASES[case]
    spoil(desk)
    ran = desk.protect("--json")
    error = json.loads(ran.out)["error"]
    assert (ran.code, error["code"], error["exit_code"]) == (exit_code, code, exit_code)
    assert set(error) == {"code", "message", "hint", "where", "effect", "exit_code"}


def test_a_typo_is_pointed_at_and_mended(desk: Desk) -> None:
    desk.contract("suppression:", "suppresion:")
    ran = desk.protect()
    assert 'did you mean "suppression"?' in ran.err
    assert "contract.yaml:13" in ran.err


def test_an_unsatisfiable_contract_is_told_what_would_satisfy_it(desk: Desk) -> None:
    desk.contract("k: 3", "k: 1000")
    assert "40" in desk.protect().err  # the table has 40 rows


def test_all_null_column(desk: Desk) -> None:
    desk.table([ROWS[0], *((r[0], r[1], "", r[3], r[4]) for r in ROWS[1:])])
    assert desk.protect().code == 0


def test_truncated_parquet(desk: Desk, refused: Refused) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({name: [row[i] for row in ROWS[1:]] for i, name in enumerate(ROWS[0])}), desk.folder / "people.parquet"
    )
    whole = (desk.folder / "people.parquet").read_bytes()
    desk.contract("file: people.csv", "file: people.parquet")
    desk.write("people.parquet", whole[: len(whole) // 2])
    refused(desk.protect(), "T208", 4)
    assert desk.left() == set()


HIERARCHIES = {
    "value outside": ("Nx;*\n", "H302"),
    "not nested": ("Nx;a;b\nSx;a;c\n", "H303"),
    "ragged": ("Nx;a;*\nSx;*\n", "H301"),
    "value twice": ("Nx;a;*\nSx;a;*\nNx;b;*\n", "H304"),
    "empty": ("", "H301"),
}


@pytest.mark.parametrize("case", HIERARCHIES)
def test_bad_hierarchies_are_refused(case: str, desk: Desk, refused: Refused) -> None:
    content, code = HIERARCHIES[case]
    desk.write("h.csv", content)
    desk.contract(
        "town: {role: quasi-identifier}", "town: {role: quasi-identifier, hierarchy: {by: file, file: h.csv}}"
    )
    ran = desk.protect()
    refused(ran, code, 5)
    assert "town" in ran.err
    assert desk.left() == set()


def test_an_existing_folder_is_not_touched(desk: Desk, refused: Refused) -> None:
    (desk.folder / "small.release").mkdir()
    (desk.folder / "small.release" / "mine.txt").write_text("mine")
    refused(desk.protect(), "R503", 7)
    refused(desk.protect("--replace"), "R503", 7)
    assert (desk.folder / "small.release" / "mine.txt").read_text() == "mine"


def test_replace(desk: Desk) -> None:
    assert desk.protect().code == 0
    refusal = desk.protect()
    assert refusal.code == 7
    assert desk.protect("--replace").code == 0
    assert desk.left() == {"small.release"}


@pytest.mark.parametrize(
    "words", [("protekt", "x"), ("protect",), ("protect", "contract.yaml", "--kernal", "numpy"), ()]
)
def test_usage(words: tuple[str, ...], desk: Desk) -> None:
    ran = desk.run(*words)
    assert ran.code == 2
    assert "error[U100]" in ran.err
    assert "Traceback" not in ran.text


def test_a_changed_release_is_not_opened(desk: Desk) -> None:
    desk.protect()
    table = desk.folder / "small.release" / "table.parquet"
    table.write_bytes(table.read_bytes() + b"x")
    ran = desk.run("open", "small.release")
    assert (ran.code, ran.out) == (7, "")
    assert "error[R511]" in ran.err


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "jalousie-release/9"}', ""])
def test_a_broken_card_is_not_opened(content: str, desk: Desk) -> None:
    desk.protect()
    (desk.folder / "small.release" / "card.json").write_text(content)
    ran = desk.run("open", "small.release")
    assert ran.code == 7
    assert "error[R520]" in ran.err
    assert "Traceback" not in ran.text
