"""Keep a random part of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

    drawn: list[tuple[int, NDArray[np.uint8]]] = []

    def change(batch: pa.RecordBatch) -> Change:
        keep = draws(batch.num_rows, step.fraction)
        drawn.append((len(keep), np.packbits(keep)))
        return Change(keep=keep)

    done = rewrite(raw, change, "sample")
    if done.rows < raw.rows:
        done = raw.derive(done.frame, rows=done.rows, kept=lambda: _kept(drawn))
    return done, StepFacts(
        step="sample",
        columns=(),
        sentence=f"Kept {done.rows:,} of {raw.rows:,} rows, each by its own draw with probability {step.fraction:g}.",
        rows_before=raw.rows,
        rows_after=done.rows,
        facts={"rows-dropped": raw.rows - done.rows, "fraction": step.fraction},
        caveat="Sampling makes an attacker unsure whether a person is in the table; it changes nothing about those who are.",
    )


def _kept(drawn: Sequence[tuple[int, NDArray[np.uint8]]]) -> Mask:
    """The draws of all batches, a bit a row: they stay in the process, for measuring."""
    return np.concatenate([np.unpackbits(bits, count=rows).astype(bool) for rows, bits in drawn])


def draws(rows: int, fraction: float) -> Mask:
    """(rows,) True with probability `fraction`, to within 2^-64."""
    if fraction >= 1:
        return np.ones(rows, bool)
    return random_words(rows) < np.uint64(int(fraction * 2**64))
