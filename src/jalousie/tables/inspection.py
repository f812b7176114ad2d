"""`jalousie inspect`: what a table holds, what others could know of it, and whether it can be released at all.

The result names columns and counts; it holds no cell value, so it can be shown and kept.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from jalousie.contract.model import Csv, Hierarchy, NoHierarchy, Role, Table
from jalousie.tables.count import count_groups
from jalousie.tables.hierarchy_proposals import propose_hierarchy
from jalousie.tables.profile import STAR, Profile, is_text, profile
from jalousie.tables.raw import RawTable
from jalousie.tables.recognise import Recognised, recognise
from jalousie.tables.roles import Proposal, propose
from jalousie.tables.singling_out import ColumnSet, singling_out_sets, tells, unique_share
from jalousie.tables.suitability import Note, suitability
from jalousie.tables.targets import choose_target
from jalousie.tables.types import FrequencyTable

_COUNTED_COLUMNS = 12
_COUNTED_ROWS = 1_000_000
_COUNTED_VALUES = 100_000
_SHOWN_SETS = 6
_STARRED = (
    'it holds "*", which stands for a suppressed cell in a release; to keep the column, replace that value in the file, or drop '
    'its rows (step drop-rows, when: equals, value: "*")'
)


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Base of the parts of an inspection."""


class ColumnInspection(Part, frozen=True, kw_only=True):
    """One column. Shares are in [0, 1]."""

    name: str
    type: str
    """Type of the values: of a CSV column the strictest that all of them have."""
    distinct: int
    nulls: int
    uniqueness: float
    """Different values a row that has one: 1 where every row has its own."""
    unique_rows: float
    """Share of rows whose value nobody else has."""
    role: Role
    reason: str
    recognised: str = ""
    null_tokens: tuple[str, ...] = ()
    """Texts from a fixed list (`?`, `N/A`, ...) that evidently stand for a null."""
    hierarchy: Hierarchy = msgspec.field(default_factory=NoHierarchy)
    """The proposed one, of a quasi-identifier."""


class Inspection(Part, frozen=True, kw_only=True):
    """What `inspect_table` found."""

    format: Literal["jalousie-inspection/1"] = "jalousie-inspection/1"
    rows: int
    columns: tuple[ColumnInspection, ...]
    unique_rows: float
    """Share of rows that `counted_columns` together single out."""
    singling_out: tuple[ColumnSet, ...]
    counted_rows: int
    """Rows that `unique_rows` and `singling_out` were measured on: the first ones of a very long table."""
    counted_columns: tuple[str, ...]
    """The proposed quasi-identifiers that `unique_rows` was measured with: all, or the twelve with most values."""
    target: str
    """A column that somebody may want to predict, or nothing."""
    task: Literal["classification", "regression"] = "classification"
    suitability: tuple[Note, ...]

    def column(self, name: str) -> ColumnInspection:
        return next(column for column in self.columns if column.name == name)


def inspect_table(raw: RawTable, *, table: Table | None = None, checksums: bool = True) -> Inspection:
    """Look at every column, propose roles and hierarchies, and measure what singles people out.

    Parameters
    ----------
    raw
        the table; of a CSV file best read as text (`columns=None`), so that types can be told from the values
    table
        how the file is written down (its decimal sign)
    checksums
        whether to try national identifiers, VAT numbers and the like (python-stdnum)

    Work is bounded: one grouping a column, one of at most 12 quasi-identifiers over at most a million rows.
    Raises TableError T214 where the engine fails.
    """
    own_types = table is not None and table.format in ("parquet", "arrow")
    profiles = _profiles(raw, table.csv if table is not None else Csv(), own_types)
    recognised = {name: _recognise(p, checksums) for name, p in profiles.items()}
    proposals = {name: propose(p, recognised[name]) for name, p in profiles.items()}
    if own_types:
        _refuse_stars(profiles, proposals)
    target, task = choose_target(profiles, proposals)
    counted = _count(raw, profiles, proposals)
    _add_tellers(counted, profiles, proposals)
    if own_types:
        _refuse_stars(profiles, proposals)
    quasi = [name for name in counted.names if proposals[name].role == "quasi-identifier"]
    columns = tuple(
        _column(profiles[name], recognised[name], proposals[name], own_types and is_text(raw.schema[name]))
        for name in raw.columns
    )
    unique = unique_share(counted, quasi)
    return Inspection(
        rows=raw.rows,
        columns=columns,
        unique_rows=unique,
        singling_out=_worst(counted, profiles, proposals),
        counted_rows=counted.rows,
        counted_columns=tuple(quasi),
        target=target,
        task=task,
        suitability=suitability(raw.rows, list(profiles.values()), proposals, unique),
    )


