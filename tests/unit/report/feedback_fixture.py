"""A feedback card with plausible figures. Test material: the figures were made up and measured nowhere."""

from __future__ import annotations

from jalousie.validator.card import (
    CurvePoint,
    FeedbackAttack,
    FeedbackAttackFacts,
    FeedbackCard,
    Guessed,
    GuessFacts,
    LearningCurve,
    LedgerFacts,
    Terms,
)
from jalousie.validator.judge import judge

BUDGETS = {"half": (0.5, 0.0066, 0.046), "one": (1.0, 0.024, 0.088), "four": (4.0, 0.31, 0.315)}


def terms(name: str) -> Terms:
    epsilon, rho, bound = BUDGETS[name]
    return Terms(
        contract=name,
        digest=f"sha256:{name * 8}",
        label="income",
        neighbours="change-label",
        noise="gaussian",
        min_group=25,
        epsilon=epsilon,
        delta=1e-6,
        rho=rho,
        bound=bound,
        lifetime_epsilon=12.0,
        rho_spent=rho * 0.75,
        epsilon_spent=epsilon * 0.8,
        epsilon_left=epsilon * 0.4,
        questions=3,
    )


def attack(name: FeedbackAttack, *, off: float, on: float, contract: str = "four") -> FeedbackAttackFacts:
    bound = BUDGETS[contract][2]
    return FeedbackAttackFacts(
        attack=name,
        label="income",
        contract=contract,
        live=True,
        targets=411,
        without="exact counts",
        off=off,
        off_interval=(off - 0.05, off),
        on=on,
        on_interval=(on - 0.1, on + 0.1),
        bound=bound,
        answered=27,
        replayed=25,
        refused=3,
        weaker={"counts rounded to multiples of 5": 0.91},
        verdict="FAIL" if on - 0.1 > bound else "PASS",
        sentence="It gained little.",
    )


def guesses() -> GuessFacts:
    ways = {
        "answers": (0.923, 0.917, 0.867, 0.864, 0.0006),
        "exact answers": (0.931, 0.922, 0.874, 0.868, 0.0005),
        "randomised response": (0.997, 0.924, 0.983, 0.869, 0.0016),
    }
    made = [
        Guessed(how=how, inside_auc=a, strangers_auc=b, inside_right=c, strangers_right=d, error=e)
        for how, (a, b, c, d, e) in ways.items()
    ]
    return GuessFacts(
        label="income",
        contract="four",
        records=20_000,
        epsilon=4.0,
        answers=made[0],
        exact=made[1],
        response=made[2],
        bound=0.63,
        verdict="PASS",
        sentence="It guesses well.",
    )


def curve() -> LearningCurve:
    points = ((0.5, 0.908, "half"), (1.0, 0.914, "one"), (4.0, 0.9205, "four"))
    return LearningCurve(
        label="income",
        points=tuple(CurvePoint(epsilon=e, score=s, inside=s + 0.003, contract=c) for e, s, c in points),
        baseline=0.884,
        central=0.927,
        labelled=500,
        asked=32_061,
        tested=16_281,
    )


def feedback_card() -> FeedbackCard:
    """Everything was measured."""
    return judge(
        FeedbackCard(
            software="jalousie 9.8.7",
            created="2026-11-25T02:00Z",
            name="incomes",
            provider="Tax Office",
            ml_party="Learning Lab",
            terms=tuple(terms(name) for name in BUDGETS),
            curve=curve(),
            attacks=(attack("differencing", off=0.98, on=0.12), attack("log-loss-oracle", off=0.95, on=0.14)),
            guesses=(guesses(),),
            ledger=LedgerFacts(entries=412, root="ab" * 32, cosigned=399, answered=41, replayed=353, refused=20),
        )
    )


def agreed_card() -> FeedbackCard:
    """Nothing was measured yet."""
    bare = Terms(
        contract="later",
        digest="sha256:00",
        label="income",
        neighbours="add-or-remove",
        noise="laplace",
        min_group=5,
        epsilon=1.0,
        delta=0.0,
        rho=0.5,
        bound=0.46,
    )
    return judge(FeedbackCard(software="jalousie 9.8.7", name="later", provider="Tax Office", terms=(bare,)))
