"""`jalousie open RELEASE`: check the digests of a release folder and print its card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jalousie.cli.common import print_card, write_junit


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("release", type=Path, help="release folder")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write the verdicts as JUnit XML")


def run(arguments: argparse.Namespace) -> int:
    from jalousie.privacy.release import read_card
    from jalousie.tables.bundle import CARD, check_digest
    from jalousie.tables.folder import digest_file

    card = read_card(arguments.release)
    check_digest(arguments.release, card.data_file, card.data_digest)
    if arguments.junit is not None:
        write_junit(arguments.junit, card, "")
    print_card(card, arguments.json)
    if not arguments.json:
        print("\nthe table is the one that this card describes (SHA-256)", file=sys.stderr)
        # the card says what the other files are; what the card is, only the provider can say
        print(f"ask the provider whether this is its card: {digest_file(arguments.release / CARD)}", file=sys.stderr)
    return 0
