"""`jalousie check contract.yaml`: is the contract well-formed and free of contradictions? With `--data`: does its table fit?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jalousie.contract import Contract, Loaded
    from jalousie.contract.feedback import Feedback


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("contract", type=Path, help="contract file (YAML or JSON)")
    parser.add_argument(
        "--data", action="store_true", help="also read the contract's table: has it these columns and labels?"
    )


def run(arguments: argparse.Namespace) -> int:
    from jalousie.contract import digest, load_contract, quasi_identifiers

    loaded = load_contract(arguments.contract)
    contract = loaded.contract
    roles = {
        role: [n for n, c in contract.columns.items() if c.role == role]
        for role in ("identifier", "sensitive", "plain")
    }
    roles["quasi-identifier"] = list(quasi_identifiers(contract))
    shown: dict[str, Any] = {"name": contract.name, "digest": digest(contract), "columns": roles}
    if contract.feedback is not None:
        shown["feedback"] = _feedback(contract, contract.feedback)
    if arguments.data:
        shown["table"] = _table(loaded)
    if arguments.json:
        import json

        print(json.dumps(shown, indent=2))
    else:
        print("\n".join(_lines(shown)))
    return 0


def _feedback(contract: Contract, feedback: Feedback) -> dict[str, Any]:
    from jalousie.contract.party_keys import missing_keys

    delta = feedback.delta if feedback.noise == "gaussian" else 0.0
    missing = missing_keys(contract.parties)
    return {"labels": list(feedback.labels), "epsilon": feedback.epsilon, "delta": delta, "missing-keys": missing}


def _table(loaded: Loaded) -> dict[str, Any]:
    """What the table is under the contract; raises the errors of reading, and V212 and V213."""
    feedback = loaded.contract.feedback
    if feedback is None:
        from jalousie.tables import read_table

        return {"rows": read_table(loaded.contract.table, loaded.contract.columns, loaded.folder).rows, "notes": []}
    from jalousie.architectures.table_fit import read_fit

    fit = read_fit(loaded, feedback)
    return {"rows": fit.rows + fit.unnamed, "notes": list(fit.notes(feedback))}


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    yield f"{shown['name']}: a valid contract\n  digest  {shown['digest']}"
    for role, names in sorted(shown["columns"].items()):
        yield f"  {role:<17} {', '.join(names) or '-'}"
    if "feedback" in shown:
        feedback = shown["feedback"]
        yield f"  {'labels':<17} {', '.join(feedback['labels'])}"
        yield f"  {'epsilon':<17} {feedback['epsilon']:g} at delta {feedback['delta']:g}"
        if feedback["missing-keys"]:
            yield f"  {'missing keys':<17} {', '.join(feedback['missing-keys'])} (to be served, it needs both)"
    if "table" in shown:
        yield f"  {'rows':<17} {shown['table']['rows']}"
        for note in shown["table"]["notes"]:
            yield f"  {'note':<17} {note}"
