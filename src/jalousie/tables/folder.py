"""Folders that appear whole or not at all.

Files are written into a hidden sibling, synced to disk, and the sibling is renamed. A failure removes the sibling; a kill
leaves it behind, never the target, and the next writer of the same target sweeps it away (it tells a dead writer from a
living one by the lock that the living one holds).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jalousie.errors import ReleaseError

LOCK = ".lock"
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
}
_DENIED = {errno.EACCES: "the folder cannot be written to", errno.EPERM: "the folder cannot be written to"}


def as_release_error(error: OSError) -> ReleaseError:
    """What the operating system refused, without the path that it names."""
    reason = {**_DISK, **_DENIED}.get(error.errno or 0, "the operating system refused to write")
    hint = (
        "free some space"
        if error.errno in _DISK and error.errno != errno.EROFS
        else "choose a folder that you may write to"
    )
    return ReleaseError("R500", f"the release cannot be written: {reason}", hint=f"{hint} (--out)")


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
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        partial = target.parent / f".{target.name}.partial-{secrets.token_hex(6)}"
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise as_release_error(error) from None
    try:
        with open(partial / LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield partial
            _sync_all(partial)
            (partial / LOCK).unlink()
            _move_into_place(partial, target, replace)
    except OSError as error:
        raise as_release_error(error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_target(target: Path, replace: bool, member: str = "card.json") -> None:
    """Raises ReleaseError R503 if the target is in the way."""
    if not target.exists():
        return
    if not replace:
        raise ReleaseError(
            "R503", "the output folder exists already", hint="choose another with --out, or --replace it"
        )
    if not (target / member).is_file():
        raise ReleaseError("R503", "the output folder exists and is not a release", hint="choose another with --out")


def _sweep(target: Path) -> None:
    """Remove what killed writers of this target left behind."""
    for left in target.parent.glob(f".{target.name}.partial-*"):
        try:
            with open(left / LOCK, "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue  # its writer lives


def _sync_all(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _move_into_place(partial: Path, target: Path, replace: bool) -> None:
    mask = os.umask(0)
    os.umask(mask)
    partial.chmod(0o777 & ~mask)
    if replace and target.exists():
        old = target.parent / f".{target.name}.partial-{secrets.token_hex(6)}"
        target.rename(old)
        try:
            partial.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        try:
            partial.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise ReleaseError("R503", "another writer made the output folder meanwhile", hint="--replace it") from None


def digest_file(path: Path) -> str:
    """`sha256:` and the hex digest of a file's bytes."""
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write_file(path: Path, content: bytes, *, replace: bool = True) -> None:
    """A single file, whole or not at all.

    Raises
    ------
    ReleaseError
        R500 if it cannot be written, R503 if it exists and must not be replaced
    """
    if path.exists() and not replace:
        raise ReleaseError("R503", "the output file exists already", hint="choose another name, or --replace it")
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(6)}")
    try:
        with open(partial, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise as_release_error(error) from None
    finally:
        partial.unlink(missing_ok=True)
