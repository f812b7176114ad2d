"""Read a contract: text, then structure, then sense. Errors point at line and column and suggest the right word."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from msgspec import Struct

from jalousie.contract.check import check_contract
from jalousie.contract.files import check_hierarchy_files
from jalousie.contract.model import Contract
from jalousie.contract.positions import Positions
from jalousie.contract.problems import raise_all
from jalousie.contract.text import read_text
from jalousie.errors import ContractError, Where

_LARGEST = 4 << 20  # a contract is read by people; this much text is some other file


class Loaded(Struct, frozen=True):
    """A contract, the folder that its files are relative to, and where its parts stand in the text."""

    contract: Contract
    folder: Path
    positions: Positions


def load_contract(path: str | Path) -> Loaded:
    """Read and check a contract file (YAML or JSON, UTF-8).

    Raises ContractError: C100 (unreadable), C101 and C104 (not plain YAML), C102 (unknown, missing or mistyped parts),
    C103 (contradictions), C105 (a hierarchy file is another than the one named by its sha256). Where several are found, the
    first is raised and its text lists the others.
    """
    path = Path(path)
    place = Where(path.name)
    try:
        if path.is_dir():
            raise ContractError("C100", "the contract is a folder", hint="name the file in it", where=place)
        if path.stat().st_size > _LARGEST:
            raise ContractError(
                "C100",
                "the contract is larger than 4 MiB",
                hint="is this the table instead of its contract?",
                where=place,
            )
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ContractError(
            "C100", "there is no such contract file", hint="`jalousie inspect FILE --write` drafts one", where=place
        ) from None
    except OSError:
        raise ContractError(
            "C100", "the contract file cannot be opened", hint="check its rights", where=place
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ContractError(
            "C100", "the contract is not UTF-8 text", hint="save it as UTF-8", where=Where(path.name, line)
        ) from None
    loaded = parse_contract(text, file=path.name)
    folder = path.resolve().parent
    check_hierarchy_files(loaded.contract, folder, loaded.positions)
    return Loaded(loaded.contract, folder, loaded.positions)


def parse_contract(text: str, *, file: str = "contract") -> Loaded:
    """Read and check contract text; files that it names are relative to the current folder. Errors as `load_contract`."""
    data, positions = read_text(text, file)
    if not isinstance(data, dict):
        raise ContractError(
            "C102",
            "a contract is a mapping of keys to values",
            hint='the first lines are usually "jalousie: 1", "name: ..." and "parties: ..."',
            where=Where(file),
        )
    try:
        contract = msgspec.convert(data, Contract)
    except msgspec.ValidationError as error:
        # msgspec stops at the first fault and does not say where; only now is it worth walking the structs
        from jalousie.contract.explain import explain

        raise_all(explain(data, Contract, positions))
        raise ContractError(
            "C102",
            "a value does not fit the contract's format",
            hint="`jalousie schema contract` prints what is allowed there",
            where=positions.where(_path(str(error)), value=True),
        ) from None
    raise_all(check_contract(contract, positions))
    return Loaded(contract, Path(), positions)


def _path(said: str) -> str:
    """The place that msgspec names, as a dotted path; its text may quote a value and is dropped."""
    found = re.search(r"at `\$\.([A-Za-z0-9_.\[\]-]+)`$", said)
    return re.sub(r"\[(\d+)\]", r".\1", found[1]) if found else ""
