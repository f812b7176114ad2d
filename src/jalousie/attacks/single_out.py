"""Singling out: can someone who has only the release describe exactly one person of the raw table?

The adversary turns each released row into a description (all its quasi-identifiers' cells, and its sensitive value where
one is named) and bets that exactly one record of the raw table fits it: one of the three risks that the European data
protection authorities name (Article 29 Working Party 2014; measured this way by Giomi et al. 2023). A description made of
quasi-identifiers alone fits at least k people in a k-anonymous release, so it never succeeds. With the sensitive value it may:
k-anonymity does not promise otherwise (Cohen & Nissim 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.attacks.matching import Matcher, Written
from jalousie.attacks.measure import MOST_PAIRS, histogram_of, interval, judge, percent, reidentification_promise
from jalousie.contract import model
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.card import AttackFacts
from jalousie.tables.types import Counts, FrequencyTable, Histogram

BETS = 2000
"""Descriptions that the stranger makes up."""


def single_out(
    raw: FrequencyTable,
    written: Written,
    spaces: Sequence[ColumnSpace],
    models: Sequence[model.Model],
    *,
    column: str = "",
    seed: int = 0,
) -> AttackFacts:
    """Bet on every released row's description; success is a description that fits one raw record.

    `column` adds the sensitive value to the description; both tables then carry its histogram (else UsageError U151).
    The stranger makes up descriptions out of the release's cells, each column's drawn by itself.
    """
    rng = np.random.default_rng(seed)
    table = written.table
    rows = _some_rows(raw.groups, table.groups, rng)
    shown = _needed(table, column) if column else None
    truth = _needed(raw, column) if column else None
    if shown is None or truth is None:
        bets, weight = rows, table.counts[rows]
        fits = _fits(raw, _rows_of(table, table.codes[:, rows]), spaces, None, "")
    else:
        inside = np.isin(shown.group, rows)
        bets, weight = shown.group[inside], shown.count[inside]
        value = shown.code[inside]
        # the same written row is described once for each of its values
        fits = np.zeros(len(bets), np.int64)
        for code in np.unique(value):
            mine = value == code
            cells = _rows_of(table, table.codes[:, bets[mine]])
            fits[mine] = _fits(raw, cells, spaces, truth, shown.values[code])
    records = int(weight.sum())
    found = int(weight[fits == 1].sum())
    promise = reidentification_promise(models).each
    # the promise is about the values that were generalised: noise may leave one person whose true values fit
    bound = 0.0 if promise is not None and not column and not written.loose else None
    stranger = _stranger(raw, table, spaces, truth, shown, rng)
    success = found / records if records else 0.0
    raw_success = _raw_success(raw, written, column)
    return AttackFacts(
        attack="singling-out",
        column=column,
        records=records,
        raw_success=raw_success,
        release_success=success,
        interval=interval(found, records),
        bound=bound,
        stranger=stranger,
        verdict=judge(bound, broken=found > 0),
        sentence=_sentence(column, success, raw_success, stranger),
    )


def _some_rows(people: int, rows: int, rng: np.random.Generator) -> Counts:
    most = max(1, MOST_PAIRS // max(people, 1))
    return np.arange(rows) if rows <= most else np.sort(rng.choice(rows, most, replace=False)).astype(np.int64)


def _needed(table: FrequencyTable, column: str) -> Histogram:
    found = histogram_of(table, column)
    if found is None:
        raise UsageError("U151", f'the table was not counted by the sensitive column "{column}"', effect="")
    return found


def _rows_of(table: FrequencyTable, codes: np.ndarray) -> FrequencyTable:
    return FrequencyTable(table.names, table.values, codes, np.ones(codes.shape[1], np.int64))


def _fits(
    raw: FrequencyTable,
    described: FrequencyTable,
    spaces: Sequence[ColumnSpace],
    truth: Histogram | None,
    value: str | None,
) -> Counts:
    """(W,) how many raw records fit each description; with `truth` only those that have the value count."""
    if truth is None:
        people, weight = np.arange(raw.groups), raw.counts
    else:
        mine = truth.code == (truth.values.index(value) if value in truth.values else -1)
        people, weight = truth.group[mine], truth.count[mine]
    fits = np.zeros(described.groups)
    for pairs in Matcher.of(raw, described, spaces).pairs(people):
        fits += np.bincount(pairs.row, weights=weight[pairs.part][pairs.person], minlength=described.groups)
    return np.rint(fits).astype(np.int64)


def _raw_success(raw: FrequencyTable, written: Written, column: str) -> float | None:
    """Share of the rows as they were read whose own values, all of them, fit nobody else."""
    table = raw if written.read is None else written.read.table
    truth = histogram_of(table, column) if table is not None and column else None
    if table is None or (column and truth is None):
        return None
    counts = table.counts if truth is None else truth.count
    total = int(counts.sum())
    return int((counts == 1).sum()) / total if total else 0.0


def _stranger(
    raw: FrequencyTable,
    table: FrequencyTable,
    spaces: Sequence[ColumnSpace],
    truth: Histogram | None,
    shown: Histogram | None,
    rng: np.random.Generator,
) -> float:
    """Share of made-up descriptions that fit one raw record."""
    if not table.groups:
        return 0.0
    chance = table.counts / table.counts.sum()
    codes = np.stack([column[rng.choice(table.groups, BETS, p=chance)] for column in table.codes])
    if truth is None or shown is None:
        return float((_fits(raw, _rows_of(table, codes), spaces, None, "") == 1).mean())
    spread = np.bincount(shown.code, weights=shown.count, minlength=len(shown.values))
    value = rng.choice(len(shown.values), BETS, p=spread / spread.sum())
    single = 0
    for code in np.unique(value):
        cells = _rows_of(table, codes[:, value == code])
        single += int((_fits(raw, cells, spaces, truth, shown.values[code]) == 1).sum())
    return single / BETS


def _sentence(column: str, success: float, raw_success: float | None, stranger: float) -> str:
    with_value = f" and {column}" if column else ""
    raw = "without a figure for the raw ones" if raw_success is None else f"for {percent(raw_success)} of the raw ones"
    return (
        f"Descriptions made of a released row's quasi-identifiers{with_value} fit exactly one person for {percent(success)} of "
        f"the released rows, {raw}; made-up descriptions do for {percent(stranger)}."
    )
