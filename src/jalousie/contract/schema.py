"""The format of the contract file as a JSON Schema, described by the docstrings of its structs."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from typing import Any

import msgspec

from jalousie.contract import columns, feedback, model, parts, steps


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the whole contract; every struct is one definition under `$defs`."""
    (root,), definitions = msgspec.json.schema_components([model.Contract], ref_template="#/$defs/{name}")
    for name, part in definitions.items():
        docs = field_docs().get(name, {})
        for key, definition in part.get("properties", {}).items():
            if key in docs:
                definition.setdefault("description", docs[key])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Jalousie contract",
        **root,
        "$defs": definitions,
    }


@cache
def field_docs() -> dict[str, dict[str, str]]:
    """Per struct the text under each field, by the key's name in the file."""
    sources = (inspect.getsource(module) for module in (parts, columns, steps, feedback, model))
    docs: dict[str, dict[str, str]] = {}
    for node in (node for source in sources for node in ast.parse(source).body):
        if not isinstance(node, ast.ClassDef):
            continue
        for field, after in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                text = inspect.cleandoc(str(after.value.value))
                docs.setdefault(node.name, {})[field.target.id.replace("_", "-")] = " ".join(text.split())
    return docs
