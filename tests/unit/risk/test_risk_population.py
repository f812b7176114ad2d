"""The estimate of a class's size in the population, against populations that are known."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from jalousie.privacy.risk import PitmanModel, fit_pitman, risk
from jalousie.privacy.risk.population import log_likelihood


def draw(population: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class sizes in a random sample, and in the population, of the classes that the sample has."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(len(population)), population)
    sample = np.bincount(rng.permutation(people)[: round(share * len(people))], minlength=len(population))
    seen = sample > 0
    return sample[seen], population[seen]


def cells(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "lognormal":
        return rng.poisson(rng.lognormal(0.5, 1.6, 6_000))
    if kind == "power":
        return np.ceil(8_000 / np.arange(1, 9_001) ** 0.9).astype(int)
    return rng.poisson(12, 3_000)


@pytest.mark.parametrize(
    "columns", [("age", "sex", "race", "education"), ("age", "sex", "hours-per-week", "occupation")]
)
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_samples_of_real_people(adult_csv: Path, columns: tuple[str, ...], share: float) -> None:
    """Adult as the population, a sample of it as the table: the true risk is known."""
    with adult_csv.open(newline="", encoding="utf-8") as file:
        people = np.array(list(Counter(tuple(row[c] for c in columns) for row in csv.DictReader(file)).values()))
    f, true = draw(people, share, 1)
    facts = risk(f, population=int(people.sum()))
    marketer = float((f / true).sum() / f.sum())
    assert facts.marketer == pytest.approx(marketer, rel=0.15)
    # without the population's size the figure is far too high
    assert facts.average_prosecutor > 1.6 * marketer
    assert facts.average_journalist >= facts.marketer
    assert f"{people.sum():,}" in facts.journalist_basis
    unique = fit_pitman(f).population_unique(int(people.sum()))
    assert unique == pytest.approx(float((true[f == 1] == 1).mean()), abs=0.1)


@pytest.mark.parametrize("kind", ["lognormal", "power", "even"])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_populations_that_break_the_model_are_overstated(kind: str, share: float) -> None:
    """Finite populations without rare people: the estimate errs to the careful side, and below the prosecutor's figure."""
    population = cells(kind, 5)
    f, true = draw(population, share, 6)
    facts = risk(f, population=int(population.sum()))
    assert float((f / true).sum() / f.sum()) < facts.marketer < facts.average_prosecutor / 1.5


def test_whole_population_gives_the_prosecutors_figures() -> None:
    facts = risk(np.array([2, 3, 5]), population=10)
    assert facts.highest_journalist == facts.highest_prosecutor == 0.5
    assert facts.average_journalist == facts.average_prosecutor


def test_a_larger_population_means_less_risk() -> None:
    sizes = np.array([1] * 50 + [3] * 20 + [10] * 5)
    figures = [risk(sizes, population=p) for p in (160, 400, 4_000, 4_000_000, 330_000_000)]
    for field in ("highest_journalist", "average_journalist", "marketer"):
        values = [getattr(f, field) for f in figures]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("sizes", [[1], [7], [1, 1, 1, 1], [1_000_000], [1, 999_999]])
def test_degenerate_samples_stay_finite(sizes: list[int]) -> None:
    facts = risk(np.array(sizes), population=sum(sizes) * 3 + 1)
    for value in (facts.highest_journalist, facts.average_journalist, facts.marketer):
        assert 0 < value <= 1
    assert facts.highest_journalist <= facts.highest_prosecutor


def test_likelihood_is_the_pitman_formula() -> None:
    """The probability of the sizes 3, 2, 1 multiplied out as people who take seats one by one."""
    alpha, theta, probability = 0.3, 1.7, 1.0
    tables: list[int] = []
    for seated, table in enumerate((0, 0, 0, 1, 1, 2)):
        if table == len(tables):
            weight = theta + alpha * len(tables)
            tables.append(1)
        else:
            weight = tables[table] - alpha
            tables[table] += 1
        probability *= weight / (theta + seated) if seated else 1.0
    got = log_likelihood(alpha, theta, np.array([1, 2, 3]), np.array([1, 1, 1]))
    assert got == pytest.approx(math.log(probability), abs=1e-12)


def test_mean_inverse_is_the_plain_sum() -> None:
    """Against the beta-binomial summed term by term in exact binomials."""
    model, population = PitmanModel(0.25, 4.0, 30), 9_030
    for f in (1, 2, 9):
        a, b, more = f - 0.25, 4.0 + 30 - f + 0.25, population - 30

        def beta(x: float, y: float) -> float:
            return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

        total = 0.0
        for g in range(more + 1):
            choose = math.lgamma(more + 1) - math.lgamma(g + 1) - math.lgamma(more - g + 1)
            total += math.exp(choose + beta(a + g, b + more - g) - beta(a, b)) / (f + g)
        assert model.mean_inverse(np.array([f]), population)[0] == pytest.approx(total, rel=1e-4)
