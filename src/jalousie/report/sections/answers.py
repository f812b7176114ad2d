"""The chapter on attacks on answers: how far each got without and with the protection, beside what the noise allows anybody."""

from __future__ import annotations

from collections.abc import Iterable

from jalousie.report.parts import Block, Cell, Dot, Dots, Figure, Section, Table
from jalousie.report.words import clean, count, listing, percent, plural
from jalousie.validator.card import FeedbackAttack, FeedbackAttackFacts, FeedbackCard

ATTACKS: dict[FeedbackAttack, tuple[str, str]] = {
    "differencing": ("Differencing", "a crowd without the target, then with it"),
    "averaging-repeats": ("Averaging repeats", "the same question again and again"),
    "averaging-varied": (
        "Averaging varied repeats",
        "nearly the same question, other known records left out each time",
    ),
    "leaderboard-boosting": ("Leaderboard boosting", "random predictions that scored better than most vote"),
    "log-loss-oracle": ("Log-loss oracle", "predictions chosen so that the digits of one score are labels"),
    "reconstruction-random": ("Reconstruction random", "counts of many random halves, solved for every label"),
    "reconstruction-far-apart": (
        "Reconstruction far apart",
        "the same with halves that all differ by half of the records",
    ),
    "refusals": ("Refusals", "crowds that are answered only if the target has the label"),
    "worst-case": ("Worst case", "who knows every label but one asks once, for the whole budget"),
}
"""Name, and how it goes about it."""
_TICKS = tuple((tenth / 10, f"{10 * tenth}\N{NO-BREAK SPACE}%") for tenth in (0, 2, 4, 6, 8, 10))
ADVANTAGE = (
    "Advantage: how much more often a record that has the label is said to have it than one that has not; a guess without "
    "answers has 0 %, who knows every label has 100 %. Off: without the protection, on: with it. Bound: what no attacker exceeds "
    "with all answers that the contract's budget pays for."
)


def percent_gained(advantage: float) -> str:
    """An advantage below that of a guess without answers is a guess."""
    return percent(max(0.0, advantage))


def attack_chapter(card: FeedbackCard) -> Section | None:
    if not card.attacks:
        return None
    live = [fact.live for fact in card.attacks]
    where = (
        "the provider's own service, over the network, each about people of its own"
        if all(live)
        else "a validator in one process that held the provider's labels; nothing was asked of a real one"
    )
    labels = listing(dict.fromkeys(clean(fact.label) for fact in card.attacks))
    tried = (
        f"{_many(len(card.attacks))} tried to tell the provider's own labels ({labels}) from the answers, once against a "
        f"validator that lacks the protection, and once against {where}. Every guess was counted."
    )
    told = [tried]
    if not any(fact.verdict == "FAIL" for fact in card.attacks):
        off, on = max(fact.off for fact in card.attacks), max(fact.on for fact in card.attacks)
        told.append(
            f"Without protection the strongest gains {percent_gained(off)}; with it none surely gains more than the noise allows "
            f"anybody, and the largest figure of any is {percent_gained(on)}."
        )
    half = _half_measures(card.attacks)
    if half is not None:
        told.append(
            "Half measures do not replace it: the last table has the same attacks against some that are in use."
        )
    blocks: list[Block] = [_figure(group, name) for name, group in _groups(card.attacks)]
    return Section(
        key="attacks",
        title="What attacks on the answers achieved",
        paragraphs=tuple(told),
        blocks=(*blocks, *([half] if half is not None else [])),
        note=(
            f"{ADVANTAGE} Intervals are 95 % (Newcombe 1998). The verdict is Fail where an advantage surely exceeds the bound; "
            "by chance a figure may lie a little above it. Each attack has the whole budget for itself."
        ),
    )


def _many(attacks: int) -> str:
    return "One attack" if attacks == 1 else f"{count(attacks)} attacks"


def _groups(attacks: Iterable[FeedbackAttackFacts]) -> list[tuple[str, list[FeedbackAttackFacts]]]:
    """By contract and label, named where there are several."""
    found: dict[tuple[str, str], list[FeedbackAttackFacts]] = {}
    for fact in attacks:
        found.setdefault((fact.contract, fact.label), []).append(fact)
    several = len({label for _, label in found}) > 1
    return [
        (" under ".join(filter(None, [clean(label) if several or not contract else "", clean(contract)])), facts)
        for (contract, label), facts in found.items()
    ]


def _figure(attacks: list[FeedbackAttackFacts], name: str) -> Figure:
    charted = []
    for fact in attacks:
        dots = [
            Dot("raw", max(0.0, fact.off), percent_gained(fact.off)),
            Dot("release", max(0.0, fact.on), percent_gained(fact.on), fact.on_interval),
        ]
        if fact.bound is not None:
            dots.append(Dot("bound", fact.bound, percent(fact.bound)))
        charted.append((ATTACKS[fact.attack][0], tuple(dots)))
    return Figure(
        title=f"Advantage of each attack, {name}",
        description="How far each attack got without the protection, and with it and its interval, beside the bound.",
        chart=Dots(tuple(charted), 0, 1, _TICKS),
        legend=(("raw", "without protection"), ("release", "with it"), ("bound", "most that any attacker gains")),
        table=attack_table(attacks, f"Advantage of each attack, {name}"),
        folded=False,
    )


def attack_table(attacks: Iterable[FeedbackAttackFacts], caption: str, *, labels: bool = False) -> Table:
    """One row an attack; `labels` names the label beside it."""
    rows = tuple(
        (
            Cell("", verdict=fact.verdict),
            Cell(ATTACKS[fact.attack][0] + (f": {clean(fact.label)}" if labels else ""), _detail(fact)),
            Cell(percent_gained(fact.off)),
            Cell(percent_gained(fact.on), f"{percent_gained(fact.on_interval[0])} to {percent(fact.on_interval[1])}"),
            Cell("none" if fact.bound is None else percent(fact.bound)),
        )
        for fact in attacks
    )
    return Table(caption, ("Verdict", "Attack", "Off", "On", "Bound"), rows, frozenset({2, 3, 4}), brief=True)


def _detail(fact: FeedbackAttackFacts) -> str:
    fresh = fact.answered - fact.replayed
    asked = [f"{count(fresh)} answered", f"{count(fact.replayed)} replayed", f"{count(fact.refused)} refused"]
    return (
        f"{ATTACKS[fact.attack][1]}; {plural(fact.targets, 'label')} guessed; off: {clean(fact.without)}; on: "
        f"{', '.join(asked if fact.replayed or fact.refused else asked[:1])}"
    )


def _half_measures(attacks: Iterable[FeedbackAttackFacts]) -> Table | None:
    named = {fact.contract for fact in attacks}
    rows = tuple(
        (
            Cell(
                ATTACKS[fact.attack][0],
                ", ".join(filter(None, [clean(fact.label), clean(fact.contract) if len(named) > 1 else ""])),
            ),
            Cell(clean(measure)),
            Cell(percent_gained(gained)),
        )
        for fact in attacks
        for measure, gained in fact.weaker.items()
    )
    if not rows:
        return None
    return Table("Half measures, attacked", ("Attack", "In place of the protection", "Advantage"), rows, frozenset({2}))
