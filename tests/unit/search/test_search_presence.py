"""Published optima that ask for (0.05, 0.15)-presence besides: a model that no room of the product knows, behind its interface.

`published_optima.json` names k-anonymity and t-closeness for two cases whose source (TestAnonymizationCombinations of ARX) also
asks for presence (Nergiz, Atzori & Clifton 2007): of the people of each class, the released tenth is between 5 and 15 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from adult_subset import subset_rows
from search_adult import COLUMNS, adult_hierarchy, adult_sample
from test_search_published import CLOSE, FIVE, spec

from jalousie.privacy.models import Classes, Model, build_models
from jalousie.privacy.search import build_problem, exact_search
from jalousie.tables.types import Mask


class Presence(Model):
    """Of the `world` behind each class, a share within bounds is in the table. Neither monotone nor rising."""

    name = "presence"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    monotone = False
    rises = False
    column = "world"

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most

    @property
    def required(self) -> float:
        return self.most

    def satisfied(self, classes: Classes) -> Mask:
        cells = classes.cells[self.column]
        share = classes.sizes / np.bincount(cells.group, weights=cells.count, minlength=len(classes))
        return np.asarray((share >= self.least) & (share <= self.most))

    def possible(self, classes: Classes) -> Mask:
        return np.ones(len(classes), bool)

    def reached(self, classes: Classes) -> float:
        return 1.0

    def sentence(self) -> str:
        return "Nobody is surely in the table."


@pytest.mark.parametrize(
    ("models", "suppression", "levels", "loss"),
    [
        ([FIVE], 0.0, (0, 2, 1, 2, 3, 2, 2, 1), 35461.30001724414),
        ([FIVE, CLOSE], 0.0, (1, 4, 1, 1, 3, 2, 2, 1), 42481.619746031596),
        ([FIVE, CLOSE], 0.05, (1, 4, 0, 1, 3, 2, 2, 1), 40089.9423426752),
    ],
)
def test_optima_published_with_presence_are_reproduced(
    reference_adult: Path, models: list[str], suppression: float, levels: tuple[int, ...], loss: float
) -> None:
    names = [name for name in COLUMNS if name != "occupation"]
    table = adult_sample(reference_adult, names, "occupation", subset_rows())
    problem = build_problem(table, [adult_hierarchy(reference_adult, name) for name in table.names])
    built = build_models([spec(text) for text in models], table, [adult_hierarchy(reference_adult, "occupation")])
    found = exact_search(problem, [*built, Presence(0.05, 0.15)], metric="entropy-monotone", suppression=suppression)
    assert found.proof.exact
    assert found.proof.kernel == "numpy"
    assert found.levels == levels
    assert found.loss == pytest.approx(loss, rel=1e-9)
