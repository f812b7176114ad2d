"""`jalousie audit verify|replay|export`: check a ledger offline, recompute its budgets, write it out.

`replay` ends with 0 only where the ledger shows that every budget was kept, and with `UNDECIDED` where it breaks no rule but
who was asked would have to be known to tell.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jalousie.cli.keys import home_argument

if TYPE_CHECKING:
    from jalousie.ledger.members import Members
    from jalousie.ledger.note import VerifierKey
    from jalousie.ledger.replay import LabelFacts, Replay, Replayed
    from jalousie.ledger.verify import Verified

UNDECIDED = 12
"""Exit code: nothing is wrong as far as can be seen, and it cannot be seen far enough."""


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
    replay.add_argument(
        "--members",
        type=Path,
        metavar="FILE",
        help="who was asked about, as the provider's export writes it: exact tallies",
    )
    export = actions.add_parser("export", help="write the provider's whole ledger, signed")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON Lines to write")
    export.add_argument(
        "--members",
        type=Path,
        metavar="FILE",
        help="also write who was asked about (pseudonyms), for an auditor who may know: replay then decides every budget",
    )
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
    told = [f"all {verified.checkpoint.size} entries are those that were signed"]
    told += [f"  {name} cosigned the first {size} of them" for name, (size, _) in verified.cosigned.items()]
    return _show(arguments, _facts(verified), "\n".join(told))


def _replay(arguments: argparse.Namespace) -> int:
    from jalousie.ledger.replay import Replay

    replay = Replay(None if arguments.members is None else _members(arguments.members).of)
    verified = _verified(arguments, replay)
    found = replay.result()
    found.require()
    facts = _facts(verified) | {
        "verdict": "undecided" if found.undecided else "kept",
        "labels": [_label(contract, label, facts) for (contract, label), facts in found.labels.items()],
        "reserved-rho": {column: rho / 1e9 for column, rho in found.reserved.items()},
        "unfinished": list(found.unfinished),
        "unexplained": found.unexplained,
    }
    _show(arguments, facts, _replay_text(found))
    return UNDECIDED if found.undecided else 0


def _members(path: Path) -> Members:
    from jalousie.errors import LedgerError
    from jalousie.ledger.members import read_members

    try:
        with path.open("rb") as lines:
            return read_members(lines)
    except OSError:
        raise LedgerError("L700", "a file cannot be read", hint="check its name and rights", effect="") from None


def _label(contract: str, label: str, facts: LabelFacts) -> dict[str, Any]:
    return {
        "contract": contract,
        "label": label,
        "reserved-rho": facts.reserved / 1e9,
        "spent-rho": facts.tally / 1e9,
        "lowest-rho": facts.lowest / 1e9,
        "highest-rho": facts.highest / 1e9,
        "exact": facts.lowest == facts.highest,
        "decided": not facts.undecided,
        "answered": facts.answered,
        "replayed": facts.replayed,
        "refused": dict(sorted(facts.refused.items())),
    }


def _replay_text(found: Replayed) -> str:
    from jalousie.cli.common import printable

    count = len(found.undecided)
    told = f"all {found.entries} entries keep to their contracts"
    if count:
        told = f"no entry of {found.entries} breaks a rule, but the ledger alone does not tell whether "
        told += f"{count} of {len(found.labels)} budgets were kept"
    lines = [told]
    for (_, label), facts in found.labels.items():
        spent = f"rho {facts.lowest / 1e9:.6g}"
        if facts.lowest < facts.highest:
            spent = f"between {spent} and {facts.highest / 1e9:.6g} (the provider states {facts.tally / 1e9:.6g})"
        lines.append(
            f"  {printable(label)}: {spent} of {facts.reserved / 1e9:.6g} spent{', UNDECIDED' if facts.undecided else ''}; "
            f"{facts.answered} answered, {facts.replayed} replayed, {sum(facts.refused.values())} refused"
        )
    if found.unfinished:
        lines.append(f"  {len(found.unfinished)} questions have no outcome; their budget stays spent")
    if count:
        lines.append(
            "  needed: who was asked about. The provider writes it with `jalousie audit export --members FILE`; "
            "`jalousie audit replay --members FILE` then decides"
        )
    return "\n".join(lines)


def _export(arguments: argparse.Namespace) -> int:
    from jalousie.places.book import Book, ledger_key
    from jalousie.places.keys import KeyStore, home_folder
    from jalousie.places.store import Store
    from jalousie.tables.folder import check_file, write_file

    home = home_folder(arguments.home)
    for path in (arguments.out, arguments.members):
        if path is not None:
            check_file(path, arguments.replace)
    key = KeyStore(home).signing()
    store = Store.existing(home)
    try:
        book = Book(store, key)
        data = b"".join(book.export(proofs=not arguments.no_proofs))
        members = None if arguments.members is None else b"".join(book.members())
    finally:
        store.close()
    write_file(arguments.out, data, replace=arguments.replace)
    if members is not None:
        write_file(arguments.members, members, replace=arguments.replace, what="the members' file")
        arguments.members.chmod(0o600)  # it says who was asked about
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
