"""Keep a random part of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jalousie.contract.model import Sample
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.randomness import random_words
from jalousie.tables.raw import RawTable
from jalousie.tables.types import Mask

if TYPE_CHECKING:
    import pyarrow as pa


def sample(raw: RawTable, step: Sample) -> tuple[RawTable, StepFacts]:
    """Keep each row with probability `fraction` by its own draw of the operating system's randomness; no seed exists."""

    def change(batch: pa.RecordBatch) -> Change:
        return Change(keep=draws(batch.num_rows, step.fraction))

    done = rewrite(raw, change, "sample")
    return done, StepFacts(
        step="sample",
        columns=(),
        sentence=f"Kept {done.rows:,} of {raw.rows:,} rows, each by its own draw with probability {step.fraction:g}.",
        rows_before=raw.rows,
        rows_after=done.rows,
        facts={"rows-dropped": raw.rows - done.rows, "fraction": step.fraction},
        caveat="Sampling makes an attacker unsure whether a person is in the table; it changes nothing about those who are.",
    )


def draws(rows: int, fraction: float) -> Mask:
    """(rows,) True with probability `fraction`, to within 2^-64."""
    if fraction >= 1:
        return np.ones(rows, bool)
    return random_words(rows) < np.uint64(int(fraction * 2**64))
