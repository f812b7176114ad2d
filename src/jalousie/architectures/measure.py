"""What is measured beside a release, from rows that never leave the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jalousie.contract.model import Learning
from jalousie.privacy.card import LearningFacts
from jalousie.privacy.deidentify import Deidentified
from jalousie.tables.native import to_frame
from jalousie.tables.rows import raw_rows, row_groups

if TYPE_CHECKING:
    from jalousie.learning.spaces import ColumnSpace


def learning_facts(done: Deidentified, learning: Learning, spaces: Sequence[ColumnSpace]) -> LearningFacts:
    """Learning utility of what would be written, in read order and before any shuffle."""
    from jalousie.learning import learning_utility

    raw = raw_rows(done.before)
    release = to_frame(replace(done.released, origin={}), "arrow")  # in the engine's own types, as the raw rows are
    rows = np.arange(len(raw), dtype=np.int64)
    if len(release) != len(raw) and done.searched is not None:
        suppressed = done.searched.recoding.suppressed[row_groups(done.before, done.searched.table)]
        rows = np.flatnonzero(~suppressed)
    return learning_utility(raw, release, rows, learning, spaces)
