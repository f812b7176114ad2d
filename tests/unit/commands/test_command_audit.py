"""audit, doctor, history and serve at a provider that has answered: what they can know, and what they say where they cannot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from command_desk import Desk, Ran
from jalousie.architectures.ask import Asking, open_provider
from jalousie.architectures.ask_desk import Desk as ProviderDesk
from jalousie.architectures.records import population_of
from jalousie.cli.audit import UNDECIDED
from jalousie.cli.common import printable
from jalousie.contract import digest
from jalousie.errors import JalousieError, WireError
from jalousie.ledger.checkpoint import cosign_checkpoint
from jalousie.places.book import Book, ledger_key, party_name
from jalousie.places.doctor import examine
from jalousie.places.keys import KeyStore
from jalousie.places.provider import Provider
from jalousie.places.pseudonym_key import purpose
from jalousie.places.steps import run
from jalousie.places.store import FILE
from jalousie.places.tls import in_the_clear
from jalousie.validator.types import Partition, Population, Question
from jalousie.wire.canonical import canonical
from jalousie.wire.messages import CosignatureRequest
from two_places import SIZE, Places, settle

Refused = Callable[[Ran, str, int], None]
EXPORT = ("audit", "export", "--home", "provider", "--replace", "--out", "ledger.jsonl")
REPLAY = ("audit", "replay", "ledger.jsonl", "--contract", "contract.yaml")


@dataclass
class Office:
    """The provider's place, opened."""

    places: Places
    provider: Provider
    book: Book
    asking: Asking
    population: Population

    def ask(self, seed: int, rho: float, first: int = 0, last: int = 2 * SIZE, label: str = "income") -> None:
        """Two groups of the records first..last-1."""
        groups = np.random.default_rng(seed).integers(0, 2, 2 * SIZE).astype(np.int32)
        groups[:first] = groups[last:] = -1
        self.asking.ask(Question(self.population.digest(), label, (Partition(groups, 2),), rho))

    def cosign(self) -> int:
        """What `history --cosign` does; returns the size."""
        key = KeyStore(self.places.ml_home).signing()
        note, log = self.book.checkpoint().checkpoint, ledger_key(self.provider.keys.signing().public)
        signed = cosign_checkpoint(note, log, name=party_name(key.public), key=key, time=2_000_000_000, seen=None)
        return self.book.cosign(canonical(CosignatureRequest(checkpoint=signed)), key.public).size


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    places = settle(tmp_path)
    provider = Provider(places.provider_home)
    store, book, opened = open_provider([places.contract_file], provider)
    (asking,) = opened.values()
    population = population_of(places.identifiers, provider.keys.deriver()(purpose(digest(places.contract))))
    asking.hand_over(population)
    yield Office(places, provider, book, asking, population)
    store.close()


@pytest.fixture
def here(office: Office) -> Desk:
    return Desk(office.places.folder)


def test_a_replay_tells_what_it_cannot_know(office: Office, here: Desk) -> None:
    rho = office.asking.budget("income").left.value
    office.ask(1, 0.75 * rho, last=SIZE)
    office.ask(2, 0.75 * rho, first=SIZE)
    assert here.run(*EXPORT).code == 0
    ran = here.run(*REPLAY)
    assert ran.code == UNDECIDED
    assert "does not tell" in ran.out
    assert "UNDECIDED" in ran.out
    assert "--members" in ran.out
    told = json.loads(here.run(*REPLAY, "--json").out)
    (label,) = told["labels"]
    assert (told["verdict"], label["exact"], label["decided"]) == ("undecided", False, False)
    assert label["highest-rho"] == pytest.approx(2 * label["lowest-rho"], abs=1e-8)
    assert here.run(*EXPORT, "--members", "members.jsonl").code == 0
    ran = here.run(*REPLAY, "--members", "members.jsonl", "--json")
    assert ran.code == 0
    (label,) = json.loads(ran.out)["labels"]
    assert label["exact"]
    assert label["lowest-rho"] == label["highest-rho"] == label["spent-rho"] == pytest.approx(0.75 * rho, abs=1e-8)


def test_members_that_are_not_those_of_the_ledger_are_refused(office: Office, here: Desk, refused: Refused) -> None:
    office.ask(1, 0.001, last=SIZE)
    here.run(*EXPORT, "--members", "members.jsonl")
    lines = (here.folder / "members.jsonl").read_text().splitlines()
    assert len(lines) == 3
    here.write("members.jsonl", "\n".join([lines[0], lines[1], lines[2].replace('"bits":"//', '"bits":"/v')]))
    refused(here.run(*REPLAY, "--members", "members.jsonl"), "L712", 10)
    refused(here.run(*REPLAY, "--members", "nothing.jsonl"), "L700", 10)


def test_an_earlier_cosignature_counts_after_more_traffic(office: Office, here: Desk) -> None:
    office.ask(1, 0.001)
    size = office.cosign()
    office.ask(2, 0.001)
    here.run(*EXPORT)
    key = KeyStore(office.places.ml_home).signing().public
    ran = here.run("audit", "verify", "ledger.jsonl", "--contract", "contract.yaml", "--cosigner", key.text)
    assert ran.code == 0, ran.err
    assert f"{party_name(key)} cosigned the first {size} of them" in ran.out


