"""Disks that are full or read-only: real ones where this may be mounted, and what the devices of the system offer elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from command_desk import Desk, Ran

Refused = Callable[[Ran, str, int], None]
Disk = Callable[[str], Path]
FULL = Path("/dev/full")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mounts a small file system of its own under the test's folder; `disk("size=16k")` gives its place."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("mounting a small disk needs rights that this user does not have")
        mounted.append(place)
        return place

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=True)


def fill(place: Path) -> None:
    with suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(place).free == 0


# from a disk without room for a table to one that lacks room for the report alone
@pytest.mark.parametrize("size", [4, 8, 16, 32, 64])
def test_a_full_disk_gets_nothing(size: int, desk: Desk, disk: Disk, refused: Refused) -> None:
    place = disk(f"size={size}k")
    refused(desk.protect("--out", str(place / "out")), "R500", 7)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_a_full_disk_gets_nothing_in_any_format(form: str, desk: Desk, disk: Disk, refused: Refused) -> None:
    place = disk("size=4k")
    desk.contract("privacy:", f"release: {{format: {form}}}\nprivacy:")
    refused(desk.protect("--out", str(place / "out")), "R500", 7)
    assert list(place.iterdir()) == []


def test_a_release_on_a_full_disk_is_not_replaced_by_a_part(desk: Desk, disk: Disk, refused: Refused) -> None:
    place = disk("size=1m")
    assert desk.protect("--out", str(place / "out")).code == 0
    before = {path.name: path.read_bytes() for path in (place / "out").iterdir()}
    fill(place)
    refused(desk.protect("--out", str(place / "out"), "--replace"), "R500", 7)
    assert {path.name: path.read_bytes() for path in (place / "out").iterdir()} == before
    assert {path.name for path in place.iterdir()} == {"out", "filler"}


@pytest.mark.parametrize("words", [("--out", "x/out"), ("--out", "x/new/folders/out")])
def test_a_read_only_folder_gets_nothing(words: tuple[str, ...], desk: Desk, disk: Disk, refused: Refused) -> None:
    place = disk("ro")
    ran = desk.protect(*(word.replace("x", str(place), 1) for word in words))
    refused(ran, "R500", 7)
    assert "read-only" in ran.err
    assert str(place) not in ran.err


def test_a_contract_draft_needs_a_disk(desk: Desk, disk: Disk, refused: Refused) -> None:
    ran = desk.run("inspect", "people.csv", "--write", str(disk("ro") / "draft.yaml"))
    refused(ran, "R500", 7)
    place = disk("size=4k")
    fill(place)
    refused(desk.run("inspect", "people.csv", "--write", str(place / "draft.yaml")), "R500", 7)
    assert [path.name for path in place.iterdir()] == ["filler"]


def test_a_dry_run_needs_room_for_its_rehearsal(desk: Desk, disk: Disk) -> None:
    place = disk("size=1m")
    fill(place)
    ran = desk.protect("--dry-run", "--temp-folder", str(place))
    assert (ran.code, ran.out) == (7, "")
    assert "error[R500]" in ran.err
    assert [path.name for path in place.iterdir()] == ["filler"]


def test_a_copy_in_another_encoding_needs_room(desk: Desk, disk: Disk) -> None:
    """What is not UTF-8 is copied for the engine into its own folder: raw rows, which must not stay there."""
    place = disk("size=1m")
    fill(place)
    desk.write("people.csv", (desk.folder / "people.csv").read_text().encode("utf-16"))
    desk.contract("file: people.csv", "file: people.csv, csv: {encoding: utf-16}")
    ran = desk.protect("--temp-folder", str(place))
    assert (ran.code, ran.out) == (7, "")
    assert "the disk is full" in ran.err
    assert "X900" not in ran.err
    assert [path.name for path in place.iterdir()] == ["filler"]


def test_a_temporary_folder_may_be_read_only(desk: Desk, disk: Disk, refused: Refused) -> None:
    refused(desk.protect("--temp-folder", str(disk("ro"))), "U100", 2)
    assert desk.left() == {"disk0"}


def test_keys_need_a_place(desk: Desk, disk: Disk, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.contract("privacy:", "steps:\n  - {step: pseudonymise, columns: [id]}\nprivacy:")
    for options in ("ro", "size=4k"):
        place = disk(options)
        if options != "ro":
            fill(place)
        monkeypatch.setenv("JALOUSIE_HOME", str(place / "home"))
        refused(desk.protect(), "P440", 6)
        assert not (place / "home" / "master.key").exists()
    assert desk.left() == {"disk0", "disk1"}


def test_the_junit_file_may_fail_when_the_release_is_written(desk: Desk, disk: Disk) -> None:
    place = disk("size=4k")
    fill(place)
    ran = desk.protect("--junit", str(place / "junit.xml"))
    assert ran.code == 7
    assert "the JUnit file cannot be written: the disk is full" in ran.err
    assert "the release was written all the same" in ran.err
    assert "nothing was written" not in ran.err
    assert (desk.folder / "small.release").is_dir()


def test_a_junit_file_that_cannot_be_is_refused_before_the_work(desk: Desk, disk: Disk, refused: Refused) -> None:
    refused(desk.protect("--junit", "no/such/folder/junit.xml"), "R500", 7)
    assert desk.left() == set()


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", [("open", "small.release"), ("check", "contract.yaml"), ("schema",)])
@pytest.mark.parametrize("form", ["", "--json"])
def test_output_that_is_full_is_no_fault_of_ours(words: tuple[str, ...], form: str, desk: Desk) -> None:
    assert desk.protect().code == 0
    with FULL.open("wb") as full:
        process = subprocess.Popen(
            desk.command(*words, *([form] if form else [])),
            cwd=desk.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
        _, said = process.communicate()
    assert process.returncode == 7
    assert said.startswith("error[R500]: the output or a temporary file cannot be written: the disk is full")
    assert "Traceback" not in said


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
def test_all_output_may_be_full(desk: Desk) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            desk.command("check", "none.yaml", "--json"), cwd=desk.folder, stdout=full, stderr=full, check=False
        )
    assert done.returncode == 3
