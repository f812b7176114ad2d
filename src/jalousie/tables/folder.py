"""Files and folders that appear whole or not at all.

Everything is written under a hidden name beside its target, synced to disk, and renamed. A failure removes the hidden one; a
kill leaves it behind, never a part of the target, and the next writer of the same target sweeps it away. It tells a dead
writer from a living one by the lock that a living one holds: the operating system lets go of it when the process ends.
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path

from jalousie.errors import ReleaseError

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EFBIG: ("a file grew larger than is allowed", "raise the limit (ulimit -f)"),
    errno.EROFS: ("the file system is read-only", ""),
    errno.EACCES: ("the folder may not be written to", ""),
    errno.EPERM: ("the folder may not be written to", ""),
    errno.ENOENT: ("the folder does not exist", ""),
    errno.ENOTDIR: ("a file stands where a folder is needed", ""),
    errno.EEXIST: ("a file stands where a folder is needed", ""),
    errno.EISDIR: ("a folder stands where a file is needed", ""),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
}
SPILL = "jalousie-spill-"
_SPILLS: set[Path] = set()
"""Spill folders of this process."""
_TRIES = 20


def as_release_error(
    error: OSError, what: str = "the release", *, hint: str = "", effect: str = "nothing was written"
) -> ReleaseError:
    """What the operating system refused, without the path that it names."""
    reason, advice = _REASONS.get(error.errno or 0, ("the operating system refused to write", ""))
    advice = advice or hint or "choose a place that you may write to"
    return ReleaseError("R500", f"{what} cannot be written: {reason}", hint=advice, effect=effect)


@contextmanager
def write_folder(target: Path, *, replace: bool = False, member: str = "card.json") -> Iterator[Path]:
    """Give a folder to write into; on success it becomes `target`, on any failure nothing is left.

    `replace` lets an existing target be replaced, if it holds `member` (so that no other folder is ever deleted).

    Raises
    ------
    ReleaseError
        R500 if the folder cannot be written, R503 if the target exists
    """
    target = Path(os.path.abspath(target))
    check_target(target, replace, member)
    made: list[Path] = []
    locks: list[int] = []
    partial = None
    try:
        made = _make_parents(target.parent)
        _sweep(target.parent, f".{target.name}.partial-")
        partial = _claim(target.parent, f".{target.name}.partial-", locks)
        yield partial
        _sync_all(partial)
        _move_into_place(partial, target, replace, locks)
        _sync(target.parent)
        made = []
    except OSError as error:
        raise as_release_error(error, hint="choose a folder that you may write to (--out)") from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        for lock in locks:
            os.close(lock)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()


def check_target(target: Path, replace: bool, member: str = "card.json") -> None:
    """Raises ReleaseError R503 if the target is in the way, R500 if that cannot be told.

    A release that a killed writer had moved aside to replace it is brought back first.
    """
    try:
        _bring_back(Path(os.path.abspath(target)))
        if not os.path.lexists(target):
            return
        kept = not (target / member).is_file()
    except OSError as error:
        raise as_release_error(error, hint="choose a folder that you may write to (--out)") from None
    if not replace:
        raise ReleaseError(
            "R503", "the output folder exists already", hint="choose another with --out, or --replace it"
        )
    if kept:
        raise ReleaseError("R503", "the output folder exists and is not a release", hint="choose another with --out")


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and what is missing above it; the ones that were made, outermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _lock(path: Path) -> int:
    """Open and lock a file or folder; OSError if another process has it, or if the file system has no locks."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _claim(parent: Path, prefix: str, locks: list[int], *, folder: bool = True, tried: set[Path] | None = None) -> Path:
    """A new folder or empty file that is locked as long as `locks` stay open. `tried` gets its name before it is made."""
    for _ in range(_TRIES):
        path = parent / f"{prefix}{secrets.token_hex(6)}"
        if tried is not None:
            tried.add(path)
        if folder:
            path.mkdir(mode=0o700)
        else:
            path.touch(exist_ok=False)
        try:
            locks.append(_lock(path))
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.ENOENT):
                return path  # no locks here: then nobody can sweep it either
        if path.exists():  # else somebody swept it before it was locked
            return path
    raise OSError(errno.EAGAIN, "swept too often")


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what killed writers left behind under names that begin with `prefix`."""
    for left in parent.glob(f"{escape(prefix)}*"):
        try:
            lock = _lock(left)
        except OSError:
            continue  # its writer lives, or it is not ours
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                _remove(left)
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_all(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        _sync(path)


def _move_into_place(partial: Path, target: Path, replace: bool, locks: list[int]) -> None:
    mask = os.umask(0)
    os.umask(mask)
    partial.chmod(0o777 & ~mask)
    if replace and target.exists():
        with suppress(OSError):
            locks.append(_lock(target))  # so that nobody brings it back while it is being replaced
        aside = target.parent / f".{target.name}.replaced-{secrets.token_hex(6)}"
        target.rename(aside)
        try:
            partial.rename(target)
        except BaseException:
            aside.rename(target)
            raise
        # under another name first: what is half removed must not be brought back
        aside = aside.rename(partial)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        try:
            partial.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise ReleaseError("R503", "another writer made the output folder meanwhile", hint="--replace it") from None


def _bring_back(target: Path) -> None:
    """Undo the first half of a replacement whose writer was killed before the second."""
    for aside in target.parent.glob(f".{escape(target.name)}.replaced-*"):
        try:
            lock = _lock(aside)
        except OSError:
            continue  # its writer lives
        try:
            if os.path.lexists(target):
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.rename(target)
        finally:
            os.close(lock)


def digest_file(path: Path) -> str:
    """`sha256:` and the hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write_file(
    path: Path,
    content: bytes,
    *,
    replace: bool = True,
    what: str = "the file",
    effect: str = "nothing was written",
) -> None:
    """A single file, whole or not at all. `what` and `effect` are words for an error.

    Raises
    ------
    ReleaseError
        R500 if it cannot be written, R503 if it exists and must not be replaced
    """
    check_file(path, replace, what=what, effect=effect)
    prefix = f".{path.name}.partial-"
    locks: list[int] = []
    partial = None
    try:
        _sweep(path.parent, prefix)
        partial = _claim(path.parent, prefix, locks, folder=False)
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise as_release_error(error, what, effect=effect) from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
        for lock in locks:
            os.close(lock)


