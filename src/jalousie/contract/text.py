"""Contract text to plain values with positions: YAML 1.2 without its surprises, and therefore JSON as well.

What is read is what is written: no anchors, tags or merge keys, no `yes`/`no` booleans, no octal, hexadecimal or
base-60 numbers, no dates. A number with leading zeros is text (`007` is a postcode or a code, never 7). A key that
occurs twice is an error. docs/adr/0003-contract-format.md gives the reasons.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

import yaml

from jalousie.contract.positions import Positions, join
from jalousie.errors import ContractError, Where

# libyaml is ten times as fast and gives the same events; wheels without it exist
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DEEPEST = 32

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
MOST_DIGITS = 18
"""Of a whole number; with more it is text, since readers differ in what they make of it."""

_INTEGER = re.compile(rf"[-+]?(0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?")
# JSON writes characters beyond the basic plane as two surrogates, which YAML has no name for
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def read_text(text: str, file: str) -> tuple[Any, Positions]:
    """Parse one YAML 1.2 (or JSON) document.

    Raises ContractError C101 (not YAML, or YAML that contracts do without) and C104 (a key twice).
    """
    if text.lstrip().startswith("{"):
        text = _SURROGATES.sub(_one_character, text)
    reader = _Reader(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Where(file, mark.line + 1, mark.column + 1) if mark is not None else Where(file)
        hint = "look at the line above as well: indentation, a missing quote or bracket"
        raise ContractError(
            "C101", f"not valid YAML: {error.problem or 'syntax error'}", hint=hint, where=place
        ) from None
    except (yaml.YAMLError, UnicodeError):
        raise ContractError(
            "C101",
            "not valid YAML: a character that text files do not hold",
            hint="save the contract as plain UTF-8 text",
            where=Where(file),
        ) from None
    return reader.result, Positions(file, reader.keys, reader.values)


def scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar, by the core schema of YAML 1.2 less octal, hexadecimal, infinities and leading zeros."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and not text.lstrip("+-").isdigit() and text.lower().partition("e")[0].strip("+-."):
        number = float(text)
        return number if isfinite(number) else text
    return text


def _one_character(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


class _Level:
    """A mapping or list that is being read."""

    __slots__ = ("content", "key", "path")

    def __init__(self, content: dict[str, Any] | list[Any], path: str) -> None:
        self.content = content
        self.path = path
        self.key: str | None = None


class _Reader:
    """Builds plain values from a stream of YAML events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.result: Any = None
        self.keys: dict[str, tuple[int, int]] = {}
        self.values: dict[str, tuple[int, int]] = {}
        self._open: list[_Level] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._plain_yaml(event)
        if isinstance(event, yaml.ScalarEvent):
            if self._wants_key():
                self._take_key(event)
            else:
                plain = event.style in (None, "")
                self._place(scalar(event.value) if plain else event.value, event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._push({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._push([], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error("C101", "more than one YAML document in the file", event, "keep one contract a file")

    def _plain_yaml(self, event: yaml.NodeEvent) -> None:
        """Refuse what would make a signed text mean something else than it seems to say."""
        if event.anchor is not None:
            raise self._error("C101", "anchors and aliases are not used in a contract", event, "write the part out")
        if getattr(event, "tag", None) is not None:
            raise self._error("C101", "tags (!...) are not used in a contract", event, "quote what is meant as text")

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].content, dict) and self._open[-1].key is None

    def _take_key(self, event: yaml.ScalarEvent) -> None:
        level = self._open[-1]
        path = join(level.path, event.value)
        if event.value in level.content:
            line = self.keys[path][0]
            message = f'key "{event.value}" occurs twice; the first is on line {line}'
            raise self._error("C104", message, event, "keep one of them", path)
        level.key = event.value
        self.keys[path] = _place_of(event)

    def _place(self, value: Any, event: yaml.Event) -> str:
        """Put a value where the stream stands; returns its path."""
        if not self._open:
            self.result = value
            return ""
        level = self._open[-1]
        if isinstance(level.content, dict):
            key = level.key or ""
            path = join(level.path, key)
            level.content[key] = value
            level.key = None
        else:
            path = join(level.path, len(level.content))
            level.content.append(value)
            self.keys[path] = _place_of(event)
        self.values[path] = _place_of(event)
        return path

    def _push(self, content: dict[str, Any] | list[Any], event: yaml.Event) -> None:
        if self._wants_key():
            raise self._error("C101", "a key must be a word, not a list or a mapping", event, "quote the key")
        if len(self._open) >= _DEEPEST:
            raise self._error(
                "C101", f"nested more than {_DEEPEST} levels deep", event, "contracts are never that deep"
            )
        self._open.append(_Level(content, self._place(content, event)))

    def _error(self, code: str, message: str, event: yaml.Event, hint: str = "", path: str = "") -> ContractError:
        line, column = _place_of(event)
        return ContractError(code, message, hint=hint, where=Where(self.file, line, column, path))


def _place_of(event: yaml.Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
