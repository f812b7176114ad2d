"""What is wrong with contract data that `msgspec` refused: every fault with its place, and the word that was meant.

Only reached on failure. It walks `msgspec.inspect`'s description of the structs, so the rules are written once, in
`contract.model`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec.inspect as mi

from jalousie.contract.positions import Positions, join
from jalousie.contract.text import MOST_DIGITS
from jalousie.errors import ContractError, did_you_mean


def explain(data: Any, model: type, positions: Positions) -> list[ContractError]:
    """All faults of `data` against the struct `model`, each a ContractError C102."""
    walk = _Walk(positions)
    walk.visit(data, mi.type_info(model), "")
    return walk.errors


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    for types, word in (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        (dict, "a mapping"),
    ):
        if isinstance(value, types):
            return word
    return "a list"


def _name(path: str) -> str:
    """`widths` of `columns.age.hierarchy.widths`, and `widths.1` of its second item."""
    above, _, last = path.rpartition(".")
    return f"{above.rpartition('.')[2]}.{last}" if last.isdigit() and above else last


class _Walk:
    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.errors: list[ContractError] = []
        self.required: set[str] = set()

    def _or_leave_out(self, path: str) -> str:
        return "" if path in self.required else ", or leave the key out"

    def fault(self, path: str, message: str, hint: str = "", *, value: bool = True) -> None:
        where = self.positions.where(path, value=value)
        self.errors.append(ContractError("C102", message, hint=hint, where=where))

    def visit(self, value: Any, kind: mi.Type, path: str) -> None:
        while isinstance(kind, mi.Metadata):
            kind = kind.type
        visitors: dict[type, Callable[[Any, Any, str], None]] = {
            mi.StructType: self._struct,
            mi.UnionType: self._union,
            mi.LiteralType: self._literal,
            mi.DictType: self._dict,
            mi.VarTupleType: self._tuple,
            mi.StrType: self._text,
            mi.IntType: self._number,
            mi.FloatType: self._number,
            mi.BoolType: self._boolean,
        }
        visitors[type(kind)](value, kind, path)

    def _wrong(self, value: Any, wanted: str, path: str) -> None:
        name = _name(path)
        hint = ""
        if wanted == "text" and isinstance(value, (bool, int, float)):
            hint = "put it in quotes"
        elif value is None:
            hint = f"give a value{self._or_leave_out(path)}"
        elif wanted in ("a number", "a whole number") and isinstance(value, str):
            if value.lstrip("+-").isdecimal() and len(value.lstrip("+-0")) > MOST_DIGITS:
                self.fault(path, f'"{name}" has more digits than a whole number may have', f"at most {MOST_DIGITS}")
                return
            hint = "write it without quotes, leading zeros or units"
        elif wanted == "a whole number" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            self.fault(
                path, f'"{name}" must be a whole number, without a point or exponent', f"write it as {value:.0f}"
            )
            return
        self.fault(path, f'"{name}" must be {wanted}, not {_kind(value)}', hint)

    def _struct(self, value: Any, kind: mi.StructType, path: str) -> None:
        if not isinstance(value, dict):
            self._wrong(value, "a mapping", path)
            return
        fields = {field.encode_name: field for field in kind.fields}
        known = [*fields, *([kind.tag_field] if kind.tag_field else [])]
        for key in value:
            if key not in known:
                place = f' in "{path}"' if path else ""
                self.fault(join(path, key), f'unknown key "{key}"{place}', did_you_mean(key, known), value=False)
        for name, field in fields.items():
            if field.required:
                self.required.add(join(path, name))
            if name in value:
                self.visit(value[name], field.type, join(path, name))
            elif field.required:
                self.fault(path, f'"{path or "the contract"}" lacks "{name}"', f'add "{name}: ..."', value=False)

    def _union(self, value: Any, kind: mi.UnionType, path: str) -> None:
        structs = [option for option in kind.types if isinstance(option, mi.StructType)]
        plain = [option for option in kind.types if not isinstance(option, (mi.StructType, mi.NoneType))]
        if value is None and any(isinstance(option, mi.NoneType) for option in kind.types):
            return
        if structs:
            self._tagged(value, structs, path)
        elif len(plain) == 1:
            self.visit(value, plain[0], path)
        elif isinstance(value, (dict, list)):
            self._wrong(value, "a single value", path)

    def _tagged(self, value: Any, options: list[mi.StructType], path: str) -> None:
        if len(options) == 1:
            self._struct(value, options[0], path)
            return
        field = options[0].tag_field or ""
        tags = {str(option.tag): option for option in options}
        if not isinstance(value, dict):
            self.fault(path, f'"{_name(path)}" must be a mapping with "{field}"', f"known: {', '.join(tags)}")
        elif field not in value:
            self.fault(path, f'"{path}" lacks "{field}"', f"known: {', '.join(tags)}", value=False)
        elif not isinstance(value[field], str):
            self._wrong(value[field], "text", join(path, field))
        elif value[field] not in tags:
            self.fault(join(path, field), f'unknown {field} "{value[field]}"', did_you_mean(value[field], tags))
        else:
            self._struct(value, tags[value[field]], path)

    def _literal(self, value: Any, kind: mi.LiteralType, path: str) -> None:
        # True equals 1 in Python; a contract that says `true` does not mean version 1
        if any(value == option and type(value) is type(option) for option in kind.values):
            return
        options = [str(option) for option in kind.values]
        name = _name(path)
        if not all(isinstance(option, str) for option in kind.values):
            self.fault(
                path, f'"{name}" must be {" or ".join(options)}', f"write `{name}: {options[0]}`, without quotes"
            )
        elif isinstance(value, str):
            self.fault(path, f'unknown {name} "{value}"', did_you_mean(value, options))
        else:
            self.fault(path, f'"{name}" must be one of: {", ".join(options)}', "take one of these words")

    def _dict(self, value: Any, kind: mi.DictType, path: str) -> None:
        if not isinstance(value, dict):
            self._wrong(value, "a mapping", path)
            return
        if kind.min_length is not None and len(value) < kind.min_length:
            self.fault(path, f'"{path}" needs at least {kind.min_length} entry', "add one: `name: ...`")
        for key, item in value.items():
            self.visit(item, kind.value_type, join(path, key))

    def _tuple(self, value: Any, kind: mi.VarTupleType, path: str) -> None:
        if not isinstance(value, list):
            self._wrong(value, "a list", path)
            return
        if kind.min_length is not None and len(value) < kind.min_length:
            self.fault(path, f'"{path}" needs at least {kind.min_length} item', f"add one{self._or_leave_out(path)}")
        for index, item in enumerate(value):
            self.visit(item, kind.item_type, join(path, index))

    def _text(self, value: Any, kind: mi.StrType, path: str) -> None:
        name = _name(path)
        if not isinstance(value, str):
            self._wrong(value, "text", path)
        elif kind.min_length is not None and len(value) < kind.min_length:
            hint = f"write at least {kind.min_length} character{self._or_leave_out(path)}"
            self.fault(path, f'"{name}" is too short: at least {kind.min_length} character', hint)
        elif kind.max_length is not None and len(value) > kind.max_length:
            hint = f"write at most {kind.max_length} character"
            self.fault(path, f'"{name}" is too long: at most {kind.max_length} character', hint)
        elif kind.pattern is not None and not re.search(kind.pattern, value):
            self.fault(
                path, f'"{name}" has characters that are not allowed', "letters, digits, dot, hyphen, underscore"
            )

    def _number(self, value: Any, kind: mi.IntType | mi.FloatType, path: str) -> None:
        whole = isinstance(kind, mi.IntType)
        fits = isinstance(value, int) or (isinstance(value, float) and not whole)
        if isinstance(value, bool) or not fits:
            self._wrong(value, "a whole number" if whole else "a number", path)
            return
        name = _name(path)
        edges = (
            (kind.ge, operator.ge, "at least"),
            (kind.gt, operator.gt, "more than"),
            (kind.le, operator.le, "at most"),
            (kind.lt, operator.lt, "less than"),
        )
        for edge, keeps, words in edges:
            if edge is not None and not keeps(value, edge):
                self.fault(
                    path, f'"{name}" is {value:g}; it must be {words} {edge:g}', f"give a number {words} {edge:g}"
                )

    def _boolean(self, value: Any, kind: mi.BoolType, path: str) -> None:
        if not isinstance(value, bool):
            self._wrong(value, "true or false", path)
