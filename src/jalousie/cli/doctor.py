"""`jalousie doctor`: is this place fit to serve or to ask? Exit code 1 if a check failed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from jalousie.cli.keys import home_argument

if TYPE_CHECKING:
    from jalousie.places.doctor import Check


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--contract", type=Path, metavar="FILE", help="also check this contract and its keys")
    parser.add_argument("--url", default="", metavar="URL", help="also check a provider's service, and its clock")
    parser.add_argument("--authorities", type=Path, metavar="FILE", help="certificates to check TLS against (PEM)")
    home_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from jalousie.places.doctor import examine
    from jalousie.places.keys import home_folder

    found = examine(
        home_folder(arguments.home),
        contract=arguments.contract,
        url=arguments.url,
        authorities=arguments.authorities,
    )
    if arguments.contract is not None:
        found += _table(arguments.contract)
    failed = sum(check.status == "fail" for check in found)
    if arguments.json:
        print(json.dumps({"failed": failed, "checks": [asdict(check) for check in found]}, indent=2))
        return int(failed > 0)
    for check in found:
        print(
            f"{check.status:>4}  {check.name:<12} {check.text}" + (f"\n      hint: {check.hint}" if check.hint else "")
        )
    return int(failed > 0)


def _table(path: Path) -> list[Check]:
    """Whether the contract's table can be answered about, where there are both."""
    from jalousie.architectures.table_fit import read_fit
    from jalousie.contract import load_contract
    from jalousie.errors import JalousieError
    from jalousie.places.doctor import Check

    try:
        loaded = load_contract(path)
    except JalousieError:
        return []  # `examine` has said so
    contract = loaded.contract
    if contract.feedback is None or not contract.table.file or not (loaded.folder / contract.table.file).is_file():
        return []
    try:
        fit = read_fit(loaded, contract.feedback)
    except JalousieError as error:
        return [Check("table", "fail", f"[{error.code}] {error.message}", error.hint)]
    notes = [Check("table", "note", note) for note in fit.notes(contract.feedback)]
    return notes or [Check("table", "ok", f"all {fit.rows} rows can be asked about")]
