"""An independent implementation (`tlog-scales`) accepts what we sign and prove, refuses forgeries, and agrees byte for byte."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tlog_scales import signing, tlog, writer

from jalousie.ledger.checkpoint import cosign_checkpoint
from jalousie.ledger.entry import encode_entry
from jalousie.ledger.merkle import leaf_hash
from ledger_story import LOG_KEY, LOG_VERIFIER, ORIGIN, WITNESS, WITNESS_KEY, honest, log_of


def test_it_signs_the_same_checkpoint(tmp_path: Path) -> None:
    entries = honest().entries
    theirs = writer.TilesWriter.create(tmp_path / "log", ORIGIN)
    for entry in entries:
        theirs.add_leaf(encode_entry(entry))
    theirs.commit([signing.PlainEd25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))])
    assert (tmp_path / "log" / "checkpoint").read_text(encoding="utf-8") == log_of(entries).checkpoint(LOG_KEY)


def test_it_accepts_our_checkpoint_cosignature_and_keys() -> None:
    note = log_of(honest().entries).checkpoint(LOG_KEY)
    cosigned = cosign_checkpoint(note, LOG_VERIFIER, name="ml.example", key=WITNESS_KEY, time=1_800_000_000, seen=None)
    checkpoint = tlog.Checkpoint.from_text(cosigned)
    keys = [signing.Vkey.from_string(str(key)) for key in (LOG_VERIFIER, WITNESS)]
    assert [key.serialize() for key in keys] == [str(LOG_VERIFIER), str(WITNESS)]
    for key in keys:
        checkpoint.verify(key)
        with pytest.raises(InvalidSignature):
            dataclasses.replace(checkpoint, size=checkpoint.size + 1).verify(key)


def test_it_accepts_our_proofs() -> None:
    entries = honest().entries
    log = log_of(entries)
    for size in range(1, log.size + 1):
        root = log.root(size)
        for index in range(size):
            leaf = leaf_hash(encode_entry(entries[index]))
            proof = tlog.InclusionProof(index, size, log.inclusion(index, size))
            proof.check(leaf, root)
            with pytest.raises(tlog.InclusionProofInvalid):
                proof.check(leaf_hash(b"forged"), root)
        for old in range(1, size):
            proof = tlog.ConsistencyProof(old, size, log.consistency(old, size))
            proof.check(log.root(old), root)
            with pytest.raises(tlog.ConsistencyProofInvalid):
                proof.check(leaf_hash(b"forged"), root)
