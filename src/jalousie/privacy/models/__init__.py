"""Privacy models. Each is one small class behind `Model`; a contract's list of models becomes objects here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jalousie.contract import model as contract
from jalousie.errors import ContractError, HierarchyError
from jalousie.privacy.models.base import Cells, Classes, Model, NativeRule, possible, satisfied
from jalousie.privacy.models.closeness import TCloseness
from jalousie.privacy.models.diversity import DistinctLDiversity, EntropyLDiversity, RecursiveCLDiversity
from jalousie.privacy.models.size import AverageRisk, KAnonymity
from jalousie.tables.types import Codes, FrequencyTable, Hierarchy, Histogram

__all__ = [
    "AverageRisk",
    "Cells",
    "Classes",
    "DistinctLDiversity",
    "EntropyLDiversity",
    "KAnonymity",
    "Model",
    "NativeRule",
    "RecursiveCLDiversity",
    "TCloseness",
    "build_models",
    "possible",
    "satisfied",
]


def build_models(
    specs: Sequence[contract.Model],
    table: FrequencyTable,
    hierarchies: Iterable[Hierarchy],
    *,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Model, ...]:
    """The models of a contract, in its order, made ready for one table.

    `hierarchies` must hold that of the sensitive column where a distance is hierarchical; `orders` gives the order of its values
    where a distance is ordered (else numbers by size, text by code point; a null comes last).
    Raises ContractError C103 (no such sensitive column), HierarchyError H300 (no hierarchy), H310 (a value outside it).
    """
    known = {h.name: h for h in table.sensitive}
    trees = {h.column: h for h in hierarchies}
    return tuple(_build(spec, known, trees, orders or {}) for spec in specs)


def _build(
    spec: contract.Model,
    known: Mapping[str, Histogram],
    trees: Mapping[str, Hierarchy],
    orders: Mapping[str, Sequence[str]],
) -> Model:
    if isinstance(spec, contract.KAnonymity):
        return KAnonymity(spec.k)
    if isinstance(spec, contract.AverageRisk):
        return AverageRisk(spec.risk)
    if spec.column not in known:
        raise ContractError(
            "C103",
            f"a privacy model names column {spec.column}, which is not a sensitive column",
            hint="give the column the role sensitive",
        )
    if isinstance(spec, contract.DistinctLDiversity):
        return DistinctLDiversity(spec.column, spec.l)
    if isinstance(spec, contract.EntropyLDiversity):
        return EntropyLDiversity(spec.column, spec.l, spec.estimator)
    if isinstance(spec, contract.RecursiveCLDiversity):
        return RecursiveCLDiversity(spec.column, spec.c, spec.l)
    return _closeness(spec, known[spec.column], trees, orders)


def _closeness(
    spec: contract.TCloseness,
    histogram: Histogram,
    trees: Mapping[str, Hierarchy],
    orders: Mapping[str, Sequence[str]],
) -> TCloseness:
    rows = np.bincount(histogram.code, weights=histogram.count, minlength=len(histogram.values))
    views: tuple[Codes, ...] = ()
    if spec.distance == "ordered":
        views = (rank_values(histogram.values, orders.get(spec.column, ())),)
    elif spec.distance == "hierarchical":
        if spec.column not in trees:
            raise HierarchyError(
                "H300",
                f"the hierarchical distance of column {spec.column} needs a hierarchy of its values",
                hint="give the column a hierarchy, or use the equal distance",
            )
        views = tree_views(histogram.values, trees[spec.column])
    return TCloseness(spec.column, spec.t, rows / rows.sum(), spec.distance, views)


def rank_values(values: Sequence[str | None], order: Sequence[str]) -> Codes:
    """(m,) place of each value: by `order` where it is given, else numbers by size, else text.

    Values that `order` does not name come after those it names, nulls last.
    """
    place = {value: i for i, value in enumerate(order)}
    numbers = [_number(value) for value in values if value is not None]
    numeric = not order and all(number is not None for number in numbers)

    def key(i: int) -> tuple[int, float, str]:
        value = values[i]
        if value is None:
            return (2, 0.0, "")
        if value in place:
            return (0, float(place[value]), "")
        return (1, _number(value) or 0.0 if numeric else 0.0, value)

    rank = np.empty(len(values), np.int32)
    rank[sorted(range(len(values)), key=key)] = np.arange(len(values), dtype=np.int32)
    return rank


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def tree_views(values: Sequence[str | None], tree: Hierarchy) -> tuple[Codes, ...]:
    """Per level of the hierarchy under its root, (m,) code of each value's ancestor.

    Where the top level still holds several values, a root is thought above it. A null that the hierarchy does not know hangs from
    the root alone.
    """
    place = {value: i for i, value in enumerate(tree.labels[0])}
    missing = sum(value is not None and value not in place for value in values)
    if missing:
        raise HierarchyError(
            "H310",
            f"{missing} values of column {tree.column} are not in its hierarchy",
            hint="add them to the hierarchy",
        )
    leaves = np.array([place.get(value, -1) for value in values], np.int64)
    rooted = len(tree.labels[-1]) == 1
    views = []
    for level in range(max(1, tree.levels - 1) if rooted else tree.levels):
        width = len(tree.labels[level])
        view = np.where(leaves < 0, width, tree.maps[level][leaves])
        views.append(np.unique(view, return_inverse=True)[1].reshape(-1).astype(np.int32))
    return tuple(views)
