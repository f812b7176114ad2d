"""Chapters on what an adversary gets: singling out, what a class gives away, and the attacks that were carried out."""

from __future__ import annotations

from collections.abc import Callable

from jalousie.privacy.card import AttackFacts, Card, DisclosureFacts, RiskFacts
from jalousie.report.parts import Bar, Bars, Block, Cell, Dot, Dots, Figure, Section, Series, Table
from jalousie.report.words import clean, count, listing, one_in, percent, plural, sentence

BEFORE_AFTER: tuple[tuple[Series, str], ...] = (("raw", "raw table"), ("release", "release"))
SHARE_TICKS = ((0.0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %"))

_RISKS: tuple[tuple[str, str, Callable[[RiskFacts], float]], ...] = (
    (
        "Highest, prosecutor",
        "the row easiest to find, by someone who knows it is in the table",
        lambda r: r.highest_prosecutor,
    ),
    ("Average, prosecutor", "the mean row, by someone who knows it is in the table", lambda r: r.average_prosecutor),
    (
        "Highest, journalist",
        "the row easiest to find, by someone who does not know it is in",
        lambda r: r.highest_journalist,
    ),
    ("Average, journalist", "the mean row, by someone who does not know it is in", lambda r: r.average_journalist),
    ("Marketer", "share of rows found by linking the whole table at once", lambda r: r.marketer),
    ("Rows at risk", "share of rows with a prosecutor's risk above 1 in 5", lambda r: r.at_risk_share),
    ("One of a kind", "share of rows whose combination no other row has", lambda r: r.sample_uniques),
)


def singled_out(card: Card) -> Section | None:
    before, after = card.risk_before, card.risk_after
    if before is None and after is None:
        return None
    told = [_told(before, "raw table"), _told(after, "release"), sentence(card.before)]
    blocks: list[Block] = [_risk_figure(before, after), _size_figure(before, after)]
    bases = dict.fromkeys(clean(risk.journalist_basis) for risk in (before, after) if risk is not None)
    return Section(
        key="risk",
        title="Who could be singled out",
        paragraphs=tuple(filter(None, told)),
        blocks=tuple(blocks),
        note=(
            "Risk is 1 / class size: the chance to pick the right row among all rows with the same quasi-identifiers. "
            f"Journalist's figures rest on: {listing(bases)}. Definitions: El Emam 2013; Dankar and El Emam 2010."
        ),
    )


def _told(risk: RiskFacts | None, table: str) -> str:
    if risk is None:
        return ""
    if not risk.rows:
        return f"In the {table} there is no row to single out."
    alone = "no row is" if risk.sample_uniques == 0 else f"{percent(risk.sample_uniques)} of the rows are"
    chance = "with certainty" if risk.highest_prosecutor >= 1 else f"with a chance of {one_in(risk.highest_prosecutor)}"
    classes = plural(risk.classes, "class", "classes")
    return (
        f"In the {table}, {alone} one of a kind. Its {plural(risk.rows, 'row')} form {classes}, the smallest with "
        f"{plural(risk.smallest_class, 'row')}: whoever knows the quasi-identifiers of the person easiest to find picks the "
        f"right row {chance}."
    )


def _both(before: RiskFacts | None, after: RiskFacts | None, read: Callable[[RiskFacts], float]) -> tuple[Dot, ...]:
    pairs: tuple[tuple[Series, RiskFacts | None], ...] = (("raw", before), ("release", after))
    return tuple(Dot(series, read(risk), percent(read(risk))) for series, risk in pairs if risk is not None)


def _risk_figure(before: RiskFacts | None, after: RiskFacts | None) -> Figure:
    rows = tuple(
        (
            Cell(name, meaning),
            Cell("–" if before is None else percent(read(before))),
            Cell("–" if after is None else percent(read(after))),
        )
        for name, meaning, read in _RISKS
    )
    return Figure(
        title="Risk before and after",
        description="Each measure of re-identification risk, for the raw table and for the release; further left is safer.",
        chart=Dots(tuple((name, _both(before, after, read)) for name, _, read in _RISKS), 0, 1, SHARE_TICKS),
        legend=BEFORE_AFTER,
        table=Table("Risk before and after", ("Measure", "Raw table", "Release"), rows, frozenset({1, 2}), brief=True),
    )


def _size_figure(before: RiskFacts | None, after: RiskFacts | None) -> Figure:
    bins: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for index, risk in enumerate((before, after)):
        for size in risk.sizes if risk is not None else ():
            bins.setdefault((size.low, size.high), [(0, 0), (0, 0)])[index] = (size.classes, size.rows)
    ordered = [found for found in sorted(bins.items()) if any(rows for _, rows in found[1])]
    groups = []
    for limits, ((_, raw), (_, out)) in ordered:
        bars = [Bar("raw", raw, percent(raw / before.rows if before.rows else 0))] if before is not None else []
        bars += [Bar("release", out, percent(out / after.rows if after.rows else 0))] if after is not None else []
        groups.append((_bin_name(*limits), tuple(bars)))
    return Figure(
        title="How many rows hide together",
        description="Rows by the size of their class, in the raw table and in the release; rows in larger classes are safer.",
        chart=Bars(tuple(groups)),
        legend=BEFORE_AFTER,
        table=Table(
            "Classes and rows by class size",
            ("Class size", "Classes, raw", "Rows, raw", "Classes, release", "Rows, release"),
            tuple(
                (Cell(_bin_name(*limits)), *(Cell(count(figure)) for pair in pairs for figure in pair))
                for limits, pairs in ordered
            ),
            frozenset({1, 2, 3, 4}),
        ),
    )


def _bin_name(low: int, high: int) -> str:
    if high == 0:
        return f"{count(low)} or more"
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def gives_away(card: Card) -> Section | None:
    if not card.disclosure_after and not card.disclosure_before:
        return None
    names = list(dict.fromkeys(facts.column for facts in (*card.disclosure_before, *card.disclosure_after)))
    before = {facts.column: facts for facts in card.disclosure_before}
    after = {facts.column: facts for facts in card.disclosure_after}
    return Section(
        key="disclosure",
        title="What a class gives away",
        paragraphs=tuple(_away(facts) for facts in after.values()),
        blocks=(_away_figure(names, before, after),) if names else (),
        note=(
            "Nobody needs to be singled out for this: whoever knows which class a person is in learns what all of the class "
            "share. A missing value counts as a value."
        ),
    )


def _away(facts: DisclosureFacts) -> str:
    name, almost = clean(facts.column), percent(facts.almost_certain_share)
    if facts.almost_certain_share == 0 and facts.certain_share == 0:
        told = f"No class of the release gives away {name}, neither with certainty nor with 90 %"
    elif facts.certain_share == 0:
        told = f"No class of the release gives away {name} with certainty; for {almost} of the rows it is at least 90 % certain"
    else:
        told = (
            f"For {percent(facts.certain_share)} of the rows, knowing the class is knowing {name} with certainty; for {almost} "
            "it is at least 90 % certain"
        )
    return sentence(
        f"{told}. The best guess from the class is right for {percent(facts.best_guess)} of the rows, a stranger's guess for "
        f"{percent(facts.baseline_guess)}"
    )


def _away_figure(names: list[str], before: dict[str, DisclosureFacts], after: dict[str, DisclosureFacts]) -> Figure:
    measures: tuple[tuple[str, Callable[[DisclosureFacts], float]], ...] = (
        ("certain", lambda facts: facts.certain_share),
        ("90 % certain", lambda facts: facts.almost_certain_share),
        ("best guess", lambda facts: facts.best_guess),
        ("stranger's guess", lambda facts: facts.baseline_guess),
    )
    charted, rows = [], []
    for name in names:
        for measure, read in measures:
            label = measure if len(names) == 1 else f"{clean(name)}: {measure}"
            pairs: tuple[tuple[Series, DisclosureFacts | None], ...] = (
                ("raw", before.get(name)),
                ("release", after.get(name)),
            )
            dots = tuple(Dot(series, read(facts), percent(read(facts))) for series, facts in pairs if facts is not None)
            charted.append((label, dots))
            rows.append((Cell(label), *(Cell("–" if facts is None else percent(read(facts))) for _, facts in pairs)))
    return Figure(
        title="Sensitive values learned from the class",
        description="Share of rows whose sensitive value the class gives away, for the raw table and the release.",
        chart=Dots(tuple(charted), 0, 1, SHARE_TICKS),
        legend=BEFORE_AFTER,
        table=Table(
            "What a class gives away", ("Share of rows", "Raw table", "Release"), tuple(rows), frozenset({1, 2})
        ),
    )


def attacks(card: Card) -> Section | None:
    return attack_section(card.attacks) if card.attacks else None


def attack_section(attacks: tuple[AttackFacts, ...]) -> Section:
    return Section(
        key="attacks",
        title="What attacks achieved",
        paragraphs=tuple(sentence(attack.sentence) for attack in attacks if attack.sentence),
        blocks=(_attack_figure(attacks),),
        note=(
            "Each attack was carried out against the raw table and against the release, and counted record by record. Intervals "
            "are 95 % (Clopper-Pearson). The bound is what the privacy models promise; a stranger guesses without the data."
        ),
    )


def _attack_name(attack: AttackFacts) -> str:
    name = (
        attack.attack.capitalize()
        if attack.attack == "re-identification"
        else attack.attack.capitalize().replace("-", " ")
    )
    return f"{name}: {clean(attack.column)}" if attack.column else name


def _attacked(attack: AttackFacts) -> str:
    told = plural(attack.records, "record") + " attacked"
    return (
        told
        if attack.control is None
        else f"{told}; right for {percent(attack.control)} of people who are not in the release"
    )


def _attack_figure(attacks: tuple[AttackFacts, ...]) -> Figure:
    charted, rows = [], []
    for attack in attacks:
        low, high = attack.interval
        raw = attack.raw_success
        dots = [
            *([Dot("raw", raw, percent(raw))] if raw is not None else []),
            Dot("release", attack.release_success, percent(attack.release_success), attack.interval),
        ]
        if attack.bound is not None:
            dots.append(Dot("bound", attack.bound, percent(attack.bound)))
        if attack.stranger is not None:
            dots.append(Dot("guess", attack.stranger, percent(attack.stranger)))
        charted.append((_attack_name(attack), tuple(dots)))
        rows.append(
            (
                Cell("", verdict=attack.verdict),
                Cell(_attack_name(attack), _attacked(attack)),
                Cell("–" if raw is None else percent(raw)),
                Cell(percent(attack.release_success), f"{percent(low)} to {percent(high)}"),
                Cell("none" if attack.bound is None else percent(attack.bound)),
                Cell("–" if attack.stranger is None else percent(attack.stranger)),
            )
        )
    return Figure(
        title="Success of each attack",
        description="Share of records for which each attack was right: raw table, release with its interval, bound and guess.",
        chart=Dots(tuple(charted), 0, 1, SHARE_TICKS),
        legend=(*BEFORE_AFTER, ("bound", "bound promised"), ("guess", "a stranger's guess")),
        table=Table(
            "Success of each attack",
            ("Verdict", "Attack", "Raw table", "Release", "Bound", "Stranger"),
            tuple(rows),
            frozenset({2, 3, 4, 5}),
            brief=True,
        ),
        folded=False,
    )
