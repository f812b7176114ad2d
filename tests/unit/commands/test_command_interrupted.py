"""Full disks, read-only folders, kills and interrupts: the release is there whole, or not at all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jalousie.tables.folder as folder_module
from command_desk import Desk
from jalousie.errors import ReleaseError
from jalousie.privacy.release import Release
from jalousie.tables.folder import write_file, write_folder


def start(desk: Desk, *words: str) -> subprocess.Popen[str]:
    return desk.start("protect", "contract.yaml", "--no-learning", *words)


def end(process: subprocess.Popen[str], number: int | None = None) -> int:
    """Send a signal (none: wait), and close the pipes."""
    with process:
        if number is not None:
            process.send_signal(number)
        process.communicate()
    return process.returncode


def check_whole_or_absent(desk: Desk) -> bool:
    target = desk.folder / "small.release"
    if not target.exists():
        return False
    assert len(Release.load(target)) > 0
    return True


def kill_at_random(desk: Desk, times: int) -> None:
    begun = time.monotonic()
    assert end(start(desk)) == 0
    whole = time.monotonic() - begun
    draw = random.Random(7)
    for _ in range(times):
        process = start(desk, "--replace")
        time.sleep(draw.uniform(0.5 * whole, 1.05 * whole))
        end(process, signal.SIGKILL)
        check_whole_or_absent(desk)
    assert desk.protect("--replace").code == 0
    assert desk.left() == {"small.release"}  # what the killed ones left was swept away


def test_a_kill_leaves_a_whole_release_or_none(desk: Desk) -> None:
    kill_at_random(desk, 6)


@pytest.mark.long
def test_many_kills(desk: Desk) -> None:
    kill_at_random(desk, 100)


def test_an_interrupt_leaves_nothing(desk: Desk) -> None:
    process = start(desk)
    time.sleep(0.7)
    assert end(process, signal.SIGINT) in (130, -signal.SIGINT, 0)
    assert desk.left() <= {"small.release"}
    check_whole_or_absent(desk)


@pytest.mark.parametrize("number", [28, 30, 13, 122])
def test_the_operating_system_refuses(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space (28), read-only (30), no permission (13), quota (122), at the last moment: nothing is left."""

    def refuse(path: Path) -> None:
        raise OSError(number, "secret path in the system's words")

    monkeypatch.setattr(folder_module, "_sync_all", refuse)
    with pytest.raises(ReleaseError) as caught, write_folder(tmp_path / "out") as partial:
        (partial / "card.json").write_text("{}")
    assert caught.value.code == "R500"
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_inside_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), write_folder(tmp_path / "out") as partial:
        (partial / "table").write_text("x")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_of_two_writers_the_first_to_finish_wins(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught, write_folder(tmp_path / "out") as slow:
        (slow / "card.json").write_text("slow")
        with write_folder(tmp_path / "out") as fast:  # sweeps, but not a living writer's folder
            (fast / "card.json").write_text("fast")
        assert slow.exists()
    assert caught.value.code == "R503"
    assert (tmp_path / "out" / "card.json").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def limit(kilobytes: int) -> str:
    return f"ulimit -f {kilobytes}; exec {sys.executable} -m jalousie protect contract.yaml --no-learning"


def test_a_file_that_outgrows_its_limit(desk: Desk) -> None:
    """The same as a full disk to the one who writes: the write fails in the middle."""
    done = subprocess.run(["bash", "-c", limit(1)], cwd=desk.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert "error[R500]" in done.stderr
    assert done.stdout == ""
    assert desk.left() == set()


@pytest.mark.parametrize("name", ["none/out", "file/out", "folder", "n" * 300])
def test_a_single_file_needs_a_place(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReleaseError) as caught:
        write_file(tmp_path / name, b"x")
    assert caught.value.code == "R500"
    assert str(tmp_path) not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert (tmp_path / "file").read_text() == "mine"
