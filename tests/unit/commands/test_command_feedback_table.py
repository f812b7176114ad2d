"""serve, check --data and doctor hold the provider's table against the contract's labels before anything is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_desk import CANARY, Desk, Ran
from jalousie.architectures.ask import open_provider
from jalousie.architectures.table_fit import TableFit
from jalousie.contract import Loaded
from jalousie.errors import ValidatorError
from jalousie.places.provider import Provider
from jalousie.places.store import FILE
from two_places import SIZE, Places, settle

Refused = Callable[[Ran, str, int], None]
SERVE = ("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home", "provider")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return settle(tmp_path)


@pytest.fixture
def here(places: Places) -> Desk:
    return Desk(places.folder)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@dataclass(frozen=True)
class Misfit:
    code: str
    exit_code: int
    table: str = ""
    """The provider's table, in place of the fitting one."""
    old: str = ""
    new: str = ""
    """A change of the contract."""
    place: str = ""


NUMBER = "{column: income, kind: number, low: 0, high: 9}"
CLASSES = "{column: income, classes: [low, high]}"
MISFITS = {
    "a column is missing": Misfit("T201", 4, f"id,incomes\np,{CANARY}\n"),
    "a column too many": Misfit("T203", 4, f"id,income,{CANARY}\np,low,1\n"),
    "no class occurs": Misfit("V212", 8, old="[low, high]", new="[Low, High]", place="feedback.labels.income.classes"),
    "no value at all": Misfit("V212", 8, "id,income\np,\nq,\n", place="feedback.labels.income.column"),
    "no identifier": Misfit("V213", 8, f"id,income\n,low\n,{CANARY}\n", place="feedback.identifier"),
    "no number": Misfit("V212", 8, old=CLASSES, new=NUMBER),
    "no rows": Misfit("T204", 4, "id,income\n"),
}


@pytest.mark.parametrize("what", MISFITS)
@pytest.mark.parametrize("words", [SERVE, ("check", "contract.yaml", "--data")], ids=["serve", "check"])
def test_a_table_that_cannot_be_asked_about(
    what: str, words: tuple[str, ...], here: Desk, places: Places, refused: Refused
) -> None:
    case = MISFITS[what]
    if case.table:
        here.write("people.csv", case.table)
    if case.old:
        rewrite(places.contract_file, case.old, case.new)
    ran = here.run(*words)
    refused(ran, case.code, case.exit_code)
    assert case.place in ran.err
    assert CANARY not in ran.text or "column" in ran.err  # a name of a column may be said, a value may not
    assert not (places.provider_home / FILE).exists()


@pytest.mark.parametrize("what", MISFITS)
def test_doctor_finds_it(what: str, here: Desk, places: Places) -> None:
    case = MISFITS[what]
    if case.table:
        here.write("people.csv", case.table)
    if case.old:
        rewrite(places.contract_file, case.old, case.new)
    ran = here.run("doctor", "--home", "provider", "--contract", "contract.yaml", "--json")
    assert ran.code == 1
    (found,) = (check for check in json.loads(ran.out)["checks"] if check["name"] == "table")
    assert found["status"] == "fail"
    assert found["text"].startswith(f"[{case.code}]")
    assert found["hint"]


def test_what_is_no_fault_is_noted(here: Desk, places: Places) -> None:
    rows = ["id,income", "a,low", "a,low", "b,", "c,low", f"d,{CANARY}", f"e,{CANARY}", ",low", f",{CANARY}"]
    here.write("people.csv", "\n".join(rows) + "\n")
    rewrite(places.contract_file, "[low, high]", "[low, hihg]")
    rewrite(places.contract_file, "epsilon: 4.0", "epsilon: 4.0\n  delta: 1.0e-3")
    for words in (
        ("check", "contract.yaml", "--data"),
        ("doctor", "--home", "provider", "--contract", "contract.yaml"),
    ):
        said = here.run(*words)
        assert said.code == 0, said.text
        for note in (
            "2 rows without an identifier",
            "1 row beyond what counts",
            'label "income": 2 rows with none of the classes, and 1 of these occur nowhere',
            'label "income": 1 row without a value',
        ):
            assert note in said.out
        assert "delta" not in said.out.replace("at delta", "")
        assert CANARY not in said.text
    assert json.loads(here.run("check", "contract.yaml", "--data", "--json").out)["table"]["rows"] == 8


