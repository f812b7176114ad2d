"""The import rules of the house (docs/explanation/house.md), read from the source without importing it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "jalousie"
ROOMS = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}

# room -> rooms that it may never import
FORBIDDEN = {
    "privacy": {
        "validator",
        "sealed",
        "places",
        "wire",
        "ledger",
        "cli",
        "attacks",
        "architectures",
        "advisor",
    },
    "validator": {
        "privacy",
        "sealed",
        "places",
        "wire",
        "ledger",
        "cli",
        "attacks",
        "report",
        "learning",
        "architectures",
        "advisor",
    },
    # it masks and sums what the validator defines; how it travels is not its affair
    "sealed": ROOMS - {"sealed", "validator", "contract"},
    "tables": ROOMS - {"tables", "contract"},
    "contract": ROOMS - {"contract"},
    "places": {"privacy", "validator", "sealed", "learning", "attacks", "cli", "report", "architectures", "advisor"},
    "report": {"sealed", "places", "wire", "ledger", "cli", "attacks", "learning", "architectures", "search"},
    "learning": {"sealed", "places", "ledger", "cli", "attacks", "report"},
    "architectures": {"cli", "attacks"},
}
# heavy libraries that may only be imported inside the function that needs them
HEAVY = {"pandas", "polars", "sklearn", "scipy", "lightgbm", "opendp", "pyarrow", "stdnum", "jinja2"}
LIGHT_ROOMS = {"contract", "cli"}  # these may not even import numpy, duckdb or narwhals at the top
# modules that are themselves loaded late, by their room's `__getattr__`
# an estimator must inherit from scikit-learn's base; these modules are themselves loaded when they are first used
LOADED_LATE = {
    f"learning/{name}.py": {"sklearn"}
    for name in (
        "encoder",
        "feedback",
        "feedback_base",
        "feedback_regressor",
        "recalibrate",
        "threshold",
        "select",
        "scorer",
    )
}
# the pure rooms: no files, no network, no clock, no global random state
IMPURE = {
    "os",
    "pathlib",
    "socket",
    "http",
    "urllib",
    "requests",
    "httpx",
    "random",
    "tempfile",
    "shutil",
    "subprocess",
    "sqlite3",
}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def type_only(node: ast.If) -> bool:
    return "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.AST, *, top_only: bool = False) -> list[str]:
    """Dotted names imported; with `top_only`, those that run when the module is imported."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and type_only(child):
                continue
            if top_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.Import):
                found.extend(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "imports are absolute"
                found.extend(f"{child.module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_rooms_import_only_what_they_may(path: Path) -> None:
    names = imports(ast.parse(path.read_text(encoding="utf-8")))
    used = {name.split(".")[1] for name in names if name.startswith("jalousie.") and "." in name}
    assert not used & FORBIDDEN.get(room_of(path), set())


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_heavy_libraries_are_imported_late(path: Path) -> None:
    names = imports(ast.parse(path.read_text(encoding="utf-8")), top_only=True)
    roots = {name.split(".")[0] for name in names} - LOADED_LATE.get(name_of(path), set())
    allowed_late = HEAVY | ({"numpy", "duckdb", "narwhals"} if room_of(path) in LIGHT_ROOMS else set())
    assert not roots & allowed_late


@pytest.mark.parametrize(
    "path", [p for p in modules() if room_of(p) in ("privacy", "validator", "sealed")], ids=name_of
)
def test_modules_are_pure(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = {name.split(".")[0] for name in imports(ast.parse(text))}
    assert not names & IMPURE
    assert not re.search(r"(?<![\w.])open\(|np\.random\.(?!default_rng|Generator)|time\.time\(|datetime\.now", text)


def test_only_a_release_reaches_for_its_encoder_and_its_page() -> None:
    for path in modules():
        if room_of(path) == "privacy" and path.name != "release.py":
            names = imports(ast.parse(path.read_text(encoding="utf-8")))
            assert not any(name.startswith(("jalousie.learning", "jalousie.report")) for name in names), name_of(path)


def test_only_share_names_a_module_and_a_place_together() -> None:
    both = []
    for path in modules():
        names = imports(ast.parse(path.read_text(encoding="utf-8")))
        rooms = {name.split(".")[1] for name in names if name.startswith("jalousie.")}
        if "places" in rooms and rooms & {"privacy", "validator", "sealed"} and room_of(path) != "architectures":
            both.append(name_of(path))
    assert not both


def test_only_advisor_and_command_line_import_the_attacks() -> None:
    guilty = [
        name_of(path)
        for path in modules()
        if room_of(path) not in ("attacks", "advisor", "cli")
        and any(name.startswith("jalousie.attacks") for name in imports(ast.parse(path.read_text(encoding="utf-8"))))
    ]
    assert not guilty


def test_modules_are_not_too_long() -> None:
    long = {
        name_of(path): count
        for path in modules()
        if (count := sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())) > 450
    }
    assert not long


def test_no_address_of_a_package_registry_is_tracked() -> None:
    root = SOURCE.parent.parent
    pattern = re.compile(r"https?://[^\s\"']*(?:pypi|pythonhosted|npmjs|deb\.debian)", re.IGNORECASE)
    skip = {".git", ".venv", ".data", ".demo", "build", ".mypy_cache", ".ruff_cache", ".hypothesis", ".pytest_cache"}
    for path in root.rglob("*"):
        if (
            path.is_file()
            and not skip & set(path.relative_to(root).parts)
            and path.suffix in (".py", ".toml", ".lock", ".md", ".txt", "")
        ):
            assert not pattern.search(path.read_text(encoding="utf-8", errors="ignore")), path.name
