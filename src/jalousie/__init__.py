"""Jalousie: collaborate on data that cannot be handed over.

The front door. What is not listed in `__all__` may change at any time.

    protect(table, contract)     de-identify a data frame (architecture 1.A); gives a Release
    Release.load(folder)         the ML party's side: rows, card, encoder
    inspect(table)               types, uniqueness, proposed roles, who is singled out
    load_contract(path)          a contract from a file; parse_contract(text) from text

Names load when they are first used: `import jalousie` alone costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jalousie.errors import (
    ContractError,
    HierarchyError,
    InternalError,
    JalousieError,
    PrivacyError,
    ReleaseError,
    TableError,
    UsageError,
)

if TYPE_CHECKING:
    from jalousie.architectures.share import Settings, protect
    from jalousie.contract import Contract, load_contract, parse_contract
    from jalousie.privacy.release import Release

__version__ = "0.1.0"

_HOME = {
    "Contract": "jalousie.contract",
    "Release": "jalousie.privacy.release",
    "Settings": "jalousie.architectures.share",
    "load_contract": "jalousie.contract",
    "parse_contract": "jalousie.contract",
    "protect": "jalousie.architectures.share",
}

__all__ = [
    "Contract",
    "ContractError",
    "HierarchyError",
    "InternalError",
    "JalousieError",
    "PrivacyError",
    "Release",
    "ReleaseError",
    "Settings",
    "TableError",
    "UsageError",
    "__version__",
    "inspect",
    "load_contract",
    "parse_contract",
    "protect",
]


def inspect(table: Any) -> Any:
    """Look at any data frame: an `Inspection` with types, uniqueness, proposed roles and the columns that single out most.

    Raises TableError for what is no table, or an empty one. It holds no cell value.
    """
    from jalousie.tables import from_frame, inspect_table

    return inspect_table(from_frame(table))


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
