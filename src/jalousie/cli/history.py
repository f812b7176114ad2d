"""`jalousie history contract.yaml`: what was asked, answered and refused, and how it overlaps what was asked before.

With `--url` at the ML party, which checks and cosigns the ledger on the way; without it at the provider, from its own store.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from jalousie.cli.common import printable
from jalousie.cli.remote import reach, remote_arguments

if TYPE_CHECKING:
    from jalousie.wire.messages import Event


def arguments(parser: argparse.ArgumentParser) -> None:
    remote_arguments(parser, own="without it: this place's own store, at the provider")
    parser.add_argument(
        "--cosign",
        action="store_true",
        help="also check that the provider's ledger continues what was seen last, and cosign its checkpoint",
    )


def run(arguments: argparse.Namespace) -> int:
    import msgspec

    contract, events, size = _own(arguments) if arguments.url is None else _remote(arguments)
    if arguments.json:
        print(json.dumps({"contract": contract, "events": msgspec.to_builtins(events), "cosigned": size}, indent=2))
        return 0
    for event in events:
        outcome = event.outcome + (f" {event.code}" if event.code else "")
        print(
            f"{event.minute}  {event.question[7:19]}  {printable(event.label) or '-':<16} {event.partitions:>3} partitions "
            f"{event.groups:>5} groups  rho {event.rho_spent:<10.6g} {outcome:<13} {_overlap(event)}".rstrip()
        )
    print(f"{len(events)} questions" + (f"; ledger of {size} entries cosigned" if size is not None else ""))
    return 0


def _remote(arguments: argparse.Namespace) -> tuple[str, list[Event], int | None]:
    from jalousie.places.book import ledger_key
    from jalousie.places.keys import home_folder
    from jalousie.places.seen_checkpoint import SeenCheckpoint

    size = None
    with reach(arguments) as provider:
        events = list(provider.history())
        if arguments.cosign:
            seen = SeenCheckpoint(home_folder(arguments.home), ledger_key(provider.client.provider))
            size = provider.cosign(seen).size
        return provider.client.contract, events, size


def _own(arguments: argparse.Namespace) -> tuple[str, list[Event], int | None]:
    from jalousie.architectures.events import own_events
    from jalousie.errors import UsageError
    from jalousie.places.keys import home_folder

    if arguments.cosign:
        raise UsageError(
            "U100", "whose ledger is to be cosigned?", hint="--url names the provider's address", effect=""
        )
    contract, events = own_events(home_folder(arguments.home), arguments.contract)
    return contract, events, None


def _overlap(event: Event) -> str:
    """How a question's records overlap those of earlier ones."""
    if event.before is None:
        return ""
    told = f"{event.before} of {event.records} records asked before"
    return told if event.nearest is None else f"{told}, {event.nearest} apart from the nearest earlier set"
