"""`jalousie attack contract.yaml`: how far adversaries get with the release or the answers that the contract gives."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.cli.common import colour, engine_arguments, load, run_attacks, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jalousie.architectures.share import Settings
    from jalousie.attacks.feedback_facts import FeedbackAttackFacts
    from jalousie.contract import Loaded
    from jalousie.privacy.card import AttackFacts


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", type=Path, help="contract file; its table is read, nothing is written")
    parser.add_argument(
        "--release", type=Path, metavar="DIR", help="check that this release is the one that was attacked"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="the table, in place of the contract's own `file`")
    engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from jalousie.architectures.share import Sharing
    from jalousie.report.progress import Progress

    loaded = load(arguments.contract, arguments.table)
    asked = loaded.contract.feedback is not None
    released: list[AttackFacts] = []
    answered: list[FeedbackAttackFacts] = []
    with Progress() as bar:
        settings = settings_of(arguments, bar)
        # a contract for answers alone gives no release
        if loaded.contract.privacy is not None or not asked or arguments.release is not None:
            sharing = Sharing(None, loaded, settings=settings)
            if arguments.release is not None:
                sharing.same_as(arguments.release)
            released = run_attacks(sharing, every=True)
        if asked:
            answered = attack_answers(loaded, settings)
    _show(released, answered, arguments.json)
    verdicts = [*(fact.verdict for fact in released), *(fact.verdict for fact in answered)]
    return 1 if "FAIL" in verdicts else 0


def attack_answers(loaded: Loaded, settings: Settings) -> list[FeedbackAttackFacts]:
    """Attack a validator in this process that holds the provider's own labels: nothing is asked of a real one, and no
    budget is spent."""
    import secrets

    from jalousie.architectures.ask import feedback_of
    from jalousie.architectures.records import provider_records
    from jalousie.attacks.feedback_all import attack_label, grounds
    from jalousie.tables import read_table

    feedback = feedback_of(loaded.contract)
    raw = read_table(loaded.contract.table, loaded.contract.columns, loaded.folder, options=settings.engine)
    records = provider_records(raw, loaded.contract, feedback, secrets.token_bytes(32))
    found: list[FeedbackAttackFacts] = []
    for number, (name, ground) in enumerate(grounds(records.index, records.labels, feedback).items()):
        if settings.progress is not None:
            settings.progress(number / len(feedback.labels), f"attack answers about {name}")
        found += attack_label(ground, name)
    return found


def _show(released: Sequence[AttackFacts], answered: Sequence[FeedbackAttackFacts], as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode([*released, *answered]), indent=2).decode())
        return
    if released or not answered:
        from jalousie.report.text import render_attacks

        print(render_attacks(released, colour=colour()))
    if answered:
        if released:
            print()
        print(_answers_text(answered))


def _answers_text(facts: Sequence[FeedbackAttackFacts]) -> str:
    from jalousie.report.parts import Cell, Table
    from jalousie.report.terminal import Pen, judged, table, wrapped
    from jalousie.report.words import percent

    pen = Pen(colour())
    lines = [pen.strong("What attacks on answers achieved")]
    for fact in facts:
        lines += judged(fact.verdict, fact.sentence, pen)
    rows = tuple(
        (
            Cell("", verdict=fact.verdict),
            Cell(f"{fact.attack.capitalize().replace('-', ' ')}: {fact.label}"),
            Cell(percent(fact.off)),
            Cell(
                percent(max(0.0, fact.on)),
                f"{percent(max(0.0, fact.on_interval[0]))} to {percent(fact.on_interval[1])}",
            ),
            Cell("none" if fact.bound is None else percent(fact.bound)),
        )
        for fact in facts
    )
    heads = ("Verdict", "Attack", "Off", "On", "Bound")
    lines += [
        "",
        *table(Table("Advantage of each attack", heads, rows, frozenset({2, 3, 4}), brief=True), pen, details=True),
    ]
    lines += wrapped(
        "Advantage: how much more often a record that has the label is said to have it than one that has not; a guess "
        "without answers has 0 %. Off: without the protection named above. Bound: what no attacker exceeds with all "
        "answers that the contract's budget pays for.",
        "",
    )
    return "\n".join(lines)
