"""A kill at every single call to the operating system, not at random moments alone: see `tests/kill_points.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_desk import Desk

SCRIPT = Path(__file__).resolve().parents[2] / "kill_points.py"


def run_script(*words: str, spill: Path | None = None) -> str:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"} | ({"TMPDIR": str(spill)} if spill else {})
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_is_whole_or_absent_or_the_old_one(tmp_path: Path) -> None:
    said = run_script("folder", str(tmp_path))
    assert "old before: killed at" in said
    assert "moved aside 1 times" in said  # the one call at which the old folder has to be brought back


def test_a_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    assert "killed at" in run_script("file", str(tmp_path))


@pytest.mark.parametrize("times", [8, pytest.param(200, marks=pytest.mark.long)])
def test_a_release_is_whole_and_neither_parts_nor_spilled_rows_stay(times: int, desk: Desk) -> None:
    spill = desk.folder / "spill"
    spill.mkdir()
    said = run_script("protect", str(desk.folder), str(times), spill=spill)
    assert f"killed {times} of {times} times" in said
