"""Attribute inference: someone who knows a person's quasi-identifiers guesses the sensitive value from the release.

Two ways to guess are tried, and the better is reported:

    class alone  the commonest value of the likeliest compatible class: what the models of a class speak about
    all classes  the commonest value over all compatible classes, each weighed by how likely the person is in it

The second also uses what the release teaches about people in general, where classes overlap; that no model of a class
bounds, and a control of people who are not in the release tells the two apart (Giomi et al. 2023). A stranger, who knows
only how often each value occurs, is the yardstick.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jalousie.attacks.matching import Matcher, Pairs, Written, must_fit
from jalousie.attacks.measure import attribute_promise, histogram_of, interval, judge, people_to_attack, percent
from jalousie.contract import model
from jalousie.errors import UsageError
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.card import AttackFacts
from jalousie.tables.types import Counts, Floats, FrequencyTable, Histogram, Mask

MOST_VALUES = 64
"""Sensitive values up to which all classes are combined; beyond, only the class alone is used."""
Guess = NDArray[np.int64]


def infer_attribute(
    raw: FrequencyTable,
    written: Written,
    spaces: Sequence[ColumnSpace],
    column: str,
    models: Sequence[model.Model],
    *,
    control: FrequencyTable | None = None,
    seed: int = 0,
) -> AttackFacts:
    """Guess `column` of every released record.

    Both tables carry a histogram of `column`. `control`, of people who are not in the release, has the same columns:
    how well they are guessed is what the release teaches without their help. The verdict is FAIL where a class gives a
    value away more often than is promised, WARN where all classes together do though none does alone.

    Raises UsageError U151 where a histogram is missing, InternalError X930 where the labels are misread.
    """
    truth, shown = _histogram(raw, column), _histogram(written.table, column)
    rng = np.random.default_rng(seed)
    people = people_to_attack(raw, written.table.groups, rng)
    guesses, inside = guess(raw, written.table, shown, spaces, people, written.row[people])
    must_fit(inside, written.row[people] >= 0, loose=written.loose)
    attacked = people[written.row[people] >= 0]
    records, right = 0, {}
    for way, found in guesses.items():
        records, right[way] = _count(truth, shown, people, attacked, found)
    best = max(right, key=lambda way: right[way])
    modelled = truth if written.read is None else _histogram(written.read.counted, column)
    rows = max(int(modelled.count.sum()), 1)
    spread = np.bincount(modelled.code, weights=modelled.count, minlength=len(modelled.values)) / rows
    bound = attribute_promise(models, column, spread)
    success = right[best] / records if records else 0.0
    raw_success, stranger = _with_raw(raw, written, column, attacked), _stranger(truth, shown, attacked)
    broken = bound is not None and _worst_share(shown) > bound * (1 + 1e-9)
    beyond = bound is not None and interval(right[best], records)[0] > bound
    aside = _control(control, written.table, shown, spaces, column) if control is not None else None
    return AttackFacts(
        attack="attribute-inference",
        column=column,
        records=records,
        raw_success=raw_success,
        release_success=success,
        interval=interval(right[best], records),
        bound=bound,
        stranger=stranger,
        control=aside,
        verdict="WARN" if beyond and not broken else judge(bound, broken=broken),
        sentence=_sentence(column, success, best, raw_success, stranger, aside),
    )


def _histogram(table: FrequencyTable, column: str) -> Histogram:
    found = histogram_of(table, column)
    if found is None:
        raise UsageError("U151", f'the table was not counted by the sensitive column "{column}"', effect="")
    return found


def guess(
    people_table: FrequencyTable,
    written: FrequencyTable,
    shown: Histogram,
    spaces: Sequence[ColumnSpace],
    people: Counts,
    own: Counts,
) -> tuple[dict[str, Guess], Mask]:
    """The guessed value (a code of `shown`) for each of `people`; the commonest value where no row is compatible.

    Also whether each is compatible with its `own` row: the evaluator's check, of which the guess knows nothing.
    """
    matcher = Matcher.of(people_table, written, spaces)
    weights = people_table.counts[people].astype(np.float64)
    fitting = np.zeros(written.groups)
    for pairs in matcher.pairs(people):
        fitting += np.bincount(pairs.row, weights=weights[pairs.part][pairs.person], minlength=written.groups)
    order = np.lexsort((written.counts, fitting))
    top = _commonest(shown, written.groups)
    overall = (
        int(np.bincount(shown.code, weights=shown.count, minlength=len(shown.values)).argmax())
        if len(shown.code)
        else 0
    )
    alone = np.full(len(people), overall, np.int64)
    combined = alone.copy()
    table = _table(shown, written.groups, fitting) if len(shown.values) <= MOST_VALUES else None
    inside = np.zeros(len(people), bool)
    for pairs in matcher.pairs(people):
        inside[pairs.part] = pairs.has(own[pairs.part])
        row = pairs.best(order)
        alone[pairs.part] = np.where(row >= 0, top[row], overall)
        if table is not None:
            combined[pairs.part] = np.where(row >= 0, _add_up(pairs, table).argmax(axis=1), overall)
    return {"class alone": alone} | ({"all classes": combined} if table is not None else {}), inside


def _commonest(shown: Histogram, rows: int) -> Guess:
    """(W,) the commonest value of each written row."""
    order = np.lexsort((-shown.count, shown.group))
    group = shown.group[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    top = np.zeros(rows, np.int64)
    top[group[first]] = shown.code[order][first]
    return top


def _add_up(pairs: Pairs, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """(people, m) sum of the table's rows over each person's compatible rows."""
    total = np.zeros((pairs.people, table.shape[1]), np.float32)
    for value in range(table.shape[1]):
        total[:, value] = pairs.sums(table[:, value].astype(np.float64))
    return total


def _worst_share(shown: Histogram) -> float:
    """The largest share that one value has in a written row's class."""
    if not len(shown.count):
        return 0.0
    size = np.bincount(shown.group, weights=shown.count)
    return float((shown.count / size[shown.group]).max())


