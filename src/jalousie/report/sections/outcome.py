"""First chapters: does the release keep the contract, what is in it, and which privacy models does it reach."""

from __future__ import annotations

from jalousie.privacy.card import Card, ColumnFacts, ModelFacts, Verdict
from jalousie.report.parts import Cell, Section, Table, worst
from jalousie.report.words import clean, count, listing, number, percent, plural, sentence


def overall(card: Card) -> Verdict:
    """The verdict of the whole."""
    return worst(
        [
            *(check.verdict for check in card.checks),
            *(model.verdict for model in card.models),
            *(attack.verdict for attack in card.attacks),
        ]
    )


def summary(card: Card) -> str:
    """The whole in one or two sentences."""
    if not card.checks:
        fates = {"FAIL": "something failed", "WARN": "something needs attention"}
        fate = fates.get(overall(card), "nothing failed")
        return f"The contract sets no limits that were checked; of what was measured, {fate}."
    judged = [check for check in card.checks if check.verdict != "INFO"]
    passed = sum(check.verdict == "PASS" for check in judged)
    by = {verdict: [clean(c.what) for c in card.checks if c.verdict == verdict] for verdict in ("FAIL", "WARN")}
    if not by["FAIL"] and not by["WARN"]:
        return {0: "Nothing was judged.", 1: "The one check is met."}.get(passed, f"All {passed} checks are met.")
    said = [f"{len(names)} {what}: {listing(names)}" for names, what in _judged(by) if names]
    return f"{passed} of {plural(len(judged), 'check')} {'is' if passed == 1 else 'are'} met; " + "; ".join(said) + "."


def _judged(by: dict[str, list[str]]) -> tuple[tuple[list[str], str], ...]:
    failed, warned = by["FAIL"], by["WARN"]
    return (
        (failed, "fails" if len(failed) == 1 else "fail"),
        (warned, "needs attention" if len(warned) == 1 else "need attention"),
    )


def verdicts(card: Card) -> Section:
    rows = tuple((Cell("", verdict=c.verdict), Cell(clean(c.what), sentence(c.sentence))) for c in card.checks)
    table = Table("Every check of the contract", ("Verdict", "Check"), rows, brief=True)
    return Section(
        key="verdict",
        title="Does the release keep the contract?",
        paragraphs=(summary(card),),
        blocks=(table,) if rows else (),
        note=(
            "Pass: the limit is kept. Warn: it is missed, but the contract does not enforce it. Fail: it is missed and enforced. "
            "Info: stated, not judged."
        ),
    )


def released(card: Card) -> Section:
    given = f"{plural(card.rows_in, 'row')} came in and {plural(card.rows_out, 'row')} went out."
    if card.rows_suppressed:
        share = f" ({percent(card.rows_suppressed / card.rows_in)})" if card.rows_in else ""
        given += (
            f" {plural(card.rows_suppressed, 'row')}{share} had to be suppressed, since no class that satisfies the contract "
            "would have held them."
        )
    else:
        given += " No row had to be suppressed."
    changed = [clean(column.name) for column in card.columns if column.changed != "unchanged"]
    if not card.columns:
        told = "The release has no columns."
    elif not changed:
        told = f"The release has {plural(len(card.columns), 'column')}, all as they came."
    else:
        some = "all" if len(changed) == len(card.columns) else str(len(changed))
        told = f"The release has {plural(len(card.columns), 'column')}; {some} of them changed: {listing(changed)}."
    table = Table(
        "Columns of the release",
        ("Column", "What happened", "Level", "Values before", "Values after"),
        tuple(_column(column) for column in card.columns),
        numbers=frozenset({2, 3, 4}),
    )
    return Section(
        key="released",
        title="What is released",
        paragraphs=(given, told),
        blocks=(table,) if card.columns else (),
        note="Level: steps up the column's hierarchy; 0 is the raw value, the last is * (any value)."
        if any(column.levels for column in card.columns)
        else "",
    )


def _column(column: ColumnFacts) -> tuple[Cell, ...]:
    counted = column.distinct_before or column.distinct_after
    was = f" (was {clean(column.was)})" if column.was else ""
    return (
        Cell(clean(column.name), f"{clean(column.role)}, {clean(column.type)}{was}"),
        Cell(clean(column.changed)),
        Cell(level(column)),
        Cell(count(column.distinct_before) if counted else "–"),
        Cell(count(column.distinct_after) if counted else "–"),
    )


def level(column: ColumnFacts) -> str:
    """`2 of 4`, `mean 1.31 of 4`, `varies, 0 to 4`, or a dash where the column has no hierarchy."""
    if not column.levels:
        return "–"
    top = column.levels - 1
    if column.level is not None:
        return f"{column.level} of {top}"
    if column.mean_level is not None:
        return f"mean {number(round(column.mean_level, 2))} of {top}"
    return f"varies, 0 to {top}"


def models(card: Card) -> Section | None:
    if not card.models:
        return Section(
            key="models",
            title="What was promised, and what is reached",
            paragraphs=("The contract asks for no privacy model, so no bound on risk is promised.",),
        )
    missed = [clean(model.model) for model in card.models if model.verdict == "FAIL"]
    told = (
        f"The written table does not reach {listing(missed)}."
        if missed
        else "The written table was counted again, independently of the search; it reaches "
        + ("the privacy model" if len(card.models) == 1 else f"each of the {len(card.models)} privacy models")
        + " of the contract."
    )
    table = Table(
        "Privacy models: asked for and reached",
        ("Verdict", "Model", "Asked for", "Reached"),
        tuple(_model(model) for model in card.models),
        numbers=frozenset({2, 3}),
        brief=True,
    )
    return Section("models", "What was promised, and what is reached", (told,), (table,))


def _model(model: ModelFacts) -> tuple[Cell, ...]:
    name = clean(model.model) + (f" of {clean(model.column)}" if model.column else "")
    limit = "at least" if model.better == "higher" else "at most"
    return (
        Cell("", verdict=model.verdict),
        Cell(name, sentence(model.sentence)),
        Cell(f"{limit} {number(model.required)}"),
        Cell(number(model.reached)),
    )
