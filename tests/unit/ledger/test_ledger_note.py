"""Signed notes, verifier keys, checkpoints and cosignatures."""

from __future__ import annotations

import pytest

from jalousie.errors import LedgerError
from jalousie.ledger.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from jalousie.ledger.note import VerifierKey, parse_note, sign_note
from jalousie.wire.keys import SigningKey
from ledger_story import LOG_KEY, LOG_VERIFIER, ORIGIN, WITNESS, WITNESS_KEY, honest, log_of

# the example of Go's golang.org/x/mod/sumdb/note
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_note_signed_by_go_verifies() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    assert parse_note(GO_NOTE).signed_by(key)
    assert not parse_note(GO_NOTE.replace("answer", "ANSWER")).signed_by(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # id of another key
        "PeterNeumann+c74f20a3+CRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # unknown algorithm
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy",
    ],
)
def test_malformed_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(LedgerError) as caught:
        VerifierKey.parse(text)
    assert caught.value.code == "L708"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n— name\n",
        "text\n\n— name ====\n",
        "text\n\n— name AAAA\n",  # shorter than a key id
        "text\n\n— name AAAAAAAA",
        "te\rxt\n\n— name AAAAAAAA\n",
        "text\n\n" + "— name AAAAAAAA\n" * 33,
        "x" * 20000 + "\n\n— name AAAAAAAA\n",
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(LedgerError) as caught:
        parse_note(note)
    assert caught.value.code == "L708"


@pytest.mark.parametrize(
    "body", ["o\n01\n{root}\n", "o\n1\n{root}\nextra\n", "o\n-1\n{root}\n", "o\n1\nAAAA\n", "o\n1_0\n{root}\n"]
)
def test_a_checkpoint_has_one_spelling(body: str) -> None:
    note = sign_note(body.format(root="A" * 43 + "="), "o", LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        parse_checkpoint(note)
    assert caught.value.code == "L708"


def test_a_checkpoint_is_opened_by_the_key_of_its_log_alone() -> None:
    note = log_of(honest().entries).checkpoint(LOG_KEY)
    assert open_checkpoint(note, LOG_VERIFIER).origin == ORIGIN
    other = SigningKey.new()
    for key, code in (
        (VerifierKey(ORIGIN, 1, other.public), "L706"),
        (VerifierKey("elsewhere.example/ledger", 1, LOG_KEY.public), "L708"),
        (VerifierKey(ORIGIN, 4, LOG_KEY.public), "L706"),
    ):
        with pytest.raises(LedgerError) as caught:
            open_checkpoint(note, key)
        assert caught.value.code == code


def test_a_cosignature_counts_for_its_own_text_and_time() -> None:
    note = log_of(honest().entries).checkpoint(LOG_KEY)
    cosigned = cosign_checkpoint(note, LOG_VERIFIER, name="ml.example", key=WITNESS_KEY, time=1000, seen=None)
    assert parse_note(cosigned).cosigned_at(WITNESS) == 1000
    assert parse_note(cosigned).signed_by(LOG_VERIFIER)
    assert parse_note(note).cosigned_at(WITNESS) is None
    line = cosigned.splitlines()[-1]
    other = log_of(honest().entries[:5]).checkpoint(LOG_KEY)
    assert parse_note(other + line + "\n").cosigned_at(WITNESS) is None


def test_a_witness_cosigns_only_what_continues_what_it_saw() -> None:
    log = log_of(honest().entries)
    seen = Checkpoint(ORIGIN, 5, log.root(5))
    note = log.checkpoint(LOG_KEY)
    size = log.size

    def cosign(note: str, seen: Checkpoint, proof: tuple[bytes, ...]) -> str:
        return cosign_checkpoint(note, LOG_VERIFIER, name="ml.example", key=WITNESS_KEY, time=1, seen=seen, proof=proof)

    assert cosign(note, seen, tuple(log.consistency(5, size)))
    with pytest.raises(LedgerError) as caught:
        cosign(note, Checkpoint(ORIGIN, 5, log.root(4)), tuple(log.consistency(5, size)))
    assert caught.value.code == "L711"
    forked = sign_checkpoint(Checkpoint(ORIGIN, 5, log.root(4)), LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        cosign(forked, seen, ())
    assert caught.value.code == "L705"
    shorter = sign_checkpoint(Checkpoint(ORIGIN, 4, log.root(4)), LOG_KEY)
    with pytest.raises(LedgerError) as caught:
        cosign(shorter, seen, ())
    assert caught.value.code == "L711"
