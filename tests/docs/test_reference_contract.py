"""The reference pages are what the code says, every key is described, and every example is a contract."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from jalousie.contract import json_schema, parse_contract
from jalousie.errors import CODES

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def make_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tools" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_reference"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["contract.md", "errors.md", "cli.md"])
def test_a_page_equals_what_the_code_says(make_reference: ModuleType, page: str) -> None:
    assert (REFERENCE / page).read_text(encoding="utf-8") == make_reference.PAGES[page](), "run tools/make_reference.py"


def test_the_example_is_a_contract(make_reference: ModuleType) -> None:
    parse_contract(make_reference.EXAMPLE)
    assert make_reference.EXAMPLE in make_reference.contract_page()


def test_every_part_of_the_schema_is_on_the_page(make_reference: ModuleType) -> None:
    page = make_reference.contract_page()
    for name, part in json_schema()["$defs"].items():
        tag = next((key for key in ("by", "step", "model") if key in part["required"]), "")
        title = f"### `{tag}: {part['properties'][tag]['enum'][0]}`" if tag else f"### {name}"
        assert page.count(title + "\n") == 1, name
        for key in part["properties"]:
            assert key == tag or f"| `{key}` |" in page, (name, key)


def test_every_key_is_described() -> None:
    undescribed = [
        f"{name}.{key}"
        for name, part in json_schema()["$defs"].items()
        for key, definition in part["properties"].items()
        if key not in ("by", "step", "model") and not definition.get("description")
    ]
    assert undescribed == []


def test_links_within_the_page_have_targets(make_reference: ModuleType) -> None:
    page = make_reference.contract_page()
    anchors = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", page, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= anchors


def test_each_error_code_is_listed_once() -> None:
    """A dictionary literal takes a second entry for a key without a word: the first text would be lost."""
    tree = ast.parse((ROOT / "src" / "jalousie" / "errors.py").read_text(encoding="utf-8"))
    (table,) = (
        node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "CODES"
    )
    assert isinstance(table, ast.Dict)
    keys = Counter(key.value for key in table.keys if isinstance(key, ast.Constant))
    assert [key for key, count in keys.items() if count > 1] == []
    assert set(keys) == set(CODES)


def test_every_error_code_belongs_to_a_family_on_the_page(make_reference: ModuleType) -> None:
    page = make_reference.errors_page()
    for code, text in CODES.items():
        assert re.fullmatch(r"[UCTHPRVWLSX][0-9]{3}", code)
        assert f"| `{code}` | {text} |" in page
