"""Signed messages: a statement of who tells whom what under which contract, in a DSSE envelope signed with Ed25519.

The body (often megabytes of Arrow) travels beside the envelope as it is; the statement binds its digest and size. Sender,
recipient, contract and action are inside what is signed, so a message cannot be turned to another party, contract or use.
DSSE: https://github.com/secure-systems-lab/dsse, protocol 1.0.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from jalousie.errors import WireError
from jalousie.wire.canonical import LARGEST_INTEGER, canonical, decode_canonical
from jalousie.wire.keys import PublicKey, SigningKey

PAYLOAD_TYPE: Final = "application/vnd.jalousie.statement.v1+json"
MINUTE_FORMAT: Final = "%Y-%m-%dT%H:%MZ"
"""UTC, and sorts as text."""
MAX_ENVELOPE: Final = 8192
"""Bytes of an envelope; a statement is about 600."""
CLOCK_MINUTES: Final = 5
"""How far the clocks of two parties may be apart; older messages are refused, so sequence numbers need not be kept for ever."""

Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]
Minute = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is signed."""

    sender: Annotated[str, Meta(max_length=60)]
    """Public key of the sender (`ed25519:...`)."""
    recipient: Annotated[str, Meta(max_length=60)]
    """Public key of the recipient."""
    contract: Digest
    """Digest of the contract that this is about."""
    action: Name
    """What it asks for or gives, as `POST /v1/questions` or `answer`."""
    sequence: Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
    """A number that the sender uses once; an answer repeats that of its request."""
    minute: Minute
    """UTC when it was signed."""
    digest: Digest
    """SHA-256 of the body."""
    size: Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
    """Bytes of the body."""


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: Annotated[str, Meta(max_length=80)]
    sig: Annotated[str, Meta(max_length=100)]


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}):
    payload: str
    payload_type: str
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=4)]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the receiver requires of a statement. `senders` are the public keys that it accepts."""

    senders: tuple[PublicKey, ...]
    recipient: PublicKey
    contract: str
    action: str
    sequence: int | None = None
    """For an answer: that of the request."""


def body_digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def minute_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(MINUTE_FORMAT)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: what a signature covers."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, payload_type: str, key: SigningKey) -> bytes:
    """A DSSE envelope in canonical JSON around any payload."""
    signature = key.sign(pre_authentication(payload_type, payload))
    return canonical(
        _Envelope(
            payload=base64.b64encode(payload).decode(),
            payload_type=payload_type,
            signatures=(_Signature(keyid=key.public.fingerprint, sig=base64.b64encode(signature).decode()),),
        )
    )


def open_envelope(data: bytes, payload_type: str, keys: tuple[PublicKey, ...]) -> tuple[bytes, PublicKey]:
    """The payload of a DSSE envelope and the key, of those given, that signed it.

    Raises
    ------
    WireError
        W600 malformed or of another payload type, W601 too large, W602 not signed by any of `keys`
    """
    if len(data) > MAX_ENVELOPE:
        raise WireError("W601", "the envelope is too large", effect="")
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        signatures = [base64.b64decode(item.sig, validate=True) for item in envelope.signatures]
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        raise WireError("W600", "the envelope is not of its form", effect="") from None
    if envelope.payload_type != payload_type:
        raise WireError("W600", "the envelope holds something of another kind", effect="")
    signed = pre_authentication(payload_type, payload)
    for key in keys:  # keyid is a hint for people: the keys that count are those of the contract
        if any(key.verifies(signature, signed) for signature in signatures):
            return payload, key
    raise WireError("W602", "the message is not signed by a party of the contract", effect="")


def sign_message(
    body: bytes, *, key: SigningKey, recipient: PublicKey, contract: str, action: str, sequence: int, now: datetime
) -> bytes:
    """The envelope to send beside `body`."""
    statement = Statement(
        sender=key.public.text,
        recipient=recipient.text,
        contract=contract,
        action=action,
        sequence=sequence,
        minute=minute_of(now),
        digest=body_digest(body),
        size=len(body),
    )
    return sign_envelope(canonical(statement), PAYLOAD_TYPE, key)


def open_message(envelope: bytes, body: bytes, expected: Expected, *, now: datetime) -> Statement:
    """Verify a message; the caller still has to refuse a (sender, sequence) that it saw before (W605).

    Raises
    ------
    WireError
        W600 malformed, W601 too large, W602 bad signature or body, W603 for another party, contract or action,
        W604 signed more than `CLOCK_MINUTES` from `now`
    """
    statement = open_statement(envelope, expected)
    require_body(statement, body, now=now)
    return statement


def open_statement(envelope: bytes, expected: Expected) -> Statement:
    """The first half of `open_message`, before the body is there: who signed, for whom and for what.

    Raises
    ------
    WireError
        W600 malformed, W601 too large, W602 bad signature, W603 for another party, contract or action
    """
    payload, signer = open_envelope(envelope, PAYLOAD_TYPE, expected.senders)
    statement = decode_canonical(payload, Statement, what="the signed statement")
    if statement.sender != signer.text:
        raise WireError("W602", "the message names another sender than the one who signed it", effect="")
    for name, stated, wanted in (
        ("party", statement.recipient, expected.recipient.text),
        ("contract", statement.contract, expected.contract),
        ("action", statement.action, expected.action),
        ("request", statement.sequence, statement.sequence if expected.sequence is None else expected.sequence),
    ):
        if stated != wanted:
            raise WireError("W603", f"the message is meant for another {name}", effect="")
    return statement


def require_body(statement: Statement, body: bytes, *, now: datetime) -> None:
    """The second half of `open_message`: the body is the one that was signed, and not too long ago.

    Raises
    ------
    WireError
        W602 another body, and what `require_fresh` raises
    """
    if statement.size != len(body) or statement.digest != body_digest(body):
        raise WireError("W602", "the body is not the one that was signed", effect="")
    require_fresh(statement, now=now)


def require_fresh(statement: Statement, *, now: datetime) -> None:
    """A message is of these minutes; asked before its body is waited for, and after.

    Raises
    ------
    WireError
        W600 an impossible time, W604 signed more than `CLOCK_MINUTES` from `now`
    """
    try:
        signed = _moment(statement.minute)
    except ValueError:
        raise WireError("W600", "the message has an impossible time", effect="") from None
    # minutes are cut, not rounded: a message of this moment is up to a minute "old"
    age = (now - signed).total_seconds() / 60
    if not -CLOCK_MINUTES <= age <= CLOCK_MINUTES + 1:
        raise WireError(
            "W604",
            "the message was signed too long ago, or by a clock that is ahead",
            hint="compare the clocks: `jalousie doctor`",
            effect="",
        )


@lru_cache(maxsize=64)
def _moment(minute: str) -> datetime:
    return datetime.strptime(minute, MINUTE_FORMAT).replace(tzinfo=UTC)


def to_header(envelope: bytes) -> str:
    """An envelope as the value of an HTTP header (`Jalousie-Envelope`): base64 without line breaks."""
    return base64.b64encode(envelope).decode()


def from_header(headers: Mapping[str, str], name: str = "jalousie-envelope") -> bytes:
    """The envelope of a request or response.

    Raises
    ------
    WireError
        W600 if there is none or it is not base64, W601 if it is too large
    """
    text = headers.get(name)
    if text is None:
        raise WireError("W600", "the message is not signed: it has no envelope", effect="")
    if len(text) > MAX_ENVELOPE * 4 // 3 + 4:
        raise WireError("W601", "the envelope is too large", effect="")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WireError("W600", "the envelope is not of its form", effect="") from None
