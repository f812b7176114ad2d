"""The chapter on guessing: what whoever has the answers knows of the very records that were asked about."""

from __future__ import annotations

from jalousie.report.parts import Block, Cell, Section, Table
from jalousie.report.words import clean, count, number, percent, score
from jalousie.validator.card import FeedbackCard, Guessed, GuessFacts


def guess_chapter(card: FeedbackCard) -> Section | None:
    if not card.guesses:
        return None
    tried = (
        "A model that learnt from answers guesses labels; it is meant to. What it must not do is know the records that were "
        "asked about better than others like them. So every record was guessed twice: once by a model learnt from answers about "
        "it, and once, as a stranger, by a model learnt from answers about others."
    )
    told = [tried, *map(_told, card.guesses)]
    blocks: list[Block] = [_table(facts) for facts in card.guesses]
    return Section(
        key="guesses",
        title="What answers tell of those asked about",
        paragraphs=tuple(told),
        blocks=tuple(blocks),
        note=(
            "Randomised response: each label is handed over, but another one with the probability that gives the same epsilon "
            "(Warner 1965); what people then know of a record is its own noisy label and a model of all."
        ),
    )


def _told(facts: GuessFacts) -> str:
    answers, response = facts.answers, facts.response
    return (
        f"{clean(facts.label).capitalize()}: with all answers at epsilon {number(facts.epsilon)}, AUC is "
        f"{score(answers.inside_auc)} of those asked about and {score(answers.strangers_auc)} of the same as strangers. Had "
        f"every label been handed over by randomised response at the same epsilon, {percent(response.inside_right)} of them "
        "would be guessed right."
    )


def _table(facts: GuessFacts) -> Table:
    name = ", ".join(filter(None, [clean(facts.label), clean(facts.contract)]))
    return Table(
        f"Guessed labels of {count(facts.records)} records, {name}",
        ("The ML party has", "AUC, asked about", "AUC, as strangers", "Right, asked about", "Right, as strangers"),
        tuple(_row(guessed, detail) for guessed, detail in _ways(facts)),
        frozenset({1, 2, 3, 4}),
        brief=True,
    )


def _ways(facts: GuessFacts) -> tuple[tuple[Guessed, str], ...]:
    return (
        (facts.answers, "as this contract gives them"),
        (facts.exact, "to the same question, without noise"),
        (facts.response, "of every label, at the same epsilon"),
    )


def _row(guessed: Guessed, detail: str) -> tuple[Cell, ...]:
    return (
        Cell(clean(guessed.how).capitalize(), detail),
        Cell(score(guessed.inside_auc), f"{guessed.gap:+.3f} ± {1.96 * guessed.error:.3f}"),
        Cell(score(guessed.strangers_auc)),
        Cell(percent(guessed.inside_right)),
        Cell(percent(guessed.strangers_right)),
    )
