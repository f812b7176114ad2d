"""A provider's process and an ML party, over HTTP: everything that the parties do with each other, and how it ends."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from jalousie.architectures.ask import LocalValidator
from jalousie.architectures.ask_remote import reach_provider
from jalousie.errors import LedgerError, TableError, ValidatorError, WireError
from jalousie.ledger.checkpoint import open_checkpoint
from jalousie.ledger.log import decode_hashes
from jalousie.ledger.merkle import leaf_hash, verify_inclusion
from jalousie.ledger.replay import Replay
from jalousie.ledger.verify import verify_export
from jalousie.places.book import cosigner_key, ledger_key
from jalousie.places.keys import KeyStore
from jalousie.places.seen_checkpoint import SeenCheckpoint
from jalousie.places.store import FILE
from jalousie.validator.types import Answer, Partition, Question
from jalousie.wire.arrays import answer_from_bytes
from jalousie.wire.canonical import canonical
from jalousie.wire.keys import SigningKey
from jalousie.wire.messages import BudgetAnswer, CheckpointAnswer
from two_places import CANARY, SIZE, Places, Running, question, serving, settle


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return settle(tmp_path_factory.mktemp("two-places"))


@pytest.fixture(scope="module")
def running(places: Places) -> Iterator[Running]:
    with serving(places) as running:
        yield running


def test_an_answer_over_http_is_like_a_local_one(places: Places, running: Running) -> None:
    remote = places.validator(running.url)
    groups = (np.arange(2 * SIZE) // SIZE).astype(np.int32)  # the provider's own records, and strangers
    asked = Question(remote.population.digest(), "income", (Partition(groups, 2),), 0.05)
    answer = remote.ask(asked)
    labels = np.array([("low", "high")[number // 7 % 2] for number in range(SIZE)] + [None] * SIZE, dtype=object)
    local = LocalValidator.from_arrays({"income": labels}, places.contract.feedback, remote.population.pseudonyms)
    same = local.ask(asked)
    assert answer.question == same.question
    assert (answer.variance, answer.rho_spent, answer.rho_left) == (same.variance, same.rho_spent, same.rho_left)
    truth = np.array([[(labels == "low").sum(), (labels == "high").sum()], [0, 0]])
    for found in (answer, same):
        # nine standard deviations: fails once in 10^18
        assert np.abs(found.counts[0] - truth).max() < 9 * answer.variance**0.5
    assert remote.budget("income").spent == local.budget("income").spent
    again = remote.ask(asked)
    assert again.replayed
    assert (again.counts[0] == answer.counts[0]).all()


def test_refusals_arrive_as_errors_with_their_code(places: Places, running: Running) -> None:
    validator = places.validator(running.url)
    digest = validator.population.digest()
    left = validator.budget("income").left
    small = np.zeros(2 * SIZE, np.int32)
    small[:3] = 1
    for code, asked in (
        ("V201", question(digest, 1, 100.0)),
        ("V204", Question(digest, "income", (Partition(small, 2),), 0.01)),
        ("V206", question("sha256:" + "0" * 64, 1, 0.01)),
        ("V208", Question(digest, "wealth", (Partition(small, 2),), 0.01)),
        ("V209", question(digest, 1, 0.0)),
    ):
        with pytest.raises(ValidatorError) as raised:
            validator.ask(asked)
        assert raised.value.code == code
    assert validator.budget("income").left == left


def test_several_questions_in_one_message_are_each_answered_for_themselves(places: Places, running: Running) -> None:
    validator = places.validator(running.url)
    digest = validator.population.digest()
    left = validator.budget("income").left
    small = np.zeros(2 * SIZE, np.int32)
    small[:3] = 1
    asked = [
        question(digest, 9001, 0.001),
        Question(digest, "income", (Partition(small, 2),), 0.001),
        question(digest, 9002, 0.001),
        question(digest, 9001, 0.001),  # once more, in the same message
        question(digest, 9003, 100.0),
        question("sha256:" + "0" * 64, 1, 0.001),
    ]
    answers = validator.ask_many(asked)
    assert [getattr(answer, "code", "") for answer in answers] == ["", "V204", "", "", "V201", "V206"]
    first, _, second, again, *_ = answers
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert isinstance(again, Answer)
    assert again.replayed
    assert (first.counts[0] == again.counts[0]).all()
    assert validator.budget("income").left.nano == left.nano - 2_000_000
    # in one message or alone, it is the same question
    alone = validator.ask(asked[2])
    assert alone.replayed
    assert (alone.counts[0] == second.counts[0]).all()
    outcomes = {event.question: event.outcome for event in validator.provider.history()}
    assert outcomes[second.question] in ("answered", "replayed")
    # more than one message holds, and nothing at all
    many = validator.ask_many([question(digest, 9100 + number, 1e-6) for number in range(70)])
    assert len({answer.question for answer in many if isinstance(answer, Answer)}) == 70
    assert validator.ask_many([]) == []
    # without a network it is the same
    local = LocalValidator.from_arrays(
        {"income": np.arange(2 * SIZE) % 2}, places.contract.feedback, validator.population.pseudonyms
    )
    assert [getattr(answer, "code", "") for answer in local.ask_many(asked)][1:5] == ["V204", "", "", "V201"]


def test_a_message_of_several_questions_that_is_too_large_for_rounds_is_answered_too(
    places: Places, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    validator = places.validator(running.url)
    monkeypatch.setattr("jalousie.architectures.ask_remote._MESSAGE", 2**30)
    wide = 30
    parts = [np.random.default_rng(number).integers(0, 4, 2 * SIZE).astype(np.int32) for number in range(wide)]
    asked = [
        Question(
            validator.population.digest(), "income", tuple(Partition(part, 6_000) for part in parts), 1e-6 * (1 + k)
        )
        for k in range(16)
    ]
    answers = validator.ask_many(asked)
    assert {getattr(answer, "code", "") for answer in answers} == {"V205"}


def test_history_ledger_and_command_line_agree(places: Places, running: Running) -> None:
    validator = places.validator(running.url)
    asked = question(validator.population.digest(), 77, 0.001)
    answer = validator.ask(asked)
    again = answer_from_bytes(validator.provider.client.send("GET", f"/answers/{answer.question}"))
    assert (again.counts[0] == answer.counts[0]).all()
    with pytest.raises(ValidatorError) as unanswered:
        validator.provider.client.send("GET", f"/answers/sha256:{'0' * 64}")
    assert unanswered.value.code == "V214"
    events = list(validator.provider.history())
    assert events[-1].question == answer.question
    assert events[-1].outcome == "answered"
    ran = places.command("budget", "contract.yaml", "--url", running.url, "--home", "ml", "--json")
    label = json.loads(ran.stdout)["labels"][0]
    assert label["rho_spent"] == pytest.approx(validator.budget("income").spent.value)
    rows = "\n".join(f"p{number},{number % 3}" for number in range(2 * SIZE))
    (places.folder / "mine.csv").write_text(f"id,third\n{rows}\n")
    words = ["ask", "contract.yaml", "--url", running.url, "--home", "ml", "--table", "mine.csv", "--by", "third"]
    first = places.command(*words, "--rho", "0.002", "--json")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["partitions"][0]["groups"] == ["0", "1", "2"]
    second = json.loads(places.command(*words, "--rho", "0.002", "--json").stdout)
    assert second["replayed"]
    assert second["partitions"] == document["partitions"]
    refused = places.command(*words, "--rho", "50")
    # the same partition is replayed whatever is offered; a new one is refused
    assert refused.returncode == 0
    many = places.command(*words[:-1], "id", "--rho", "0.001")
    assert many.returncode == 8
    assert "error[V204]" in many.stderr


def test_the_ledger_is_cosigned_verified_and_replayed(places: Places, running: Running) -> None:
    validator = places.validator(running.url)
    validator.ask(question(validator.population.digest(), 5, 0.001))
    log = ledger_key(validator.provider.client.provider)
    seen = SeenCheckpoint(places.ml_home, log)
    size = validator.provider.cosign(seen).size
    with pytest.raises(ValidatorError):
        validator.ask(question(validator.population.digest(), 6, 100.0))
    assert validator.provider.cosign(seen).size == size + 2
    ran = places.command("audit", "export", "--home", "provider", "--out", "ledger.jsonl", "--replace")
    assert ran.returncode == 0, ran.stderr
    ml_key = KeyStore(places.ml_home).signing().public
    pseudonyms = [row.tobytes() for row in validator.population.pseudonyms]
    replay = Replay(lambda _: pseudonyms)
    with (places.folder / "ledger.jsonl").open("rb") as lines:
        verified = verify_export(
            lines, log, checkpoints=[seen.path.read_text()], cosigners=[cosigner_key(ml_key)], each=replay.feed
        )
    found = replay.result()
    found.require()
    assert verified.checkpoint.size == size + 2
    facts = found.labels[(validator.provider.client.contract, "income")]
    assert facts.exact
    assert facts.tally == validator.budget("income").spent.nano
    for action in ("verify", "replay"):
        ran = places.command("audit", action, "ledger.jsonl", "--contract", "contract.yaml", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["entries"] == size + 2
    lines = (places.folder / "ledger.jsonl").read_text().replace('"spent":1000000', '"spent":1000001', 1)
    (places.folder / "forged.jsonl").write_text(lines)
    ran = places.command("audit", "verify", "forged.jsonl", "--contract", "contract.yaml")
    assert ran.returncode == LedgerError.exit_code
    assert "error[L702]: entry" in ran.stderr


def test_the_ml_party_sees_its_own_entries_with_proofs(places: Places, running: Running) -> None:
    client = places.reach(running.url).client
    note = client.get("/ledger/checkpoint", CheckpointAnswer).checkpoint
    checkpoint = open_checkpoint(note, ledger_key(client.provider))
    body = client.send("GET", "/ledger/entries", query={"start": 0, "size": checkpoint.size})
    lines = [json.loads(line) for line in body.splitlines()]
    assert [line["index"] for line in lines] == list(range(checkpoint.size))
    for line in lines:
        leaf = leaf_hash(canonical(line["entry"]))
        proof = decode_hashes(line["proof"])
        assert verify_inclusion(line["index"], checkpoint.size, leaf, proof, checkpoint.root)


def test_strangers_learn_nothing(places: Places, running: Running) -> None:
    provider = places.reach(running.url)
    provider.client.key = SigningKey.new()
    with pytest.raises(WireError) as raised:
        provider.budget("income")
    assert raised.value.code == "W602"
    answer = httpx.get(f"{running.url}/v1/{provider.client.contract}/budget", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (400, "W600")
    assert "Jalousie-Envelope" not in answer.headers
    with pytest.raises(WireError) as nobody:
        reach_provider(places.contract_file, "http://127.0.0.1:9", home=places.ml_home).budget("income")
    assert nobody.value.code == "W607"


def test_who_is_refused_by_the_envelope_hears_so_before_the_body_is_sent(places: Places, running: Running) -> None:
    provider = places.reach(running.url)
    for key, code in ((SigningKey.new(), "W602"), (provider.client.key, "W600")):
        provider.client.key = key
        for _ in range(3):
            with pytest.raises(WireError) as raised:
                # too large for the buffers of both sides
                provider.client.send("PUT", "/population", bytes(2**25), kind="application/octet-stream")
            assert raised.value.code == code
    assert provider.client.get("/budget", BudgetAnswer, label="income").labels


def test_a_population_names_every_record_once(places: Places, running: Running) -> None:
    provider = places.reach(running.url)
    for identifiers in (["p1", "p2", "p1"], ["p1", None]):
        with pytest.raises(TableError) as raised:
            provider.population(identifiers)
        assert raised.value.code == "T263"
        assert "p1" not in str(raised.value)


def _spend_all(places: Places, url: str, seed: int, out: multiprocessing.Queue[tuple[int, int]]) -> None:
    validator = places.validator(url)
    digest = validator.population.digest()
    answered = refused = 0
    for number in range(12):
        try:
            validator.ask(question(digest, 1000 * seed + number, 0.005))
            answered += 1
        except ValidatorError as error:
            refused += error.code == "V201"
    validator.provider.close()
    out.put((answered, refused))


def test_eight_clients_at_once_never_overspend(tmp_path: Path) -> None:
    places = settle(tmp_path, epsilon=4.0)  # rho 0.311: room for 62 of 96 questions
    context = multiprocessing.get_context("spawn")
    out: multiprocessing.Queue[tuple[int, int]] = context.Queue()
    with serving(places) as running:
        clients = [context.Process(target=_spend_all, args=(places, running.url, seed, out)) for seed in range(8)]
        for client in clients:
            client.start()
        counts = [out.get(timeout=120) for _ in clients]
        for client in clients:
            client.join(timeout=60)
            assert client.exitcode == 0
        budget = places.validator(running.url).budget("income")
    answered = sum(count for count, _ in counts)
    assert answered + sum(count for _, count in counts) == 8 * 12
    assert answered == budget.reserved.nano // 5_000_000 == 62
    assert budget.spent.nano == answered * 5_000_000


def test_a_graceful_stop_answers_what_is_under_way_and_says_nothing_of_the_data(tmp_path: Path) -> None:
    places = settle(tmp_path, grid=1.0)
    with serving(places) as running:
        context = multiprocessing.get_context("spawn")
        out: multiprocessing.Queue[tuple[int, int]] = context.Queue()
        client = context.Process(target=_ask_once, args=(places, running.url, out))
        client.start()
        assert out.get(timeout=60) == (0, 0)  # about to ask
        running.process.send_signal(signal.SIGTERM)
        client.join(timeout=60)
        assert running.process.wait(timeout=30) == 0
    log = running.log.read_text()
    assert json.loads(log.splitlines()[-1])["event"] == "stop"
    for line in log.splitlines():
        assert set(json.loads(line)) <= {"time", "event", "action", "status", "code", "contracts"}
    assert "p17" not in log
    for text in (log, (places.provider_home / FILE).read_bytes().decode("latin-1")):
        assert CANARY not in text


def _ask_once(places: Places, url: str, out: multiprocessing.Queue[tuple[int, int]]) -> None:
    validator = places.validator(url)
    out.put((0, 0))
    with suppress(WireError):  # where it comes too late the service is gone (W607)
        validator.ask(question(validator.population.digest(), 1, 0.01))
    validator.provider.close()
