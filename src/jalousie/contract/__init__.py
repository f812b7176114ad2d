"""The contract: what provider and ML party agreed, read from one file, checked, digested and written.

load_contract(path)    a file, as Loaded(contract, folder, positions)
parse_contract(text)   the same from text
digest(contract)       the name of what was agreed
dump_yaml(contract)    a clean file again
json_schema()          the format, for editors and other software
"""

from __future__ import annotations

from typing import Any

from jalousie.contract.check import check_contract, columns_at_generalise, quasi_identifiers
from jalousie.contract.digest import canonical_json, digest
from jalousie.contract.load import Loaded, load_contract, parse_contract
from jalousie.contract.model import Contract
from jalousie.contract.positions import Positions

__all__ = [
    "Contract",
    "Loaded",
    "Positions",
    "canonical_json",
    "check_contract",
    "columns_at_generalise",
    "digest",
    "dump_yaml",
    "json_schema",
    "load_contract",
    "parse_contract",
    "quasi_identifiers",
]


def dump_yaml(contract: Contract, *, comments: dict[str, str] | None = None) -> str:
    """The contract as clean YAML, defaults left out; `comments` puts a line of comment above a dotted path."""
    from jalousie.contract.dump import dump

    return dump(contract, comments=comments)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the contract file, with a description of every key."""
    from jalousie.contract.schema import schema

    return schema()
