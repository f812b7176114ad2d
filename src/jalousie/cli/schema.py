"""`jalousie schema [contract|card|errors]`: what files look like and what error codes mean."""

from __future__ import annotations

import argparse
import json


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("contract", "card", "errors"), default="contract")


def run(arguments: argparse.Namespace) -> int:
    if arguments.what == "errors":
        from jalousie.errors import CODES

        if arguments.json:
            print(json.dumps(CODES, indent=2))
        else:
            print("\n".join(f"{code}  {text}" for code, text in CODES.items()))
        return 0
    if arguments.what == "card":
        import msgspec

        from jalousie.privacy.card import Card

        schema = msgspec.json.schema(Card)
    else:
        from jalousie.contract import json_schema

        schema = json_schema()
    print(json.dumps(schema, indent=2))
    return 0
