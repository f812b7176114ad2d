"""The digest that names a contract: SHA-256 over its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from jalousie.contract.model import Contract, Table


def digest(contract: Contract) -> str:
    """`sha256:` and 64 hexadecimal digits over `canonical_json`: equal for every way of writing the same contract."""
    return "sha256:" + hashlib.sha256(canonical_json(contract)).hexdigest()


def canonical_json(contract: Contract) -> bytes:
    """The contract as RFC 8785 (JCS) writes JSON: sorted keys, no spaces, numbers in their shortest form.

    Defaults are left out, so a key added to the format later changes no digest of today's contracts. The place of a
    table (`table.file`, of the contract and of enrich steps) is the provider's own affair and is left out too.
    Files count by name; by content where the contract gives their `sha256`.
    """
    return jcs(plain(contract, places=False)).encode()


def plain(part: Any, *, places: bool = True) -> Any:
    """Structs as dictionaries with the file's key names, defaults left out; without `places` also the tables' files."""
    if isinstance(part, msgspec.Struct):
        config = part.__struct_config__
        result: dict[str, Any] = {config.tag_field: config.tag} if config.tag_field else {}
        for field in _fields(type(part)):
            value = getattr(part, field.name)
            if not places and isinstance(part, Table) and field.name == "file":
                continue
            if field.required or value != _default(field):
                result[field.encode_name] = plain(value, places=places)
        return result
    if isinstance(part, dict):
        return {key: plain(value, places=places) for key, value in part.items()}
    if isinstance(part, (tuple, list)):
        return [plain(item, places=places) for item in part]
    return part


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    factory = field.default_factory
    return factory() if callable(factory) else msgspec.NODEFAULT


def jcs(value: Any) -> str:
    """JSON as RFC 8785 writes it, of dictionaries, lists or tuples, text, numbers, booleans and None."""
    if isinstance(value, dict):
        # JCS sorts by UTF-16 code units
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{jcs(key)}:{jcs(value[key])}" for key in keys) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(jcs, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A double as ECMAScript writes it: shortest digits, an exponent only from 1e21 up and below 1e-6."""
    if value == 0:
        return "0"
    size = abs(value)
    if 1e-6 <= size < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
