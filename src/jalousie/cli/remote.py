"""What the verbs of the ML party share: how they reach a provider."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.cli.keys import home_argument

if TYPE_CHECKING:
    from jalousie.architectures.ask_remote import RemoteProvider


def remote_arguments(parser: argparse.ArgumentParser, *, own: str = "") -> None:
    """`own`: what is done without an address, where that is possible."""
    parser.add_argument("contract", type=Path, help="contract file, as agreed with the provider")
    address = "the provider's address, as http://127.0.0.1:8470" + (f"; {own}" if own else "")
    parser.add_argument("--url", required=not own, metavar="URL", help=address)
    parser.add_argument("--authorities", type=Path, metavar="FILE", help="certificates to check TLS against (PEM)")
    home_argument(parser)


def reach(arguments: argparse.Namespace) -> RemoteProvider:
    from jalousie.architectures.ask_remote import reach_provider

    return reach_provider(arguments.contract, arguments.url, home=arguments.home, authorities=arguments.authorities)