def check_file(path: Path, replace: bool, *, what: str = "the file", effect: str = "nothing was written") -> None:
    """Raises ReleaseError R500 if a single file cannot be written there, R503 if one exists that must not be replaced."""
    try:
        if not path.name or path.is_dir():
            raise OSError(errno.EISDIR, "a folder")
        if not path.parent.is_dir():
            raise OSError(errno.ENOTDIR if path.parent.exists() else errno.ENOENT, "no folder")
        exists = os.path.lexists(path)
    except OSError as error:
        raise as_release_error(error, what, effect=effect) from None
    if exists and not replace:
        raise ReleaseError(
            "R503", "the output file exists already", hint="choose another name, or --replace it", effect=effect
        )


def spill_folder(parent: Path) -> tuple[Path, list[int]]:
    """A private folder for what an engine puts on disk, and its locks, for `remove_spill`.

    What was left by processes that were killed is raw data: it is removed first.
    """
    _sweep_once(parent)
    if not _SPILLS:
        atexit.register(_remove_spills, os.getpid())
    locks: list[int] = []
    return _claim(parent, SPILL, locks, tried=_SPILLS), locks


def remove_spill(folder: Path, locks: list[int]) -> None:
    """Remove what `spill_folder` gave."""
    shutil.rmtree(folder, ignore_errors=True)
    while locks:
        os.close(locks.pop())
    _SPILLS.discard(folder)


def _remove_spills(owner: int) -> None:
    """At the end of the process: those whose engine was interrupted before it could see to them."""
    if os.getpid() == owner:
        for folder in _SPILLS:
            shutil.rmtree(folder, ignore_errors=True)


@cache
def _sweep_once(parent: Path) -> None:
    with suppress(OSError):
        _sweep(parent, SPILL)
