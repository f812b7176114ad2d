"""Re-identification risk from class sizes.

Three attackers (El Emam, *Guide to the De-Identification of Personal Health Information*, 2013; Dankar & El Emam,
*A method for evaluating marketer re-identification risk*, 2010). f is the size of a class in the table, F the number of
people in the population who share its quasi-identifiers.

    prosecutor   knows that the person is in the table: risk 1/f
    journalist   does not know it, looks for anybody: risk 1/F
    marketer     wants as many as possible: expected share of rows matched rightly, sum(f/F) / n
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jalousie.errors import PrivacyError
from jalousie.privacy.card import RiskFacts, SizeBin
from jalousie.privacy.risk.population import fit_pitman
from jalousie.tables.types import Counts

AT_RISK = 5
"""A row is at risk where its class is smaller: the threshold 1/5 is common for data shared under a contract."""

BINS = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, 499), (500, 0))


def risk(sizes: ArrayLike, *, population: int | None = None) -> RiskFacts:
    """Risk of a table whose equivalence classes have `sizes` rows.

    Parameters
    ----------
    sizes
        (C,) rows of each class, suppressed rows left out; zeros are ignored
    population
        number of people of whom the table holds a random sample; None: the journalist is taken to be as strong as the
        prosecutor (the table is the population), which is never too low

    Raises
    ------
    PrivacyError
        P420 where the population is smaller than the table
    """
    f = _checked(sizes)
    rows = int(f.sum())
    if population is not None and population < rows:
        raise PrivacyError(
            "P420",
            f"the population ({population:,}) is smaller than the table ({rows:,} rows)",
            hint="release.population counts the people of whom the table is a sample",
        )
    if rows == 0:
        return _nothing()
    highest, average, marketer, basis = _with_population(f, rows, population)
    return RiskFacts(
        rows=rows,
        classes=len(f),
        smallest_class=int(f.min()),
        highest_prosecutor=float(1 / f.min()),
        average_prosecutor=len(f) / rows,
        at_risk_share=float(f[f < AT_RISK].sum() / rows),
        highest_journalist=highest,
        average_journalist=average,
        journalist_basis=basis,
        marketer=marketer,
        sample_uniques=float((f == 1).sum() / rows),
        sizes=size_bins(f),
    )


def size_bins(sizes: Counts) -> tuple[SizeBin, ...]:
    """Classes and rows by class size, in the bins 1, 2, 3-4, 5-9, ..., 500 and more."""
    bins = []
    for low, high in BINS:
        inside = sizes[(sizes >= low) & ((sizes <= high) | (high == 0))]
        bins.append(SizeBin(low=low, high=high, classes=len(inside), rows=int(inside.sum())))
    return tuple(bins)


def _with_population(f: Counts, rows: int, population: int | None) -> tuple[float, float, float, str]:
    """Journalist's highest and average risk, the marketer's, and what they rest on."""
    if population is None:
        return float(1 / f.min()), len(f) / rows, len(f) / rows, "sample"
    if population == rows:
        return float(1 / f.min()), len(f) / rows, len(f) / rows, f"population of {population:,}, all of it in the table"
    model = fit_pitman(f)
    distinct, times = np.unique(f, return_counts=True)
    inverse = model.mean_inverse(distinct, population)
    matched = float((times * distinct * inverse).sum() / rows)
    # El Emam's average for the journalist is the larger of the strategies "pick a person of the population" and "pick a
    # row of the table"; the classes' total in the population follows from the mean growth of each.
    reached = float((times * model.mean_size(distinct, population)).sum())
    average = max(len(f) / reached, matched)
    basis = f"population of {population:,}, Pitman model (alpha {model.alpha:.2f}, theta {model.theta:.3g})"
    return float(inverse.max()), average, matched, basis


def _checked(sizes: ArrayLike) -> Counts:
    f = np.asarray(sizes)
    if f.ndim != 1 or (f.size and not np.issubdtype(f.dtype, np.integer)):
        raise TypeError("sizes must be a one-dimensional array of whole numbers")
    if f.size and f.min() < 0:
        raise ValueError("sizes must not be negative")
    return f[f > 0].astype(np.int64)


def _nothing() -> RiskFacts:
    """Facts of a table without rows: nobody can be found in it."""
    return RiskFacts(
        rows=0,
        classes=0,
        smallest_class=0,
        highest_prosecutor=0.0,
        average_prosecutor=0.0,
        at_risk_share=0.0,
        highest_journalist=0.0,
        average_journalist=0.0,
        journalist_basis="sample",
        marketer=0.0,
        sample_uniques=0.0,
        sizes=size_bins(np.zeros(0, np.int64)),
    )
