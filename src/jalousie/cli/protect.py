"""`jalousie protect contract.yaml`: de-identify a table and write the release folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jalousie.cli.common import engine_arguments, load, print_card, run_attacks, settings_of, write_junit


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", type=Path, help="contract file (YAML or JSON)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="release folder to make (default: NAME.release)")
    parser.add_argument("--replace", action="store_true", help="replace an existing release folder")
    parser.add_argument("--dry-run", action="store_true", help="show all figures, write nothing")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write the verdicts as JUnit XML")
    parser.add_argument("--no-report", action="store_true", help="leave report.html out")
    parser.add_argument("--no-attacks", action="store_true", help="do not attack the release before it is written")
    parser.add_argument("--no-learning", action="store_true", help="do not measure what a learner gets from it")
    parser.add_argument("--table", type=Path, metavar="FILE", help="the table, in place of the contract's own `file`")
    engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from jalousie.architectures.share import Sharing
    from jalousie.privacy.facts import refuse_unmeasured
    from jalousie.report.progress import Progress
    from jalousie.tables.bundle import CARD
    from jalousie.tables.folder import check_file, check_target, digest_file

    loaded = load(arguments.contract, arguments.table)
    if arguments.no_learning and "learning-share" in loaded.contract.limits.enforce:
        refuse_unmeasured("learning-share", "not measured with --no-learning", flag=True)
    target = arguments.out or Path(f"{loaded.contract.name}.release")
    if not arguments.dry_run:
        check_target(target, arguments.replace)  # before the work, not after it
    if arguments.junit is not None:
        check_file(arguments.junit, replace=True, what="the JUnit file")
    with (
        Progress() as bar,
        Sharing(None, loaded, settings=settings_of(arguments, bar), learning=not arguments.no_learning) as sharing,
    ):
        if not arguments.no_attacks:
            with sharing.watch.stage("attacks"):
                sharing.add_attacks(run_attacks(sharing))
        if not arguments.no_learning:
            sharing.measure_learning()
        if arguments.dry_run:
            card = sharing.rehearse()
        else:
            card = sharing.publish(target, replace=arguments.replace, report=not arguments.no_report)
    if arguments.junit is not None:
        write_junit(arguments.junit, card, "" if arguments.dry_run else "the release was written all the same")
    print_card(card, arguments.json)
    if not arguments.json and arguments.dry_run:
        print("\nnothing was written (--dry-run)", file=sys.stderr)
    elif not arguments.json:
        print(f"\nrelease written to {target}", file=sys.stderr)
        print(f"tell the ML party by another way, the card is {digest_file(target / CARD)}", file=sys.stderr)
    return 0
