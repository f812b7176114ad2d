"""What `inspect` and `attack` print."""

from __future__ import annotations

import re

import msgspec
import pytest
from card_fixture import adult_card

from jalousie.report import render_attacks, render_inspection
from jalousie.tables.inspection import ColumnInspection, Inspection
from jalousie.tables.singling_out import ColumnSet
from jalousie.tables.suitability import Note

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _inspection(name: str = "age") -> Inspection:
    column = ColumnInspection(
        name=name,
        type="integer",
        distinct=73,
        nulls=1836,
        uniqueness=0.0022,
        unique_rows=0.0613,
        role="quasi-identifier",
        reason="others may know it",
        recognised="date of birth",
        null_tokens=("?",),
    )
    return Inspection(
        rows=2_000_000,
        columns=(column,),
        unique_rows=0.9948,
        singling_out=(ColumnSet(columns=(name, "sex"), unique_rows=0.4321, classes=31_921),),
        counted_rows=1_000_000,
        counted_columns=(name, "sex"),
        target="income",
        suitability=(Note(verdict="WARN", sentence="may fit, with care"),),
    )


def test_no_table_is_announced_that_does_not_come() -> None:
    nobody = msgspec.structs.replace(_inspection(), singling_out=(), counted_columns=("age",))
    assert "sets that tell most" not in render_inspection(nobody, False).replace("\n", " ")


def test_every_finding_is_printed() -> None:
    text = render_inspection(_inspection(), False).replace("\xa0", " ")
    for part in (
        "2,000,000 rows",
        "! warn  May fit, with care.",
        "99.5 % of the rows (of the first 1,000,000)",
        "43.2 %",
        "31,921",
        "age and sex",
        "quasi-identifier",
        "integer",
        "73",
        "1,836",
        "6.1 %",
        "others may know it; recognised: date of birth; “?” stands for a missing value",
        "predict income (classification)",
    ):
        assert part in text
    assert ANSI.sub("", render_inspection(_inspection(), True)).replace("\xa0", " ") == text


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\nb", "\u202e"])
def test_column_names_cannot_steer_the_terminal(evil: str) -> None:
    text = render_inspection(_inspection(evil), False)
    assert evil not in text
    assert "\ufffd" in text


def test_an_empty_inspection_prints() -> None:
    bare = msgspec.structs.replace(
        _inspection(), rows=0, columns=(), singling_out=(), counted_columns=(), target="", suitability=()
    )
    assert render_inspection(bare, False).startswith("0 rows, 0 columns")


def test_attacks_are_printed_with_verdict_interval_and_bound() -> None:
    text = render_attacks(adult_card().attacks, False).replace("\xa0", " ")
    assert "✓ pass  An adversary who knows all quasi-identifiers finds 10.0 % of the rows" in text
    assert re.search(r"Re-identification +40\.2 % +10\.0 % +20 % +< 0\.1 %", text)
    assert "right for 27.1 % of people who are not in the release" in " ".join(text.split())
    assert ANSI.sub("", render_attacks(adult_card().attacks, True)).replace("\xa0", " ") == text
    assert render_attacks((), False)
