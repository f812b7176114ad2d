"""What several verbs share: engine options, the progress bar, and how a card is printed."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jalousie.architectures.share import Settings, Sharing
    from jalousie.contract import Loaded
    from jalousie.privacy.card import AttackFacts, Card


def engine_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--threads",
        type=at_least_one,
        default=0,
        metavar="N",
        help="threads of the engine (default: processors, at most 8)",
    )
    group.add_argument(
        "--memory-limit", default="", metavar="SIZE", help="such as 1GiB; beyond it the engine works on disk"
    )
    group.add_argument(
        "--temp-folder", default="", metavar="DIR", help="where the engine may spill raw data (default: the system's)"
    )
    group.add_argument(
        "--kernel", choices=("auto", "native", "numpy"), default="auto", help="of the search (default: auto)"
    )


def at_least_one(text: str) -> int:
    """A whole number from 1 up, for argparse."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**31):
        raise argparse.ArgumentTypeError("it takes a whole number, 1 or more")
    return int(text)


def positive(text: str) -> float:
    """A number that is positive and finite, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError("it takes a number that is positive and finite")
    return value


def printable(text: str) -> str:
    """Text from elsewhere for a terminal: what could break the line or move the cursor is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def load(contract: Path, table: Path | None) -> Loaded:
    """A contract file; `table` stands in for the file that it names, which is no part of what was agreed."""
    from jalousie.contract import load_contract

    loaded = load_contract(contract)
    if table is None:
        return loaded
    from msgspec.structs import replace

    place = replace(loaded.contract.table, file=str(table.resolve()))
    return replace(loaded, contract=replace(loaded.contract, table=place))


def settings_of(arguments: argparse.Namespace, bar: object) -> Settings:
    from jalousie.architectures.share import Settings
    from jalousie.tables.engine import EngineOptions

    options = EngineOptions(arguments.threads, arguments.memory_limit, arguments.temp_folder)
    return Settings(arguments.kernel, options, bar)  # type: ignore[arg-type]


def colour(stream: object = None) -> bool:
    """Colour on a terminal only, and never against NO_COLOR (no-color.org)."""
    stream = stream or sys.stdout
    return bool(getattr(stream, "isatty", lambda: False)()) and not os.environ.get("NO_COLOR")


def print_card(card: Card, as_json: bool) -> None:
    from jalousie.report import card_json, render_text

    if as_json:
        sys.stdout.write(card_json(card).decode())
    else:
        print(render_text(card, colour=colour()))
    sys.stdout.flush()  # what is said next, on the other stream, is about a card that could be printed


def write_junit(path: Path, card: Card, effect: str) -> None:
    """The verdicts as JUnit XML; `effect` says what has been done by now, if that fails."""
    from jalousie.report import render_junit
    from jalousie.tables.folder import write_file

    write_file(path, render_junit(card).encode(), what="the JUnit file", effect=effect)


def run_attacks(sharing: Sharing, *, every: bool = False) -> list[AttackFacts]:
    """Attack what is about to be released: link every record back, and guess every sensitive column.

    `every` adds the attacks that take longer: singling out, and linking two halves of a record.
    """
    from jalousie.attacks.release_all import attack_release

    privacy = sharing.contract.privacy
    return [] if privacy is None else attack_release(sharing.done, privacy.models, every=every)
