"""Numbers in half-open intervals.

Everything that decides is computed in decimals, exactly: a double cannot tell large whole numbers apart, nor say 0.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np
from msgspec import Struct

from jalousie.contract import model
from jalousie.errors import Where
from jalousie.tables.built import Built, Level, misfit
from jalousie.tables.labels import decimal_text
from jalousie.tables.types import Counts, Floats

_WIDEST_RANGE = 100_000
_LARGEST_NUMBER = (1 << 63) - 2
"""Of an interval; the two end classes are numbered beside all others."""

_EXACT = Context(prec=2000)
"""More digits than a sum or product of doubles can have."""

_DIGITS = 12
"""Digits of the finest width that count: 1/3 is written 0.333333333333."""


class _Grid(Struct, frozen=True):
    """The definition in decimals, as it was written."""

    widths: tuple[Decimal, ...]
    origin: Decimal
    low: Decimal | None
    high: Decimal | None

    @classmethod
    def of(cls, spec: model.IntervalHierarchy) -> _Grid:
        low, high = (None if end is None else Decimal(repr(end)) for end in (spec.low, spec.high))
        return cls(tuple(Decimal(repr(width)) for width in spec.widths), Decimal(repr(spec.origin)), low, high)

    def edges(self) -> Callable[[int], Decimal]:
        """Lower bound of a finest interval, rounded as its label shows it, so that label and membership cannot disagree."""
        unit = Decimal(1).scaleb(self.widths[0].adjusted() - _DIGITS + 1)
        return cache(lambda number: (self.origin + number * self.widths[0]).quantize(unit))


def build_intervals(column: str, spec: model.IntervalHierarchy, values: Sequence[str], where: Where | None) -> Built:
    """Half-open intervals aligned at `origin`; cut at `low` and `high`, beyond which there is one class each.

    With both `low` and `high` given and whole numbers in the column, the domain is every whole number in between (and
    what was observed besides), so that Loss does not depend on which numbers happened to occur.
    """
    _check_finite(column, values, where)
    texts = list(values)
    if spec.low is not None and spec.high is not None and all(_is_whole(text) for text in texts):
        first, last = int(np.ceil(spec.low)), int(np.ceil(spec.high))
        if last - first <= _WIDEST_RANGE:
            known = set(texts)
            texts += [text for text in map(str, range(first, last)) if text not in known]
    with localcontext(_EXACT):
        exact = [(Decimal(text), text) for text in texts]
        exact.sort()
        numbers, grid = [number for number, _ in exact], _Grid.of(spec)
        finest = _interval_numbers(column, numbers, grid, where)
        levels = [_interval_level(numbers, finest, round(width / grid.widths[0]), grid) for width in grid.widths]
    texts = [text for _, text in exact]
    shown = np.array(texts, dtype=np.float64)
    return Built(texts, levels, "intervals", np.column_stack((shown, shown)))


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0") and text != "-0"


def _check_finite(column: str, values: Sequence[str], where: Where | None) -> None:
    hint = "make them null (`csv: {nulls: [...]}`), drop those rows, or take another hierarchy"
    try:
        numbers: Floats = np.array([float(value) for value in values], dtype=np.float64)
    except ValueError:
        wrong = sum(not _is_number(value) for value in values)
        raise misfit(column, wrong, "are no numbers", hint, where) from None
    infinite = int(np.count_nonzero(~np.isfinite(numbers)))
    if infinite:
        raise misfit(column, infinite, "are no finite numbers", hint, where)


def _is_number(value: str) -> bool:
    try:
        return float(value) == float(value)
    except ValueError:
        return False


def _interval_numbers(column: str, numbers: Sequence[Decimal], grid: _Grid, where: Where | None) -> Counts:
    """Number of the finest interval of each value."""
    width, edge = grid.widths[0], grid.edges()
    found = []
    for value in numbers:
        quotient, rest = divmod(value - grid.origin, width)
        found.append(int(quotient) - (rest < 0))  # Decimal divides towards zero
    large = sum(abs(number) >= _LARGEST_NUMBER for number in found)
    if large:
        raise misfit(column, large, f"are too large for intervals of width {width:f}", "take wider intervals", where)
    placed = [
        number + (value >= edge(number + 1)) - (value < edge(number))
        for number, value in zip(found, numbers, strict=True)
    ]
    return np.array(placed, dtype=np.int64)


def _interval_level(numbers: Sequence[Decimal], finest: Counts, factor: int, grid: _Grid) -> Level:
    """The level of which each interval is `factor` finest ones."""
    if not numbers:
        return Level([], np.zeros(0, dtype=np.int32), np.zeros((0, 2)))
    low, high, edge = grid.low, grid.high, grid.edges()
    below = np.array([low is not None and value < low for value in numbers])
    above = np.array([high is not None and value >= high for value in numbers])
    index = finest // factor
    # the two end classes get numbers outside all others
    index = np.where(below, index.min() - 1, np.where(above, index.max() + 1, index))
    distinct, first, codes = np.unique(index, return_index=True, return_inverse=True)
    labels, bounds = [], np.full((len(distinct), 2), np.nan)
    for place, (number, sample) in enumerate(zip(distinct.tolist(), first.tolist(), strict=True)):
        start, end = edge(number * factor), edge((number + 1) * factor)
        ends: tuple[Decimal | None, Decimal | None]
        if below[sample] or above[sample]:
            ends = (None, low) if below[sample] else (high, None)
        else:
            ends = (start if low is None else max(low, start), end if high is None else min(high, end))
        labels.append(_label(*ends))
        bounds[place] = [np.nan if bound is None else float(bound) for bound in ends]
    return Level(labels, codes.astype(np.int32), bounds)


def _label(start: Decimal | None, end: Decimal | None) -> str:
    if start is None:
        return f"< {decimal_text(end)}" if end is not None else ""
    return f">= {decimal_text(start)}" if end is None else f"[{decimal_text(start)}, {decimal_text(end)})"
