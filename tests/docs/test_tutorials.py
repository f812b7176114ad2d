"""The commands and the Python of the tutorials run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TUTORIAL = ROOT / "docs" / "tutorials" / "provider.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.usefixtures("restaurants_csv")
def test_provider_tutorial_runs(tmp_path: Path) -> None:
    (tmp_path / ".data").symlink_to(ROOT / ".data")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "restaurants.yaml").write_text((ROOT / "demo" / "restaurants.yaml").read_text())
    (tmp_path / ".demo").mkdir()
    environment = {**os.environ, "JALOUSIE_HOME": str(tmp_path / "home")}
    commands = [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
    assert len(commands) == 5
    for command in commands:
        words = [sys.executable, "-m", *shlex.split(command)]
        if "protect" in words:
            words.append("--no-learning")
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    script = "\n".join(blocks("python"))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_quoted_contract_is_that_of_the_demo() -> None:
    contract = (ROOT / "demo" / "restaurants.yaml").read_text(encoding="utf-8")
    for block in blocks("yaml"):
        assert block in contract


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
