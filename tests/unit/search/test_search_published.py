"""Optima published for Adult, reproduced; and every scheme of its lattice at k = 5."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search_adult import COLUMNS, adult_hierarchy, adult_table, drawn_rows

from jalousie.contract import model as contract
from jalousie.privacy.models import KAnonymity, Model, build_models
from jalousie.privacy.search import Problem, build_problem, exact_search
from jalousie.privacy.search.look import look_at
from jalousie.privacy.search.metrics import Loss
from jalousie.privacy.search.native import load_kernel

KERNELS = ["numpy", "native"] if load_kernel() is not None else ["numpy"]
METRICS = {
    "Metric.createLossMetric()": "loss",
    "Metric.createPrecomputedEntropyMetric(0.1d, true)": "entropy-monotone",
    "Metric.createPrecomputedEntropyMetric(0.1d, false)": "entropy",
    "Metric.createPrecomputedEntropyMetric(0.1d)": "entropy",
}
WITH_PRESENCE = {42481.619746031596, 40089.9423426752}
"""In that program's test of combinations these two also ask for presence, which the file leaves out: see test_search_presence."""


FIVE = "new KAnonymity(5)"
CLOSE = 'new HierarchicalDistanceTCloseness("occupation", 0.2, tree)'


def spec(text: str) -> contract.Model:
    """A model as the published cases write it."""
    match = re.fullmatch(r"new (\w+)\((.*)\)", text)
    assert match is not None
    name, rest = match.groups()
    numbers = [float(number) for number in re.findall(r"(?<=[(, ])\d+(?:\.\d+)?(?=[,)]|$)", f"({rest})")]
    match name:
        case "KAnonymity":
            return contract.KAnonymity(k=int(numbers[0]))
        case "EntropyLDiversity":
            estimator = "grassberger" if "GRASSBERGER" in rest else "shannon"
            return contract.EntropyLDiversity(column="occupation", l=numbers[0], estimator=estimator)
        case "RecursiveCLDiversity":
            return contract.RecursiveCLDiversity(column="occupation", c=numbers[0], l=int(numbers[1]))
    assert name == "HierarchicalDistanceTCloseness"
    return contract.TCloseness(column="occupation", t=numbers[0], distance="hierarchical")


def build(folder: Path, case: dict[str, Any], only: Collection[int] | None = None) -> tuple[Problem, tuple[Model, ...]]:
    sensitive = [case["sensitive"]] if case["sensitive"] else []
    names = [name for name in COLUMNS if name not in sensitive]
    table = adult_table(folder, names, sensitive, only=only)
    trees = [adult_hierarchy(folder, name) for name in sensitive]
    problem = build_problem(table, [adult_hierarchy(folder, name) for name in names])
    return problem, build_models([spec(text) for text in case["models"]], table, trees)


def published(folder: Path) -> list[dict[str, Any]]:
    cases = json.loads((folder / "published_optima.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in cases if not any("BLikeness" in text for text in case["models"])]


@pytest.mark.parametrize("kernel", [pytest.param("numpy", marks=pytest.mark.long), *KERNELS[1:]])
def test_published_optima_are_reproduced(reference_adult: Path, kernel: str) -> None:
    done = 0
    for case in published(reference_adult):
        grassberger = any("GRASSBERGER" in text for text in case["models"])
        if grassberger or case["expected_loss"] in WITH_PRESENCE:
            continue
        problem, models = build(reference_adult, case)
        found = exact_search(
            problem,
            models,
            metric=METRICS[case["metric"]],
            suppression=case["suppression"],
            kernel=kernel,  # type: ignore[arg-type]
        )
        assert list(found.levels or ()) == case["expected_levels"], case
        assert found.loss == pytest.approx(case["expected_loss"], rel=1e-9)
        assert found.proof.exact
        done += 1
    assert done == 11


def test_closeness_without_suppression_has_its_other_published_optimum(reference_adult: Path) -> None:
    """398400.0741806447 with levels 0 4 1 1 3 2 2 1: published for the whole table, entropy, k = 5, hierarchical 0.2, 0 %."""
    case = {
        "sensitive": "occupation",
        "models": ["new KAnonymity(5)", 'new HierarchicalDistanceTCloseness("occupation", 0.2, tree)'],
    }
    problem, models = build(reference_adult, case)
    found = exact_search(problem, models, metric="entropy-monotone", suppression=0.0)
    assert found.levels == (0, 4, 1, 1, 3, 2, 2, 1)
    assert found.loss == pytest.approx(398400.0741806447, rel=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("size", "models", "levels", "loss"),
    [
        (20_000, [FIVE, CLOSE], (1, 4, 1, 1, 3, 2, 2, 1), 178437.4164900378),
        (10_000, [FIVE], (0, 4, 1, 1, 2, 2, 2, 0), 70774.7774633781),
        (30_000, [CLOSE], (0, 4, 1, 1, 3, 2, 2, 1), 250816.4033099704),
        (9_000, ['new RecursiveCLDiversity("occupation", 4.0, 5)'], (1, 2, 1, 1, 3, 2, 2, 1), 65996.221545847),
    ],
)
def test_optima_published_for_drawn_rows_are_reproduced(
    reference_adult: Path, kernel: str, size: int, models: list[str], levels: tuple[int, ...], loss: float
) -> None:
    """The four cases of TestAnonymizationSubset of that program: monotone entropy, no suppression."""
    problem, built = build(reference_adult, {"sensitive": "occupation", "models": models}, drawn_rows(size))
    found = exact_search(problem, built, metric="entropy-monotone", suppression=0.0, kernel=kernel)  # type: ignore[arg-type]
    assert found.levels == levels
    assert found.loss == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("every", [101, pytest.param(1, marks=pytest.mark.long)])
def test_every_scheme_of_the_lattice_at_k5(reference_adult: Path, every: int) -> None:
    known = np.load(reference_adult / "k5_lattice.npz")
    names = [str(name) for name in known["columns"]]
    problem = build_problem(
        adult_table(reference_adult, names), [adult_hierarchy(reference_adult, name) for name in names]
    )
    metric = Loss(problem, 5)
    floor = metric.floor()
    models = [KAnonymity(5)]
    assert len(known["nodes"]) == problem.lattice == 12_960
    for i in range(0, problem.lattice, every):
        levels = known["nodes"][i].tolist()
        look = look_at(problem, models, levels)
        assert look.suppressed == look.lost == known["suppressed"][i]
        assert len(look.sizes) == known["groups"][i]
        assert metric.loss_of(metric.score(look)) == pytest.approx(known["loss_gm"][i], rel=1e-9, abs=1e-12)
        bound = metric.loss_of(sum(float(terms[level]) for terms, level in zip(floor, levels, strict=True)))
        assert bound == pytest.approx(known["lower_bound_gm"][i], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("limit", [0, 300, 603, 1508, 3016, 30162])
def test_the_optimum_is_that_of_the_whole_lattice(reference_adult: Path, kernel: str, limit: int) -> None:
    known = np.load(reference_adult / "k5_lattice.npz")
    names = [str(name) for name in known["columns"]]
    problem = build_problem(
        adult_table(reference_adult, names), [adult_hierarchy(reference_adult, name) for name in names]
    )
    best = known["loss_gm"][known["suppressed"] <= limit].min()
    found = exact_search(problem, [KAnonymity(5)], limit=limit, kernel=kernel)  # type: ignore[arg-type]
    assert found.loss == pytest.approx(best, rel=1e-9)
    assert found.proof.checked < 400
    assert found.proof.checked + found.proof.pruned == found.proof.lattice
