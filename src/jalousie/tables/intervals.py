"""Numbers in half-open intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from jalousie.contract import model
from jalousie.errors import Where
from jalousie.tables.built import Built, Level, misfit
from jalousie.tables.labels import interval_label, number_text
from jalousie.tables.types import Counts, Floats

_WIDEST_RANGE = 100_000
_LARGEST_NUMBER = 1 << 53  # of an interval: beyond it neighbours cannot be told apart


def build_intervals(column: str, spec: model.IntervalHierarchy, values: Sequence[str], where: Where | None) -> Built:
    """Half-open intervals aligned at `origin`; cut at `low` and `high`, beyond which there is one class each.

    With both `low` and `high` given and whole numbers in the column, the domain is every whole number in between (and
    what was observed besides), so that Loss does not depend on which numbers happened to occur.
    """
    numbers = _numbers(column, values, where)
    texts = list(values)
    if spec.low is not None and spec.high is not None and all(_is_whole(text) for text in texts):
        first, last = int(np.ceil(spec.low)), int(np.ceil(spec.high))
        if last - first <= _WIDEST_RANGE:
            known = set(texts)
            texts += [text for text in map(str, range(first, last)) if text not in known]
            numbers = np.array([float(text) for text in texts])
    order = np.argsort(numbers, kind="stable")
    numbers, texts = numbers[order], [texts[place] for place in order]
    finest = _interval_numbers(column, numbers, spec, where)
    levels = [_interval_level(numbers, finest // round(width / spec.widths[0]), width, spec) for width in spec.widths]
    return Built(texts, levels, "intervals", np.column_stack((numbers, numbers)))


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0") and text != "-0"


def _numbers(column: str, values: Sequence[str], where: Where | None) -> Floats:
    hint = "make them null (`csv: {nulls: [...]}`), drop those rows, or take another hierarchy"
    try:
        numbers: Floats = np.array([float(value) for value in values], dtype=np.float64)
    except ValueError:
        wrong = sum(not _is_number(value) for value in values)
        raise misfit(column, wrong, "are no numbers", hint, where) from None
    infinite = int(np.count_nonzero(~np.isfinite(numbers)))
    if infinite:
        raise misfit(column, infinite, "are no finite numbers", hint, where)
    return numbers


def _is_number(value: str) -> bool:
    try:
        return float(value) == float(value)
    except ValueError:
        return False


def _edge(index: float, width: float, spec: model.IntervalHierarchy) -> float:
    """Lower bound of an interval, rounded as its label shows it, so that label and membership cannot disagree."""
    return float(number_text(spec.origin + index * width))


def _interval_numbers(column: str, numbers: Floats, spec: model.IntervalHierarchy, where: Where | None) -> Counts:
    """Number of the finest interval of each value, exact at the bounds in spite of binary fractions (0.3 / 0.1)."""
    width = spec.widths[0]
    with np.errstate(over="ignore"):
        quotient = np.floor((numbers - spec.origin) / width)
    large = int(np.count_nonzero(np.abs(quotient) >= _LARGEST_NUMBER))
    if large:
        raise misfit(column, large, f"are too large for intervals of width {width:g}", "take wider intervals", where)
    index: Counts = quotient.astype(np.int64)
    distinct, places = np.unique(index, return_inverse=True)
    lows = np.array([_edge(number, width, spec) for number in distinct])[places]
    highs = np.array([_edge(number + 1, width, spec) for number in distinct])[places]
    index += (numbers >= highs).astype(np.int64)
    index -= (numbers < lows).astype(np.int64)
    return index


def _interval_level(numbers: Floats, index: Counts, width: float, spec: model.IntervalHierarchy) -> Level:
    if not len(numbers):
        return Level([], np.zeros(0, dtype=np.int32), np.zeros((0, 2)))
    low, high = (-inf if spec.low is None else spec.low), (inf if spec.high is None else spec.high)
    # the two end classes get numbers outside all others
    index = np.where(numbers < low, index.min() - 1, np.where(numbers >= high, index.max() + 1, index))
    distinct, codes = np.unique(index, return_inverse=True)
    bounds = np.empty((len(distinct), 2))
    below, above = (numbers[0] < low), (numbers[-1] >= high)
    for place, number in enumerate(distinct):
        bounds[place] = max(low, _edge(number, width, spec)), min(high, _edge(number + 1, width, spec))
    if below:
        bounds[0] = -inf, low
    if above:
        bounds[-1] = high, inf
    labels = [interval_label(start, end) for start, end in bounds.tolist()]
    bounds[~np.isfinite(bounds)] = np.nan
    return Level(labels, codes.astype(np.int32), bounds)
