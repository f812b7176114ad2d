"""Last chapters: how the release was found and made, what the report does not show, and where it comes from."""

from __future__ import annotations

from jalousie.privacy.card import Card, SearchFacts, StepFacts
from jalousie.report.parts import Bar, Bars, Block, Cell, Facts, Figure, Points, Scatter, Section, Table
from jalousie.report.words import clean, count, date, listing, number, one_in, percent, plural, score, seconds, sentence

_SHOWN = 12
"""Candidates listed in the table under the chart."""


def search(card: Card) -> Section | None:
    facts = card.search
    if facts is None:
        return None
    blocks: list[Block] = []
    if facts.candidates and card.risk_after is not None:
        blocks.append(_candidate_figure(facts, card.risk_after.average_prosecutor))
    blocks.append(
        Facts(
            (
                ("Recoding", clean(facts.recoding)),
                ("Metric", clean(facts.metric)),
                ("Loss", score(facts.loss)),
                ("Lower bound", score(facts.lower_bound)),
                ("Gap", score(facts.gap)),
                ("Schemes in all", count(facts.lattice)),
                ("Schemes counted on the data", count(facts.checked)),
                (
                    "Schemes excluded by a bound" if facts.recoding == "optimal" else "Schemes not needed",
                    count(facts.pruned),
                ),
                ("Method", clean(facts.method)),
                ("Kernel", clean(facts.kernel)),
            )
        )
    )
    return Section("search", "Could there be a better release?", (_proof(facts),), tuple(blocks))


def _proof(facts: SearchFacts) -> str:
    if facts.recoding != "optimal":
        return (
            f"Perhaps. Recoding of the kind “{clean(facts.recoding)}” goes beyond one scheme for all rows and comes without "
            f"a proof: its loss is {score(facts.loss)}, and all that is certain is that nothing can be below "
            f"{score(facts.lower_bound)}. The search looked at {count(facts.checked)} of {count(facts.lattice)} schemes."
        )
    looked = (
        f"Of {count(facts.lattice)} schemes, {count(facts.checked)} were counted on the data and {count(facts.pruned)} excluded "
        "by a bound."
    )
    if facts.exact:
        return f"No: no other scheme that satisfies the contract has a lower loss. {looked}"
    return (
        f"Perhaps, but by no more than {score(facts.gap)}: the loss is {score(facts.loss)}, and nothing can be below "
        f"{score(facts.lower_bound)}. {looked}"
    )


