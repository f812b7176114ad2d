"""What is measured beside a release, from rows that never leave the process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw
from msgspec.structs import replace

from jalousie.contract.model import Learning
from jalousie.privacy.card import LearningFacts
from jalousie.privacy.deidentify import Deidentified
from jalousie.tables.native import to_frame
from jalousie.tables.rows import raw_rows, row_groups, source_rows
from jalousie.tables.types import Counts

if TYPE_CHECKING:
    from jalousie.learning.spaces import ColumnSpace
    from jalousie.tables.raw import RawTable


def learning_facts(done: Deidentified, learning: Learning, spaces: Sequence[ColumnSpace]) -> LearningFacts:
    """Learning utility of what would be written, in read order and before any shuffle.

    The raw rows are those that were read. Joined columns and pseudonyms are none of theirs and are left out on both
    sides; where one of them is the target, its true value is what was joined, or the pseudonym of what was read.
    """
    from jalousie.learning import learning_utility
    from jalousie.learning.reshape import rules_of

    origin, released = done.origin, set(done.released.schema)
    absent = origin.joined | origin.pseudonyms
    left_out = sorted((absent & released) - {learning.target})
    names = [name for name in origin.raw.columns if name in released and name not in absent]
    if learning.target in absent:
        names = [name for name in names if name != learning.target]
        raw = _some(origin.undrawn(), [learning.target])
        raw = _beside(_some(origin.raw, names), raw) if names else raw
    else:
        raw = _some(origin.raw, names)
    return learning_utility(
        raw,
        to_frame(replace(done.released, origin={}), "arrow"),  # in the engine's own types, as the raw rows are
        released_rows(done),
        learning,
        spaces,
        left_out=left_out,
        steps=rules_of(done.steps),
    )


def released_rows(done: Deidentified) -> Counts:
    """(M,) for each released row, in read order, its position in the table as it was read."""
    rows = source_rows(done.before)
    if done.released.rows != done.before.rows and done.searched is not None:
        suppressed = done.searched.recoding.suppressed[row_groups(done.before, done.searched.table)]
        rows = rows[~suppressed]
    return rows


def _some(raw: RawTable, names: Sequence[str]) -> nw.DataFrame[Any]:
    return raw_rows(raw.derive(raw.frame.select(*names)))


def _beside(one: nw.DataFrame[Any], other: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    frame: nw.DataFrame[Any] = nw.concat([one, other], how="horizontal")
    return frame
