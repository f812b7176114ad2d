"""Run writers in child processes that kill themselves at a chosen call to the operating system. A script, run by tests.

    python kill_points.py folder WORK           at every single call, the folder writer alone
    python kill_points.py file WORK             the same for the writer of single files
    python kill_points.py protect WORK TIMES    at TIMES calls of `jalousie protect --replace`, evenly from first to last

It forks, so it runs in a process of its own, before any library has threads. Prints what was found; a broken promise is an
AssertionError.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

CALLS = ("open", "os.", "fcntl.", "shutil.", "pathlib.", "glob.")


def run_and_die(act: Callable[[], object], at: int) -> int:
    """Run `act` in a child that is killed just before its call number `at` (0: never); calls made, or -1 if it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        made = 0

        def count(event: str, _: object) -> None:
            nonlocal made
            if event.startswith(CALLS):
                made += 1
                if made == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        sys.addaudithook(count)
        act()
        os.write(writer, str(made).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    told = os.read(reader, 20)
    os.close(reader)
    if os.WIFSIGNALED(status):
        return -1
    assert status == 0, "the child failed"
    return int(told)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def write_whole(target: Path, text: str) -> None:
    from jalousie.tables.folder import write_folder

    with write_folder(target, replace=True) as folder:
        for name in ("table", "card.json", "report"):
            (folder / name).write_text(text)


def content(target: Path) -> str | None:
    """The text of the three files, which must be the same; None where there is no folder."""
    if not target.exists():
        return None
    texts = {name: (target / name).read_text() for name in ("table", "card.json", "report")}
    assert {path.name for path in target.iterdir()} == set(texts), "something else is in the folder"
    assert len(set(texts.values())) == 1, "parts of two releases"
    return texts["table"]


def folders(work: Path) -> None:
    """Making a release, and replacing one: never a part, never a mixture, and the old one is not lost."""
    from jalousie.tables.folder import check_target

    for first, kept in (("", {None, "new"}), ("old", {"old", "new"})):
        at, moved_aside, found = 0, 0, set()
        while True:
            at += 1
            place = work / f"{first}{at}"
            place.mkdir()
            target = place / "out"
            if first:
                write_whole(target, first)
            ended = run_and_die(lambda target=target: write_whole(target, "new"), at)  # type: ignore[misc]
            moved_aside += content(target) is None and bool(first)
            check_target(target, replace=True)  # brings back what had been moved aside
            found.add(content(target))
            assert content(target) in kept, content(target)
            write_whole(target, "next")
            assert content(target) == "next"
            assert hidden(place) == [], hidden(place)
            if ended >= 0:
                break
        assert found == kept, found
        say(f"{first or 'nothing'} before: killed at {at - 1} calls, moved aside {moved_aside} times")


def files(work: Path) -> None:
    from jalousie.tables.folder import write_file

    at, found = 0, set()
    while True:
        at += 1
        place = work / f"file{at}"
        place.mkdir()
        (place / "out").write_bytes(b"old")
        ended = run_and_die(lambda place=place: write_file(place / "out", b"new"), at)  # type: ignore[misc]
        found.add((place / "out").read_bytes())
        write_file(place / "out", b"next")
        assert hidden(place) == [], hidden(place)
        if ended >= 0:
            break
    assert found == {b"old", b"new"}, found
    say(f"file: killed at {at - 1} calls")


def commands(work: Path, times: int) -> None:
    """The whole command, in a folder with `contract.yaml`; the engine's own calls are not seen, only those of Python."""
    from jalousie.cli import main
    from jalousie.privacy.release import Release

    for name in ("architectures.share", "privacy.search.exact", "privacy.search.local", "report.html", "report.text"):
        import_module(f"jalousie.{name}")  # so that most of a child's calls are those of its work
    os.chdir(work)
    tempfile.gettempdir()  # it tries the folder once with a file of its own, which a child that is killed there would leave
    words = ["protect", "contract.yaml", "--no-learning", "--no-attacks", "--replace"]
    target, spill = work / "small.release", Path(os.environ["TMPDIR"])
    assert run_and_die(lambda: main(words), 0) > 0
    calls = run_and_die(lambda: main(words), 0)
    killed = 0
    for i in range(times):
        killed += run_and_die(lambda: main(words), 1 + i * calls // times) < 0
        # opened in a child too: the parent must stay without threads
        if target.exists():
            run_and_die(lambda: len(Release.load(target)) or os._exit(1), 0)
    run_and_die(lambda: main(words), 0)
    run_and_die(lambda: len(Release.load(target)) or os._exit(1), 0)
    assert hidden(work) == [], hidden(work)
    left = [path.name for path in spill.iterdir()]
    assert left == [], left
    say(f"protect: killed {killed} of {times} times, of {calls} calls")


if __name__ == "__main__":
    what, where = sys.argv[1], Path(sys.argv[2]).resolve()
    if what == "protect":
        commands(where, int(sys.argv[3]))
    else:
        {"folder": folders, "file": files}[what](where)
