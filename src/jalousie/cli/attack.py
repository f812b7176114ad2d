"""`jalousie attack contract.yaml`: how far adversaries get with the release or the answers that the contract gives."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jalousie.cli.common import colour, engine_arguments, load, run_attacks, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jalousie.architectures.records import Records
    from jalousie.architectures.share import Settings
    from jalousie.contract import Loaded
    from jalousie.privacy.card import AttackFacts
    from jalousie.tables.raw import RawTable
    from jalousie.validator.card import FeedbackAttackFacts, GuessFacts


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", type=Path, help="contract file; its table is read")
    parser.add_argument(
        "--release", type=Path, metavar="DIR", help="check that this release is the one that is attacked"
    )
    parser.add_argument("--table", type=Path, metavar="FILE", help="the table, in place of the contract's own `file`")
    parser.add_argument(
        "--guess",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns that the ML party knows: also measure how well it guesses labels from them and all answers",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write what attacks on answers achieved as a page (HTML), and as JSON beside it; an existing one is replaced",
    )
    engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from jalousie.architectures.again import check_same
    from jalousie.architectures.share import Sharing
    from jalousie.report.progress import Progress

    loaded = load(arguments.contract, arguments.table)
    asked = loaded.contract.feedback is not None
    if not asked and (arguments.report is not None or arguments.guess):
        _refuse("--report" if arguments.report is not None else "--guess")
    if arguments.report is not None:
        _check_report(arguments.report)
    released: list[AttackFacts] = []
    answered: list[FeedbackAttackFacts] = []
    guessed: list[GuessFacts] = []
    with Progress() as bar:
        settings = settings_of(arguments, bar)
        # a contract for answers alone gives no release
        if loaded.contract.privacy is not None or not asked or arguments.release is not None:
            with Sharing(None, loaded, settings=settings) as sharing:
                if arguments.release is not None:
                    check_same(sharing, arguments.release)
                released = run_attacks(sharing, every=True)
        if asked:
            answered, guessed = attack_answers(loaded, settings, arguments.guess)
    if arguments.report is not None:
        write_report(arguments.report, loaded, answered, guessed)
    _show(released, answered, guessed, arguments.json)
    if arguments.report is not None and not arguments.json:
        print(f"\nreport written to {arguments.report}", file=sys.stderr)
    verdicts = [*(f.verdict for f in released), *(f.verdict for f in answered), *(f.verdict for f in guessed)]
    return 1 if "FAIL" in verdicts else 0


def attack_answers(
    loaded: Loaded, settings: Settings, known: Sequence[str] = ()
) -> tuple[list[FeedbackAttackFacts], list[GuessFacts]]:
    """Attack a validator in this process that holds the provider's own labels: nothing is asked of a real one, and no
    budget is spent. With `known` columns, labels of two classes are guessed too."""
    import secrets

    from jalousie.architectures.answering import feedback_of
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
        found += attack_label(ground, name, contract=loaded.contract.name)
    return found, _guess(loaded, raw, records, known) if known else []


def _guess(loaded: Loaded, raw: RawTable, records: Records, known: Sequence[str]) -> list[GuessFacts]:
    import numpy as np

    from jalousie.architectures.answering import feedback_of
    from jalousie.architectures.records import texts_of
    from jalousie.attacks.feedback_guess import coded, guess_own
    from jalousie.errors import UsageError

    feedback = feedback_of(loaded.contract)
    if taken := sorted({label.column for label in feedback.labels.values()} & set(known)):
        raise UsageError("U100", f'column "{taken[0]}" is a label itself', hint="--guess takes what the ML party knows")
    texts = texts_of(raw, [feedback.identifier, *known])
    named = np.array([text is not None for text in texts[feedback.identifier]], bool)
    columns = [coded(texts[name], numbers=raw.schema[name].is_numeric()) for name in known]
    X = np.column_stack(columns)[named]
    found = (
        guess_own(records.index, records.labels[name], X, feedback, name, contract=loaded.contract.name)
        for name in feedback.labels
    )
    return [facts for facts in found if facts is not None]


def write_report(
    path: Path, loaded: Loaded, answered: Sequence[FeedbackAttackFacts], guessed: Sequence[GuessFacts]
) -> None:
    """The learning report of what was attacked, and its JSON twin beside it."""
    from datetime import UTC, datetime

    from jalousie import __version__
    from jalousie.report import feedback_card_json, render_feedback_html
    from jalousie.tables.folder import write_file
    from jalousie.validator.card import FeedbackCard, terms_of
    from jalousie.validator.judge import judge

    contract = loaded.contract
    labels = dict.fromkeys(fact.label for fact in answered)
    card = judge(
        FeedbackCard(
            software=f"jalousie {__version__}",
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
            name=contract.name,
            provider=contract.parties.provider,
            ml_party=contract.parties.ml_party,
            terms=tuple(terms_of(contract, label) for label in labels),
            attacks=tuple(answered),
            guesses=tuple(guessed),
        )
    )
    write_file(path, render_feedback_html(card).encode(), what="the report")
    write_file(
        twin_of(path), feedback_card_json(card), what="the report's JSON", effect="the report was written all the same"
    )


def twin_of(report: Path) -> Path:
    """Where the JSON of a report is written."""
    return report.with_suffix(".json")


def _refuse(option: str) -> NoReturn:
    from jalousie.errors import UsageError

    hint = "the report of a release is report.html in its folder"
    raise UsageError("U100", f"{option} is for contracts with a `feedback` part", hint=hint, effect="")


def _check_report(path: Path) -> None:
    """Before the work, not after it."""
    from jalousie.errors import UsageError
    from jalousie.tables.folder import check_file

    if path.suffix == ".json":
        raise UsageError("U100", "--report takes the name of a page", hint="its JSON is written beside it", effect="")
    check_file(path, replace=True, what="the report")
    check_file(twin_of(path), replace=True, what="the report's JSON")


def _show(
    released: Sequence[AttackFacts],
    answered: Sequence[FeedbackAttackFacts],
    guessed: Sequence[GuessFacts],
    as_json: bool,
) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode([*released, *answered, *guessed]), indent=2).decode())
        return
    if released or not answered:
        from jalousie.report import render_attacks

        print(render_attacks(released, colour=colour()))
    if answered:
        from jalousie.report import render_feedback_attacks

        print(("\n" if released else "") + render_feedback_attacks(answered, colour(), guessed))