def _recognise(facts: Profile, checksums: bool) -> Recognised | None:
    if facts.type not in ("text", "integer"):
        return None
    # spread over the sorted values, whose first ones may be alike
    step = max(1, len(facts.values) // 120)
    return recognise(facts.values[::step], checksums=checksums)


def _profiles(raw: RawTable, form: Csv, own_types: bool) -> dict[str, Profile]:
    """Facts about each column; what evidently stands for a null in one column of a CSV file does so in all of them."""
    found = {name: profile(raw, name, decimal=form.decimal, mapped=not own_types) for name in raw.columns}
    known: set[str] = set()
    while not own_types and known != (tokens := {token for facts in found.values() for token in facts.tokens}):
        known = tokens
        for name, facts in found.items():
            if not tokens.isdisjoint(facts.values):
                found[name] = profile(raw, name, decimal=form.decimal, nulls=tokens)
    return found


def _count(raw: RawTable, profiles: dict[str, Profile], proposals: dict[str, Proposal]) -> FrequencyTable:
    """Distinct rows of the columns that others may know, those with the most values first where there are too many."""
    wanted = [
        name
        for name, proposal in proposals.items()
        if proposal.role in ("quasi-identifier", "plain") and 1 < profiles[name].distinct <= _COUNTED_VALUES
    ]
    wanted.sort(key=lambda name: (proposals[name].role != "quasi-identifier", -profiles[name].distinct))
    kept = set(wanted[:_COUNTED_COLUMNS])
    if not kept:
        return FrequencyTable((), (), np.zeros((0, 1), dtype=np.int32), np.array([raw.rows], dtype=np.int64))
    part = raw if raw.rows <= _COUNTED_ROWS else raw.derive(raw.frame.head(_COUNTED_ROWS), rows=_COUNTED_ROWS)
    return count_groups(part, [name for name in raw.columns if name in kept])


def _worst(
    table: FrequencyTable, profiles: dict[str, Profile], proposals: dict[str, Proposal]
) -> tuple[ColumnSet, ...]:
    """Sets of counted columns, and single columns that have too many values to be counted together with others."""
    alone = [
        ColumnSet(columns=(name,), unique_rows=facts.unique_rows, classes=facts.distinct)
        for name, facts in profiles.items()
        if name not in table.names and proposals[name].role == "quasi-identifier" and facts.singles
    ]
    return tuple(sorted((*alone, *singling_out_sets(table)), key=lambda found: -found.unique_rows))[:_SHOWN_SETS]


def _add_tellers(table: FrequencyTable, profiles: dict[str, Profile], proposals: dict[str, Proposal]) -> None:
    """A plain column that gives a quasi-identifier away would undo its generalisation: it becomes one itself."""
    quasi = [name for name in table.names if proposals[name].role == "quasi-identifier"]
    for name in table.names:
        if proposals[name].role != "plain" or profiles[name].uniqueness > 0.1:
            continue
        told = next((other for other in quasi if tells(table, name, other)), None)
        if told is not None:
            proposals[name] = Proposal("quasi-identifier", f'its value gives "{told}" away')


def _refuse_stars(profiles: dict[str, Profile], proposals: dict[str, Proposal]) -> None:
    """A quasi-identifier must not hold `*`, which in a release is a suppressed cell; only in a CSV file can it become a null."""
    for name, facts in profiles.items():
        if proposals[name].role == "quasi-identifier" and STAR in facts.tokens:
            proposals[name] = Proposal("identifier", _STARRED)


def _column(facts: Profile, recognised: Recognised | None, proposal: Proposal, text: bool) -> ColumnInspection:
    generalised = proposal.role == "quasi-identifier"
    return ColumnInspection(
        name=facts.name,
        type="text" if text else facts.type,
        distinct=facts.distinct,
        nulls=facts.nulls,
        uniqueness=facts.uniqueness,
        unique_rows=facts.unique_rows,
        role=proposal.role,
        reason=proposal.reason,
        recognised=recognised.kind if recognised is not None else "",
        null_tokens=facts.tokens,
        hierarchy=propose_hierarchy(facts, recognised) if generalised else NoHierarchy(),
    )
