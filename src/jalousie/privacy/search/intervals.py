"""Labels that Mondrian writes beyond those of a hierarchy: intervals of numbers and small sets of values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import inf, isinf

import numpy as np

from jalousie.privacy.search.labels import Vocabulary, vocabulary
from jalousie.privacy.search.problem import Axis
from jalousie.tables.labels import exact_text, interval_label, parse_label
from jalousie.tables.types import Codes, Counts, Floats

LARGEST_SET = 8
"""Values that a set label names at most."""

STAR = "*"


@dataclass(frozen=True, slots=True, eq=False)
class NumberLine:
    """A column of numbers.

    numbers  (n,) number of each value that occurs, +inf for a null (it stands last)
    domain   sorted numbers of the whole domain
    before   (n,) share of the domain before each value, in the order of the numbers
    """

    numbers: Floats
    domain: Floats
    before: Floats


def number_line(axis: Axis) -> NumberLine | None:
    """The column as numbers, or None where it is to be cut along its hierarchy.

    Numbers are cut freely where every value is a number and no level of the hierarchy joins numbers across others (so its order
    is theirs), and where the contract allows raw values (no lowest level).
    """
    if axis.low > 0 or axis.high != axis.levels - 1:
        return None
    texts = axis.hierarchy.labels[0]
    read = [None if text is None else parse_label(text) for text in texts]
    known = [pair[0] for pair in read if pair is not None and pair[0] == pair[1]]
    if len(known) < 3 or len(known) + sum(text is None for text in texts) != len(texts):
        return None
    every = np.array([np.inf if pair is None else pair[0] for pair in read])
    order = np.argsort(every, kind="stable")
    if len(np.unique(every)) != len(every) or not all(_contiguous(m[order]) for m in axis.hierarchy.maps):
        return None
    numbers = every[axis.leaves]
    domain = np.sort(np.array(known))
    before = np.searchsorted(domain, np.sort(numbers)) / len(texts)
    return NumberLine(numbers, domain, before)


def _contiguous(codes: Codes) -> bool:
    runs = 1 + int((codes[1:] != codes[:-1]).sum())
    return runs == len(np.unique(codes))


def number_words(
    axis: Axis, line: NumberLine, order: Counts, places: Codes, classes: Counts
) -> tuple[Vocabulary, Codes]:
    """(Labels, (C,) label of each class) of a column of numbers; `places` (G,) are in the order of the numbers."""
    count = int(classes.max(initial=-1)) + 1
    inside = classes >= 0
    low = np.full(count, axis.values, np.int64)
    high = np.full(count, -1, np.int64)
    np.minimum.at(low, classes[inside], places[inside])
    np.maximum.at(high, classes[inside], places[inside])
    numbers = line.numbers[order]
    pairs, of_class = np.unique(low * (axis.values + 1) + high, return_inverse=True)
    texts: dict[str | None, int] = {}
    shares: list[float] = []
    label_of = np.empty(len(pairs), np.int32)
    for i, pair in enumerate(pairs.tolist()):
        first, last = divmod(pair, axis.values + 1)
        text, share = _number_label(axis, line, order, numbers, first, last)
        label_of[i] = texts.setdefault(text, len(texts))
        if label_of[i] == len(shares):
            shares.append(share)
    return Vocabulary(tuple(texts), (), np.array(shares)), label_of[of_class.reshape(-1)]


def _number_label(
    axis: Axis, line: NumberLine, order: Counts, numbers: Floats, first: int, last: int
) -> tuple[str | None, float]:
    """Text and share of the domain of the values at places first..last."""
    size = axis.hierarchy.size
    if first == last:
        return axis.hierarchy.labels[0][axis.leaves[order[first]]], 1 / size
    low, high = float(numbers[first]), float(numbers[last])
    if np.isinf(high):  # a null among numbers
        return STAR, 1.0
    after = int(np.searchsorted(line.domain, high, side="right"))
    before = int(np.searchsorted(line.domain, low))
    covered = after - before
    if covered == size:
        return STAR, 1.0
    start = round_between(float(line.domain[before - 1]), low) if before else -inf
    end = round_between(high, float(line.domain[after])) if after < len(line.domain) else inf
    if isinf(start) and isinf(end):  # every number, but a null occurs as well
        start = round_between(low - max(abs(low), 1.0), low)
    return interval_label(start, end, exact_text), covered / size


def round_between(below: float, above: float) -> float:
    """The roundest c with below < c <= above (a multiple of the largest power of ten): where two classes may be told apart.

    An end of an interval that were itself a value of the table would show it, be it of a row that is suppressed.
    """
    low, high = Decimal(repr(below)), Decimal(repr(above))
    power = max(low.adjusted(), high.adjusted()) + 1
    while True:
        step = Decimal(1).scaleb(power)
        multiple = (high / step).to_integral_value(ROUND_FLOOR) * step
        if multiple > low:
            return float(multiple)
        power -= 1


def tree_words(axis: Axis, values: Codes, classes: Counts) -> tuple[Vocabulary, Codes]:
    """(Labels, (C,) label of each class) of a column with a hierarchy: its own labels, or a set where only the last would do."""
    word = vocabulary(axis)
    inside = np.flatnonzero(classes >= 0)
    order = inside[np.argsort(classes[inside], kind="stable")]
    starts = np.flatnonzero(np.diff(classes[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    first = values[order[starts]]
    level = np.full(len(starts), axis.high, np.int32)
    for below in range(axis.high - 1, axis.low - 1, -1):
        general = axis.maps[below]
        same = general[values[order]] == np.repeat(general[first], ends - starts)
        level[np.logical_and.reduceat(same, starts)] = below
    label_of = np.array(word.nodes)[level, first] if len(starts) else np.zeros(0, np.int32)
    texts = dict.fromkeys(word.texts)
    place = {text: i for i, text in enumerate(texts)}
    shares = word.shares.tolist()
    if axis.low == 0 and axis.high == axis.levels - 1:
        for c in np.flatnonzero(level == axis.high).tolist():
            members = np.unique(values[order[starts[c] : ends[c]]]) if ends[c] - starts[c] <= 64 * LARGEST_SET else ()
            text = _set_label(axis, np.asarray(members))
            if text is not None:
                label_of[c] = place.setdefault(text, len(place))
                if label_of[c] == len(shares):
                    shares.append(len(members) / axis.hierarchy.size)
    return Vocabulary(tuple(place), word.nodes, np.array(shares)), label_of.astype(np.int32)


def _set_label(axis: Axis, members: Counts) -> str | None:
    """`{a, b}`, or None where the set is the whole domain, too large, or could not be read back."""
    if not 1 < len(members) <= LARGEST_SET or len(members) >= axis.hierarchy.size:
        return None
    texts = [axis.hierarchy.labels[0][leaf] for leaf in axis.leaves[members].tolist()]
    if any(text is None or text != text.strip() or set(text) & set(",{}") for text in texts):
        return None
    return "{" + ", ".join(str(text) for text in texts) + "}"