def _table(shown: Histogram, rows: int, fitting: Floats) -> NDArray[np.float32]:
    """(W, m) count of each value, over the number of people who fit the row: the chance of being one of them."""
    table = np.zeros((rows, len(shown.values)), np.float32)
    table[shown.group, shown.code] = shown.count / np.maximum(fitting[shown.group], 1.0)
    return table


def _count(truth: Histogram, shown: Histogram, people: Counts, attacked: Counts, found: Guess) -> tuple[int, int]:
    """(records, right guesses) among the attacked distinct raw rows; values are compared as text."""
    guessed = dict(zip(people.tolist(), found.tolist(), strict=True))
    inside = np.isin(truth.group, attacked)
    group, code, count = truth.group[inside], truth.code[inside], truth.count[inside]
    place = {text: i for i, text in enumerate(shown.values)}
    renamed = np.array([place.get(text, -1) for text in truth.values], np.int64)
    right = (
        renamed[code] == np.array([guessed[g] for g in group.tolist()], np.int64) if len(group) else np.zeros(0, bool)
    )
    return int(count.sum()), int(count[right].sum())


def _with_raw(raw: FrequencyTable, written: Written, column: str, attacked: Counts) -> float | None:
    """Success with the table as it was read: the commonest value among equal people. None where it lacks the column."""
    truth, table, of = _histogram(raw, column), raw, np.arange(raw.groups)
    if written.read is not None:
        if written.read.table is None:
            return None
        table, of = written.read.table, written.read.of
    seen = histogram_of(table, column)
    if seen is None:
        return None
    inside = np.isin(truth.group, attacked)
    group, code, count = of[truth.group[inside]], truth.code[inside], truth.count[inside]
    records = int(count.sum())
    if not records:
        return 0.0
    place = {text: i for i, text in enumerate(seen.values)}
    renamed = np.array([place.get(text, -1) for text in truth.values], np.int64)
    right = _commonest(seen, table.groups)[group] == renamed[code]
    return int(count[right].sum()) / records


def _stranger(truth: Histogram, shown: Histogram, attacked: Counts) -> float:
    """Success of a stranger, who guesses the commonest released value for everybody."""
    inside = np.isin(truth.group, attacked)
    code, count = truth.code[inside], truth.count[inside]
    records = int(count.sum())
    if not records:
        return 0.0
    commonest = int(np.bincount(shown.code, weights=shown.count, minlength=len(shown.values)).argmax())
    same = np.array([text == shown.values[commonest] for text in truth.values], bool)
    return int(count[same[code]].sum()) / records


def _control(
    control: FrequencyTable, written: FrequencyTable, shown: Histogram, spaces: Sequence[ColumnSpace], column: str
) -> float:
    everyone = np.arange(control.groups)
    guesses, _ = guess(control, written, shown, spaces, everyone, np.full(control.groups, -1))
    truth = _histogram(control, column)
    counted = [_count(truth, shown, everyone, everyone, found) for found in guesses.values()]
    return max(right / records if records else 0.0 for records, right in counted)


def _sentence(
    column: str, success: float, way: str, raw_success: float | None, stranger: float, control: float | None
) -> str:
    aside = f", {percent(control)} for people who are not in it" if control is not None else ""
    raw = "without a figure for the raw table" if raw_success is None else f"{percent(raw_success)} with the raw table"
    return (
        f"Whoever knows a person's quasi-identifiers guesses {column} right for {percent(success)} of the released records "
        f"({way}){aside}; {raw}; a stranger {percent(stranger)}."
    )
