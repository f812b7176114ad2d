"""`jalousie serve provider --contract C`: answer questions over HTTP until stopped."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from jalousie.cli.keys import home_argument


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", choices=("provider",), help="which place to serve")
    parser.add_argument(
        "--contract",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE",
        help="contracts to answer under; several share the provider's ledger and lifetime budgets",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8470, help="port; 0 takes a free one (default: 8470)")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="TLS certificate chain (PEM)")
    parser.add_argument("--private-key", type=Path, metavar="FILE", help="its private key (PEM)")
    home_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    from jalousie.architectures.answering import feedback_of
    from jalousie.architectures.ask import open_provider
    from jalousie.architectures.ask_desk import Desk
    from jalousie.architectures.table_fit import TableFit, require_keys
    from jalousie.contract import Loaded, load_contract
    from jalousie.errors import UsageError
    from jalousie.places.http_server import listen, serve
    from jalousie.places.provider import Provider
    from jalousie.places.provider_service import Service
    from jalousie.places.tls import IN_THE_CLEAR, check_certificate, in_the_clear
    from jalousie.report.progress import Progress

    if (arguments.certificate is None) != (arguments.private_key is None):
        raise UsageError("U100", "TLS needs a certificate and its private key", hint="give both or neither", effect="")
    if arguments.certificate is not None:
        check_certificate(arguments.certificate, arguments.private_key)
    contracts = [load_contract(path) for path in arguments.contract]
    for loaded in contracts:
        require_keys(loaded)
    notes: list[str] = []

    def found(loaded: Loaded, fit: TableFit) -> None:
        notes.extend(f"{loaded.contract.name}: {note}" for note in fit.notes(feedback_of(loaded.contract)))

    provider = Provider(arguments.home)
    with Progress() as bar:
        bar(0.0, "read")
        store, _, opened = open_provider(contracts, provider, found=found)
    try:
        desks = {name: Desk(asking, provider) for name, asking in opened.items()}
        service = Service(desks, key=provider.keys.signing(), store=store)
        listening = listen(arguments.host, arguments.port)
        host, port = listening.getsockname()[:2]
        if in_the_clear(host, tls=arguments.certificate is not None):
            notes.insert(0, IN_THE_CLEAR)
        url = f"http{'s' if arguments.certificate else ''}://{f'[{host}]' if ':' in host else host}:{port}"
        if arguments.json:
            print(json.dumps({"url": url, "contracts": list(desks), "notes": notes}), flush=True)
        else:
            print(f"answering at {url} under {len(desks)} contract{'s' if len(desks) > 1 else ''}; Ctrl-C stops")
            # not on standard error, which is the service's log
            print("".join(f"note: {note}\n" for note in notes), end="", flush=True)
        serve(
            service.app(),
            listening,
            certificate=str(arguments.certificate or ""),
            private_key=str(arguments.private_key or ""),
        )
    finally:
        store.close()
    if not arguments.json:
        print("stopped", file=sys.stderr)
    return 0
