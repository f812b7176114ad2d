"""The chapters of a learning report on budgets and on the ledger that records them."""

from __future__ import annotations

from jalousie.report.parts import Cell, Facts, Section, Table
from jalousie.report.words import clean, count, listing, number, percent, plural
from jalousie.validator.card import FeedbackCard

_NOISE = {"gaussian": "discrete Gaussian", "laplace": "discrete Laplace"}
_RELATIONS = {"change-label": "another label", "add-or-remove": "a record more or less"}


def cost_chapter(card: FeedbackCard) -> Section:
    worth = (
        "A budget is for each record and label, for the whole life of a contract, and does not come back. What it is worth is "
        "the advantage of the strongest attacker there can be, who knows everything but one label and has all answers."
    )
    told = [worth]
    if card.together is not None:
        lifetimes = [terms.lifetime_epsilon for terms in card.terms if terms.lifetime_epsilon is not None]
        limit = f", of a lifetime of {number(min(lifetimes))}" if lifetimes else ""
        told.append(
            f"The {len(card.terms)} contracts are about the same label. For a record asked about under all of them to the end "
            f"they add up to epsilon {number(round(card.together, 2))}{limit}."
        )
    heads = ("Contract", "Epsilon agreed", "Spent", "Left", "Questions", "Any attacker gains at most")
    rows = tuple(
        (
            Cell(
                clean(terms.contract),
                f"{clean(terms.label)}; hides {_RELATIONS[terms.neighbours]}; groups of at least {count(terms.min_group)}",
            ),
            Cell(number(terms.epsilon), f"rho {terms.rho:.4g}"),
            Cell(
                "–" if terms.epsilon_spent is None else number(round(terms.epsilon_spent, 3)),
                "" if terms.rho_spent is None else f"rho {terms.rho_spent:.4g}",
            ),
            Cell("–" if terms.epsilon_left is None else number(round(terms.epsilon_left, 3))),
            Cell("–" if terms.questions is None else count(terms.questions)),
            Cell(percent(terms.bound)),
        )
        for terms in card.terms
    )
    deltas = listing(f"{delta:g}".replace("e-0", "e-") for delta in sorted({terms.delta for terms in card.terms}))
    kinds = listing(sorted({_NOISE[terms.noise] for terms in card.terms}))
    return Section(
        key="cost",
        title="What was agreed, and what was spent",
        paragraphs=tuple(told),
        blocks=(Table("Budget by contract", heads, rows, frozenset({1, 2, 3, 4, 5}), brief=True),) if rows else (),
        note=(
            f"Noise: {kinds}, by OpenDP. Epsilon is stated at delta {deltas} and is an upper bound; rho (zCDP) is what adds up. "
            "Spent and left: of the record that was asked about most."
            if card.terms
            else ""
        ),
    )


def ledger_chapter(card: FeedbackCard) -> Section | None:
    ledger = card.ledger
    if ledger is None:
        return None
    told = (
        f"The exported ledger was checked offline: all {plural(ledger.entries, 'entry', 'entries')} are those that the provider "
        "signed, none is missing, and budgets and refusals recomputed from them agree."
    )
    entries = (
        ("Entries", count(ledger.entries)),
        ("Cosigned by the ML party", f"{count(ledger.cosigned)} of them" if ledger.cosigned else "none"),
        ("Answers with new noise", count(ledger.answered)),
        ("Answers replayed", count(ledger.replayed)),
        ("Refusals", count(ledger.refused)),
        ("Root of the Merkle tree", clean(ledger.root)),
    )
    return Section("ledger", "What the ledger shows", (told,), (Facts(entries),))
