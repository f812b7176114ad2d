"""Pseudonymise: HMAC-SHA-256 under a key of the contract and of the step's columns."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jalousie.contract.model import Pseudonymise
from jalousie.errors import PrivacyError, TableError
from jalousie.privacy.card import StepFacts
from jalousie.privacy.steps.check import require_columns, wrong_type
from jalousie.privacy.steps.context import StepContext
from jalousie.privacy.steps.stream import Change, rewrite
from jalousie.tables.raw import RawTable

if TYPE_CHECKING:
    import pyarrow as pa

KEY_BYTES = 32
PSEUDONYM_BYTES = 16
"""Half of the HMAC (RFC 2104, section 5): two of 100 million values collide with a chance of about 2^-75."""


def pseudonymise(raw: RawTable, step: Pseudonymise, context: StepContext) -> tuple[RawTable, StepFacts]:
    """Replace each value by 32 hexadecimal digits; nulls stay null; the columns become text.

    One key serves all columns of the step, so that an identifier that occurs in two of them keeps matching itself. Other
    steps, and other contracts, have other keys. Values are compared as their text: the integer 7, the decimal 7.0 and the
    text "7" are one value; texts are taken byte for byte.

    Raises
    ------
    TableError
        T260, T261 (a column of lists or bytes)
    PrivacyError
        P422 where no key, or a key too short, is at hand
    """
    require_columns(raw, step.columns, "pseudonymise")
    for name in step.columns:
        if name in raw.origin and raw.origin[name].is_duration:  # the same one has other numbers in other units
            raise _wrong(name)
    key = _key(step, context)
    values = 0

    def change(batch: pa.RecordBatch) -> Change:
        nonlocal values
        new = {}
        for name in step.columns:
            column = batch.column(name)
            values += len(column) - column.null_count
            new[name] = _pseudonyms(column, key, name)
        return Change(new)

    done = rewrite(raw, change, "pseudonymise")
    names = ", ".join(step.columns)
    return done, StepFacts(
        step="pseudonymise",
        columns=step.columns,
        sentence=f"Replaced {values:,} values of {names} by keyed pseudonyms that hold within this contract only.",
        rows_before=raw.rows,
        rows_after=raw.rows,
        facts={"values-replaced": values},
        caveat="A pseudonym still links the rows of one person, and whoever holds the key can undo it by trying values.",
    )


def pseudonym(key: bytes, value: object) -> str:
    """The pseudonym of one value."""
    return hmac.digest(key, canonical_text(value).encode(), "sha256")[:PSEUDONYM_BYTES].hex()


def canonical_text(value: object) -> str:
    """One text per value whatever column type holds it; raises TypeError for lists, structs and bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise TypeError("no canonical text for this type")


def purpose(step: Pseudonymise, contract: str) -> str:
    """Purpose of the derived key: the contract's digest and the step's columns, whatever their order."""
    group = hashlib.sha256(json.dumps(sorted(set(step.columns))).encode()).hexdigest()
    return f"pseudonym/{contract}/{group}"


def _key(step: Pseudonymise, context: StepContext) -> bytes:
    if context.key_for is None or not context.contract:
        raise PrivacyError(
            "P422",
            "step pseudonymise needs a key and the contract's digest",
            hint="protect the table at a provider",
        )
    key = context.key_for(purpose(step, context.contract))
    if len(key) < KEY_BYTES:
        raise PrivacyError(
            "P422", f"step pseudonymise needs a key of {KEY_BYTES} bytes", hint="derive keys with HKDF-SHA-256"
        )
    return key


def _wrong(name: str) -> TableError:
    return wrong_type(name, "pseudonymise", "text, number, boolean, date or time", hint="drop the column")


def _pseudonyms(column: pa.Array, key: bytes, name: str) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _has_text(column.type):
        raise _wrong(name)
    if pa.types.is_timestamp(column.type):
        # Python's moments have no nanoseconds; a moment that needs them is refused (P421), not cut
        column = column.cast(pa.timestamp("us", column.type.tz))
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.string())
    # each distinct value of the batch is hashed once
    coded = column.dictionary_encode()
    words: list[Any] = [pseudonym(key, value) for value in coded.dictionary.to_pylist()]
    return pa.array(words, pa.string()).take(coded.indices)


def _has_text(kind: pa.DataType) -> bool:
    """Whether `canonical_text` knows the values of an Arrow type."""
    import pyarrow as pa

    t = pa.types
    texts = t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind) or t.is_null(kind)
    numbers = t.is_boolean(kind) or t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)
    return bool(texts or numbers or t.is_date(kind) or t.is_timestamp(kind) or t.is_time(kind))
