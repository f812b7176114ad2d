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
from jalousie.tables.types import FrequencyTable, Histogram, Mask

STAR = "*"


def written_classes(written: FrequencyTable, raw: FrequencyTable, *, stars_are_suppressed: bool) -> Classes:
    """The equivalence classes of a written table: its distinct rows of quasi-identifiers.

    With `stars_are_suppressed` the class of rows that show nothing at all is left out: it says of nobody more than that
    he is in the table, and no model is promised for it.

    Raises
    ------
    ReleaseError
        R530 if a sensitive value was written that the raw table does not have
    """
    keep = np.ones(written.groups, bool)
    if stars_are_suppressed:
        keep = ~all_stars(written)
    known = {histogram.name: histogram for histogram in raw.sensitive}
    cells = {h.name: _cells(h, known[h.name]) for h in written.sensitive if h.name in known}
    return Classes(written.counts, cells).select(keep)


def all_stars(written: FrequencyTable) -> Mask:
    """(G,) rows whose every quasi-identifier is `*`."""
    mask = np.ones(written.groups, bool)
    for values, codes in zip(written.values, written.codes, strict=True):
        mask &= np.array([value == STAR for value in values], bool)[codes]
    return mask


def _cells(written: Histogram, raw: Histogram) -> Cells:
    """The written histogram in the raw column's codes, sorted by (class, code)."""
    place = {value: code for code, value in enumerate(raw.values)}
    unknown = sum(value not in place for value in written.values)
    if unknown:
        raise ReleaseError(
            "R530", f"{unknown} values of column {written.name} were written that the raw table does not have"
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
            hint="please report it, with the contract",
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
        )
