"""A provider's memory for questions: one SQLite file. It knows bytes, digests and whole numbers, and no module.

WAL with synchronous=FULL: what a transaction has committed survives a kill and a power cut. `BEGIN IMMEDIATE` makes SQLite
the one writer lock, so several processes may share a file; whoever decides inside a transaction sees every spend so far.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from jalousie.errors import StoreError, WireError
from jalousie.places.migrations import STEPS

FILE: Final = "provider.db"
_WAIT_SECONDS: Final = 30.0
_PAGE: Final = 512


class Past(NamedTuple):
    """What a question left behind. `bits`: whom of its population it charged, one bit a record, highest first; none: all."""

    number: int
    label: str
    population: str
    bits: bytes
    spent: int
    moment: int


class Asked(NamedTuple):
    """A question as kept. `moment`: milliseconds since 1970."""

    number: int
    digest: str
    label: str
    population: str
    partitions: int
    groups: int
    spent: int
    moment: int
    minute: str
    status: str
    code: str
    entry: int


class Batch:
    """A transaction that several threads share: one flush to the disk makes the work of all of them durable."""

    def __init__(self) -> None:
        self.done = False
        self.failed = False


class Store:
    """One provider's store. `path` None keeps everything in memory, for simulations.

    Threads enter one after another, change rows, leave, and `settle`: whoever settles first commits for all who have left by
    then. What is read outside of a transaction is what was committed.
    """

    def __init__(self, path: Path | None = None) -> None:
        """
        Raises
        ------
        StoreError
            S800 cannot be opened, S801 made by a newer version, S802 can be read by others
        """
        self._turn = threading.Condition(threading.Lock())
        self._entering = 0
        self._owner = 0
        self._batch: Batch | None = None
        self._in_memory = path is None
        self._reading = threading.Lock()
        self._asking = threading.Lock()
        with _opening():
            if path is not None:
                _require_private(path)
            self._db = self._connect(path)
            self._reader = self._connect(path) if path is not None else self._db
            # requests seen need no flush to the disk: a machine that lost its power is back later than a message may be old
            self._quick = self._connect(path, synchronous="NORMAL") if path is not None else self._db
            self._migrate()

    @staticmethod
    def _connect(path: Path | None, synchronous: str = "FULL") -> sqlite3.Connection:
        db = sqlite3.connect(
            path if path is not None else ":memory:",
            timeout=_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("PRAGMA trusted_schema=OFF")
        return db

    def _migrate(self) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(STEPS):
                raise StoreError("S801", "the store was made by a newer version of Jalousie", hint="update Jalousie")
            for number, step in enumerate(STEPS[version:], version + 1):
                for statement in _statements(step):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={number}")

    def close(self) -> None:
        with self._turn:
            for db in {id(db): db for db in (self._db, self._reader, self._quick)}.values():
                db.close()

    # -- transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone on the file, durable when it is left. Not to be nested."""
        self.enter()
        try:
            yield
        except BaseException:
            self.abandon()
            raise
        self.settle(self.leave())

    def enter(self) -> None:
        """Wait for one's turn, and for other processes; from here on everything that was spent is seen."""
        with self._turn:
            self._entering += 1
            while self._owner:
                self._turn.wait()
            self._owner = threading.get_ident()
        try:
            with _working():
                if self._batch is None:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._batch = Batch()
                self._db.execute("SAVEPOINT turn")
        except BaseException:
            self._let_go()
            raise

    def leave(self) -> Batch:
        """Let the next one in. What was changed is not durable before `settle` returns."""
        batch = self._batch
        assert batch is not None
        try:
            with _working():
                self._db.execute("RELEASE turn")
                if self._in_memory:
                    self._commit(batch)
        finally:
            self._let_go()
        return batch

    def abandon(self) -> None:
        """Leave, and undo what was changed since `enter`."""
        try:
            with _working():
                self._db.execute("ROLLBACK TO turn")
                self._db.execute("RELEASE turn")
        except StoreError:
            self._fail()  # SQLite has given up the whole transaction already (a full disk)
        finally:
            batch = self._batch
            self._let_go()
        if batch is not None:
            self.settle(batch)

    def settle(self, batch: Batch) -> None:
        """Return when a batch is on the disk.

        Raises
        ------
        StoreError
            S803 if it could not be written: nothing of it has happened
        """
        with self._turn:
            # whoever waits to enter goes first and shares the flush; each of them comes here next, so nobody waits long
            while not batch.done and (self._owner or self._entering):
                self._turn.wait()
            if not batch.done:
                self._commit(batch)
                self._turn.notify_all()
        if batch.failed:
            raise StoreError("S803", "the provider's store is busy or the disk is full", hint="try again")

    def _commit(self, batch: Batch) -> None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            self._fail()
        batch.done = True
        self._batch = None

    def _fail(self) -> None:
        if self._batch is not None:
            self._batch.failed = self._batch.done = True
            self._batch = None
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _let_go(self) -> None:
        with self._turn:
            self._owner = 0
            self._entering -= 1
            self._turn.notify_all()

    # -- ledger: the storage of `ledger.log.Log`

    def append(self, leaf: bytes) -> int:
        """Keep a leaf with the transaction that is open; returns its index."""
        index = self.leaves()
        self._run("INSERT INTO leaf VALUES (?, ?)", index, leaf)
        return index

    def last_leaf(self) -> bytes | None:
        row = self._one("SELECT data FROM leaf ORDER BY number DESC LIMIT 1")
        return None if row is None else bytes(row[0])

    def leaves(self) -> int:
        (count,) = self._one("SELECT coalesce(max(number) + 1, 0) FROM leaf")
        return int(count)

    def read(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """Leaves start..end-1, by default to the last."""
        while True:
            stop = start + _PAGE if end is None else min(end, start + _PAGE)
            rows = self._all("SELECT data FROM leaf WHERE number >= ? AND number < ? ORDER BY number", start, stop)
            yield from (data for (data,) in rows)
            start += len(rows)
            if len(rows) < _PAGE or start == end:
                return

    def keep_cosignature(self, size: int, note: str) -> None:
        with self.transaction():
            self._run("INSERT OR IGNORE INTO cosignature VALUES (?, ?)", size, note)

    def cosigned(self, size: int | None = None) -> tuple[int, str] | None:
        """The newest cosigned checkpoint, or that of one size."""
        row = self._one(
            "SELECT size, note FROM cosignature WHERE ?1 IS NULL OR size = ?1 ORDER BY size DESC LIMIT 1", size
        )
        return None if row is None else (int(row[0]), str(row[1]))

    # -- contracts and what they reserve

    def contracts(self) -> tuple[str, ...]:
        """Registered and not erased."""
        return tuple(digest for (digest,) in self._all("SELECT digest FROM contract WHERE NOT erased ORDER BY rowid"))

    def known(self, contract: str) -> bool:
        """Whether a contract is or was registered."""
        return self._one("SELECT 1 FROM contract WHERE digest = ?", contract) is not None

    def reserved(self, column: str) -> list[tuple[int, int]]:
        """(reserved, lifetime) of every contract and label that ever asked for a column."""
        return self._all("SELECT reserved, lifetime FROM reservation WHERE column_name = ?", column)

    def add_contract(self, contract: str, text: bytes, labels: dict[str, tuple[str, int, int]]) -> None:
        """`labels`: by name, (column, reserved, lifetime). Inside a transaction, after the sums were checked."""
        self._run("INSERT INTO contract (digest, text) VALUES (?, ?)", contract, text)
        for label, row in labels.items():
            self._run("INSERT INTO reservation VALUES (?, ?, ?, ?, ?)", contract, label, *row)

    def erase(self, contract: str) -> None:
        """Forget populations, questions and answers of a contract. What it reserved stays reserved. Inside a transaction."""
        for table in ("memo", "question"):
            self._run(f"DELETE FROM {table} WHERE contract = ?", contract)
        self._run("DELETE FROM asked WHERE population IN (SELECT number FROM population WHERE contract = ?)", contract)
        self._run("DELETE FROM population WHERE contract = ?", contract)
        self._run("UPDATE contract SET erased = 1, text = x'' WHERE digest = ?", contract)

    # -- populations

    def add_population(self, contract: str, digest: str, pseudonyms: bytes, size: int) -> bool:
        """Whether it is new. Inside a transaction."""
        done = self._run(
            "INSERT OR IGNORE INTO population (contract, digest, size, pseudonyms) VALUES (?, ?, ?, ?)",
            *(contract, digest, size, pseudonyms),
        )
        return done.rowcount == 1

    def populations(self, contract: str) -> list[tuple[str, int]]:
        """(digest, size), oldest first."""
        return self._all("SELECT digest, size FROM population WHERE contract = ? ORDER BY number", contract)

    def pseudonyms(self, contract: str, digest: str) -> bytes | None:
        row = self._one("SELECT pseudonyms FROM population WHERE contract = ? AND digest = ?", contract, digest)
        return None if row is None else bytes(row[0])

    # -- questions

    def add_asked(self, contract: str, population: str, digest: str, bits: bytes) -> int:
        """A set of records of a population; the same set is kept once. Inside a transaction."""
        (population_number,) = self._one(
            "SELECT number FROM population WHERE contract = ? AND digest = ?", contract, population
        )
        self._run(
            "INSERT OR IGNORE INTO asked (population, digest, bits) VALUES (?, ?, ?)", population_number, digest, bits
        )
        (number,) = self._one("SELECT number FROM asked WHERE population = ? AND digest = ?", population_number, digest)
        return int(number)

    def add_question(self, contract: str, asked: int | None, **values: Any) -> int:
        """Keep a question with what it spends. Inside a transaction. Keys as in `Asked`, but `number`."""
        names: tuple[str, ...] = ("digest", "label", "population", "partitions", "groups", "spent")
        names += ("moment", "minute", "status", "code", "entry")
        row = (contract, asked, *(values[name] for name in names))
        marks = ", ".join("?" * len(row))
        return int(
            self._run(f"INSERT INTO question (contract, asked, {', '.join(names)}) VALUES ({marks})", *row).lastrowid
            or 0
        )

    def finish(self, question: int, status: str, answer: bytes) -> None:
        """A question's outcome. Inside a transaction."""
        self._run("UPDATE question SET status = ?, answer = ? WHERE number = ?", status, answer, question)

    def questions_after(self, contract: str, number: int) -> list[Past]:
        """Questions with higher numbers, oldest first: what a process has to catch up on."""
        rows = self._all(
            "SELECT q.number, q.label, q.population, coalesce(a.bits, x''), q.spent, q.moment"
            " FROM question q LEFT JOIN asked a ON a.number = q.asked WHERE q.contract = ? AND q.number > ?"
            " ORDER BY q.number",
            *(contract, number),
        )
        return [Past(*row) for row in rows]

    def questions(self, contract: str, after: int = 0, limit: int = 1000) -> list[Asked]:
        rows = self._all(
            "SELECT number, digest, label, population, partitions, groups, spent, moment, minute, status, code, entry"
            " FROM question WHERE contract = ? AND number > ? ORDER BY number LIMIT ?",
            *(contract, after, limit),
        )
        return [Asked(*row) for row in rows]

    def answer(self, contract: str, digest: str) -> bytes | None:
        """The newest answer to a question, as it was sent."""
        row = self._one(
            "SELECT answer FROM question WHERE contract = ? AND digest = ? AND answer IS NOT NULL"
            " ORDER BY number DESC LIMIT 1",
            *(contract, digest),
        )
        return None if row is None else bytes(row[0])

    def memo(self, contract: str, label: str, partition: str) -> bytes | None:
        """Noisy counts that this partition was answered with."""
        row = self._one(
            "SELECT counts FROM memo WHERE contract = ? AND label = ? AND partition = ?", contract, label, partition
        )
        return None if row is None else bytes(row[0])

    def add_memo(self, contract: str, label: str, partition: str, counts: bytes, question: int) -> bytes:
        """Keep noisy counts, unless some were kept already: returns those that hold. Inside a transaction."""
        self._run(
            "INSERT OR IGNORE INTO memo (contract, label, partition, counts, question) VALUES (?, ?, ?, ?, ?)",
            *(contract, label, partition, counts, question),
        )
        kept = self.memo(contract, label, partition)
        assert kept is not None
        return kept

    # -- requests

    def require_unseen(self, sender: str, sequence: int, minute: str, oldest: str) -> None:
        """Keep a request's number, and forget those older than `oldest`, which are refused by their age.

        Raises
        ------
        WireError
            W605 if it was received before
        """
        with self._asking if not self._in_memory else self._turn, _working():
            done = self._quick.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (sender, sequence, minute))
            if done.rowcount != 1:
                raise WireError("W605", "the message was received before", effect="")
            if sequence % _PAGE == 0:
                self._quick.execute("DELETE FROM seen WHERE minute < ?", (oldest,))

    # -- plumbing

    def check(self) -> bool:
        """SQLite's own check of the whole file."""
        return bool(self._one("PRAGMA integrity_check")[0] == "ok")

    def _run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """A change, inside a transaction."""
        assert self._owner == threading.get_ident(), "changes are made inside a transaction"
        with _working():
            return self._db.execute(sql, values)

    def _one(self, sql: str, *values: Any) -> Any:
        found = self._all(sql, *values)
        return found[0] if found else None

    def _all(self, sql: str, *values: Any) -> list[Any]:
        if self._owner == threading.get_ident():
            with _working():
                return self._db.execute(sql, values).fetchall()
        if self._in_memory:
            # one connection: wait until nobody is in the middle of a change
            with self._turn:
                while self._owner:
                    self._turn.wait()
                with _working():
                    return self._db.execute(sql, values).fetchall()
        with self._reading, _working():
            return self._reader.execute(sql, values).fetchall()


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


@contextmanager
def _working() -> Iterator[None]:
    # sqlite's messages can quote values
    try:
        yield
    except sqlite3.OperationalError:
        raise StoreError("S803", "the provider's store is busy or the disk is full", hint="try again") from None
    except sqlite3.DatabaseError:
        raise StoreError("S804", "the provider's store is damaged", hint="restore it, then `jalousie doctor`") from None