def test_a_delta_that_the_table_is_too_large_for_is_noted(here: Desk, places: Places) -> None:
    here.write("people.csv", "id,income\n" + "".join(f"p{n},{'low' if n % 2 else 'high'}\n" for n in range(1001)))
    rewrite(places.contract_file, "epsilon: 4.0", "epsilon: 4.0\n  delta: 1.0e-3")
    assert "more than 1 in 1001" in here.run("check", "contract.yaml", "--data").out


def test_a_table_that_fits_has_no_notes(here: Desk, places: Places) -> None:
    rows = (places.folder / "people.csv").read_text().replace(f"{CANARY},{CANARY}\n", "")
    here.write("people.csv", rows)
    checked = json.loads(here.run("check", "contract.yaml", "--data", "--json").out)
    assert checked["table"] == {"rows": SIZE, "notes": []}
    assert checked["feedback"] == {"labels": ["income"], "epsilon": 4.0, "delta": 1e-6, "missing-keys": []}
    assert f"all {SIZE} rows" in here.run("doctor", "--home", "provider", "--contract", "contract.yaml").out


def test_check_without_data_reads_none(here: Desk, places: Places) -> None:
    (places.folder / "people.csv").unlink()
    assert here.run("check", "contract.yaml").code == 0
    assert here.run("check", "contract.yaml", "--data").code == 4


def test_check_reads_the_table_of_a_release_too(desk: Desk, refused: Refused) -> None:
    assert json.loads(desk.run("check", "contract.yaml", "--data", "--json").out)["table"]["rows"] == 40
    desk.write("people.csv", "id,age\n1,2\n")
    refused(desk.run("check", "contract.yaml", "--data"), "T201", 4)


def test_keys_are_needed_to_serve_and_only_then(here: Desk, places: Places, refused: Refused) -> None:
    text = places.contract_file.read_text()
    parties = places.contract.parties
    for name, key in (("provider-key", parties.provider_key), ("ml-party-key", parties.ml_party_key)):
        places.contract_file.write_text(text.replace(f', {name}: "{key}"', ""))
        ran = here.run(*SERVE)
        refused(ran, "C103", 3)
        assert f'lacks "{name}"' in ran.err
        assert f"parties.{name}" in ran.err
        assert "no budget was reserved" in ran.err
        checked = here.run("check", "contract.yaml")
        assert checked.code == 0
        assert f"missing keys      {name}" in checked.out
    assert not (places.provider_home / FILE).exists()


def test_of_several_contracts_one_that_does_not_fit_keeps_the_others_from_being_registered(places: Places) -> None:
    text = places.contract_file.read_text()
    (places.folder / "wrong.yaml").write_text(text.replace("two-places", "wrong").replace("[low, high]", "[no, yes]"))
    provider = Provider(places.provider_home)
    with pytest.raises(ValidatorError) as raised:
        open_provider([places.contract_file, places.folder / "wrong.yaml"], provider)
    assert raised.value.code == "V212"
    assert not (places.provider_home / FILE).exists()


def test_opening_tells_how_each_table_fits(places: Places) -> None:
    told: list[tuple[str, TableFit]] = []

    def found(loaded: Loaded, fit: TableFit) -> None:
        told.append((loaded.contract.name, fit))

    open_provider([places.contract_file], Provider(places.provider_home), found=found)[0].close()
    ((name, fit),) = told
    assert name == "two-places"
    (label,) = fit.labels
    assert (fit.rows, fit.unnamed, fit.left_out) == (SIZE + 1, 0, 0)
    assert (label.counted, label.null, label.others, label.unused) == (SIZE, 0, 1, 0)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_contract_about_answers_alone_releases_nothing(more: tuple[str, ...], here: Desk, refused: Refused) -> None:
    """Its labels never leave; without models and steps a release would hold them as they are."""
    ran = here.run("protect", "contract.yaml", *more)
    refused(ran, "C103", 3)
    assert "about answers alone" in ran.err
    assert not (here.folder / "two-places.release").exists()
