"""The Python of the ML party's tutorial runs as it stands, and says what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TUTORIAL = ROOT / "docs" / "tutorials" / "ml-party.md"


@pytest.mark.usefixtures("adult_csv", "adult_test_csv")
def test_ml_party_tutorial_runs() -> None:
    script = "\n".join(re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    alone, asked = float(said["alone"]), float(said["asked"])
    assert alone == pytest.approx(0.89, abs=0.01)
    assert asked == pytest.approx(0.915, abs=0.006)
    assert said["verdict"] == "['PASS', 'PASS']"
