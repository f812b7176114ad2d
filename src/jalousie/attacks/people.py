"""Who is attacked: everybody whose row was generalised, as somebody knows them who knows their true values.

Where steps came first, a person's row in the raw table, what an adversary makes of it, and the row that was generalised
are three things. The adversary knows the contract, so what it does to a value by rule (rounding, clipping, cutting, joining)
he does to the true one; a pseudonym tells him nothing; what was changed at random he leaves aside, or takes at its true value,
whichever serves him better. A sensitive value counts as guessed where it is right as it would be without anything drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from jalousie.attacks.matching import AsRead, Written, written_by
from jalousie.privacy.deidentify import Deidentified, Searched, count_released
from jalousie.tables.count import count_groups
from jalousie.tables.raw import RawTable
from jalousie.tables.rows import row_groups, source_rows
from jalousie.tables.types import Codes, Counts, FrequencyTable, Histogram

STAR = "*"


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What an attack works on.

    people    those whose row was generalised, with what the adversary knows of them and their true sensitive values
    written   what was released, and whose it is
    everyone  all of the raw table, those included whose row was dropped before
    aside     columns that the adversary leaves aside; taken: those that he takes at their value before it was changed at random
    """

    people: FrequencyTable
    written: Written
    everyone: FrequencyTable
    aside: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def grounds_of(done: Deidentified, searched: Searched) -> tuple[Ground, ...]:
    """One ground, or two where quasi-identifiers were changed at random."""
    table = searched.table
    later = done.origin.changed_later & {h.name for h in table.sensitive}
    written = _written(done, searched, later)
    if done.as_read is table and not later:
        return (Ground(table, written, table),)
    origin = done.origin
    blurred = tuple(name for name in table.names if name in origin.drawn and name not in origin.pseudonyms)
    hidden = tuple(name for name in table.names if name in origin.pseudonyms)
    sensitive = {histogram.name for histogram in table.sensitive}
    if done.as_read is None and not blurred and not later and not sensitive & (origin.drawn | origin.joined):
        # what steps did by rule the adversary does too: rows need not be told apart
        known = AsRead(None, np.arange(table.groups), table)
        return (Ground(table, replace(_blind(written, hidden), read=known), table, hidden),)
    rows = _Rows.of(done, searched, by_truth=bool(blurred))
    aside = (*hidden, *blurred)
    people = rows.people(table)
    found = [Ground(people, _blind(rows.written(written), aside), rows.everyone, aside)]
    if blurred:
        seen = replace(_blind(rows.written(written), hidden), loose=True)
        # the promise about who fits a row holds for neither
        found[0] = replace(found[0], written=replace(found[0].written, loose=True))
        found.append(Ground(rows.people(rows.everyone), seen, rows.everyone, hidden, blurred))
    return tuple(found)


def _written(done: Deidentified, searched: Searched, later: frozenset[str]) -> Written:
    """What was released; sensitive columns that a `later` step changed are counted as they are released."""
    counted = count_released(done, searched) if later & set(done.released.schema) else None
    return written_by(searched.table, searched.recoding, suppressed=done.suppressed, counted=counted)


def _blind(written: Written, names: Iterable[str]) -> Written:
    """The released rows as they are to somebody to whom these columns say nothing."""
    table, blind = written.table, set(names)
    values = tuple(
        (STAR,) * len(texts) if name in blind else texts for name, texts in zip(table.names, table.values, strict=True)
    )
    return replace(written, table=structs.replace(table, values=values))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows that were generalised, by person: alike in the raw table, when counted, and in true values.

    counts            (P,) rows
    raw, counted, true  (P,) row of the table as it was read, of the counted one, and of `everyone`
    """

    searched: Searched
    read: FrequencyTable | None
    everyone: FrequencyTable
    counts: Counts
    raw: Counts
    counted: Counts
    true: Counts
    sensitive: tuple[Histogram, ...]

    @classmethod
    def of(cls, done: Deidentified, searched: Searched, *, by_truth: bool) -> _Rows:
        origin, table = done.origin, searched.table
        undrawn = origin.undrawn()
        kept = source_rows(done.before)
        truths = [_coded(undrawn, h.name) for h in table.sensitive]
        everyone = count_groups(undrawn, table.names, [h.name for h in table.sensitive])
        raw = np.zeros(origin.raw.rows, np.int64) if done.as_read is None else row_groups(origin.raw, done.as_read)
        counted = row_groups(done.before, table)
        true = row_groups(undrawn, everyone)[kept] if by_truth else np.zeros(len(kept), np.int64)
        parts = [raw[kept], counted, true]
        person, first, counts = _combined(parts)
        read = done.as_read
        if read is not None:
            known = [t for t in truths if t[0] not in origin.joined]
            read = structs.replace(read, sensitive=tuple(_histogram(*truth, raw) for truth in known))
        sensitive = tuple(_histogram(name, values, codes[kept], person) for name, values, codes in truths)
        of_raw, of_counted, of_true = (part[first] for part in parts)
        return cls(searched, read, everyone, counts, of_raw, of_counted, of_true, sensitive)

    def people(self, known: FrequencyTable) -> FrequencyTable:
        """The people, with the quasi-identifiers of the counted table or with their true ones."""
        of = self.counted if known is self.searched.table else self.true
        return FrequencyTable(known.names, known.values, known.codes[:, of], self.counts, self.sensitive)

    def written(self, written: Written) -> Written:
        """`written`, by person."""
        return replace(written, row=written.row[self.counted], read=AsRead(self.read, self.raw, self.searched.table))


def _coded(raw: RawTable, name: str) -> tuple[str, tuple[str | None, ...], Counts]:
    """A column's distinct values, and (N,) the code of each row."""
    table = count_groups(raw, [name])
    return name, table.values[0], table.codes[0].astype(np.int64)[row_groups(raw, table)]


def _combined(parts: Sequence[Counts]) -> tuple[Counts, Counts, Counts]:
    """(N,) number of each row's combination; for each combination the first row that has it and how many have."""
    key = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        key = np.unique(key * (int(part.max(initial=0)) + 1) + part, return_inverse=True)[1].ravel()
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return key, first.astype(np.int64), counts.astype(np.int64)


def _histogram(name: str, values: tuple[str | None, ...], codes: Counts, group: Counts) -> Histogram:
    cells, counts = np.unique(group * max(len(values), 1) + codes, return_counts=True)
    of, code = np.divmod(cells, max(len(values), 1))
    small: Codes = code.astype(np.int32)
    return Histogram(name, values, of, small, counts.astype(np.int64))
