"""Asking about several columns in one partition: fewer partitions mean less noise in each, and interactions come free.

K partitions asked together have K times the noise variance of one. Columns that go together in the population (capital
gain and loss: never both; marital status, relationship and sex) have few more groups together than apart, so asking
about their combinations is better than asking about each. The population's columns alone decide, never a label.

The model keeps an effect of every bin of every column; a combination adds a small one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jalousie.learning.additive import Part, Prior, one_hot
from jalousie.learning.bins import NOT_ASKED
from jalousie.tables.types import Codes

NARROW = 0.3  # of a combination's effect, against a column's
KEPT = 0.3  # of a column's groups, see `kept`
_DOUBT = 0.15  # p (1 - p) of a label of which little is known
_LEAST_NOISE = 1e-6  # of an average group's variance: far below what could change a choice
_ROWS = 4000  # records from which the expected information is worked out


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Columns asked about together. Combinations that are too rare share a group, or are not asked about (-1)."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    known: NDArray[np.int64]
    """Combinations with groups of their own, as one number each, in order."""
    other: int

    @property
    def count(self) -> int:
        return len(self.known) + (self.other >= 0)

    def codes(self, codes: Codes) -> Codes:
        """(n,) groups, from codes (n, columns of the table)."""
        combined = _combined(codes, self.columns, self.widths)
        if not len(self.known):
            return np.full(len(codes), self.other, np.int32)
        at = np.minimum(np.searchsorted(self.known, combined), len(self.known) - 1)
        return np.where(self.known[at] == combined, at, self.other).astype(np.int32)


def _combined(codes: Codes, columns: Sequence[int], widths: Sequence[int]) -> NDArray[np.int64]:
    found = np.zeros(len(codes), np.int64)
    for column, width in zip(columns, widths, strict=True):
        found = found * (width + 1) + codes[:, column] + 1
    return found


def combine(codes: Codes, columns: Sequence[int], counts: Sequence[int], least: int) -> Joint:
    """The partition by all of `columns`."""
    widths = tuple(counts[column] for column in columns)
    combined, sizes = np.unique(_combined(codes, columns, widths), return_counts=True)
    large = sizes >= least
    other = int(large.sum()) if int(sizes[~large].sum()) >= least else NOT_ASKED
    return Joint(tuple(columns), widths, combined[large], other)


def kept(joint: Joint, codes: Codes, counts: Sequence[int]) -> float:
    """The share of a group's records that are in a combination of their own: what nine of ten groups of every column have.

    Groups count alike however large they are, since rare values often tell most.
    """
    groups = joint.codes(codes)
    own = (groups >= 0) & (groups < len(joint.known))
    shares = [1.0]
    for column in joint.columns:
        inside = codes[:, column] >= 0
        all_ = np.bincount(codes[inside, column], minlength=counts[column])
        found = np.bincount(codes[inside & own, column], minlength=counts[column])
        shares.append(float(np.quantile(found / np.maximum(all_, 1), 0.1)))
    return min(shares)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What the choice of partitions needs to know: all of it public.

    codes, counts   (n, columns) of the population, and the groups of each column
    ordered         how many of a column's groups stand in order
    noise           variance of a cell's noise if one partition were asked about
    least           records in a group
    """

    codes: Codes
    counts: tuple[int, ...]
    ordered: tuple[int, ...]
    noise: float
    least: int

    def information(self, joints: Sequence[Joint]) -> float:
        """Nats that the answers are expected to tell about the effects: Bayesian D-optimality (Chaloner & Verdinelli 1995).

        I = 1/2 log det(1 + K J'S^-1 J), with S and J as in `additive`, and the same doubt about every label.
        """
        asked = np.stack([joint.codes(self.codes) for joint in joints], axis=1)
        parts = model_parts(self.counts, self.ordered, joints)
        own = [at for at, joint in enumerate(joints) if len(joint.columns) > 1]
        rows = one_hot(np.concatenate([self.codes, asked[:, own]], axis=1), parts).matrix
        groups = one_hot(asked, tuple(Part(joint.count) for joint in joints)).matrix[:, :-1]
        scatter = np.asarray((groups.T @ groups).toarray()) * _DOUBT
        # partitions of the same records depend on each other: without any noise this could not be solved
        least = _LEAST_NOISE * float(scatter.diagonal().mean())
        scatter[np.diag_indices_from(scatter)] += max(self.noise * len(joints), least)
        effect = np.asarray((groups.T @ rows).toarray()) * _DOUBT
        white = np.linalg.solve(np.linalg.cholesky(scatter), effect)
        precision, logdet = Prior().precision(parts)
        return float(np.log(np.diag(np.linalg.cholesky(precision + white.T @ white))).sum() - logdet / 2)


def model_parts(counts: Sequence[int], ordered: Sequence[int], joints: Sequence[Joint]) -> tuple[Part, ...]:
    """Parts of the model: every column, then every combination with its own, narrower, effects."""
    own = [Part(count, order) for count, order in zip(counts, ordered, strict=True)]
    return (*own, *(Part(joint.count, width=NARROW) for joint in joints if len(joint.columns) > 1))


def best_partitions(design: Design, most_groups: int) -> list[Joint]:
    """Combine columns greedily while that raises the expected information.

    Pairs are judged as they are first met, by what they add to the partitions of that moment.
    """
    small = _thinned(design)
    joints = [combine(design.codes, [column], design.counts, design.least) for column in range(len(design.counts))]
    gains: dict[tuple[int, ...], tuple[float, Joint | None]] = {}
    now = small.information(joints)
    while len(joints) > 1:
        best: tuple[float, int, int, Joint] | None = None
        for i, one in enumerate(joints):
            for j in range(i + 1, len(joints)):
                columns = (*one.columns, *joints[j].columns)
                if columns not in gains:
                    gains[columns] = _gain(design, small, joints, i, j, now, most_groups)
                gain, joint = gains[columns]
                if joint is not None and (best is None or gain > best[0]):
                    best = gain, i, j, joint
        if best is None or best[0] <= 0:
            break
        _, i, j, joint = best
        joints = [one for at, one in enumerate(joints) if at not in (i, j)] + [joint]
        then = small.information(joints)
        if then < now:
            break
        now = then
    return joints


def _gain(
    design: Design, small: Design, joints: list[Joint], i: int, j: int, now: float, most_groups: int
) -> tuple[float, Joint | None]:
    columns = (*joints[i].columns, *joints[j].columns)
    if np.prod([design.counts[column] + 1.0 for column in columns]) > 2**62:
        return 0.0, None
    joint = combine(design.codes, columns, design.counts, design.least)
    if joint.count > most_groups or kept(joint, design.codes, design.counts) < KEPT:
        return 0.0, None
    others = [one for at, one in enumerate(joints) if at not in (i, j)]
    return small.information([*others, joint]) - now, joint


def _thinned(design: Design) -> Design:
    """The design on every s-th record, with noise to match: the same ratio of noise to records in a group."""
    step = max(1, len(design.codes) // _ROWS)
    return replace(design, codes=design.codes[::step], noise=design.noise / step)
