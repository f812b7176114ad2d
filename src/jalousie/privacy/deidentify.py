"""Module 1, from raw rows to rows that may be released: steps, counting, search, the mapping. Pure.

What it needs of its place is lent to it (`Lent`): keys and further tables inside the step context, the compiler of
hierarchies (which may read files), a stopwatch, a progress bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from jalousie.contract.model import Column, Contract, DropColumns, Generalise, Pseudonymise, Step
from jalousie.contract.model import Model as ModelSpec
from jalousie.errors import PrivacyError, TableError, did_you_mean
from jalousie.privacy.card import StepFacts
from jalousie.privacy.models import Model, build_models
from jalousie.privacy.origin import Origin
from jalousie.privacy.recoding import Recoding
from jalousie.privacy.search import Kernel, search
from jalousie.privacy.steps import StepContext, apply_step, apply_steps
from jalousie.privacy.verify import stars_hold
from jalousie.tables.apply import STAR, RecodedFrame, Suppressed, apply_recoding
from jalousie.tables.count import count_groups
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Counts, FrequencyTable, Hierarchy

Progress = Callable[[float, str], None]
Compiler = Callable[[str, Column, Sequence[str | None], Counts], Hierarchy]
"""Column name, its part of the contract, its distinct values and how many rows each has."""


class Lent(Struct, frozen=True):
    """What a place lends the pure module."""

    steps: StepContext
    hierarchy: Compiler
    stage: Callable[[str], AbstractContextManager[None]]
    progress: Progress | None = None
    kernel: Kernel = "auto"


class Searched(Struct, frozen=True, eq=False):
    """What was counted and decided where the contract asks for privacy models."""

    table: FrequencyTable
    hierarchies: tuple[Hierarchy, ...]
    models: tuple[Model, ...]
    recoding: Recoding


class Deidentified(Struct, frozen=True, eq=False):
    """Rows that may be written, lazily, and everything that is known of how they came about.

    origin    the table as it was read, and what was done to it first
    before    the rows as they were when they were generalised: still raw
    columns   the columns that are released, with their part of the contract
    """

    released: RecodedFrame
    origin: Origin
    before: RawTable
    columns: Mapping[str, Column]
    steps: tuple[StepFacts, ...]
    searched: Searched | None
    rows_in: int
    suppressed: Suppressed
    """What was done with suppressed rows, which may be stricter than what the contract allows."""
    as_read: FrequencyTable | None = None
    """The table as it was read, counted; None where nothing was, or no quasi-identifier was in it."""

    @property
    def rows_suppressed(self) -> int:
        """Rows whose quasi-identifiers are not released."""
        if self.searched is None:
            return 0
        return int(self.searched.table.counts[self.searched.recoding.suppressed].sum())


def deidentify(raw: RawTable, contract: Contract, lent: Lent) -> Deidentified:
    """Carry out a contract on a table.

    Raises
    ------
    TableError
        T201 or T203 if the table's columns are not those of the contract
    PrivacyError
        P400 if nothing satisfies the models; P430 if nothing would be left to release
    """
    check_columns(raw, contract)
    first, later = _split(contract.steps)
    origin = Origin(raw, contract.columns, first, later, lent.steps)
    with lent.stage("steps"):
        rows_in = raw.rows
        raw, said, context = apply_steps(raw, first, lent.steps)
        raw, dropped, context = _drop_identifiers(raw, contract, context)
        later = tuple(_still_to_do(later, raw.columns))
    searched: Searched | None = None
    as_read: FrequencyTable | None = None
    suppressed: Suppressed = "drop"
    told: tuple[StepFacts, ...] = ()
    if contract.privacy is None:
        released = RecodedFrame(raw.frame, raw.rows, (), raw.schema, raw.engine, raw.kind, raw.origin)
    else:
        searched = _search(raw, contract, context.columns, lent)
        as_read = _as_read(origin, searched.table, lent)
        with lent.stage("apply"):
            suppressed, told = _shown(searched, contract.privacy.suppressed)
            released = apply_recoding(raw, searched.table, searched.recoding, suppressed=suppressed)
    with lent.stage("steps"):
        released, after, context = _later_steps(raw, released, later, context)
    if not released.schema or released.rows == 0:
        raise PrivacyError(
            "P430", "nothing would be left to release", hint="allow less strict models, or drop fewer rows"
        )
    facts = (*said, *dropped, *told, *after)
    columns = dict(context.columns)
    return Deidentified(released, origin, raw, columns, facts, searched, rows_in, suppressed, as_read)


def _as_read(origin: Origin, counted: FrequencyTable, lent: Lent) -> FrequencyTable | None:
    """The table that was read, counted once more where steps made it another one."""
    if not origin.differs(counted):
        return counted
    with lent.stage("count"):
        return origin.counted([histogram.name for histogram in counted.sensitive])


def count_released(done: Deidentified, searched: Searched) -> FrequencyTable:
    """The rows as they are released, counted by quasi-identifiers, with the sensitive columns that are left."""
    released = done.before.derive(done.released.frame, rows=done.released.rows)
    left = [histogram.name for histogram in searched.table.sensitive if histogram.name in done.released.schema]
    return count_groups(released, searched.table.names, left)


def check_columns(raw: RawTable, contract: Contract) -> None:
    """Every column of the table is named in the contract, and the other way round: nothing is released by oversight."""
    for name in raw.columns:
        if name not in contract.columns:
            raise TableError(
                "T203",
                f'the table has a column "{name}" that the contract does not name',
                hint="add it with a role; list it under drop-columns if nobody needs it",
            )
    for name in contract.columns:
        if name not in raw.columns:
            raise TableError("T201", f'the table has no column "{name}"', hint=did_you_mean(name, raw.columns))


def _split(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps before and after generalisation."""
    at = next((i for i, step in enumerate(steps) if isinstance(step, Generalise)), len(steps))
    return tuple(steps[:at]), tuple(steps[at + 1 :])


