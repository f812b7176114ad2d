"""The attack: have the provider killed, by luck or by design, between the spend and the answer, and ask again.

Whoever gets budget back by that, or a second draw of noise for one partition, averages the noise away. With the store switched
off (memory alone) it works; with it, it never does, at whatever instant the kill comes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jalousie.architectures.ask import LocalValidator
from jalousie.validator.types import Partition, Question
from killed_provider import FEEDBACK, LABELS, POPULATION, RHO, SIZE

PROGRAM = Path(__file__).resolve().parent.parent / "killed_provider.py"
NANO = round(RHO * 1e9)


def killed(folder: Path, kills: int, *how: str) -> dict[str, Any]:
    words = [sys.executable, str(PROGRAM), str(folder), str(kills), *how]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=580)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def nothing_was_gained(found: dict[str, Any]) -> None:
    assert found["fresh-noise"] == 0
    assert found["budget-returned"] == 0
    assert found["faults"] == []
    assert found["sound"]
    # every charge is of one partition and of everybody: the spends, the tally and the ledger say the same
    assert found["tally"] == found["spent"]
    assert found["spent"] >= found["partitions"] * NANO


def test_kills_at_random_instants_gain_nothing(tmp_path: Path) -> None:
    found = killed(tmp_path, 120)
    nothing_was_gained(found)
    assert found["unfinished"] > 0, "no kill hit between spend and answer: the test shows nothing"


@pytest.mark.long
def test_a_thousand_kills_gain_nothing(tmp_path: Path) -> None:
    found = killed(tmp_path, 1000)
    nothing_was_gained(found)
    assert found["unfinished"] > 20


@pytest.mark.parametrize(
    ("step", "wasted"),
    [
        ("decided", False),  # before the spend: nothing happened
        ("spent", True),  # the budget is gone, and no answer exists
        ("computed", True),
        ("stored", False),  # the answer exists and is given again
    ],
)
def test_a_kill_after_each_step_of_the_order_of_work(tmp_path: Path, step: str, wasted: bool) -> None:
    found = killed(tmp_path, 12, step)
    nothing_was_gained(found)
    assert (found["unfinished"] > 0) == wasted
    if wasted:
        assert found["spent"] == (found["partitions"] + found["unfinished"]) * NANO


@pytest.mark.parametrize("step", ["decided", "spent", "computed", "stored"])
def test_nor_does_a_kill_in_the_middle_of_a_round(tmp_path: Path, step: str) -> None:
    found = killed(tmp_path, 12, step, "together")
    nothing_was_gained(found)


def test_without_a_lasting_store_restarts_average_the_noise_away() -> None:
    groups = np.zeros(SIZE, np.int32)
    asked = Question(POPULATION.digest(), "label", (Partition(groups, 1),), RHO)
    truth = np.bincount(LABELS, minlength=2)
    draws = []
    for _ in range(300):
        restarted = LocalValidator.from_arrays({"label": LABELS}, FEEDBACK, POPULATION.pseudonyms)
        draws.append(restarted.ask(asked).counts[0][0])
    scale = (1 / (2 * RHO)) ** 0.5
    assert len({tuple(draw) for draw in draws}) > 100  # fresh noise each time
    # 300 draws leave a seventeenth of the noise; one draw was within that in 5 of 100 cases
    assert np.abs(np.mean(draws, axis=0) - truth).max() < 6 * scale / 300**0.5
