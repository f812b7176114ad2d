"""Write a contract as YAML that a person would have written: defaults left out, small things on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jalousie.contract.digest import plain
from jalousie.contract.model import Contract
from jalousie.contract.positions import join
from jalousie.contract.text import scalar

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*")
# what JSON leaves as it is, and YAML either refuses or takes for a line's end
_UNREADABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# words that older YAML readers take for booleans
_OLD_BOOLEANS = frozenset(("y", "n", "yes", "no", "on", "off"))
_SPACED = ("columns", "steps", "privacy", "learning", "limits", "release")


def dump(contract: Contract, *, comments: Mapping[str, str] | None = None) -> str:
    """YAML text that `parse_contract` reads back as an equal contract.

    `comments` maps dotted paths (`columns.age`) to text that is put above them as `#` lines.
    """
    return "\n".join(_block(plain(contract), "", 0, dict(comments or {}))) + "\n"


def _block(value: Any, path: str, indent: int, comments: Mapping[str, str]) -> Iterator[str]:
    pad = "  " * indent
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in entries:
        place = join(path, key)
        if indent == 0 and key in _SPACED:
            yield ""
        for line in comments.get(place, "").splitlines():
            yield f"{pad}# {line}".rstrip()
        lead = f"{pad}{_scalar(key)}:" if isinstance(value, dict) else f"{pad}-"
        flow = _flow(item)
        wants_block = isinstance(item, (dict, list)) and bool(item)
        commented = any(known.startswith(place + ".") for known in comments)
        if not wants_block or (not commented and len(lead) + 1 + len(flow) <= _WIDTH and not _tall(item, place)):
            yield f"{lead} {flow}"
        else:
            yield lead
            yield from _block(item, place, indent + 1, comments)


def _tall(item: Any, path: str) -> bool:
    """Whether a part reads better as a block: the document's own sections, and anything with lists of mappings."""
    if path in ("columns", "steps", "privacy", "privacy.models", "limits"):
        return True
    return isinstance(item, list) and any(isinstance(part, (dict, list)) for part in item)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        safe = _PLAIN.fullmatch(value) and isinstance(scalar(value), str) and value.lower() not in _OLD_BOOLEANS
        return value if safe else _UNREADABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = json.dumps(value)
    # older YAML readers know 1.0e-07 as a number, 1e-07 as text
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text
