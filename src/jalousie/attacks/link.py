"""Linkability: can someone who holds two halves of people's attributes in two places join them with the release?

One half of the quasi-identifiers stands in one data set, the other half in another, and nothing joins them. For each
person the adversary takes the likeliest released row that the first half fits and bets on one of the people whose second
half fits that row's other cells (Article 29 Working Party 2014; after Giomi et al. 2023). At least k people fit a row of a
k-anonymous release, so the bet is right with a chance of at most 1 / k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.attacks.matching import Matcher, Written
from jalousie.attacks.measure import interval, judge, people_to_attack, percent, reidentification_promise
from jalousie.contract import model
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.card import AttackFacts
from jalousie.tables.types import Counts, Floats, FrequencyTable, Mask


def link_halves(
    raw: FrequencyTable,
    written: Written,
    spaces: Sequence[ColumnSpace],
    models: Sequence[model.Model],
    *,
    first: Sequence[str] = (),
    seed: int = 0,
) -> AttackFacts:
    """Join two halves of the quasi-identifiers for every released person.

    `first` names the columns of the first half; empty: every other one. Chances are worked out person by person, of
    which the mean is reported. Raises UsageError U151 where a half would be empty.
    """
    names = tuple(first) or raw.names[::2]
    halves = (names, tuple(name for name in raw.names if name not in names))
    if not all(halves) or not set(names) <= set(raw.names):
        raise UsageError("U151", "linking needs two halves of the quasi-identifiers, each with a column", effect="")
    rng = np.random.default_rng(seed)
    people = people_to_attack(raw, written.table.groups, rng)
    released = people[written.row[people] >= 0]
    counts = raw.counts[released]
    records = int(counts.sum())
    chance = _chances(raw, written.table, spaces, halves, people)[written.row[people] >= 0]
    success = float(counts @ chance) / records if records else 0.0
    raw_success = _raw_success(raw, written, halves, released)
    highest = float(chance.max(initial=0.0))
    # the promise is about the values that were generalised: noise may leave fewer than k people who fit a row
    bound = None if written.loose else reidentification_promise(models).each
    stranger = 1.0 / raw.rows if raw.rows else 0.0
    return AttackFacts(
        attack="linkability",
        records=records,
        raw_success=raw_success,
        release_success=success,
        interval=interval(round(success * records), records),
        bound=bound,
        stranger=stranger,
        verdict=judge(bound, broken=bound is not None and highest > bound * (1 + 1e-9)),
        sentence=(
            f"Whoever knows people's {_listed(halves[0])} from one place and {_listed(halves[1])} from another joins "
            f"{percent(success)} of the released records by the release, {_raw(raw_success)}."
        ),
    )


def _chances(
    raw: FrequencyTable,
    table: FrequencyTable,
    spaces: Sequence[ColumnSpace],
    halves: tuple[tuple[str, ...], tuple[str, ...]],
    people: Counts,
) -> Floats:
    """(P,) chance that the bet on each of `people` is right."""
    (left, left_of), (right, right_of) = (_half(raw, half) for half in halves)
    chosen = _likeliest(left, table, spaces, halves[0])[left_of[people]]
    crowd, fits = _crowd(right, table, spaces, halves[1], np.unique(chosen[chosen >= 0]))
    own = fits(right_of[people], chosen)
    return np.where(own, 1.0 / np.maximum(crowd[np.maximum(chosen, 0)], 1.0), 0.0)


def _half(table: FrequencyTable, names: Sequence[str]) -> tuple[FrequencyTable, Counts]:
    """The table of some of the columns, and for each distinct row of all columns its row there."""
    places = [table.names.index(name) for name in names]
    codes, owner = np.unique(table.codes[places], axis=1, return_inverse=True)
    owner = owner.ravel()
    counts = np.bincount(owner, weights=table.counts, minlength=codes.shape[1]).astype(np.int64)
    return FrequencyTable(tuple(names), tuple(table.values[d] for d in places), codes, counts), owner


def _columns(table: FrequencyTable, names: Sequence[str]) -> FrequencyTable:
    """Some columns of the written rows, not merged."""
    places = [table.names.index(name) for name in names]
    return FrequencyTable(tuple(names), tuple(table.values[d] for d in places), table.codes[places], table.counts)


def _likeliest(
    left: FrequencyTable, table: FrequencyTable, spaces: Sequence[ColumnSpace], names: Sequence[str]
) -> Counts:
    """(H,) for each distinct first half the written row with most rows for each person who fits it; -1 without any."""
    matcher = Matcher.of(left, _columns(table, names), spaces)
    everyone = np.arange(left.groups)
    fitting = np.zeros(table.groups)
    for pairs in matcher.pairs(everyone):
        fitting += np.bincount(pairs.row, weights=left.counts[pairs.part][pairs.person], minlength=table.groups)
    order = np.argsort(-(table.counts / np.maximum(fitting, 1.0)), kind="stable")
    chosen = np.full(left.groups, -1, np.int64)
    for pairs in matcher.pairs(everyone):
        chosen[pairs.part] = pairs.best(order)
    return chosen


class _Fits:
    """Whether a second half fits a written row."""

    def __init__(self, rows: Counts, size: int) -> None:
        self._place = {int(row): i for i, row in enumerate(rows)}
        self._known = np.zeros((size, len(rows)), bool)

    def add(self, person: Counts, row: Counts) -> None:
        self._known[person, row] = True

    def __call__(self, person: Counts, row: Counts) -> Mask:
        place = np.array([self._place.get(int(r), -1) for r in row], np.int64)
        found: Mask = (place >= 0) & self._known[person, np.maximum(place, 0)] if self._known.size else place >= 0
        return found


def _crowd(
    right: FrequencyTable, table: FrequencyTable, spaces: Sequence[ColumnSpace], names: Sequence[str], rows: Counts
) -> tuple[Floats, _Fits]:
    """(W,) how many people's second half fits each of the chosen written rows, and who."""
    part = _columns(table, names)
    some = FrequencyTable(part.names, part.values, part.codes[:, rows], part.counts[rows])
    fits = _Fits(rows, right.groups)
    crowd = np.zeros(table.groups)
    for pairs in Matcher.of(right, some, spaces).pairs(np.arange(right.groups)):
        weight = right.counts[pairs.part][pairs.person]
        crowd[rows] += np.bincount(pairs.row, weights=weight, minlength=len(rows))
        fits.add(pairs.person + pairs.part.start, pairs.row)
    return crowd, fits


def _raw_success(
    raw: FrequencyTable, written: Written, halves: tuple[tuple[str, ...], tuple[str, ...]], released: Counts
) -> float | None:
    """The mean over the released records of what `_raw_chances` says; None where the table as it was read lacks a half."""
    counts, table, of = raw.counts[released], raw, released
    if written.read is not None:
        if written.read.table is None:
            return None
        table, of = written.read.table, written.read.of[released]
        first, second = (tuple(name for name in half if name in table.names) for half in halves)
        if not first or not second:
            return None
        halves = (first, second)
    records = int(counts.sum())
    return float(counts @ _raw_chances(table, halves)[of]) / records if records else 0.0


def _raw_chances(raw: FrequencyTable, halves: tuple[tuple[str, ...], tuple[str, ...]]) -> Floats:
    """(G,) the same with the raw table: a row with just this first half, then a person with just its second half."""
    (left, left_of), (right, right_of), (both, both_of) = (
        _half(raw, half) for half in (*halves, (*halves[0], *halves[1]))
    )
    return both.counts[both_of] / left.counts[left_of] / right.counts[right_of]


def _raw(success: float | None) -> str:
    return "without a figure for the raw table" if success is None else f"{percent(success)} by the raw table"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
