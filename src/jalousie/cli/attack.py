"""`jalousie attack contract.yaml`: how far adversaries get with the release that the contract gives, beside the raw table."""

from __future__ import annotations

import argparse
from pathlib import Path

from jalousie.cli.common import colour, engine_arguments, load, run_attacks, settings_of


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

    with Progress() as bar:
        sharing = Sharing(None, load(arguments.contract, arguments.table), settings=settings_of(arguments, bar))
        if arguments.release is not None:
            sharing.same_as(arguments.release)
        facts = run_attacks(sharing, every=True)
    if arguments.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    else:
        from jalousie.report.text import render_attacks

        print(render_attacks(facts, colour=colour()))
    return 1 if any(fact.verdict == "FAIL" for fact in facts) else 0
