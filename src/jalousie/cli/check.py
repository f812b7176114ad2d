"""`jalousie check contract.yaml`: is the contract well-formed and free of contradictions? Touches no data."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", type=Path, help="contract file (YAML or JSON)")


def run(arguments: argparse.Namespace) -> int:
    from jalousie.contract import digest, load_contract, quasi_identifiers

    contract = load_contract(arguments.contract).contract
    name = digest(contract)
    roles = {
        role: [n for n, c in contract.columns.items() if c.role == role]
        for role in ("identifier", "sensitive", "plain")
    }
    roles["quasi-identifier"] = list(quasi_identifiers(contract))
    if arguments.json:
        import json

        print(json.dumps({"name": contract.name, "digest": name, "columns": roles}, indent=2))
        return 0
    print(f"{contract.name}: a valid contract\n  digest  {name}")
    for role, names in sorted(roles.items()):
        print(f"  {role:<17} {', '.join(names) or '-'}")
    return 0
