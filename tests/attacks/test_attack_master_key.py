"""Attack: lose the provider's master key, or have it lost, and ask again.

All tallies are of pseudonyms under that key. Off, a new key is made in silence: everybody has another pseudonym, and a fresh
budget. On, the store is bound to its key, and nothing is answered under another one, nor without one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_desk import Desk, Ran
from jalousie.architectures.ask import Asking, open_provider
from jalousie.architectures.records import population_of
from jalousie.architectures.share import protect
from jalousie.errors import StoreError
from jalousie.ledger.entry import ContractRegistered, decode_entry
from jalousie.places import provider as place
from jalousie.places.keys import KeyStore
from jalousie.places.provider import Provider
from jalousie.places.pseudonym_key import purpose
from jalousie.places.store import FILE, Store
from jalousie.validator.types import Partition, Question
from two_places import CANARY, SIZE, Places, settle

PEOPLE = [f"p{number}" for number in range(SIZE)]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return settle(tmp_path)


def key_file(places: Places) -> Path:
    return places.provider_home / "master.key"


def asked(places: Places) -> float:
    """Start the provider, ask about everybody with all that is left, stop it: what was left, in epsilon."""
    provider = Provider(places.provider_home)
    store, _, opened = open_provider([places.contract_file], provider)
    try:
        (asking,) = opened.values()
        return ask_everybody(asking, provider)
    finally:
        store.close()


def ask_everybody(asking: Asking, provider: Provider) -> float:
    import numpy as np

    population = population_of(PEOPLE, provider.keys.deriver()(purpose(asking.kept.contract)))
    asking.hand_over(population)
    number = asking.budget("income").questions
    groups = Partition(((np.arange(SIZE) + number) % 7 // 4).astype(np.int32), 2)
    before = asking.ask(Question(population.digest(), "income", (groups,), asking.budget("income").reserved.value))
    return before.epsilon_spent


def test_off_a_lost_key_gives_the_whole_budget_back(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "require_own_key", lambda *_: None)
    monkeypatch.setattr(Store, "bind_master_key", lambda *_: None)
    spent = asked(places)
    key_file(places).unlink()
    assert asked(places) == spent > 3.9  # the same people, the whole epsilon once more


def test_on_nothing_is_answered_without_the_key_or_under_another(places: Places) -> None:
    asked(places)
    own = key_file(places).read_bytes()
    key_file(places).unlink()
    for what in ("missing", "another"):
        with pytest.raises(StoreError, match=what) as refused:
            asked(places)
        assert refused.value.code == "S805"
        assert key_file(places).exists() == (what == "another")  # none was made
        key_file(places).write_bytes(bytes(32))
        key_file(places).chmod(0o600)
    key_file(places).write_bytes(own)
    with pytest.raises(Exception, match="rho") as spent:  # the old tallies hold
        asked(places)
    assert getattr(spent.value, "code", "") == "V201"


def test_on_a_key_that_goes_missing_while_the_provider_answers_is_not_made_anew(places: Places) -> None:
    from jalousie.architectures.ask_desk import Desk as Asked
    from jalousie.places.pseudonym_key import SealedFor

    provider = Provider(places.provider_home)
    store, _, opened = open_provider([places.contract_file], provider)
    ((name, asking),) = opened.items()
    desk = Asked(asking, provider)
    own = provider.keys.deriver()(purpose(name))
    key_file(places).unlink()
    reader = SealedFor()
    assert reader.open(desk.pseudonym_key(reader.public), name) == own
    assert not key_file(places).exists()
    store.close()


def test_on_a_release_makes_no_key_beside_a_store_whose_key_is_missing(places: Places, tmp_path: Path) -> None:
    asked(places)
    key_file(places).unlink()
    (tmp_path / "people.csv").write_text("id,town\n" + "".join(f"{who},T{n % 2}\n" for n, who in enumerate(PEOPLE)))
    contract = tmp_path / "share.yaml"
    contract.write_text(
        "jalousie: 1\nname: share\nparties: {provider: P}\ntable: {file: people.csv}\n"
        "columns: {id: {role: identifier}, town: {role: quasi-identifier, hierarchy: {by: none}}}\n"
        "steps: [{step: pseudonymise, columns: [id]}]\nprivacy: {models: [{model: k-anonymity, k: 2}]}\n"
    )
    with pytest.raises(StoreError, match="missing") as refused:
        protect(None, contract, provider=Provider(places.provider_home))
    assert refused.value.code == "S805"
    assert not key_file(places).exists()
    released = protect(
        None, contract, provider=Provider(tmp_path / "elsewhere")
    )  # a home without a store makes its key
    assert len(released) == SIZE


def test_on_a_store_from_before_takes_the_key_that_it_finds_once(places: Places) -> None:
    asked(places)
    store = Store(places.provider_home / FILE)
    with store.transaction():
        store.run("DELETE FROM place")
    store.close()
    own = key_file(places).read_bytes()
    key_file(places).unlink()
    with pytest.raises(StoreError, match="missing"):
        asked(places)
    key_file(places).write_bytes(own)
    key_file(places).chmod(0o600)
    provider = Provider(places.provider_home)
    open_provider([places.contract_file], provider)[0].close()
    store = Store(places.provider_home / FILE)
    assert store.master_key() == provider.keys.fingerprint()
    store.close()


def test_on_the_ledger_names_the_key_and_tells_nothing_of_it(places: Places) -> None:
    asked(places)
    store = Store(places.provider_home / FILE)
    registered = decode_entry(next(iter(store.read(0, 1))))
    store.close()
    assert isinstance(registered, ContractRegistered)
    keys = KeyStore(places.provider_home)
    assert registered.master_key == keys.fingerprint()
    assert keys.master().hex() not in registered.master_key
    derive = keys.deriver()
    assert derive(purpose(registered.contract)).hex() not in registered.master_key


def test_on_command_line_and_doctor_say_so(places: Places) -> None:
    asked(places)
    here = Desk(places.folder)
    doctor = ("doctor", "--home", "provider", "--contract", "contract.yaml", "--json")

    def found(ran: Ran) -> dict[str, dict[str, str]]:
        return {check["name"]: check for check in json.loads(ran.out)["checks"]}

    assert found(here.run(*doctor))["master key"]["status"] == "ok"
    for spoil in (lambda: key_file(places).unlink(), lambda: key_file(places).write_bytes(bytes(32))):
        spoil()
        if key_file(places).exists():
            key_file(places).chmod(0o600)
        ran = here.run(*doctor)
        assert ran.code == 1
        assert found(ran)["master key"]["status"] == "fail"
        assert "[S805]" in found(ran)["master key"]["text"]
        served = here.run("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home", "provider")
        assert served.code == 11
        assert "error[S805]" in served.err
        assert "restore master.key" in served.err
        assert CANARY not in served.text
