"""`jalousie keys new|show`: the key that signs what a party sends, and its public half for the contract."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=("new", "show"), help="make a key, or print the public half of the one there is"
    )
    home_argument(parser)


def home_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help="folder of keys and store (default: $JALOUSIE_HOME, else ~/.jalousie)"
    )


def run(arguments: argparse.Namespace) -> int:
    from jalousie.places.keys import KeyStore, home_folder
    from jalousie.wire.keys import SigningKey

    store = KeyStore(home_folder(arguments.home))
    if arguments.what == "new":
        SigningKey.new().save(store.signing_path)
    public = store.signing().public
    if arguments.json:
        print(json.dumps({"public-key": public.text, "fingerprint": public.fingerprint}))
    else:
        print(public.text)
    return 0
