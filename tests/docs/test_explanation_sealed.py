"""The example about sealed labels runs as it stands, and says what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "explanation" / "sealed.md"


def test_the_example_runs() -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert min(abs(int(word)) for word in re.findall(r"-?\d+", said["mediator"])) > 10**12  # chance of 1 in a million
    well, ill = map(int, said["opened"].split())
    assert well == pytest.approx(500, abs=150)
    assert ill == pytest.approx(1500, abs=150)
    assert float(said["auc"]) == pytest.approx(0.83, abs=0.05)
    assert 0 < float(said["left"]) < 0.5
