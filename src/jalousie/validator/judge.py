"""The verdicts of a feedback card: what follows from its figures, by rules that can be missed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jalousie.validator.budget import Rho, epsilon
from jalousie.validator.card import (
    FeedbackAttackFacts,
    FeedbackCard,
    FeedbackCheck,
    GuessFacts,
    LearningCurve,
    LedgerFacts,
    Terms,
)


def judge(card: FeedbackCard) -> FeedbackCard:
    """The card with its checks: whether the budget was kept, something was learnt, attacks stayed within their bounds."""
    found = [
        *_budget(card.terms),
        *(_learning(card.curve) if card.curve is not None else ()),
        *(_attacks(card.attacks) if card.attacks else ()),
        *_guesses(card.guesses),
        *(_ledger(card.ledger) if card.ledger is not None else ()),
    ]
    return msgspec.structs.replace(card, checks=tuple(found), together=_together(card.terms))


def _together(terms: Sequence[Terms]) -> float | None:
    """Of several contracts about one label under one delta; None for anything else, which does not add up like this."""
    if len(terms) < 2 or len({(term.label, term.delta, term.noise) for term in terms}) > 1:
        return None
    if terms[0].noise == "laplace":
        return sum(term.epsilon for term in terms)
    return epsilon(Rho(sum(Rho.nearest(term.rho).nano for term in terms)), terms[0].delta)


def _budget(terms: Sequence[Terms]) -> list[FeedbackCheck]:
    seen = [term for term in terms if term.rho_spent is not None]
    over = [term for term in seen if term.rho_spent is not None and term.rho_spent > term.rho * (1 + 1e-9)]
    if not seen:
        return []
    if over:
        names = ", ".join(f"{term.contract} ({term.label})" for term in over)
        return [FeedbackCheck(verdict="FAIL", what="budget", sentence=f"more was spent than agreed under {names}")]
    spent = max(seen, key=lambda term: term.rho_spent or 0.0)
    told = (
        f"epsilon {spent.epsilon_spent:.3g} of {spent.epsilon:g} was spent"
        if len(seen) == 1
        else f"under none of {len(seen)} contracts and labels more was spent than agreed"
    )
    return [FeedbackCheck(verdict="PASS", what="budget", sentence=told)]


def _learning(curve: LearningCurve) -> list[FeedbackCheck]:
    if not curve.points:
        return []
    last = max(curve.points, key=lambda point: point.epsilon)
    if curve.baseline is None:
        told = f"{last.score:.3f} at epsilon {last.epsilon:g}, with nothing to compare it with"
        return [FeedbackCheck(verdict="INFO", what="learning", sentence=told)]
    gained = last.score > curve.baseline
    told = (
        f"from {curve.baseline:.3f} to {last.score:.3f} at epsilon {last.epsilon:g}"
        if gained
        else f"{last.score:.3f} at epsilon {last.epsilon:g} is no better than {curve.baseline:.3f} without a question"
    )
    return [FeedbackCheck(verdict="PASS" if gained else "WARN", what="learning", sentence=told)]


def _attacks(attacks: Sequence[FeedbackAttackFacts]) -> list[FeedbackCheck]:
    """One check for each contract and label that was attacked."""
    found = []
    for contract, label in dict.fromkeys((fact.contract, fact.label) for fact in attacks):
        ours = [fact for fact in attacks if (fact.contract, fact.label) == (contract, label)]
        failed = [fact.attack for fact in ours if fact.verdict == "FAIL"]
        # an attack that would not even work without protection is no evidence of protection
        idle = [fact.attack for fact in ours if fact.bound is not None and fact.off <= fact.bound]
        if failed:
            told = f"{len(failed)} of {len(ours)} got further than the noise allows: {', '.join(failed)}"
        else:
            bound = max((fact.bound for fact in ours if fact.bound is not None), default=1.0)
            told = f"none of {len(ours)} surely gained more than the {100 * bound:.1f} % that the noise allows anybody"
            if idle:
                told += f"; no evidence, since without protection they get no further than that: {', '.join(idle)}"
        found.append(
            FeedbackCheck(
                verdict="FAIL" if failed else "WARN" if idle else "PASS",
                what=f"attacks on {label}" + (f" under {contract}" if contract else ""),
                sentence=told,
            )
        )
    return found


def _guesses(guesses: Sequence[GuessFacts]) -> list[FeedbackCheck]:
    found = []
    for facts in guesses:
        answers = facts.answers
        told = f"AUC {answers.inside_auc:.3f} of those asked about, {answers.strangers_auc:.3f} of the same records as strangers"
        what = f"guessing {facts.label}" + (f" under {facts.contract}" if facts.contract else "")
        found.append(FeedbackCheck(verdict=facts.verdict, what=what, sentence=told))
    return found


def _ledger(ledger: LedgerFacts) -> list[FeedbackCheck]:
    told = f"all {ledger.entries:,} entries are those that the provider signed"
    if ledger.cosigned:
        told += f"; the ML party cosigned {ledger.cosigned:,} of them"
    return [FeedbackCheck(verdict="PASS", what="ledger", sentence=told)]
