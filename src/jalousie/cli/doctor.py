"""`jalousie doctor`: is this place fit to serve or to ask? Exit code 1 if a check failed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from jalousie.cli.keys import home_argument


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--contract", type=Path, metavar="FILE", help="also check this contract and its keys")
    parser.add_argument("--url", default="", metavar="URL", help="also check a provider's service, and its clock")
    home_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from jalousie.places.doctor import examine
    from jalousie.places.keys import home_folder

    found = examine(home_folder(arguments.home), contract=arguments.contract, url=arguments.url)
    failed = sum(check.status == "fail" for check in found)
    if arguments.json:
        print(json.dumps({"failed": failed, "checks": [asdict(check) for check in found]}, indent=2))
        return int(failed > 0)
    for check in found:
        print(
            f"{check.status:>4}  {check.name:<12} {check.text}" + (f"\n      hint: {check.hint}" if check.hint else "")
        )
    return int(failed > 0)
