"""Does the table fit architecture 1.A, a de-identified release? A few sentences with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from jalousie.tables.profile import Profile
from jalousie.tables.roles import Proposal

_FEW_ROWS = 1_000
_MANY_COLUMNS = 15


class Note(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """One reason for or against a release."""

    verdict: Literal["PASS", "WARN", "FAIL"]
    sentence: str


def suitability(
    rows: int, profiles: Sequence[Profile], proposals: Mapping[str, Proposal], unique: float
) -> tuple[Note, ...]:
    """The verdict first, then what speaks against. `unique` is the share of rows that the quasi-identifiers single out."""
    quasi = [name for name, proposal in proposals.items() if proposal.role == "quasi-identifier"]
    notes = []
    if rows < _FEW_ROWS:
        sentence = f"Only {rows:,} rows: classes of 5 leave little detail. Consider asking (2.A) instead of sharing."
        notes.append(Note(verdict="WARN", sentence=sentence))
    if not quasi:
        sentence = "No column that others may know was found: check the roles, nothing would be generalised."
        notes.append(Note(verdict="WARN", sentence=sentence))
    if len(quasi) > _MANY_COLUMNS:
        sentence = (
            f"{len(quasi)} quasi-identifiers: so many make nearly every row unique, and a release would lose most "
            "detail. Drop some, or ask (2.A) instead of sharing."
        )
        notes.append(Note(verdict="WARN", sentence=sentence))
    prose = [name for name, proposal in proposals.items() if proposal.reason.startswith("free text")]
    if prose:
        columns = ", ".join(f'"{name}"' for name in prose)
        notes.append(
            Note(verdict="WARN", sentence=f"Free text cannot be de-identified here and is dropped: {columns}.")
        )
    for facts in profiles:
        if proposals[facts.name].role == "identifier" and 0 < facts.uniqueness < 0.9 and facts.rows > facts.nulls:
            sentence = (
                f'"{facts.name}" has {facts.distinct:,} values in {facts.rows:,} rows: somebody may have several rows. '
                "k counts rows, so take a larger k, or one row for each."
            )
            notes.append(Note(verdict="WARN", sentence=sentence))
    return (_verdict(rows, quasi, unique, bool(notes)), *notes)


def _verdict(rows: int, quasi: Sequence[str], unique: float, doubts: bool) -> Note:
    columns = "1 quasi-identifier singles" if len(quasi) == 1 else f"{len(quasi)} quasi-identifiers single"
    people = f"{columns} out {unique:.1%} of {rows:,} rows as they are"
    if rows < 2:
        return Note(
            verdict="FAIL", sentence="Does not fit a de-identified release (1.A): there is no crowd to hide in."
        )
    if doubts:
        return Note(verdict="WARN", sentence=f"May fit a de-identified release (1.A), with care: {people}.")
    return Note(verdict="PASS", sentence=f"Fits a de-identified release (1.A): {people}, which generalising can mend.")
