"""Independent verification: a plain group-by over the rows as written, and every model asked again.

Nothing of the search is trusted here: neither its classes nor its counts. The only things carried over are the models
themselves (what was promised) and the raw table's list of sensitive values, by text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jalousie.errors import ReleaseError
from jalousie.privacy.card import ModelFacts, Verdict
from jalousie.privacy.models import Cells, Classes, Model, satisfied
from jalousie.privacy.recoding import Recoding
from jalousie.tables.types import Counts, FrequencyTable, Histogram

STAR = "*"
_REPORT = "please report it, with the contract"


def written_classes(written: FrequencyTable, raw: FrequencyTable) -> Classes:
    """The equivalence classes of a written table: its distinct rows of quasi-identifiers, those of stars included.

    Raises
    ------
    ReleaseError
        R530 if a sensitive value was written that the raw table does not have
    """
    known = {histogram.name: histogram for histogram in raw.sensitive}
    cells = {h.name: _cells(h, known[h.name]) for h in written.sensitive if h.name in known}
    return Classes(written.counts, cells)


def stars_hold(models: Sequence[Model], table: FrequencyTable, recoding: Recoding) -> bool:
    """Whether suppressed rows, shown with `*` for every quasi-identifier, are a class that satisfies the models.

    They must be: whoever fits no other class is known to be among them. Rows that the search generalised to stars alone
    look the same and are of that class too.
    """
    hidden = recoding.suppressed.copy()
    shows_nothing = np.ones(table.groups, bool)
    for labels, codes in zip(recoding.labels, recoding.codes, strict=True):
        stars = np.array([label == STAR for label in labels], bool)
        shows_nothing &= np.where(hidden, True, stars[np.where(hidden, 0, codes)])
    hidden |= shows_nothing
    owner = np.where(hidden, recoding.classes.max(initial=-1) + 1, recoding.classes)
    _, owner = np.unique(owner, return_inverse=True)
    sizes = np.bincount(owner, weights=table.counts).astype(np.int64)
    cells = {h.name: _gathered(h, owner) for h in table.sensitive}
    return bool(satisfied(models, Classes(sizes, cells)).all())


def _gathered(histogram: Histogram, owner: Counts) -> Cells:
    """A histogram by distinct row as one by class."""
    key = owner[histogram.group] * len(histogram.values) + histogram.code
    kept, place = np.unique(key, return_inverse=True)
    group, code = np.divmod(kept, len(histogram.values))
    count = np.bincount(place, weights=histogram.count).astype(np.int64)
    return Cells(group, code.astype(np.int32), count, len(histogram.values))


def _cells(written: Histogram, raw: Histogram) -> Cells:
    """The written histogram in the raw column's codes, sorted by (class, code)."""
    place = {value: code for code, value in enumerate(raw.values)}
    unknown = sum(value not in place for value in written.values)
    if unknown:
        raise ReleaseError(
            "R530",
            f"{unknown} values of column {written.name} were written that the raw table does not have",
            hint=_REPORT,
        )
    code = np.array([place[value] for value in written.values], np.int64)[written.code]
    order = np.lexsort((code, written.group))
    return Cells(written.group[order], code[order].astype(np.int32), written.count[order], len(raw.values))


def verify(models: Sequence[Model], classes: Classes) -> tuple[ModelFacts, ...]:
    """What each model reaches on the written classes.

    Raises
    ------
    ReleaseError
        R531 if one of them does not hold
    """
    facts = tuple(_facts(model, classes) for model in models)
    broken = [fact.model for fact in facts if fact.verdict == "FAIL"]
    if broken:
        raise ReleaseError(
            "R531",
            f"the table as written does not satisfy {', '.join(broken)}; this is a fault of Jalousie, not of the contract",
            hint=_REPORT,
        )
    return facts


def _facts(model: Model, classes: Classes) -> ModelFacts:
    holds = bool(satisfied([model], classes).all())
    verdict: Verdict = "PASS" if holds else "FAIL"
    return ModelFacts(
        model=model.name,
        column=model.column,
        required=float(model.required),
        reached=float(model.reached(classes)),
        better=model.better,
        verdict=verdict,
        sentence=model.sentence(),
    )


def check_rows(rows_in: int, suppressed: int, rows_out: int) -> None:
    """Every row is released or counted as suppressed.

    Raises
    ------
    ReleaseError
        R532 if rows were lost or doubled
    """
    if rows_out != rows_in - suppressed:
        raise ReleaseError(
            "R532",
            f"{rows_in} rows less {suppressed} suppressed should leave {rows_in - suppressed}; {rows_out} were written",
            hint=_REPORT,
        )
