"""Files that a contract names by content: is this the one that was agreed?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from jalousie.contract.model import Column, Contract, Enrich, FileHierarchy
from jalousie.contract.positions import Positions
from jalousie.errors import ContractError, Where


def check_sha256(path: Path, sha256: str, what: str, where: Where | None = None) -> None:
    """Raise ContractError C105 unless the file has this digest; without one, or without a file, there is nothing to check."""
    if not sha256:
        return
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return  # whoever reads the file says so
    if found != sha256:
        raise ContractError(
            "C105",
            f"{what} is not the file that the contract names by its sha256",
            hint="get the file that was agreed, or agree on this one (sha256sum prints its digest)",
            where=where,
        )


def check_hierarchy_files(contract: Contract, folder: Path, positions: Positions) -> None:
    """Raise ContractError C105 if a hierarchy file is another than the contract names."""
    for path, name, column in _columns(contract):
        spec = column.hierarchy
        if isinstance(spec, FileHierarchy):
            where = positions.where(f"{path}.hierarchy.sha256")
            check_sha256(folder / spec.file, spec.sha256, f'the hierarchy file of column "{name}"', where)


def _columns(contract: Contract) -> Iterator[tuple[str, str, Column]]:
    """(path in the contract, name, column) of its own columns and those that steps join."""
    for name, column in contract.columns.items():
        yield f"columns.{name}", name, column
    for index, step in enumerate(contract.steps):
        if isinstance(step, Enrich):
            for name, column in step.columns.items():
                yield f"steps.{index}.columns.{name}", name, column
