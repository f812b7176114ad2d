"""`jalousie history contract.yaml --url URL`: what was asked, answered and refused. Checks and cosigns the ledger on the way."""

from __future__ import annotations

import argparse
import json

from jalousie.cli.remote import reach, remote_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    remote_arguments(parser)
    parser.add_argument(
        "--cosign",
        action="store_true",
        help="also check that the provider's ledger continues what was seen last, and cosign its checkpoint",
    )


def run(arguments: argparse.Namespace) -> int:
    import msgspec

    from jalousie.places.book import ledger_key
    from jalousie.places.keys import home_folder
    from jalousie.places.seen_checkpoint import SeenCheckpoint

    size = None
    with reach(arguments) as provider:
        events = list(provider.history())
        if arguments.cosign:
            seen = SeenCheckpoint(home_folder(arguments.home), ledger_key(provider.client.provider))
            size = provider.cosign(seen).size
    if arguments.json:
        document = {"contract": provider.client.contract, "events": msgspec.to_builtins(events), "cosigned": size}
        print(json.dumps(document, indent=2))
        return 0
    for event in events:
        outcome = event.outcome + (f" {event.code}" if event.code else "")
        print(
            f"{event.minute}  {event.question[7:19]}  {event.label:<16} {event.partitions:>3} partitions "
            f"{event.groups:>5} groups  rho {event.rho_spent:<10.6g} {outcome}"
        )
    print(f"{len(events)} questions" + (f"; ledger of {size} entries cosigned" if size is not None else ""))
    return 0