def test_there_is_nothing_to_export_where_nothing_was_served(office: Office, here: Desk, refused: Refused) -> None:
    refused(here.run("audit", "export", "--home", "ml", "--out", "nothing.jsonl"), "L713", 10)
    refused(here.run("history", "contract.yaml", "--home", "ml"), "L713", 10)
    assert not (office.places.ml_home / FILE).exists()
    assert not (here.folder / "nothing.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE question SET spent = 0", "question 1 of the store is not what entry"),
        ("UPDATE question SET asked = (SELECT max(number) FROM asked)", "charges other records"),
        ("DELETE FROM question WHERE number = 2", "does not have"),
        ("UPDATE reservation SET reserved = 1", "reserve"),
        ("UPDATE memo SET counts = x'00'", "answers that are kept"),
        ("UPDATE population SET size = 3", "population"),
        ("UPDATE question SET status = 'replayed', code = '', label = ''", "is not what entry"),
        ("UPDATE leaf SET data = replace(data, '\"spent\":1', '\"spent\":2') WHERE number = 2", "cosigned"),
        ("DELETE FROM leaf WHERE number > 2", "cosigned"),
    ],
)
def test_doctor_holds_the_store_against_its_ledger(office: Office, change: str, says: str) -> None:
    office.ask(1, 0.001)
    office.ask(2, 0.001, first=10)
    office.cosign()
    for label in ("income", "no such label"):
        with pytest.raises(JalousieError):
            office.ask(3, 1000.0, label=label)
    home = office.places.provider_home
    (before,) = [check for check in examine(home) if check.name == "store"]
    assert before.status == "ok", before.text
    file = sqlite3.connect(home / FILE)
    file.execute("PRAGMA foreign_keys = OFF")
    change = change.replace("replace(data, ", "CAST(replace(CAST(data AS TEXT), ").replace(
        "') WHERE", "') AS BLOB) WHERE"
    )
    assert file.execute(change).rowcount
    file.commit()
    file.close()
    (after,) = [check for check in examine(home) if check.name == "store"]
    assert after.status == "fail"
    assert says in after.text


def test_history_shows_overlaps_at_the_provider(office: Office, here: Desk) -> None:
    office.ask(1, 0.001)
    office.ask(2, 0.001, first=1)
    ran = here.run("history", "contract.yaml", "--home", "provider")
    assert f"0 of {2 * SIZE} records asked before\n" in ran.out
    assert f"{2 * SIZE - 1} of {2 * SIZE - 1} records asked before, 1 apart from the nearest earlier set\n" in ran.out
    events = json.loads(here.run("history", "contract.yaml", "--home", "provider", "--json").out)["events"]
    assert [(event["before"], event["nearest"]) for event in events] == [(0, None), (2 * SIZE - 1, 1)]
    desk = ProviderDesk(office.asking, office.provider)
    assert [event.nearest for event in desk.history(0).events] == [None, 1]
    assert here.run("history", "contract.yaml", "--home", "provider", "--cosign").code == 2


def test_what_a_party_wrote_is_not_kept_for_good(office: Office, here: Desk) -> None:
    """Neither a label that the contract lacks nor a question that cannot be read leaves its text; both leave an entry."""
    with pytest.raises(JalousieError):
        office.ask(1, 0.001, label="Erika\nMustermann")
    made = run(ProviderDesk(office.asking, office.provider).ask(b"Erika", 7), office.asking.kept.store)
    assert isinstance(made, WireError)
    here.run(*EXPORT)
    assert "Erika" not in (here.folder / "ledger.jsonl").read_text()
    ran = here.run("history", "contract.yaml", "--home", "provider")
    assert ran.out.count("\n") == 3
    assert "refused V208" in ran.out
    assert "refused W600" in ran.out
    ran = here.run(*REPLAY)
    assert ran.code == 0, ran.err


def test_text_from_elsewhere_cannot_move_the_cursor() -> None:
    assert printable("a\n\x1b[2Jé\u202e") == "a\\n\\x1b[2Jé\\u202e"


@pytest.mark.parametrize(
    "words", [("--rho", "inf"), ("--rho", "0"), ("--epsilon", "-1"), ("--epsilon", "nan"), ("--rho", "x")]
)
def test_an_offer_is_a_positive_number(here: Desk, words: tuple[str, str], refused: Refused) -> None:
    ask = (
        "ask",
        "contract.yaml",
        "--url",
        "http://127.0.0.1:9",
        "--home",
        "ml",
        "--table",
        "people.csv",
        "--by",
        "income",
    )
    ran = here.run(*ask, *words)
    refused(ran, "U100", 2)
    assert "positive and finite" in ran.err


def test_a_certificate_is_looked_at_before_a_contract_is_registered(tmp_path: Path, refused: Refused) -> None:
    places = settle(tmp_path)
    desk = Desk(places.folder)
    desk.write("no.pem", "no certificate")
    serve = ("serve", "provider", "--contract", "contract.yaml", "--port", "0", "--home", "provider")
    refused(desk.run(*serve, "--certificate", "missing.pem", "--private-key", "missing.pem"), "W614", 9)
    refused(desk.run(*serve, "--certificate", "no.pem", "--private-key", "no.pem"), "W614", 9)
    assert not (places.provider_home / FILE).exists()


@pytest.mark.parametrize(
    ("host", "tls", "clear"),
    [
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("0.0.0.0", False, True),
        ("0.0.0.0", True, False),
        ("::", False, True),
        ("fe80::1%eth0", False, True),
    ],
)
def test_who_may_read_along_is_told(host: str, tls: bool, clear: bool) -> None:
    assert in_the_clear(host, tls=tls) == clear
