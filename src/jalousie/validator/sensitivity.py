"""By how much one unit of protection can move the exact counts. The one place where this is derived.

A unit is a record (all rows of one identifier, of which the first counts), or a subject with at most m records that count.
No identifier is shared by two subjects (`rows`), so that rows of others neither enter nor leave with a unit. Two databases are
neighbours when one unit

- **add-or-remove**: is in one of them and not in the other;
- **change-label**: has another label, of those that the contract declares. Which records there are, and which have a label
  at all, is the same in both and public.

What is noised, per partition (a record lies in at most one group of it):

============================  ==============================================  =============  =========
relation and label            cells that are noised                           L1             L2 squared
============================  ==============================================  =============  =========
add-or-remove, C classes      C counts per group: one cell changes by 1       1              1
change-label, 2 classes       the second class; the first is total - second   1              1
change-label, C >= 3 classes  C counts: one cell falls by 1, one rises by 1   2              2
add-or-remove, a number       the sum of y / unit, y in [low, high]           max|y| / unit  (max|y| / unit)^2
change-label, a number        the sum of (y - low) / unit                     w / unit       (w / unit)^2, w = high - low
a statistic of a number       the sum of f(s), f below                        w              w^2, w = max f - min(f, 0)
============================  ==============================================  =============  =========

A statistic f of a number is, of its steps s in [least, most], the record's centre c there and a clip W (all whole numbers):

- *records*: f = 1, so w = 1; under change-label it is public, and not asked for;
- *signed*: f = s - c, cut to [-W, W]. It rises with s, from -a to b, where a = min(W, c - least) and b = min(W, most - c):
  w = a + b. It is noised for that under add-or-remove as well: max|f| = max(a, b) would hide who is there, but another
  label (one record less, one more) would move the sum by up to twice as much, and labels would be hidden half as well;
- *absolute*: f = |s - c|, cut to W. It is 0 at s = c, which is possible, and largest at an end: w = max(a, b);
- *square*: the square of that, from 0 to max(a, b)^2.

Centres are public and do not change with the label, so the largest over the records asked about is taken, exactly.

With K partitions the changes stand side by side in different cells: L1 times K, L2 squared times K. Where partitions differ in
sensitivity, each is noised as if all K had its own. For Gaussian noise d_k^2 K / 2 sigma_k^2 <= rho, so that each costs at most
rho / K and all together rho, since the noise is independent from cell to cell (Bun & Steinke 2016, lemma 2.3: zCDP adds up); for
Laplace noise d_k K / b_k <= epsilon, and each costs at most epsilon / K. Of K equal partitions this is the same as before.

With m records of one subject the worst case is that all of them lie in the same cell: L1 times m, L2 squared times m^2.

Where labels are sealed by p providers and the contract does not say that they have no record in common, a unit may be at all of
them and counts there p times, in the same cell at worst: L1 times p, L2 squared times p^2.

A budget per record also bounds a subject: a question at rho_q that asks about j of its m records costs the subject
(j/m)^2 rho_q <= (j/m) rho_q, and the sum of rho_q over the questions that ask about a record is at most the reservation R;
so the subject spends at most (1/m) (m R) = R. (For pure epsilon: j/m epsilon_q, summed in the same way.) This needs the m
records that count to be the same for every question, also when the table has changed in between: they are remembered for the
life of the contract (`rows`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, isqrt, nextafter, sqrt

import numpy as np

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.types import Neighbours, Partition

_LARGEST_STEP = 2**31
_MOST_CLASSES = 2**15 - 1  # class numbers are 16 bits


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Of one partition, for one unit of protection; whole numbers, so that nothing is lost to rounding."""

    l1: int
    l2_squared: int

    def of_partitions(self, count: int) -> Sensitivity:
        """Of `count` partitions asked together."""
        return Sensitivity(self.l1 * count, self.l2_squared * count)

    @property
    def l2(self) -> float:
        """Rounded up."""
        whole = isqrt(self.l2_squared)
        root = float(whole) if whole * whole == self.l2_squared else nextafter(sqrt(self.l2_squared), inf)
        while Fraction(root) ** 2 < self.l2_squared:  # beyond 2^53 a float is rounded before the root is
            root = nextafter(root, inf)
        return root


