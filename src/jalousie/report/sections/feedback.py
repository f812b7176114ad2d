"""The chapters of a learning report: what was learnt from answers, what it cost, how attacks fared, what the ledger shows."""

from __future__ import annotations

from jalousie.report.parts import Cell, Facts, Points, Section, Story, Table, Tile, worst
from jalousie.report.sections.answers import attack_chapter, percent_gained
from jalousie.report.sections.guessed import guess_chapter
from jalousie.report.sections.learnt import last_point, learning_chapter, share_gained
from jalousie.report.sections.spent import cost_chapter, ledger_chapter
from jalousie.report.words import METRICS, clean, date, number, percent, plural, score, sentence
from jalousie.validator.card import FeedbackCard, LearningCurve


def tell_feedback(card: FeedbackCard) -> Story:
    """Put a feedback card into words. What was not measured gives no chapter, except where its absence must be said."""
    chapters = (
        _verdicts(card),
        learning_chapter(card),
        cost_chapter(card),
        attack_chapter(card),
        guess_chapter(card),
        ledger_chapter(card),
        _limits(card),
        _origin(card),
    )
    parties = clean(card.provider) + (f" → {clean(card.ml_party)}" if card.ml_party else "")
    return Story(
        name=clean(card.name),
        verdict=worst([check.verdict for check in card.checks]),
        headline=_headline(card),
        parties=parties,
        dated=date(card.created),
        software=clean(card.software),
        sections=tuple(section for section in chapters if section is not None),
        tiles=_tiles(card),
        kind="Report on answers" if card.curve is None else "Learning report",
        source="feedback card",
    )


def _headline(card: FeedbackCard) -> str:
    """The whole in a few sentences."""
    said = [_learnt(card.curve)] if card.curve is not None and card.curve.points else []
    if card.attacks:
        far, total = sum(fact.verdict == "FAIL" for fact in card.attacks), len(card.attacks)
        if far:
            said.append(f"{far} of {plural(total, 'attack')} on the answers got further than the noise allows.")
        else:
            said.append(
                f"None of {plural(total, 'attack')} on the answers surely got further than the noise allows anybody."
            )
    if card.ledger is not None:
        said.append(f"The ledger of {plural(card.ledger.entries, 'entry', 'entries')} is what the provider signed.")
    failed = [check for check in card.checks if check.verdict == "FAIL" and not check.what.startswith("attacks")]
    said += [sentence(f"{clean(check.what)}: {check.sentence}") for check in failed]
    return " ".join(said) or "Nothing was measured; this is what was agreed."


def _learnt(curve: LearningCurve) -> str:
    last, metric = last_point(curve), METRICS[curve.metric]
    start = (
        "" if curve.baseline is None else f" from {metric} {score(curve.baseline)}, which it had without a question,"
    )
    went = f"went{start} to" if start else "reached"
    return (
        f"With noisy answers worth epsilon {number(last.epsilon)} the model for {clean(curve.label)} {went} "
        f"{metric} {score(last.score)}."
    )


def _tiles(card: FeedbackCard) -> tuple[Tile, ...]:
    tiles = []
    curve = card.curve
    if curve is not None and curve.points:
        last = last_point(curve)
        before = "" if curve.baseline is None else f", from {score(curve.baseline)} without a question"
        tiles.append(
            Tile(score(last.score), f"is the model's {METRICS[curve.metric]} at epsilon {number(last.epsilon)}{before}")
        )
        share = share_gained(curve, last)
        if share is not None:
            tiles.append(Tile(percent(share), "of what all labels in one place would add was learnt without them"))
    if card.attacks:
        off = max(fact.off for fact in card.attacks)
        tiles.append(Tile(percent_gained(off), "is what the strongest attack gains where nothing protects"))
        bounds = [(fact.bound, fact.contract) for fact in card.attacks if fact.bound is not None]
        if bounds:
            bound, contract = max(bounds)
            told = (
                f"is the most that any attacker can gain under {clean(contract)}"
                if contract
                else "is the most that any can gain"
            )
            tiles.append(Tile(percent(bound), told))
        far = sum(fact.verdict == "FAIL" for fact in card.attacks)
        tiles.append(Tile(f"{far} of {len(card.attacks)}", "attacks surely got further than the noise allows"))
    return tuple(tiles)


def _verdicts(card: FeedbackCard) -> Section:
    rows = tuple((Cell("", verdict=c.verdict), Cell(clean(c.what), sentence(c.sentence))) for c in card.checks)
    return Section(
        key="verdict",
        title="Did answers keep the contract?"
        if card.curve is None
        else "Was it worth it, and did it keep its promise?",
        paragraphs=(_headline(card),),
        blocks=(Table("What was judged", ("Verdict", "Check"), rows, brief=True),) if rows else (),
        note=(
            "Pass: it was kept, or gained. Warn: nothing was gained, or an attack is no evidence. Fail: more was given away "
            "than agreed. Info: stated, not judged."
        ),
    )


def _limits(card: FeedbackCard) -> Section:
    said = [
        "What is true of people in general: the model is there to learn it, and it holds for those who were asked about too.",
        "Whether the provider answered truthfully: the ledger shows what was asked and sent, not that it is right.",
        "How large an epsilon is right. The table of budgets says what each is worth to an attacker; the parties choose.",
    ]
    if any(terms.neighbours == "change-label" for terms in card.terms):
        said.append("Who is in the provider's table: under “change-label” that is public, only labels are hidden.")
    if not card.attacks:
        said.append("How real attacks fare: none was carried out for this report.")
    elif not any(fact.live for fact in card.attacks):
        said.append("How attacks fare over the network: these were carried out against the same code in one process.")
    if card.curve is None:
        said.append("What a learner gains from the answers: that was not measured.")
    if card.ledger is None:
        said.append("Whether the ledger is intact: “jalousie audit verify” tells.")
    return Section("limits", "What this report does not show", (), (Points(tuple(said)),))


def _origin(card: FeedbackCard) -> Section:
    entries = [("Provider", clean(card.provider)), ("ML party", clean(card.ml_party))]
    entries += [(f"Digest of {clean(terms.contract)}", clean(terms.digest)) for terms in card.terms]
    entries += [("Made", date(card.created)), ("Software", clean(card.software)), ("Card format", clean(card.format))]
    return Section(
        key="origin",
        title="Where this comes from",
        paragraphs=(
            "Everything here is computed from the feedback card, which holds no label, no identifier and no count.",
        ),
        blocks=(Facts(tuple(dict.fromkeys((name, value) for name, value in entries if value))),),
    )
