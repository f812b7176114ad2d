"""What the attacks share: a sample of records, intervals, and what the agreed models promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from jalousie.contract import model
from jalousie.privacy.card import Verdict
from jalousie.tables.types import Counts, Floats, FrequencyTable, Histogram

MOST_PAIRS = 3_000_000_000
"""Pairs of person and released row that an attack looks at; beyond, it attacks a random part of the people."""


@dataclass(frozen=True, slots=True)
class Promise:
    """`each` bounds the chance for every single record, `mean` the mean over records; None where nothing is promised."""

    each: float | None = None
    mean: float | None = None

    @property
    def tightest(self) -> float | None:
        given = [bound for bound in (self.each, self.mean) if bound is not None]
        return min(given) if given else None


def reidentification_promise(models: Sequence[model.Model]) -> Promise:
    """Chance of pointing at the right released row: 1 / k, and 1 / l, since l values need l rows; or the mean agreed."""
    smallest = 1
    mean: float | None = None
    for spec in models:
        match spec:
            case model.KAnonymity(k=k):
                smallest = max(smallest, k)
            case model.DistinctLDiversity(l=values) | model.RecursiveCLDiversity(l=values):
                smallest = max(smallest, values)
            case model.EntropyLDiversity(l=values):
                smallest = max(smallest, ceil(values - 1e-9))
            case model.AverageRisk(risk=risk):
                mean = risk if mean is None else min(mean, risk)
            case _:
                pass
    return Promise(1.0 / smallest if smallest > 1 else None, mean)


def attribute_promise(models: Sequence[model.Model], column: str, spread: Floats) -> float | None:
    """Largest share that one sensitive value may have in a class; `spread` is the whole table's (m,) distribution.

    Recursive (c,l): r1 < c (n - r1) gives r1 / n < c / (1 + c). Entropy l: the largest share p for which the entropy
    can still reach log l with m values. t-closeness with equal distances: no share rises by more than t.
    """
    bounds: list[float] = []
    for spec in models:
        if getattr(spec, "column", None) != column:
            continue
        match spec:
            case model.RecursiveCLDiversity(c=c):
                bounds.append(c / (1.0 + c))
            case model.EntropyLDiversity(l=values, estimator="shannon"):
                bounds.append(_largest_share(float(values), len(spread)))
            case model.TCloseness(t=t, distance="equal"):
                bounds.append(min(1.0, float(spread.max()) + t))
            case model.TCloseness(t=t, distance="ordered"):
                bounds.append(min(1.0, float(spread.max()) + t * max(len(spread) - 1, 1)))
            case _:
                pass
    return min(bounds) if bounds else None


def _largest_share(values: float, size: int) -> float:
    """Bisection: entropy of (p, (1 - p) / (size - 1), ...) falls with p above 1 / size."""
    low, high = 1.0 / max(size, 1), 1.0
    if size < 2:
        return 1.0
    for _ in range(60):
        p = (low + high) / 2
        rest = 1.0 - p
        entropy = -(p * np.log(p)) - (rest * np.log(rest / (size - 1)) if rest > 0 else 0.0)
        low, high = (p, high) if entropy >= np.log(values) else (low, p)
    return high


def interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv

    if trials == 0:
        return 0.0, 1.0
    low = float(betaincinv(successes, trials - successes + 1, 0.025)) if successes else 0.0
    high = float(betaincinv(successes + 1, trials - successes, 0.975)) if successes < trials else 1.0
    return low, high


def people_to_attack(table: FrequencyTable, width: int, rng: np.random.Generator) -> Counts:
    """Positions of the distinct raw rows whose people are attacked: all, or a random part if the pairs are too many."""
    most = max(1, MOST_PAIRS // max(width, 1))
    if table.groups <= most:
        return np.arange(table.groups)
    return np.sort(rng.choice(table.groups, most, replace=False)).astype(np.int64)


def histogram_of(table: FrequencyTable, column: str) -> Histogram | None:
    return next((found for found in table.sensitive if found.name == column), None)


def judge(bound: float | None, *, broken: bool) -> Verdict:
    """PASS or FAIL where something was promised, else INFO."""
    if bound is None:
        return "INFO"
    return "FAIL" if broken else "PASS"


def percent(share: float) -> str:
    """A share as a reader wants it: `12 %`, `3.4 %`, `0.05 %`, `under 0.01 %`."""
    value = 100 * share
    if 0 < value < 0.01:
        return "under 0.01 %"
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
    return f"{value:.{digits}f} %"