@dataclass(frozen=True, slots=True)
class Grid:
    """How a number becomes a whole number of steps: clip to [low, high], subtract the origin, divide by the unit, round."""

    low: float
    high: float
    origin: float
    unit: float

    @property
    def least(self) -> int:
        return self._step(self.low)

    @property
    def most(self) -> int:
        return self._step(self.high)

    def _step(self, value: float) -> int:
        return round((value - self.origin) / self.unit)


def grid(label: Label, neighbours: Neighbours) -> Grid:
    """Of a label that is a number. Where counts are public the origin is `low`, which makes the sensitivity least.

    Raises
    ------
    ValidatorError
        V212: no bounds, or more than 2^31 units between them
    """
    if label.low is None or label.high is None or not label.low < label.high:
        raise ValidatorError(
            "V212", f'label of column "{label.column}" is a number without bounds', hint="give `low` < `high`"
        )
    made = Grid(label.low, label.high, label.low if neighbours == "change-label" else 0.0, label.unit)
    if not max(abs(label.low), abs(label.high)) / label.unit < _LARGEST_STEP or made.most == made.least:
        raise ValidatorError(
            "V212",
            f'label of column "{label.column}": its unit is too small or too large for its bounds',
            hint="choose a `unit` of about a hundredth of the range",
        )
    return made


def noised_classes(label: Label, neighbours: Neighbours) -> int:
    """Columns of cells that are noised per group: all classes, the second of two where totals are public, one sum."""
    if label.kind == "number":
        return 1
    if len(set(label.classes)) < max(2, len(label.classes)):
        raise ValidatorError(
            "V212",
            f'label of column "{label.column}" has fewer than two classes, or one twice',
            hint="name each of its `classes` once",
        )
    if len(label.classes) > _MOST_CLASSES:
        raise ValidatorError("V212", f'label of column "{label.column}" has more than {_MOST_CLASSES} classes')
    return 1 if neighbours == "change-label" and len(label.classes) == 2 else len(label.classes)


def sensitivity(label: Label, feedback: Feedback, partition: Partition | None = None) -> Sensitivity:
    """Of one partition under this contract, by the table above; of a `partition` with a statistic, of that."""
    if partition is not None and partition.statistic is not None:
        reach = _reach(partition, grid(label, feedback.neighbours))
        record = Sensitivity(reach, reach * reach)
    elif label.kind == "number":
        steps = grid(label, feedback.neighbours)
        # rounding keeps order, so every record's step lies between the steps of the bounds
        width = steps.most - steps.least
        reach = width if feedback.neighbours == "change-label" else max(abs(steps.least), abs(steps.most))
        record = Sensitivity(reach, reach * reach)
    elif feedback.neighbours == "change-label" and noised_classes(label, feedback.neighbours) > 1:
        record = Sensitivity(2, 2)
    else:
        noised_classes(label, feedback.neighbours)  # refuses a label without classes
        record = Sensitivity(1, 1)
    most = feedback.copies() * (feedback.records_per_subject if feedback.unit == "subject" else 1)
    return Sensitivity(record.l1 * most, record.l2_squared * most * most)


def _reach(partition: Partition, steps: Grid) -> int:
    """By how much one record moves the sum of a statistic, at most."""
    statistic = partition.statistic
    assert statistic is not None
    if statistic.centres is None:
        return 1
    centres = statistic.centres[partition.groups >= 0].astype(np.int64)
    below = np.minimum(statistic.within, centres - steps.least)
    above = np.minimum(statistic.within, steps.most - centres)
    if statistic.of == "signed":
        return int((below + above).max())
    largest = int(np.maximum(below, above).max())
    return largest * largest if statistic.of == "square" else largest
