"""The table as it was read, beside the one that was generalised: what "raw" means in every figure before a release.

Steps may change or drop columns, join new ones and remove rows before anything is counted. Risk, disclosure, attacks and
learning compare a release with the table as it was read, so what was counted there is counted again where steps made a
difference, and only there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw
from msgspec import Struct

from jalousie.contract.model import (
    Clip,
    Column,
    DropColumns,
    DropRows,
    Enrich,
    Noise,
    Pseudonymise,
    RandomisedResponse,
    Round,
    Sample,
    Step,
    TruncateDate,
)
from jalousie.privacy.steps import StepContext, apply_steps
from jalousie.tables.count import count_groups
from jalousie.tables.engine import fetch
from jalousie.tables.raw import RawTable
from jalousie.tables.text import canonical
from jalousie.tables.types import FrequencyTable

DRAWING = (Noise, RandomisedResponse, Sample)
"""Steps that draw at random: no run of them can be repeated."""
MOST_COMBINATIONS = 5_000_000
"""Of raw quasi-identifiers. Beyond, they are not counted: exact times of many people would take more memory than all else."""


class Origin(Struct, frozen=True, eq=False):
    """The table as it was read, and the steps that were carried out before it was generalised, and later.

    columns   the contract's
    context   as it was before the first step
    """

    raw: RawTable
    columns: Mapping[str, Column]
    steps: tuple[Step, ...]
    later: tuple[Step, ...]
    context: StepContext

    @property
    def joined(self) -> frozenset[str]:
        """Columns that an enrich step added: the table that was read has none of them."""
        return frozenset(name for step in self.steps if isinstance(step, Enrich) for name in step.columns)

    @property
    def pseudonyms(self) -> frozenset[str]:
        """Columns whose values only the provider's key can find again."""
        every = (*self.steps, *self.later)
        return frozenset(name for step in every if isinstance(step, Pseudonymise) for name in step.columns)

    @property
    def drawn(self) -> frozenset[str]:
        """Columns that were changed at random before the generalisation, or joined by a key that was."""
        found: set[str] = set()
        for step in self.steps:
            if isinstance(step, Noise | RandomisedResponse):
                found.add(step.column)
            elif isinstance(step, Enrich) and step.on in found:
                found.update(step.columns)
        return frozenset(found)

    @property
    def changed_later(self) -> frozenset[str]:
        """Columns that a step behind the generalisation changed or dropped."""
        return frozenset(name for step in self.later for name in changed_by(step))

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """Those of the table as it was read, dropped ones included, that can be counted."""
        return self._countable("quasi-identifier")

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Quasi-identifiers of a type that cannot be counted; a step drops or replaces them."""
        counted = self.quasi_identifiers
        return tuple(n for n, c in self.columns.items() if c.role == "quasi-identifier" and n not in counted)

    def _countable(self, role: str) -> tuple[str, ...]:
        schema = self.raw.schema
        return tuple(n for n in self.raw.columns if self.columns[n].role == role and canonical(schema[n]) is not None)

    def differs(self, counted: FrequencyTable) -> bool:
        """Whether `counted`, taken after the steps, is not what the table as it was read would have given."""
        touched = {name for step in self.steps for name in changed_by(step)}
        of_interest = {*self.quasi_identifiers, *self.uncounted, *counted.names, *(h.name for h in counted.sensitive)}
        return counted.rows != self.raw.rows or bool(touched & of_interest)

    def counted(self, sensitive: Sequence[str]) -> FrequencyTable | None:
        """The table as it was read, counted by its own quasi-identifiers; None where it has none, or too many of them."""
        names = self.quasi_identifiers
        known = set(self._countable("sensitive"))
        wanted = [name for name in sensitive if name in known and name not in self.joined]
        if not names or (self.raw.rows > MOST_COMBINATIONS and self._combinations(names) > MOST_COMBINATIONS):
            return None
        return count_groups(self.raw, names, wanted)

    def _combinations(self, names: Sequence[str]) -> int:
        return int(fetch(self.raw.frame.select(*names).unique().select(n=nw.len()))["n"][0])

    def undrawn(self) -> RawTable:
        """All rows as they were read, with what can be worked out done to them and nothing drawn, nobody removed.

        So far somebody who knows the true values of everybody, and the contract, can go on his own: joined columns are
        known of people too. Pseudonyms are made here as well; who reads them must not take them for known.
        """
        first = (step for step in self.steps if not isinstance(step, (*DRAWING, DropRows)))
        later = (step for step in self.later if not isinstance(step, (*DRAWING, DropColumns)))
        return apply_steps(self.raw, (*first, *later), self.context)[0]


def changed_by(step: Step) -> tuple[str, ...]:
    """Columns that a step changes, adds or removes."""
    match step:
        case Round() | Clip() | TruncateDate() | Noise() | RandomisedResponse():
            return (step.column,)
        case Pseudonymise():
            return step.columns
        case DropColumns():
            return step.columns
        case Enrich():
            return (*step.columns, *(() if step.keep_key else (step.on,)))
        case _:
            return ()


def draws_at_random(steps: Sequence[Step], names: Sequence[str]) -> tuple[str, ...]:
    """Names of the steps that make a repetition differ in its rows, or in one of the columns `names`."""
    found = [
        step.__struct_config__.tag
        for step in steps
        if isinstance(step, Sample) or (isinstance(step, Noise | RandomisedResponse) and step.column in names)
    ]
    return tuple(dict.fromkeys(str(tag) for tag in found))
