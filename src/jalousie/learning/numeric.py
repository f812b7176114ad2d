"""A number, date or ordered column: intervals, sets and `*` as mean, low and high, or as a drawn number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jalousie.learning.covers import Cover, Index, draw, published, release_weights, stratified
from jalousie.learning.frames import as_number
from jalousie.learning.labels import codes_inside, interval_of, members_of
from jalousie.learning.spaces import STAR, ColumnSpace
from jalousie.tables.types import Counts, Floats

ATOMS = 2048
"""At most so many atoms a column: beyond, neighbouring end points are merged."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What L distinct cells say.

    [low, high) or, where `exact` is a number, that number; `sets`: codes of domain values; `points`: several numbers,
    where the space has no domain; `star`: all of it
    """

    exact: Floats
    low: Floats
    high: Floats
    sets: dict[int, Index]
    points: dict[int, Floats]
    star: Index


@dataclass(slots=True, eq=False)
class NumberColumn:
    """Learns the atoms and their weights from a release's cells; afterwards reads any cell in the same space."""

    space: ColumnSpace
    low: Floats = field(default_factory=lambda: np.empty(0))
    high: Floats = field(default_factory=lambda: np.empty(0))
    weights: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def domain(self) -> Floats:
        """(n,) the number of each domain value; empty where the space has none."""
        if self.space.kind == "ordered":
            return np.arange(len(self.space.values), dtype=np.float64)
        return np.array([as_number(text, self.space.kind) for text in self.space.values], np.float64)

    def read(self, texts: list[str | None]) -> Reading:
        """Understand distinct cells; what cannot be understood stands for nothing (all NaN)."""
        size = len(texts)
        exact, low, high = (np.full(size, np.nan) for _ in range(3))
        sets: dict[int, Index] = {}
        points: dict[int, Floats] = {}
        star = []
        covers = dict(zip(self.space.labels, self.space.covers, strict=False))
        bounds = dict(zip(self.space.labels, self.space.bounds, strict=False))
        place = {text: code for code, text in enumerate(self.space.values)}
        ordered = self.space.kind == "ordered"
        for i, text in enumerate(texts):
            if text == STAR:
                star.append(i)
            elif text in covers:
                sets[i] = np.array(covers[text], np.int64)
            elif text in bounds:
                start, end = bounds[text]
                low[i], high[i] = -np.inf if start is None else start, np.inf if end is None else end
            elif ordered and text in place:
                exact[i] = place[text]
            elif not ordered and (found := interval_of(text, self.space.kind)) is not None:
                low[i], high[i] = found
                if found[0] == found[1]:
                    exact[i], low[i], high[i] = found[0], np.nan, np.nan
            elif not ordered and not np.isnan(number := as_number(text, self.space.kind)):
                exact[i] = number
            elif (members := members_of(text)) is not None:
                self._read_set(i, members, place, sets, points)
            elif ordered and (codes := codes_inside(text, self.space.values)):
                sets[i] = np.array(codes, np.int64)
        return Reading(exact, low, high, sets, points, np.array(star, np.int64))

    def _read_set(
        self,
        i: int,
        members: tuple[str, ...],
        place: dict[str | None, int],
        sets: dict[int, Index],
        points: dict[int, Floats],
    ) -> None:
        if all(part in place for part in members):
            sets[i] = np.array([place[part] for part in members], np.int64)
        elif not place:
            numbers = np.array([as_number(part, self.space.kind) for part in members], np.float64)
            if np.isfinite(numbers).all():
                points[i] = numbers

    def fit(
        self, texts: list[str | None], counts: Counts, *, estimate: bool, given: Mapping[str, float] | None = None
    ) -> NumberColumn:
        """Fix the atoms and their weights: `given` by value, or estimated from the release, or by their width."""
        reading = self.read(texts)
        domain = self.domain
        if len(domain):
            self.low = self.high = np.where(np.isfinite(domain), domain, np.nan)
            prior = np.isfinite(domain).astype(np.float64)
        else:
            self.low, self.high = _atoms(reading, self.space.whole)
            prior = np.maximum(self.high - self.low, 1e-12) if len(self.low) else np.empty(0)
            if self.space.whole and len(self.low) and np.all(self.high == self.low):
                prior = np.ones(len(self.low))
        if given and len(domain):
            prior = published(self.space.values, given) * np.isfinite(domain)
        prior = prior / prior.sum() if prior.sum() > 0 else prior
        self.weights = release_weights(self.cover(reading), counts, prior) if estimate and len(prior) else prior
        return self

    def cover(self, reading: Reading) -> Cover:
        """The atoms under each cell."""
        size = len(self.low)
        every = np.flatnonzero(np.isfinite(self.low))
        nothing = np.empty(0, np.int64)
        domain = len(self.space.values) > 0
        order = every[np.argsort(self.low[every], kind="stable")]
        starts, ends = self.low[order], self.high[order]
        inside: list[Index] = []
        starred = set(reading.star.tolist())
        for i in range(len(reading.exact)):
            if i in starred:
                inside.append(every)
            elif i in reading.sets:
                codes = reading.sets[i]
                codes = codes[np.isfinite(self.low[codes])] if domain else nothing
                inside.append(codes)
            elif i in reading.points or np.isfinite(reading.exact[i]):
                x = reading.points.get(i, reading.exact[i : i + 1])
                at = np.searchsorted(starts, x, side="right") - 1
                hit = (at >= 0) & ((x == starts[at]) | (x < ends[at])) if len(starts) else np.zeros(len(x), bool)
                inside.append(np.unique(order[at[hit]]))
            elif not np.isnan(reading.low[i]):
                first = np.searchsorted(ends, reading.low[i], side="left")
                while first < len(ends) and ends[first] == reading.low[i] and starts[first] < ends[first]:
                    first += 1  # an atom that ends where the cell begins lies outside it
                last = np.searchsorted(starts, reading.high[i], side="left")
                inside.append(order[first:last])
            else:
                inside.append(nothing)
        return Cover.of(inside, size)

    def features(self, texts: list[str | None]) -> Floats:
        """(L, 3) expected, lowest and highest number of each cell; NaN where nothing is known."""
        reading = self.read(texts)
        cover = self.cover(reading)
        middle = self._middle()
        result = np.full((len(texts), 3), np.nan)
        filled = np.flatnonzero(cover.lengths > 0)
        if len(filled):
            result[:, 0] = np.where(
                cover.lengths > 0, cover.sums(cover.shares(self.weights) * middle[cover.atoms]), np.nan
            )
            result[filled, 1] = np.minimum.reduceat(self.low[cover.atoms], cover.start[filled])
            result[filled, 2] = np.maximum.reduceat(self.high[cover.atoms], cover.start[filled])
        result[:, 1] = np.where(np.isfinite(reading.low), reading.low, result[:, 1])
        result[:, 2] = np.where(
            np.isfinite(reading.high), reading.high - (1.0 if self.space.whole else 0.0), result[:, 2]
        )
        with np.errstate(invalid="ignore"):
            result[:, 0] = np.where(np.isnan(result[:, 0]), (result[:, 1] + result[:, 2]) / 2, result[:, 0])
            result[:, 0] = np.clip(result[:, 0], result[:, 1], result[:, 2])
        for i, several in reading.points.items():
            result[i] = several.mean(), several.min(), several.max()
        known = np.isfinite(reading.exact)
        result[known] = reading.exact[known, None]
        return result

    def drawn(self, texts: list[str | None], cells: Index, rng: np.random.Generator) -> Floats:
        """(n,) a number for each row's cell, never outside the cell; NaN where nothing is known."""
        reading = self.read(texts)
        cover = self.cover(reading)
        atom = draw(cover, self.weights, cells, rng)
        here = atom >= 0
        number = np.full(len(cells), np.nan)
        low, high = self.low[atom[here]], self.high[atom[here]]
        lower = np.where(np.isfinite(reading.low[cells[here]]), reading.low[cells[here]], -np.inf)
        upper = np.where(np.isfinite(reading.high[cells[here]]), reading.high[cells[here]], np.inf)
        low, high = np.maximum(low, lower), np.minimum(high, upper)
        value = low + rng.random(len(low)) * np.maximum(high - low, 0.0)
        number[here] = np.maximum(np.floor(value), np.ceil(low)) if self.space.whole else value
        for i, several in reading.points.items():
            mine = cells == i
            number[mine] = several[(stratified(cells[mine], rng) * len(several)).astype(np.int64)]
        exact = reading.exact[cells]
        return np.where(np.isfinite(exact), exact, number)

    def _middle(self) -> Floats:
        middle = (self.low + self.high) / 2
        if self.space.whole and len(middle):
            middle = np.where(self.high > self.low, (self.low + self.high - 1) / 2, middle)
        return np.where(np.isfinite(middle), middle, 0.0)


