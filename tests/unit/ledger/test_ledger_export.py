"""A ledger, exported and verified."""

from __future__ import annotations

import json
import threading

import msgspec
import pytest

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import cosign_checkpoint
from jalousie.ledger.entry import PopulationNamed, decode_entry, encode_entry, entry_minute
from jalousie.ledger.log import Log, MemoryStorage, decode_hashes, encode_hashes
from jalousie.ledger.verify import read_export, verify_export
from ledger_story import (
    CONTRACT,
    LOG_KEY,
    LOG_VERIFIER,
    POPULATION,
    WITNESS,
    WITNESS_KEY,
    export_of,
    honest,
    log_of,
)


def cosigned(note: str, time: int) -> str:
    return cosign_checkpoint(note, LOG_VERIFIER, name="ml.example", key=WITNESS_KEY, time=time, seen=None)


@pytest.mark.parametrize("proofs", [True, False])
def test_an_export_verifies_and_gives_the_entries_back(proofs: bool) -> None:
    entries = honest().entries
    lines = export_of(entries, proofs=proofs)
    seen: list[object] = []
    verified = verify_export(lines, LOG_VERIFIER, each=lambda index, entry: seen.append((index, entry)))
    assert seen == list(enumerate(entries)) == list(read_export(lines))
    assert verified.checkpoint.size == len(entries)
    assert verified.checkpoint.root == log_of(entries).root()


def test_an_empty_ledger_verifies() -> None:
    assert verify_export(export_of([]), LOG_VERIFIER).checkpoint.size == 0


def test_older_checkpoints_are_compared() -> None:
    entries = honest().entries
    notes = [log_of(entries[:size]).checkpoint(LOG_KEY) for size in (0, 3, 8, len(entries))]
    assert verify_export(export_of(entries), LOG_VERIFIER, checkpoints=notes).compared == 4


def test_required_cosignatures() -> None:
    entries = honest().entries
    log = log_of(entries)
    note = log.checkpoint(LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        verify_export(log.export(note), LOG_VERIFIER, cosigners=[WITNESS])
    assert caught.value.code == "L709"
    at = 1_795_600_000  # after the story's day
    both = cosigned(note, at)
    assert verify_export(log.export(both), LOG_VERIFIER, cosigners=[WITNESS]).cosigned == {
        "ml.example": (len(entries), at)
    }
    apart = verify_export(log.export(note), LOG_VERIFIER, cosigners=[WITNESS], checkpoints=[both])
    assert apart.cosigned == {"ml.example": (len(entries), at)}


def test_an_export_carries_older_cosigned_checkpoints() -> None:
    """Whoever cosigned an earlier state has vouched for a beginning of the same entries."""
    entries = honest().entries
    log, at = log_of(entries), 1_795_600_000
    older = cosigned(log_of(entries[:4]).checkpoint(LOG_KEY), at)
    lines = list(log.export(log.checkpoint(LOG_KEY), cosigned=[older]))
    verified = verify_export(lines, LOG_VERIFIER, cosigners=[WITNESS])
    assert (verified.cosigned, verified.compared) == ({"ml.example": (4, at)}, 0)
    other = [*entries[:3], honest().entries[5], *entries[4:]]
    forged = log_of(other)
    lines = list(forged.export(forged.checkpoint(LOG_KEY), cosigned=[older]))
    with pytest.raises(LedgerError) as caught:
        verify_export(lines, LOG_VERIFIER)
    assert caught.value.code == "L705"


def test_lines_are_json_that_anybody_can_read() -> None:
    lines = [json.loads(line) for line in export_of(honest().entries)]
    assert lines[0]["format"] == "jalousie/ledger/1"
    assert [line["index"] for line in lines[1:]] == list(range(lines[0]["size"]))
    assert {line["entry"]["entry"] for line in lines[1:]} == {"contract", "population", "question", "answer", "refusal"}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "L700"),
        ([b""], "L700"),
        ([b"{}"], "L700"),
        ([b"\xff"], "L700"),
        ([b'{"checkpoint":"","format":"jalousie/ledger/2","size":0}'], "L700"),
        ([b'{"checkpoint":"","format":"jalousie/ledger/1","size":0}'], "L708"),
    ],
)
def test_what_is_no_export_is_refused(lines: list[bytes], code: str) -> None:
    with pytest.raises(LedgerError) as caught:
        verify_export(lines, LOG_VERIFIER)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":4', b'"index":4.0'),
        (b'"index":4', b'"index": 4'),
        (b'"index":4', b'"index":4,"index":4'),
        (b'"index":4', b'"index":4,"more":1'),
        (b'"index":4', b'"index":99999999999999999999'),
        (b'"entry":{', b'"entry":{"x":1e999,'),
        (b'"entry":{', b'"entry":{"x":"\\ud800",'),
        (b'"entry":{', b'"entry":{"contract":"",'),
        (b'"entry":{', b'"entry":' + b'{"a":' * 5000),
    ],
)
def test_another_way_of_writing_a_line_is_refused(old: bytes, new: bytes) -> None:
    lines = export_of(honest().entries)
    assert old in lines[5]
    lines[5] = lines[5].replace(old, new)
    with pytest.raises(LedgerError) as caught:
        verify_export(lines, LOG_VERIFIER)
    assert caught.value.code == "L701"
    assert "entry 4" in caught.value.message


def test_an_entry_has_one_form() -> None:
    entry = honest().entries[3]
    leaf = encode_entry(entry)
    assert decode_entry(leaf) == entry
    for other in (leaf.replace(b":", b": ", 1), leaf + b" ", b"null", b"{}", leaf[:-1], leaf + b"},{", b"1},{"):
        with pytest.raises(LedgerError) as caught:
            decode_entry(other, 3)
        assert caught.value.code == "L701"
    assert msgspec.json.decode(leaf)["entry"] == "answer"


def test_the_minute_can_be_read_alone() -> None:
    for entry in honest().entries:
        assert entry_minute(encode_entry(entry)) == entry.minute
    for leaf in (b"", b"{}", b'{"minute":"soon"}', b'{"minute":1}'):
        with pytest.raises(LedgerError) as raised:
            entry_minute(leaf)
        assert raised.value.code == "L701"


def test_the_log_follows_a_storage_that_others_append_to() -> None:
    storage = MemoryStorage()
    log = Log(storage, "a.example")
    entry = PopulationNamed(minute="2026-11-24T10:00Z", contract=CONTRACT, population=POPULATION, size=1)
    assert (log.size, log.append(entry), log.size) == (0, 0, 1)
    storage.append(encode_entry(entry))
    assert log.size == 2
    assert list(log.entries(1)) == [entry]
    with pytest.raises(LedgerError):
        log.inclusion(2, 2)
    with pytest.raises(LedgerError):
        log.consistency(1, 3)
    with pytest.raises(LedgerError):
        list(Log(MemoryStorage(), "a.example").export(log.checkpoint(LOG_KEY)))


def test_threads_see_one_tree() -> None:
    storage = MemoryStorage()
    log = Log(storage, "a.example")
    leaves = [encode_entry(entry) for entry in honest().entries] * 20

    def work() -> None:
        for leaf in leaves:
            storage.append(leaf)
            log.root()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.size == 4 * len(leaves)
    assert log.root() == Log(storage, "a.example").root()


def test_hashes_as_text() -> None:
    hashes = (bytes(32), bytes(range(32)))
    assert decode_hashes(encode_hashes(hashes)) == hashes
    for wrong in (["AAAA"], ["?"], encode_hashes(hashes) * 40):
        with pytest.raises(LedgerError):
            decode_hashes(wrong)
