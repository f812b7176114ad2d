"""A contract may name its files by content; another file is then refused, wherever it is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from jalousie.architectures.share import Sharing
from jalousie.contract import digest, load_contract
from jalousie.errors import ContractError

TOWNS = b"Ahlen;North;*\nBork;North;*\nCelle;South;*\nDorf;South;*\n"
JOINED = "code,rich\n1,yes\n2,no\n"
TEXT = """jalousie: 1
name: t
parties: {{provider: P}}
table: {{file: people.csv, sha256: "{people}"}}
columns:
  code: {{role: plain, type: integer}}
  town: {{role: quasi-identifier, hierarchy: {{by: file, file: towns.csv, sha256: "{towns}"}}}}
steps:
  - {{step: enrich, table: {{file: joined.csv, sha256: "{joined}"}}, on: code, columns: {{rich: {{role: quasi-identifier}}}}}}
privacy: {{models: [{{model: k-anonymity, k: 2}}], recoding: optimal}}
"""


def sha256(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    people = "code,town\n" + "1,Ahlen\n2,Bork\n1,Celle\n2,Dorf\n" * 3
    for name, data in (("people.csv", people.encode()), ("towns.csv", TOWNS), ("joined.csv", JOINED.encode())):
        (tmp_path / name).write_bytes(data)
    write(tmp_path, people=sha256(people), towns=sha256(TOWNS), joined=sha256(JOINED))
    return tmp_path


def write(folder: Path, **digests: str) -> None:
    (folder / "contract.yaml").write_text(TEXT.format(**{"people": "", "towns": "", "joined": "", **digests}))


def test_the_files_that_were_agreed_are_taken_and_stand_on_the_card(folder: Path) -> None:
    card = Sharing(None, folder / "contract.yaml").publish(folder / "out")
    assert card.inputs == {"town": f"sha256:{sha256(TOWNS)}", "table joined on code": f"sha256:{sha256(JOINED)}"}


def test_of_files_that_were_not_agreed_only_hierarchies_stand_on_the_card(folder: Path) -> None:
    """A joined table may be private, and small enough to be guessed from its digest."""
    write(folder)
    card = Sharing(None, folder / "contract.yaml").publish(folder / "out")
    assert card.inputs == {"town": f"sha256:{sha256(TOWNS)}"}


@pytest.mark.parametrize("name", ["people.csv", "towns.csv", "joined.csv"])
def test_another_file_is_refused(name: str, folder: Path) -> None:
    file = folder / name
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(ContractError) as caught:
        Sharing(None, folder / "contract.yaml")
    assert caught.value.code == "C105"
    assert caught.value.hint


def test_a_check_of_the_contract_finds_another_hierarchy(folder: Path) -> None:
    (folder / "towns.csv").write_bytes(TOWNS.replace(b"Bork;North", b"Bork;South"))
    with pytest.raises(ContractError) as caught:
        load_contract(folder / "contract.yaml")
    assert caught.value.code == "C105"
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.path) == (7, "columns.town.hierarchy.sha256")


def test_who_has_only_the_contract_can_read_it(folder: Path) -> None:
    (folder / "towns.csv").unlink()
    assert load_contract(folder / "contract.yaml").contract.name == "t"


def test_the_content_is_part_of_the_contract_where_it_is_named(folder: Path) -> None:
    named = digest(load_contract(folder / "contract.yaml").contract)
    write(folder)
    assert digest(load_contract(folder / "contract.yaml").contract) != named


def test_a_digest_that_is_none_is_refused_by_its_place(folder: Path) -> None:
    write(folder, towns="abc")
    with pytest.raises(ContractError) as caught:
        load_contract(folder / "contract.yaml")
    assert caught.value.code == "C102"


def test_a_table_in_memory_has_no_file(folder: Path) -> None:
    """The digest is that of a file; rows that are passed in are the caller's word."""
    rows = pa.table({"code": [1, 2] * 4, "town": ["Ahlen", "Bork"] * 4})
    assert Sharing(rows, folder / "contract.yaml").card.rows_in == 8
