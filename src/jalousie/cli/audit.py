"""`jalousie audit verify|replay|export`: check a ledger offline, recompute its budgets, write it out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jalousie.cli.keys import home_argument

if TYPE_CHECKING:
    from jalousie.ledger.note import VerifierKey
    from jalousie.ledger.replay import Replay
    from jalousie.ledger.verify import Verified


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="check an exported ledger; names the first bad entry")
    replay = actions.add_parser("replay", help="check it, and recompute budgets and refusals from its entries")
    for child in (verify, replay):
        child.add_argument("file", type=Path, help="exported ledger (JSON Lines)")
        child.add_argument("--contract", type=Path, metavar="FILE", help="contract that names the provider's key")
        child.add_argument("--key", metavar="KEY", help="the provider's key: ed25519:..., or name+id+base64")
        child.add_argument(
            "--checkpoint",
            *("--checkpoints",),
            type=Path,
            nargs="+",
            default=[],
            metavar="FILE",
            help="checkpoints from other times or parties",
        )
        child.add_argument(
            "--cosigner", nargs="+", default=[], metavar="KEY", help="parties that must have cosigned: ed25519:..."
        )
    export = actions.add_parser("export", help="write the provider's whole ledger, signed")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON Lines to write")
    export.add_argument("--no-proofs", action="store_true", help="smaller, but a bad entry is then named less exactly")
    export.add_argument("--replace", action="store_true", help="replace an existing file")
    home_argument(export)
    for child in (verify, replay, export):
        # the verb has it too: what is written before the action must survive it
        child.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    return {"verify": _verify, "replay": _replay, "export": _export}[arguments.action](arguments)


def _verify(arguments: argparse.Namespace) -> int:
    verified = _verified(arguments, None)
    return _show(arguments, _facts(verified), f"all {verified.checkpoint.size} entries are those that were signed")


def _replay(arguments: argparse.Namespace) -> int:
    from jalousie.ledger.replay import Replay

    replay = Replay()
    verified = _verified(arguments, replay)
    found = replay.result()
    found.require()
    labels = [
        {
            "contract": contract,
            "label": label,
            "reserved-rho": facts.reserved / 1e9,
            "spent-rho": facts.tally / 1e9,
            "answered": facts.answered,
            "replayed": facts.replayed,
            "refused": dict(sorted(facts.refused.items())),
        }
        for (contract, label), facts in found.labels.items()
    ]
    facts = _facts(verified) | {
        "labels": labels,
        "reserved-rho": {column: rho / 1e9 for column, rho in found.reserved.items()},
        "unfinished": list(found.unfinished),
        "unexplained": found.unexplained,
    }
    lines = [f"all {found.entries} entries keep to their contracts"]
    lines += [
        f"  {row['label']}: rho {row['spent-rho']:.6g} of {row['reserved-rho']:.6g} spent; {row['answered']} answered, "
        f"{row['replayed']} replayed, {sum(row['refused'].values())} refused"  # type: ignore[attr-defined]
        for row in labels
    ]
    if found.unfinished:
        lines.append(f"  {len(found.unfinished)} questions have no outcome; their budget stays spent")
    return _show(arguments, facts, "\n".join(lines))


def _export(arguments: argparse.Namespace) -> int:
    from jalousie.places.book import Book, ledger_key
    from jalousie.places.keys import KeyStore, home_folder
    from jalousie.places.store import FILE, Store
    from jalousie.tables.folder import check_file, write_file

    home = home_folder(arguments.home)
    check_file(arguments.out, arguments.replace)
    key = KeyStore(home).signing()
    store = Store(home / FILE)
    try:
        book = Book(store, key)
        data = b"".join(book.export(proofs=not arguments.no_proofs))
    finally:
        store.close()
    write_file(arguments.out, data, replace=arguments.replace)
    facts = {"entries": data.count(b"\n") - 1, "key": str(ledger_key(key.public))}
    return _show(arguments, facts, f"{facts['entries']} entries written; verifier key {facts['key']}")


def _verified(arguments: argparse.Namespace, replay: Replay | None) -> Verified:
    from jalousie.errors import LedgerError
    from jalousie.ledger.verify import verify_export
    from jalousie.places.book import cosigner_key
    from jalousie.wire.keys import PublicKey

    key = _key(arguments)
    cosigners = [cosigner_key(PublicKey.parse(text)) for text in arguments.cosigner]
    try:
        checkpoints = [path.read_text(encoding="utf-8") for path in arguments.checkpoint]
        with arguments.file.open("rb") as lines:
            return verify_export(
                lines,
                key,
                checkpoints=checkpoints,
                cosigners=cosigners,
                each=None if replay is None else replay.feed,
            )
    except (OSError, UnicodeDecodeError):
        raise LedgerError("L700", "a file cannot be read", hint="check its name and rights", effect="") from None


def _key(arguments: argparse.Namespace) -> VerifierKey:
    from jalousie.errors import UsageError
    from jalousie.ledger.note import VerifierKey
    from jalousie.places.book import ledger_key
    from jalousie.wire.keys import PREFIX, PublicKey

    text = arguments.key
    if text is None and arguments.contract is not None:
        from jalousie.contract import load_contract

        text = load_contract(arguments.contract).contract.parties.provider_key
    if not text:
        raise UsageError("U100", "whose ledger is it?", hint="--key ed25519:... or --contract FILE", effect="")
    return ledger_key(PublicKey.parse(text)) if text.startswith(PREFIX) else VerifierKey.parse(text)


def _facts(verified: Verified) -> dict[str, Any]:
    return {
        "origin": verified.checkpoint.origin,
        "entries": verified.checkpoint.size,
        "root": verified.checkpoint.root.hex(),
        "cosigned": {name: {"entries": size, "time": at} for name, (size, at) in verified.cosigned.items()},
        "compared": verified.compared,
    }


def _show(arguments: argparse.Namespace, facts: dict[str, Any], text: str) -> int:
    if arguments.json:
        print(json.dumps(facts, indent=2))
    else:
        print(text, file=sys.stdout)
    return 0
