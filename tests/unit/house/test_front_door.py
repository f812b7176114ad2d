"""The front door: what is public, and that opening it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import jalousie

HEAVY = {
    "numpy",
    "duckdb",
    "narwhals",
    "pyarrow",
    "pandas",
    "polars",
    "sklearn",
    "scipy",
    "lightgbm",
    "opendp",
    "yaml",
    "msgspec",
}
PUBLIC = [
    "Contract",
    "ContractError",
    "HierarchyError",
    "InternalError",
    "JalousieError",
    "PrivacyError",
    "Release",
    "ReleaseError",
    "Settings",
    "TableError",
    "UsageError",
    "__version__",
    "inspect",
    "load_contract",
    "parse_contract",
    "protect",
]


def test_the_public_names_are_these() -> None:
    assert sorted(jalousie.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(jalousie, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError):
        jalousie.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    "code", ["import jalousie", "from jalousie.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"]
)
def test_no_heavy_library_is_loaded_before_it_is_needed(code: str) -> None:
    script = f"{code}\nimport sys; sys.stderr.write(','.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not HEAVY & {name.split(".")[0] for name in done.stderr.split(",")}


def test_the_module_and_the_script_are_one_program() -> None:
    done = subprocess.run([sys.executable, "-m", "jalousie", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"jalousie {jalousie.__version__}\n"