def _candidate_figure(facts: SearchFacts, chosen_risk: float) -> Figure:
    points = tuple((risk, loss, suppressed) for risk, suppressed, loss in facts.candidates)
    best = sorted(frontier(facts.candidates))
    shown = best if len(best) <= _SHOWN else [best[i * (len(best) - 1) // (_SHOWN - 1)] for i in range(_SHOWN)]
    more = (
        f"; {plural(len(facts.candidates), 'scheme was', 'schemes were')} looked at"
        if len(facts.candidates) > len(shown)
        else ""
    )
    return Figure(
        title="Risk against utility",
        description=(
            "Each circle is a scheme that was looked at, larger the more rows it suppresses; the diamond is this release. "
            "Further left is safer, further down keeps more."
        ),
        chart=Scatter(points, (chosen_risk, facts.loss), "average risk of a row", "loss"),
        legend=(("release", "this release"), ("raw", "other schemes (larger: more rows suppressed)")),
        table=Table(
            f"Schemes that none of the others beats in all three figures{more}",
            ("Average risk", "Suppressed", "Loss"),
            tuple(
                (Cell(one_in(risk)), Cell(percent(suppressed)), Cell(score(loss))) for risk, suppressed, loss in shown
            ),
            frozenset({1, 2}),
        ),
    )


def frontier(candidates: tuple[tuple[float, float, float], ...]) -> list[tuple[float, float, float]]:
    """Candidates that no other one equals or beats in risk, suppression and loss together."""
    best: list[tuple[float, float, float]] = []
    for point in sorted(set(candidates)):
        # In sorted order a later point never has a lower risk, so only suppression and loss need comparing.
        if not any(other[1] <= point[1] and other[2] <= point[2] for other in best):
            best.append(point)
    return best


def steps(card: Card) -> Section | None:
    if not card.steps:
        return None
    table = Table(
        "Steps in the order in which they were carried out",
        ("Step", "What it did", "Rows"),
        tuple(_step(index, step) for index, step in enumerate(card.steps, start=1)),
        numbers=frozenset({2}),
    )
    told = f"The release was made in {plural(len(card.steps), 'step')}"
    told += ", each with what it does not promise." if any(step.caveat for step in card.steps) else "."
    return Section("steps", "What was done, step by step", (told,), (table,))


def _step(index: int, step: StepFacts) -> tuple[Cell, ...]:
    facts = "; ".join(
        f"{clean(name).replace('-', ' ')} {_fact(name, value)}" for name, value in sorted(step.facts.items())
    )
    rows = count(step.rows_after)
    if step.rows_after != step.rows_before:
        rows = f"{count(step.rows_before)} → {rows}"
    return (
        Cell(f"{index}. {clean(step.step)}", listing(clean(column) for column in step.columns)),
        Cell(" ".join(filter(None, [sentence(step.sentence), sentence(facts)])), sentence(step.caveat)),
        Cell(rows),
    )


def _fact(name: str, value: float) -> str:
    return percent(value) if name.endswith(("rate", "share", "fraction")) else number(value)


def times(card: Card) -> Section | None:
    if not card.seconds:
        return None
    total = sum(card.seconds.values())
    longest_first = sorted(card.seconds.items(), key=lambda entry: (-entry[1], entry[0]))
    stages = tuple((clean(stage), value) for stage, value in longest_first)
    parts = listing(f"{stage} {seconds(value)}" for stage, value in stages)
    told = f"All of it took {seconds(total)} of processor time: {parts}."
    table = Table(
        "CPU time by stage",
        ("Stage", "CPU time"),
        (*((Cell(stage), Cell(seconds(value))) for stage, value in stages), (Cell("All"), Cell(seconds(total)))),
        frozenset({1}),
    )
    figure = Figure(
        title="CPU time by stage",
        description="Time of the processor that each stage took.",
        chart=Bars(tuple((stage, (Bar("release", value, seconds(value)),)) for stage, value in stages)),
        legend=(("release", "CPU time"),),
        table=table,
    )
    return Section("times", "How long it took", (told,), (figure,))


def not_shown(card: Card) -> Section:
    said = [
        "What an adversary knows beyond the quasi-identifiers that the contract names: all else counts as unknown to everybody.",
        "Whether the roles of the columns are right: that is a judgement of the parties.",
        "What several releases of the same people give away together.",
        "Whether the data are correct, complete or fair, in the raw table or in the release.",
        "Whether sharing is lawful. The figures support such a judgement; they do not make it.",
    ]
    if card.risk_after is not None and card.risk_after.journalist_basis == "sample":
        said.insert(
            1,
            "How rare people are in the whole population: no population was given, so a journalist's risk is the table's own.",
        )
    if not card.attacks:
        said.append("How real attacks fare: none was carried out for this report.")
    if card.learning is None:
        said.append("How well the release serves a learner: that was not measured.")
    return Section("limits", "What this report does not show", (), (Points(tuple(said)),))


def written(card: Card) -> str:
    """How the data file is written, all that is needed to read it."""
    form = clean(card.data_format)
    if card.csv is None:
        return form
    csv = card.csv
    nulls = listing(f"“{clean(null)}”" for null in csv.nulls) or "not at all"
    head = "with" if csv.header else "without"
    return (
        f"{form}, {head} a header; delimiter “{clean(csv.delimiter)}”, quote “{clean(csv.quote)}”, decimal “{csv.decimal}”, "
        f"encoding {clean(csv.encoding)}; a missing value is written {nulls}"
    ).removeprefix(", ")


def origin(card: Card) -> Section:
    entries = (
        ("Contract", clean(card.contract.name)),
        ("Contract digest", clean(card.contract.digest)),
        ("Provider", clean(card.contract.provider)),
        ("ML party", clean(card.contract.ml_party)),
        ("Data file", clean(card.data_file)),
        ("Data format", written(card)),
        ("Data digest", clean(card.data_digest)),
        ("Made", date(card.created)),
        ("Software", clean(card.software)),
        ("Card format", clean(card.format)),
    )
    return Section(
        key="origin",
        title="Where this comes from",
        paragraphs=("Everything here is computed from the release card, which holds no value of the table.",),
        blocks=(Facts(tuple((name, value) for name, value in entries if value)),),
    )
