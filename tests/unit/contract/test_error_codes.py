"""Every code that the software raises is listed in `errors.CODES`, and every listed code is raised somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jalousie.errors
from jalousie.errors import CODES

SOURCE = Path(jalousie.errors.__file__).parent
CODE = re.compile(r"[A-Z][0-9]{3}")


def codes_in(text: str) -> set[str]:
    """Codes that stand as a text of their own: what an error is made from. Those in docstrings do not."""
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }


def used() -> dict[str, set[str]]:
    """File by code; the table itself is left out."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        if path.name != "errors.py":
            for code in codes_in(path.read_text(encoding="utf-8")):
                found.setdefault(code, set()).add(path.relative_to(SOURCE).as_posix())
    return found


def test_the_search_finds_codes_and_no_mention_of_them() -> None:
    assert codes_in('"""Raises Z999."""\nraise SomeError("Z998", f"of {x}")\nkind, code = SomeError, "Z997"') == {
        "Z998",
        "Z997",
    }


def test_every_code_that_is_raised_is_listed() -> None:
    assert {code: files for code, files in used().items() if code not in CODES} == {}


def test_every_listed_code_is_raised() -> None:
    assert set(CODES) - set(used()) == set()
