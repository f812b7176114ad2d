"""Re-identification: someone who knows the true quasi-identifiers of everyone looks for each person's released row.

Three ways to guess are tried on every record, and the best of them is reported:

    any row         one of all compatible rows, evenly
    smallest class  a row of the smallest compatible class
    likeliest class a row of the class that the fewest people fit: each of its rows is then the likeliest to be this person

With one scheme for all rows the three are the same; with local recoding classes overlap and the last gains most. Rows of
one class look alike, so no way of guessing beats 1 / (size of the person's own class): that is what k-anonymity promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jalousie.attacks.matching import Matcher, Written, must_fit
from jalousie.attacks.measure import interval, judge, people_to_attack, percent, reidentification_promise
from jalousie.contract import model
from jalousie.learning.spaces import ColumnSpace
from jalousie.privacy.card import AttackFacts
from jalousie.tables.types import Counts, Floats, FrequencyTable


@dataclass(frozen=True, slots=True, eq=False)
class Guesses:
    """Per attacked distinct raw row the chance that a guess is right, by way of guessing."""

    chances: dict[str, Floats]
    people: Counts


def reidentify(
    raw: FrequencyTable,
    written: Written,
    spaces: Sequence[ColumnSpace],
    models: Sequence[model.Model],
    *,
    seed: int = 0,
) -> AttackFacts:
    """Attack every released record once.

    `raw` is what the adversary knows (everyone's true quasi-identifiers), `written` what was released, `spaces` what its
    labels mean, `models` what was promised. Success is worked out record by record: the chance that the guess is
    right, of which the mean is reported. The verdict is FAIL if any record's chance is over what is promised for each, or
    the mean over what is promised for the mean. `seed` draws the people, where they are too many to attack all.
    Raises InternalError X930 where a person's own row does not cover the person's true values as `spaces` has it.
    """
    rng = np.random.default_rng(seed)
    guesses = chances_of(raw, written, spaces, rng)
    released = written.row[guesses.people] >= 0
    counts = raw.counts[guesses.people][released]
    records = int(counts.sum())
    best, success, highest = "", -1.0, 0.0
    for way, chance in guesses.chances.items():
        found = float(counts @ chance[released]) / records if records else 0.0
        highest = max(highest, float(chance[released].max(initial=0.0)))
        if found > success:
            best, success = way, found
    promise = reidentification_promise(models)
    # in the raw table a person's row is one of those with exactly the same quasi-identifiers
    raw_success = _raw_success(raw, written, guesses.people[released])
    # chances are exact, so is the comparison with what was promised; the interval is that of so many records
    broken = any(
        limit is not None and found > limit * (1 + 1e-9)
        for limit, found in ((promise.each, highest), (promise.mean, success))
    )
    bound = promise.tightest
    return AttackFacts(
        attack="re-identification",
        records=records,
        raw_success=raw_success,
        release_success=success,
        interval=interval(round(success * records), records),
        bound=bound,
        verdict=judge(bound, broken=broken),
        sentence=_sentence(success, raw_success, highest, best, bound),
    )


def chances_of(
    raw: FrequencyTable, written: Written, spaces: Sequence[ColumnSpace], rng: np.random.Generator
) -> Guesses:
    """Chance of each way of guessing for each attacked distinct raw row; 0 where its row was suppressed."""
    sizes = written.table.counts.astype(np.float64)
    people = people_to_attack(raw, len(sizes), rng)
    matcher = Matcher.of(raw, written.table, spaces)
    weights = raw.counts[people].astype(np.float64)
    fitting = np.zeros(len(sizes))
    rows_fitting = np.zeros(len(people))
    for pairs in matcher.pairs(people):
        fitting += np.bincount(pairs.row, weights=weights[pairs.part][pairs.person], minlength=len(sizes))
        rows_fitting[pairs.part] = pairs.sums(sizes)
    own = written.row[people]
    inside = np.zeros(len(people), bool)
    picks = {"smallest class": np.lexsort((fitting, sizes)), "likeliest class": np.lexsort((sizes, fitting))}
    chosen = {way: np.full(len(people), -1, np.int64) for way in picks}
    for pairs in matcher.pairs(people):
        inside[pairs.part] = pairs.has(own[pairs.part])
        for way, order in picks.items():
            chosen[way][pairs.part] = pairs.best(order)
    must_fit(inside, own >= 0, loose=written.loose)
    own_size = sizes[np.maximum(own, 0)] if len(sizes) else np.ones(len(people))
    chances = {way: np.where(inside & (pick == own), 1.0 / own_size, 0.0) for way, pick in chosen.items()}
    chances = {"any row": np.where(inside, 1.0 / np.maximum(rows_fitting, 1.0), 0.0), **chances}
    return Guesses(chances, people)


def _raw_success(raw: FrequencyTable, written: Written, people: Counts) -> float | None:
    """Chance of the right row among those with exactly the same quasi-identifiers in the table as it was read."""
    sizes, of = raw.counts, people
    if written.read is not None:
        if written.read.table is None:
            return None
        sizes, of = written.read.table.counts, written.read.of[people]
    records = int(raw.counts[people].sum())
    return float((raw.counts[people] / sizes[of]).sum()) / records if records else 0.0


def _sentence(success: float, raw_success: float | None, highest: float, way: str, bound: float | None) -> str:
    promised = f"at most {percent(bound)} is promised" if bound is not None else "nothing is promised"
    return (
        f"Whoever knows everyone's true quasi-identifiers finds the right row of {percent(success)} of the released "
        f"records ({way}; the most exposed record {percent(highest)}), {_raw(raw_success)}; "
        f"{promised}."
    )


def _raw(success: float | None) -> str:
    if success is None:
        return "without a figure for the raw table"
    return f"of {percent(success)} in the raw table"