def _atoms(reading: Reading, whole: bool) -> tuple[Floats, Floats]:
    """Atoms of a number known by bounds: each whole number where they are few, else the gaps between end points."""
    exact = np.concatenate((reading.exact[np.isfinite(reading.exact)], *reading.points.values()))
    ends = np.concatenate((reading.low, reading.high))
    ends = ends[np.isfinite(ends)]
    known = np.concatenate((exact, ends))
    if not len(known):
        return np.empty(0), np.empty(0)
    bottom, top = float(known.min()), float(max(exact.max() + 1 if len(exact) else -np.inf, ends.max(initial=-np.inf)))
    widths = reading.high - reading.low
    widths = widths[np.isfinite(widths)]
    usual = float(np.median(widths)) if len(widths) else max(top - bottom, 1.0)
    # an open end is given the usual width: there is nothing better to go by
    if np.isneginf(reading.low).any() and bottom >= np.nanmin(np.where(np.isneginf(reading.low), reading.high, np.inf)):
        bottom -= usual
    if np.isposinf(reading.high).any() and top <= np.nanmax(np.where(np.isposinf(reading.high), reading.low, -np.inf)):
        top += usual
    if whole and top - bottom <= ATOMS:
        points: Floats = np.arange(np.floor(bottom), np.ceil(top), dtype=np.float64)
        return points, points.copy()
    marks = np.unique(np.concatenate((ends[(ends > bottom) & (ends < top)], [bottom, max(top, bottom + 1e-9)])))
    if len(marks) > ATOMS:
        marks = np.unique(np.quantile(marks, np.linspace(0, 1, ATOMS)))
    return marks[:-1], marks[1:]
