"""`jalousie budget contract.yaml --url URL`: what is left to ask."""

from __future__ import annotations

import argparse

from jalousie.cli.common import printable
from jalousie.cli.remote import reach, remote_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    remote_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    import msgspec

    with reach(arguments) as provider:
        found = provider.budgets()
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return 0
    print(f"{'label':<20} {'epsilon':>9} {'spent':>9} {'left':>9} {'rho left':>12}   delta")
    for label in found.labels:
        print(
            f"{printable(label.label):<20} {label.epsilon:>9.4g} {label.epsilon_spent:>9.4g} {label.epsilon_left:>9.4g} "
            f"{label.rho_left:>12.6g}   {label.delta:g}"
        )
    print(f"{found.labels[0].questions} questions charged, {found.labels[0].questions_left} left")
    return 0
