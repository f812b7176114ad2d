"""keys, doctor, audit and serve on the command line: what they say when something is missing or wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from command_desk import Desk, Ran
from jalousie.architectures.ask import open_provider
from jalousie.errors import ValidatorError
from jalousie.places.provider import Provider
from jalousie.places.store import FILE, Store
from two_places import Places, settle

Refused = Callable[[Ran, str, int], None]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return settle(tmp_path)


@pytest.fixture
def here(places: Places) -> Desk:
    return Desk(places.folder)


def test_a_key_is_made_once_and_shown(desk: Desk, refused: Refused) -> None:
    refused(desk.run("keys", "show", "--home", "party"), "W610", 9)
    made = desk.run("keys", "new", "--home", "party")
    assert made.out.startswith("ed25519:")
    shown = desk.run("keys", "show", "--home", "party", "--json")
    assert json.loads(shown.out)["public-key"] == made.out.strip()
    refused(desk.run("keys", "new", "--home", "party"), "W610", 9)
    assert (desk.folder / "party" / "signing.key").stat().st_mode & 0o077 == 0


def test_doctor_finds_nothing_wrong_with_a_place_that_is_set_up(here: Desk) -> None:
    for home, role in (("provider", "provider"), ("ml", "ML party")):
        ran = here.run("doctor", "--home", home, "--contract", "contract.yaml", "--json")
        assert ran.code == 0, ran.out
        found = {check["name"]: check for check in json.loads(ran.out)["checks"]}
        assert found["parties"]["text"] == f"this place is the {role}"
        assert found["clock"]["status"] == "ok"


def test_doctor_names_what_is_wrong_and_how_to_mend_it(here: Desk, places: Places) -> None:
    assert "jalousie keys new" in here.run("doctor", "--home", "nowhere").out
    (places.provider_home / "signing.key").chmod(0o644)
    (places.provider_home / FILE).write_bytes(b"no database" * 1000)
    (places.provider_home / FILE).chmod(0o600)
    (places.provider_home / "master.key").write_bytes(b"short")
    (places.provider_home / "master.key").chmod(0o600)
    ran = here.run("doctor", "--home", "provider", "--contract", "nothing.yaml", "--url", "http://127.0.0.1:9")
    assert ran.code == 1
    for code in ("[W611]", "[P442]", "[S80", "[C100]", "[W607]"):
        assert code in ran.out
    other = here.run("doctor", "--home", "elsewhere", "--contract", "contract.yaml")
    assert other.code == 1
    ours = here.run("keys", "new", "--home", "third").out
    assert ours
    third = here.run("doctor", "--home", "third", "--contract", "contract.yaml")
    assert "the contract names other keys than this place's" in third.out


def test_a_store_without_entries_exports_verifies_and_replays(here: Desk, refused: Refused) -> None:
    Store(Path(here.folder) / "provider" / FILE).close()
    out = here.run("audit", "export", "--home", "provider", "--out", "ledger.jsonl", "--json")
    assert json.loads(out.out)["entries"] == 0
    for action in ("verify", "replay"):
        assert here.run("audit", action, "ledger.jsonl", "--contract", "contract.yaml").code == 0
    refused(here.run("audit", "export", "--home", "provider", "--out", "ledger.jsonl"), "R503", 7)
    refused(here.run("audit", "verify", "ledger.jsonl"), "U100", 2)
    refused(here.run("audit", "verify", "missing.jsonl", "--contract", "contract.yaml"), "L700", 10)
    other = here.run("keys", "new", "--home", "third").out.strip()
    wrong = here.run("audit", "verify", "ledger.jsonl", "--key", other)
    assert wrong.code == 10
    missing = here.run("audit", "verify", "ledger.jsonl", "--contract", "contract.yaml", "--cosigner", other)
    assert "error[L709]" in missing.err


def test_a_provider_does_not_serve_what_it_cannot(here: Desk, places: Places, refused: Refused) -> None:
    text = places.contract_file.read_text()
    serve = ("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home")
    refused(here.run(*serve, "ml"), "C103", 3)  # the ML party's key is not the provider's
    places.contract_file.write_text(text[: text.index("feedback:")])
    refused(here.run(*serve, "provider"), "C103", 3)
    places.contract_file.write_text(text.replace("people.csv", "elsewhere.csv"))
    assert here.run(*serve, "provider").code == 4
    Store(places.provider_home / FILE).close()
    (places.provider_home / FILE).chmod(0o644)
    places.contract_file.write_text(text)
    refused(here.run(*serve, "provider"), "S802", 11)


def test_a_second_contract_finds_only_what_is_left_of_a_lifetime_budget(here: Desk, places: Places) -> None:
    text = places.contract_file.read_text().replace("epsilon: 4.0", "epsilon: 4.0\n  lifetime-epsilon: 5.0")
    for name, epsilon in (("first", "4.0"), ("second", "4.0"), ("third", "2.0")):
        changed = text.replace("name: two-places", f"name: {name}").replace("epsilon: 4.0", f"epsilon: {epsilon}")
        (places.folder / f"{name}.yaml").write_text(changed)
    provider = Provider(places.provider_home)
    open_provider([places.folder / "first.yaml"], provider)[0].close()
    with pytest.raises(ValidatorError) as raised:
        open_provider([places.folder / "first.yaml", places.folder / "second.yaml"], provider)
    assert raised.value.code == "V210"
    store, _, opened = open_provider([places.folder / "third.yaml", places.folder / "first.yaml"], provider)
    assert len(store.contracts()) == len(opened) == 2
    store.close()
