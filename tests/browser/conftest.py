"""Debian's chromium, headless, with a profile of its own for each call."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)

Browser = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """`browser(page, flag, ...)` opens a file and waits until the browser has ended."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is absent: apt-get install chromium")

    def run(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        profile = tmp_path / f"profile-{len(list(tmp_path.glob('profile-*')))}"
        return subprocess.run(
            [program, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )

    return run


def _fixtures(name: str) -> ModuleType:
    """Made-up material of the report's unit tests."""
    path = Path(__file__).parent.parent / "unit" / "report" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"browser_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def cards() -> ModuleType:
    """Release cards."""
    return _fixtures("card_fixture")


@pytest.fixture(scope="session")
def feedback_cards() -> ModuleType:
    """Feedback cards."""
    return _fixtures("feedback_fixture")