def _drop_identifiers(
    raw: RawTable, contract: Contract, context: StepContext
) -> tuple[RawTable, tuple[StepFacts, ...], StepContext]:
    """An identifier that no step pseudonymises never leaves, whether or not the contract drops it."""
    safe = {name for step in contract.steps if isinstance(step, Pseudonymise) for name in step.columns}
    names = tuple(
        n for n, c in context.columns.items() if c.role == "identifier" and n not in safe and n in raw.columns
    )
    if not names:
        return raw, (), context
    step = DropColumns(columns=names)
    raw, facts = apply_step(raw, step, context)
    return raw, (facts,), context.after(step)


def _still_to_do(steps: Sequence[Step], columns: Sequence[str]) -> Iterator[Step]:
    """Steps without the columns to drop that are gone: identifiers do not wait for a step behind generalise."""
    for step in steps:
        if isinstance(step, DropColumns):
            left = tuple(name for name in step.columns if name in columns)
            if left:
                yield msgspec.structs.replace(step, columns=left)
        else:
            yield step


def _refuse_stars(table: FrequencyTable) -> None:
    """T215: a raw `*` that is released could not be told from a cell that was generalised or suppressed."""
    for name, values in zip(table.names, table.values, strict=True):
        if STAR in values:
            raise TableError(
                "T215",
                f'quasi-identifier "{name}" holds "{STAR}" as a value, which stands for a suppressed cell in a release',
                hint=f"if it means unknown, list it in table: csv: {{nulls: ...}}; else replace it, or drop its rows"
                f' (step drop-rows, when: equals, value: "{STAR}")',
            )


def _search(raw: RawTable, contract: Contract, columns: Mapping[str, Column], lent: Lent) -> Searched:
    privacy = contract.privacy
    assert privacy is not None
    names = tuple(name for name in raw.columns if columns[name].role == "quasi-identifier")
    sensitive = tuple(name for name in raw.columns if columns[name].role == "sensitive")
    with lent.stage("count"):
        table = count_groups(raw, names, sensitive)
        _refuse_stars(table)
    with lent.stage("hierarchies"):
        hierarchies = tuple(
            lent.hierarchy(name, columns[name], values, _rows_by_value(table, d))
            for d, (name, values) in enumerate(zip(table.names, table.values, strict=True))
        )
        models = _models(privacy.models, table, hierarchies, columns, lent)
    with lent.stage("search"):
        recoding = search(
            table,
            hierarchies,
            models,
            privacy,
            weights=[columns[name].weight for name in names],
            low=[columns[name].min_level for name in names],
            high=[columns[name].max_level for name in names],
            progress=_fraction(lent.progress),
            kernel=lent.kernel,
        )
    return Searched(table, hierarchies, models, recoding)


def _fraction(progress: Progress | None) -> Callable[[float], None] | None:
    return None if progress is None else lambda done: progress(done, "searching")


def _shown(searched: Searched, wanted: Suppressed) -> tuple[Suppressed, tuple[StepFacts, ...]]:
    """Suppressed rows are shown with `*` only where they are, together, a class that satisfies every model."""
    if wanted == "drop" or stars_hold(searched.models, searched.table, searched.recoding):
        return wanted, ()
    rows = int(searched.table.counts[searched.recoding.suppressed].sum())
    said = StepFacts(
        step="suppress",
        sentence=f"{rows:,} suppressed row{'s are' if rows != 1 else ' is'} left out: shown with `*`, "
        f"{'they' if rows != 1 else 'it'} would be a class of {'their' if rows != 1 else 'its'} own that breaks a model.",
        rows_before=searched.table.rows,
        rows_after=searched.table.rows - rows,
    )
    return "drop", (said,)


def _rows_by_value(table: FrequencyTable, d: int) -> Counts:
    return np.bincount(table.codes[d], weights=table.counts, minlength=len(table.values[d])).astype(np.int64)


def _models(
    specs: Sequence[ModelSpec],
    table: FrequencyTable,
    hierarchies: tuple[Hierarchy, ...],
    columns: Mapping[str, Column],
    lent: Lent,
) -> tuple[Model, ...]:
    """A hierarchical distance needs the hierarchy of the sensitive column as well."""
    trees = list(hierarchies)
    for histogram in table.sensitive:
        if any(
            getattr(s, "column", "") == histogram.name and getattr(s, "distance", "") == "hierarchical" for s in specs
        ):
            rows = np.bincount(histogram.code, weights=histogram.count, minlength=len(histogram.values)).astype(
                np.int64
            )
            trees.append(lent.hierarchy(histogram.name, columns[histogram.name], histogram.values, rows))
    orders = {name: column.order for name, column in columns.items() if column.order}
    return build_models(specs, table, trees, orders=orders)


def _later_steps(
    raw: RawTable, released: RecodedFrame, steps: tuple[Step, ...], context: StepContext
) -> tuple[RecodedFrame, tuple[StepFacts, ...], StepContext]:
    if not steps:
        return released, (), context
    table = raw.derive(released.frame, rows=released.rows)
    table, said, context = apply_steps(table, steps, context)
    native = tuple(name for name in released.native if name in table.columns)
    origin = {name: own for name, own in table.origin.items() if name in released.origin}
    changed = replace(released, frame=table.frame, rows=table.rows, native=native, schema=table.schema, origin=origin)
    return changed, said, context
