"""One SQLite file that threads and processes share: who may change it when, and when a change is on the disk.

WAL with synchronous=FULL: what a transaction has committed survives a kill and a power cut. `BEGIN IMMEDIATE` makes SQLite
the one writer lock, so several processes may share a file; whoever decides inside a transaction sees every spend so far.

Threads of a process share transactions, since a flush to the disk takes longer than the work: one after another they enter,
change rows, and leave. Whoever leaves while others wait to enter waits for them; the last one commits for all.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from jalousie.errors import StoreError

FILE: Final = "provider.db"
_WAIT_SECONDS: Final = 30.0


class Batch:
    """A transaction that several threads share: one flush to the disk makes the work of all of them durable."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.failed = False
        self.wanted = False
        """Whether somebody who has left it waits for the flush."""
        self.known: dict[Hashable, Any] = {}
        """What was read of the file, or written to it, in this transaction; forgotten when a turn is undone."""

    def require_done(self) -> None:
        """
        Raises
        ------
        StoreError
            S803 if it could not be written: nothing of it has happened
        """
        if self.failed:
            raise StoreError("S803", "the provider's store is busy or the disk is full", hint="try again")


class SharedFile:
    """A file and its one writing connection. `path` None keeps everything in memory, for simulations.

    What is read outside of a transaction is what was committed.
    """

    def __init__(self, path: Path | None, steps: tuple[str, ...]) -> None:
        """`steps`: the schema, see `places.migrations`.

        Raises
        ------
        StoreError
            S800 cannot be opened, S801 made by a newer version, S802 can be read by others
        """
        self._gate = threading.Lock()
        """Held from entering to leaving, and while a batch is written."""
        self._entering = 0
        self._counting = threading.Lock()
        self._owner = 0
        self._batch: Batch | None = None
        self._in_memory = path is None
        self._reading = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        with _opening():
            try:
                if path is not None:
                    _require_private(path)
                self._db = self._connect(path)
                self._reader = self._connect(path) if path is not None else self._db
                self._migrate(steps)
            except BaseException:
                self.close()
                raise

    def _connect(self, path: Path | None) -> sqlite3.Connection:
        db = sqlite3.connect(
            path if path is not None else ":memory:",
            timeout=_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        self._open.append(db)
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            db.execute(f"PRAGMA {setting}")
        return db

    def _migrate(self, steps: tuple[str, ...]) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(steps):
                raise StoreError("S801", "the store was made by a newer version of Jalousie", hint="update Jalousie")
            for number, step in enumerate(steps[version:], version + 1):
                for statement in _statements(step):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={number}")

    def close(self) -> None:
        with self._gate:
            self._close_all()

    def _close_all(self) -> None:
        while self._open:
            self._open.pop().close()

    def __del__(self) -> None:
        # a simulation in memory ends with its last user; a file is closed by whoever opened it
        if self._in_memory:
            self._close_all()

    def check(self) -> bool:
        """SQLite's own check of the whole file."""
        return bool(self.one("PRAGMA integrity_check")[0] == "ok")

    # -- transactions

    @property
    def batch(self) -> Batch:
        """The transaction of whoever has a turn."""
        batch = self._batch
        assert batch is not None
        assert self._owner == threading.get_ident(), "the turn is somebody else's"
        return batch

    @contextmanager
    def transaction(self) -> Iterator[Batch]:
        """All or nothing, alone on the file, durable when it is left. Not to be nested."""
        batch = self.enter()
        try:
            yield batch
        except BaseException:
            self.abandon()
            raise
        self.leave()

    def enter(self) -> Batch:
        """Wait for one's turn, and for other processes; from here on everything that was spent is seen."""
        with self._counting:
            self._entering += 1
        try:
            self._gate.acquire()
        finally:
            with self._counting:
                self._entering -= 1
        self._owner = threading.get_ident()
        try:
            with working:
                if self._batch is None:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._batch = Batch()
                self._db.execute("SAVEPOINT turn")
            return self._batch
        except BaseException:
            self._end_batch()
            raise

    def leave(self, *, wait: bool = True) -> Batch:
        """End one's turn, and return when what was changed is on the disk. Without `wait` it is durable after `settle`.

        Raises
        ------
        StoreError
            S803 if it could not be written: nothing of it has happened
        """
        batch = self._batch
        assert batch is not None
        batch.wanted |= wait
        try:
            with working:
                self._db.execute("RELEASE turn")
        except BaseException:
            self._fail()
            raise
        finally:
            self._pass_on()
        if wait:
            batch.over.wait()
            batch.require_done()
        return batch

    def abandon(self) -> None:
        """Leave, and undo what was changed since `enter`."""
        if self._batch is not None:
            self._batch.known.clear()
        try:
            with working:
                self._db.execute("ROLLBACK TO turn")
                self._db.execute("RELEASE turn")
        except StoreError:
            self._fail()  # SQLite has given up the whole transaction already (a full disk)
        finally:
            self._end_batch()

    def settle(self, batch: Batch) -> None:
        """Return when a batch is on the disk.

        Raises
        ------
        StoreError
            S803 if it could not be written: nothing of it has happened
        """
        if not batch.over.is_set():
            with self._gate:
                if self._batch is batch:
                    self._commit(batch)
        batch.require_done()

    def _pass_on(self) -> None:
        """Let the next one in; if there is none, write first what others wait for."""
        self._owner = 0
        batch = self._batch
        if batch is not None and (self._in_memory or (batch.wanted and not self._entering)):
            self._commit(batch)
        self._gate.release()

    def _end_batch(self) -> None:
        """As `_pass_on`, after a turn that failed: nobody of it will come and settle."""
        if self._batch is not None:
            self._batch.wanted = True
        self._pass_on()

    def _commit(self, batch: Batch) -> None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._fail()
        self._batch = None
        batch.over.set()

    def _fail(self) -> None:
        batch, self._batch = self._batch, None
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if batch is not None:
            batch.failed = True
            batch.over.set()

    # -- statements

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """A change, inside a transaction."""
        assert self._owner == threading.get_ident(), "changes are made inside a transaction"
        with working:
            return self._db.execute(sql, values)

    def one(self, sql: str, *values: Any) -> Any:
        found = self.all(sql, *values)
        return found[0] if found else None

    def all(self, sql: str, *values: Any) -> list[Any]:
        """Rows: inside a transaction as they are now, outside as they were committed."""
        if self._owner == threading.get_ident():
            with working:
                return self._db.execute(sql, values).fetchall()
        # in memory there is one connection: wait until nobody is in the middle of a change
        with self._gate if self._in_memory else self._reading, working:
            return self._reader.execute(sql, values).fetchall()


class _Working:
    """SQLite's messages can quote values: say in our own words what went wrong. (A generator would cost as a statement does.)"""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        if issubclass(kind, sqlite3.OperationalError):
            raise StoreError("S803", "the provider's store is busy or the disk is full", hint="try again") from None
        if issubclass(kind, sqlite3.DatabaseError):
            raise StoreError(
                "S804", "the provider's store is damaged", hint="restore it, then `jalousie doctor`"
            ) from None


working: Final = _Working()


@contextmanager
def _opening() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError):
        raise StoreError(
            "S800",
            "the provider's store cannot be opened",
            hint="is the folder yours, and the disk not full? `jalousie doctor` tells more",
        ) from None


def _statements(script: str) -> Iterator[str]:
    """`executescript` commits on its own, which would break a migration in two."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


def _require_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        raise StoreError("S802", "the provider's store can be read by others", hint=f"chmod 600 {FILE}")
