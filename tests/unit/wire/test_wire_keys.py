"""Signing keys in files, public keys as text."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from jalousie.errors import WireError
from jalousie.wire.keys import PublicKey, SigningKey

# RFC 8032, section 7.1, test 2
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_the_vector_of_rfc_8032() -> None:
    key = SigningKey(SECRET)
    assert key.public.raw == PUBLIC
    assert key.sign(b"\x72") == SIGNATURE
    assert key.public.verifies(SIGNATURE, b"\x72")
    assert not key.public.verifies(SIGNATURE, b"\x73")
    assert not key.public.verifies(b"", b"\x72")
    assert not SigningKey.new().public.verifies(SIGNATURE, b"\x72")


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "party.key"
    key = SigningKey.new()
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.load(path) == key
    with pytest.raises(WireError) as caught:
        SigningKey.new().save(path)
    assert caught.value.code == "W610"
    assert SigningKey.load(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "party.key"
    SigningKey.new().save(path)
    path.chmod(mode)
    with pytest.raises(WireError) as caught:
        SigningKey.load(path)
    assert caught.value.code == "W611"


@pytest.mark.parametrize("content", [b"", b"?", base64.b64encode(bytes(31)), bytes(32), b"A" * 5000])
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "party.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(WireError) as caught:
        SigningKey.load(path)
    assert caught.value.code == "W612"


def test_a_missing_key(tmp_path: Path) -> None:
    with pytest.raises(WireError) as caught:
        SigningKey.load(tmp_path / "party.key")
    assert caught.value.code == "W610"
    (tmp_path / "file").write_text("")
    with pytest.raises(WireError) as caught:
        SigningKey.new().save(tmp_path / "file" / "party.key")
    assert caught.value.code == "W610"


def test_errors_and_representations_show_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "party.key"
    path.write_bytes(b"c2VjcmV0")
    path.chmod(0o600)
    with pytest.raises(WireError) as caught:
        SigningKey.load(path)
    assert "c2VjcmV0" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    key = SigningKey(SECRET)
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        assert shown.strip("[]") == f"SigningKey({key.public.fingerprint})"


def test_public_keys_as_text() -> None:
    key = PublicKey(PUBLIC)
    assert key.text == "ed25519:" + base64.b64encode(PUBLIC).decode()
    assert PublicKey.parse(key.text) == PublicKey.parse(f" {key.text}\n") == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519:",
        "ed25519:AAAA",
        base64.b64encode(PUBLIC).decode(),
        "rsa:" + base64.b64encode(PUBLIC).decode(),
        "ed25519:" + PUBLIC.hex(),
        "ed25519:" + base64.b64encode(PUBLIC).decode().replace("w=", "x="),  # unused bits set
        "ed25519:" + base64.b64encode(PUBLIC).decode() + "\nmore",
    ],
)
def test_malformed_public_keys_are_refused(text: str) -> None:
    with pytest.raises(WireError) as caught:
        PublicKey.parse(text)
    assert caught.value.code == "W613"
