"""From a partition and a label to noisy cells, and from noisy cells to an answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.validator.budget import ZERO, Account, Rho
from jalousie.validator.canonical import CanonicalPartition
from jalousie.validator.match import Aligned
from jalousie.validator.noise import Noise
from jalousie.validator.sensitivity import grid, noised_classes
from jalousie.validator.store import Stored
from jalousie.validator.sums import class_counts, step_sums
from jalousie.validator.types import Answer, Partition, Question


def exact_cells(
    partition: Partition, form: CanonicalPartition, aligned: Aligned, label: Label, feedback: Feedback
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """(G, noised cells) and (G,) records that count, exact, groups in canonical order. They never leave without noise."""
    back = np.argsort(form.rank)
    if label.kind == "number":
        sums, records = step_sums(partition.groups, partition.count, aligned, partition.statistic)
        return sums[back, None], records[back]
    counts = class_counts(partition.groups, partition.count, aligned, len(label.classes))[back]
    return counts[:, len(label.classes) - noised_classes(label, feedback.neighbours) :], counts.sum(axis=1)


def draw(
    exact: Sequence[
        tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]
    ],
    noises: Sequence[Noise],
    *,
    public_totals: bool,
) -> list[Stored]:
    """Noise all partitions of a question; those that have the same noise, as all of a plain one have, in one call."""
    width = exact[0][0].shape[1]
    parts: dict[int, NDArray[np.int64]] = {}
    for noise in dict.fromkeys(noises):
        same = [k for k, one in enumerate(noises) if one == noise]
        noisy = noise.add(np.concatenate([exact[k][0] for k in same]))
        ends = np.cumsum([len(exact[k][0]) for k in same])[:-1]
        parts.update(zip(same, np.split(noisy.reshape(-1, width), ends), strict=True))
    return [Stored(parts[k], totals if public_totals else None, noises[k]) for k, (_, totals) in enumerate(exact)]


def assemble(
    question: Question,
    digest: str,
    forms: Sequence[CanonicalPartition],
    stored: Sequence[Stored],
    *,
    label: Label,
    feedback: Feedback,
    account: Account,
    spent: Rho,
    left: Rho,
) -> Answer:
    """Put stored cells into the question's numbering of groups.

    `variance` and `scale` are those of the noisiest partition; where stored answers differ in noise, `extra` has
    `variance/k` for every partition k.
    """
    two = feedback.neighbours == "change-label" and label.kind == "classes" and len(label.classes) == 2
    counts, totals = [], []
    for form, part in zip(forms, stored, strict=True):
        cells = part.cells[form.rank]
        if part.totals is not None:
            exact = part.totals[form.rank]
            totals.append(exact)
            cells = np.stack([exact - cells[:, 0], cells[:, 0]], axis=1) if two else cells
        counts.append(cells)
    noisiest = max((part.noise for part in stored), key=lambda noise: noise.variance)
    mixed = any(part.noise != noisiest for part in stored)
    number = grid(label, feedback.neighbours) if label.kind == "number" else None
    return Answer(
        question=digest,
        label=question.label,
        classes=label.classes if number is None else (),
        counts=tuple(counts),
        totals=tuple(totals),
        variance=noisiest.variance,
        noise=noisiest.kind,
        scale=noisiest.scale,
        neighbours=feedback.neighbours,
        rho_spent=spent.value,
        rho_left=left.value,
        epsilon_spent=account.shown(spent, up=True),
        epsilon_left=account.shown(left, up=False),
        delta=account.delta if account.noise == "gaussian" else 0.0,
        replayed=spent == ZERO,
        unit=1.0 if number is None else float(number.unit),
        origin=0.0 if number is None else float(number.origin),
        extra={f"variance/{k}": part.noise.variance for k, part in enumerate(stored)} if mixed else {},
    )


def variances(answer: Answer) -> tuple[float, ...]:
    """The variance of the noise of every partition's cells."""
    return tuple(answer.extra.get(f"variance/{k}", answer.variance) for k in range(len(answer.counts)))
