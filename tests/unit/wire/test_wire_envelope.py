"""Signed messages: what is bound, and what happens to a message that is turned to another use."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import WireError
from jalousie.wire.canonical import canonical
from jalousie.wire.envelope import (
    PAYLOAD_TYPE,
    Expected,
    Statement,
    body_digest,
    from_header,
    open_envelope,
    open_message,
    pre_authentication,
    sign_envelope,
    sign_message,
    to_header,
)
from jalousie.wire.keys import SigningKey

ML_PARTY, PROVIDER, STRANGER = (SigningKey(bytes([number]) * 32) for number in range(3))
NOW = datetime(2026, 11, 24, 10, 30, 40, tzinfo=UTC)
CONTRACT = "sha256:" + "c" * 64
BODY = b"arrow bytes"
EXPECTED = Expected((ML_PARTY.public,), PROVIDER.public, CONTRACT, "POST /v1/questions")


def signed(body: bytes = BODY, key: SigningKey = ML_PARTY, **changes: object) -> bytes:
    what = {
        "recipient": PROVIDER.public,
        "contract": CONTRACT,
        "action": "POST /v1/questions",
        "sequence": 7,
        "now": NOW,
        **changes,
    }
    return sign_message(body, key=key, **what)  # type: ignore[arg-type]


def refused(envelope: bytes, body: bytes = BODY, expected: Expected = EXPECTED, now: datetime = NOW) -> str:
    with pytest.raises(WireError) as caught:
        open_message(envelope, body, expected, now=now)
    return caught.value.code


def test_pre_authentication_is_dsse() -> None:
    """The example of DSSE's protocol page."""
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_message_opens() -> None:
    statement = open_message(signed(), BODY, EXPECTED, now=NOW)
    assert statement == Statement(
        sender=ML_PARTY.public.text,
        recipient=PROVIDER.public.text,
        contract=CONTRACT,
        action="POST /v1/questions",
        sequence=7,
        minute="2026-11-24T10:30Z",
        digest=body_digest(BODY),
        size=len(BODY),
    )
    assert open_message(signed(b""), b"", EXPECTED, now=NOW).size == 0


def test_what_is_bound() -> None:
    other = "sha256:" + "d" * 64
    assert refused(signed(), b"other bytes") == "W602"
    assert refused(signed(key=STRANGER)) == "W602"
    assert refused(signed(recipient=STRANGER.public)) == "W603"
    assert refused(signed(recipient=ML_PARTY.public)) == "W603"  # reflected to its sender
    assert refused(signed(contract=other)) == "W603"
    assert refused(signed(action="POST /v1/populations")) == "W603"
    assert refused(signed(), expected=dataclasses.replace(EXPECTED, sequence=8)) == "W603"
    assert open_message(signed(), BODY, dataclasses.replace(EXPECTED, sequence=7), now=NOW)


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(minutes=5, seconds=19), ""),
        (timedelta(minutes=7), "W604"),
        (timedelta(days=400), "W604"),
        (timedelta(minutes=-5), ""),
        (timedelta(minutes=-7), "W604"),
    ],
)
def test_only_recent_messages_count(age: timedelta, code: str) -> None:
    if code:
        assert refused(signed(), now=NOW + age) == code
    else:
        assert open_message(signed(), BODY, EXPECTED, now=NOW + age)


def test_a_party_cannot_sign_for_another() -> None:
    """Both keys are accepted; the statement names the one, the other signs."""
    statement = json.loads(base64.b64decode(json.loads(signed())["payload"]))
    forged = sign_envelope(canonical(statement), PAYLOAD_TYPE, PROVIDER)
    both = dataclasses.replace(EXPECTED, senders=(ML_PARTY.public, PROVIDER.public))
    assert refused(forged, expected=both) == "W602"


def test_the_key_id_is_not_trusted() -> None:
    envelope = json.loads(signed(key=STRANGER))
    envelope["signatures"][0]["keyid"] = ML_PARTY.public.fingerprint
    assert refused(canonical(envelope)) == "W602"


def test_a_signature_for_another_payload_type_does_not_count() -> None:
    payload = base64.b64decode(json.loads(signed())["payload"])
    other = sign_envelope(payload, "text/plain", ML_PARTY)
    assert refused(other) == "W600"
    assert open_envelope(other, "text/plain", (ML_PARTY.public,))[0] == payload
    envelope = json.loads(other)
    envelope["payloadType"] = PAYLOAD_TYPE
    assert refused(canonical(envelope)) == "W602"


def test_statements_that_are_signed_but_malformed() -> None:
    good = json.loads(base64.b64decode(json.loads(signed())["payload"]))
    for payload in (
        b"",
        b"[]",
        json.dumps(good).encode(),  # not canonical
        canonical({**good, "more": 1}),
        canonical({**good, "minute": "2026-13-24T10:30Z"}),
        canonical({**good, "minute": "now"}),
        canonical({**good, "sequence": -1}),
        canonical({**good, "digest": "sha256:"}),
        canonical({key: value for key, value in good.items() if key != "contract"}),
    ):
        assert refused(sign_envelope(payload, PAYLOAD_TYPE, ML_PARTY)) == "W600"


def test_headers() -> None:
    envelope = signed()
    assert from_header({"jalousie-envelope": to_header(envelope)}) == envelope
    for headers, code in (
        ({}, "W600"),
        ({"jalousie-envelope": "é"}, "W600"),
        ({"jalousie-envelope": "A"}, "W600"),
        ({"jalousie-envelope": "A" * 20000}, "W601"),
    ):
        with pytest.raises(WireError) as caught:
            from_header(headers)
        assert caught.value.code == code
    assert len(to_header(envelope)) < 2048, "fits the header limits of every server"


def test_large_envelopes_are_not_read() -> None:
    assert refused(b" " * 9000) == "W601"


@given(st.data())
def test_no_bit_can_change(data: st.DataObject) -> None:
    """Of the payload and the signature; the JSON around them is not signed, and holds nothing that counts."""
    envelope = json.loads(signed())
    part = data.draw(st.sampled_from(["payload", "sig"]))
    raw = bytearray(base64.b64decode(envelope["payload"] if part == "payload" else envelope["signatures"][0]["sig"]))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    text = base64.b64encode(bytes(raw)).decode()
    if part == "payload":
        envelope["payload"] = text
    else:
        envelope["signatures"][0]["sig"] = text
    assert refused(canonical(envelope)) == "W602"


@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    assert refused(data) == "W600"
