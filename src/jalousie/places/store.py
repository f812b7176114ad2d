"""A provider's memory for questions, as rows of one SQLite file. It knows bytes, digests and whole numbers, and no module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from jalousie.errors import LedgerError, StoreError, WireError
from jalousie.places.migrations import STEPS
from jalousie.places.shared_file import FILE, Batch, SharedFile

__all__ = ["FILE", "Asked", "Batch", "Past", "Reserved", "Store"]
_PAGE: Final = 512
_ASKED: Final = (
    "SELECT a.number FROM asked a JOIN population p ON p.number = a.population"
    " WHERE p.contract = ? AND p.digest = ? AND a.digest = ?"
)


class Past(NamedTuple):
    """What a question left behind. `bits`: whom of its population it charged, one bit a record, highest first; none: all."""

    number: int
    label: str
    population: str
    bits: bytes
    spent: int
    moment: int


class Reserved(NamedTuple):
    """What a contract reserved of a column: whole billionths of rho, and what these do not tell (see `places.migrations`)."""

    column: str
    reserved: int
    lifetime: int
    delta: float | None
    epsilon: float | None
    lifetime_epsilon: float | None


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
    leaf: bytes
    """Of the ledger, for that entry."""


class Store(SharedFile):
    """One provider's store: the rows of the file. `path` None keeps everything in memory, for simulations."""

    def __init__(self, path: Path | None = None) -> None:
        """
        Raises
        ------
        StoreError
            S800 cannot be opened, S801 made by a newer version, S802 can be read by others
        """
        super().__init__(path, STEPS)

    @classmethod
    def existing(cls, home: Path) -> Store:
        """The store in a place's folder; none is made.

        Raises
        ------
        LedgerError
            L713 there is none
        StoreError
            as above
        """
        if not (home / FILE).is_file():
            hint = "only a provider that has served has one; name its folder with --home"
            raise LedgerError("L713", "there is no store with a ledger in this folder", hint=hint, effect="")
        return cls(home / FILE)

    # -- ledger: the storage of `ledger.log.Log`

    def append(self, leaf: bytes) -> int:
        """Keep a leaf with the transaction that is open; returns its index."""
        number, _ = self._newest()
        self.run("INSERT INTO leaf VALUES (?, ?)", number + 1, leaf)
        self.batch.known["leaf"] = number + 1, leaf
        return number + 1

    def last_leaf(self) -> bytes | None:
        """Of the transaction that is open."""
        return self._newest()[1]

    def _newest(self) -> tuple[int, bytes | None]:
        """Number and leaf; read once a transaction, since nobody else can append meanwhile."""
        known = self.batch.known
        if "leaf" not in known:
            known["leaf"] = self.one("SELECT number, data FROM leaf ORDER BY number DESC LIMIT 1") or (-1, None)
        number, leaf = known["leaf"]
        return number, leaf

    def leaves(self) -> int:
        (count,) = self.one("SELECT coalesce(max(number) + 1, 0) FROM leaf")
        return int(count)

    def read(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """Leaves start..end-1, by default to the last."""
        while True:
            stop = start + _PAGE if end is None else min(end, start + _PAGE)
            rows = self.all("SELECT data FROM leaf WHERE number >= ? AND number < ? ORDER BY number", start, stop)
            yield from (data for (data,) in rows)
            start += len(rows)
            if len(rows) < _PAGE or start == end:
                return

    def keep_cosignature(self, size: int, note: str) -> None:
        with self.transaction():
            self.run("INSERT OR IGNORE INTO cosignature VALUES (?, ?)", size, note)

    def cosigned(self, size: int | None = None) -> tuple[int, str] | None:
        """The newest cosigned checkpoint, or that of one size."""
        row = self.one(
            "SELECT size, note FROM cosignature WHERE ? IS NULL OR size = ? ORDER BY size DESC LIMIT 1", size, size
        )
        return None if row is None else (int(row[0]), str(row[1]))

    def cosignatures(self, size: int) -> Iterator[str]:
        """Cosigned checkpoints of at most a size, the newest first."""
        rows = self.all("SELECT note FROM cosignature WHERE size <= ? ORDER BY size DESC", size)
        return (str(note) for (note,) in rows)

    # -- contracts and what they reserve

    def contracts(self) -> tuple[str, ...]:
        """Registered and not erased."""
        return tuple(digest for (digest,) in self.all("SELECT digest FROM contract WHERE NOT erased ORDER BY rowid"))

    def known(self, contract: str) -> bool:
        """Whether a contract is or was registered."""
        return self.one("SELECT 1 FROM contract WHERE digest = ?", contract) is not None

    def reserved(self, column: str) -> list[Reserved]:
        """Of every contract and label that ever asked for a column."""
        names = "column_name, reserved, lifetime, delta, epsilon, lifetime_epsilon"
        return [Reserved(*row) for row in self.all(f"SELECT {names} FROM reservation WHERE column_name = ?", column)]

    def reservations(self) -> dict[tuple[str, str], tuple[str, int, int]]:
        """By contract and label: (column, reserved, lifetime), of erased contracts too."""
        rows = self.all("SELECT contract, label, column_name, reserved, lifetime FROM reservation")
        return {(contract, label): tuple(row) for contract, label, *row in rows}

    def add_contract(self, contract: str, text: bytes, labels: Mapping[str, Reserved]) -> None:
        """Inside a transaction, after the sums were checked."""
        self.run("INSERT INTO contract (digest, text) VALUES (?, ?)", contract, text)
        names = "contract, label, column_name, reserved, lifetime, delta, epsilon, lifetime_epsilon"
        for label, row in labels.items():
            self.run(f"INSERT INTO reservation ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", contract, label, *row)

    def chosen(self, contract: str) -> bytes:
        """Whose records count, 32 bytes each."""
        return b"".join(pairs for (pairs,) in self.all("SELECT pairs FROM chosen WHERE contract = ?", contract))

    def add_chosen(self, contract: str, pairs: bytes) -> None:
        """Inside a transaction."""
        self.run("INSERT INTO chosen (contract, pairs) VALUES (?, ?)", contract, pairs)

    def ever_registered(self) -> bool:
        """Whether any contract is or was registered."""
        return self.one("SELECT 1 FROM contract LIMIT 1") is not None

    # -- the key of the place

    def master_key(self) -> str:
        """The fingerprint of the master key that this store belongs to; empty where it belongs to none yet."""
        row = self.one("SELECT value FROM place WHERE name = 'master-key'")
        return "" if row is None else str(row[0])

    def bind_master_key(self, fingerprint: str) -> None:
        """The store belongs to this key from now on. Inside a transaction.

        Raises
        ------
        StoreError
            S805 it belongs to another one
        """
        self.run("INSERT OR IGNORE INTO place VALUES ('master-key', ?)", fingerprint)
        if self.master_key() != fingerprint:
            raise other_master_key()

    def erase(self, contract: str) -> None:
        """Forget populations, questions and answers of a contract. What it reserved stays reserved. Inside a transaction."""
        for table in ("memo", "question", "chosen"):
            self.run(f"DELETE FROM {table} WHERE contract = ?", contract)
        self.run("DELETE FROM asked WHERE population IN (SELECT number FROM population WHERE contract = ?)", contract)
        self.run("DELETE FROM population WHERE contract = ?", contract)
        self.run("UPDATE contract SET erased = 1, text = x'' WHERE digest = ?", contract)

    # -- populations

    def add_population(self, contract: str, digest: str, pseudonyms: bytes, size: int) -> bool:
        """Whether it is new. Inside a transaction."""
        done = self.run(
            "INSERT OR IGNORE INTO population (contract, digest, size, pseudonyms) VALUES (?, ?, ?, ?)",
            *(contract, digest, size, pseudonyms),
        )
        return done.rowcount == 1

    def populations(self, contract: str) -> list[tuple[str, int]]:
        """(digest, size), oldest first."""
        return self.all("SELECT digest, size FROM population WHERE contract = ? ORDER BY number", contract)

    def count_populations(self, contract: str) -> int:
        (count,) = self.one("SELECT count(*) FROM population WHERE contract = ?", contract)
        return int(count)

    def pseudonyms(self, contract: str, digest: str) -> bytes | None:
        row = self.one("SELECT pseudonyms FROM population WHERE contract = ? AND digest = ?", contract, digest)
        return None if row is None else bytes(row[0])

    # -- questions

    def add_asked(self, contract: str, population: str, digest: str, bits: bytes) -> int:
        """A set of records of a population; the same set is kept once. Inside a transaction."""
        wanted = (contract, population, digest)
        known = self.batch.known
        found = known.get(wanted) or self.one(_ASKED, *wanted)
        if found is None:
            self.run(
                "INSERT INTO asked (population, digest, bits)"
                " SELECT number, ?, ? FROM population WHERE contract = ? AND digest = ?",
                *(digest, bits, contract, population),
            )
            found = self.one(_ASKED, *wanted)
        known[wanted] = found
        return int(found[0])

    def asked_sets(self, contract: str) -> list[tuple[str, str, bytes]]:
        """(digest, population, bits) of every set that was charged."""
        return self.all(
            "SELECT a.digest, p.digest, a.bits FROM asked a JOIN population p ON p.number = a.population"
            " WHERE p.contract = ? ORDER BY a.number",
            contract,
        )

    def charged_sets(self, contract: str) -> dict[int, tuple[str, str]]:
        """By number of the question: the set that it charged, and the population that set is kept under."""
        rows = self.all(
            "SELECT q.number, a.digest, p.digest FROM question q JOIN asked a ON a.number = q.asked"
            " JOIN population p ON p.number = a.population WHERE q.contract = ?",
            contract,
        )
        return {number: (asked, population) for number, asked, population in rows}

    def add_question(self, contract: str, asked: int | None, **values: Any) -> int:
        """Keep a question with what it spends. Inside a transaction. Keys as in `Asked`, but `number`."""
        names: tuple[str, ...] = ("digest", "label", "population", "partitions", "groups", "spent")
        names += ("moment", "minute", "status", "code", "entry")
        row = (contract, asked, *(values[name] for name in names))
        marks = ", ".join("?" * len(row))
        return int(
            self.run(f"INSERT INTO question (contract, asked, {', '.join(names)}) VALUES ({marks})", *row).lastrowid
            or 0
        )

    def finish(self, question: int, status: str, answer: bytes) -> None:
        """A question's outcome. Inside a transaction."""
        self.run("UPDATE question SET status = ?, answer = ? WHERE number = ?", status, answer, question)

    def questions_after(self, contract: str, number: int) -> list[Past]:
        """Questions with higher numbers, oldest first: what a process has to catch up on."""
        rows = self.all(
            "SELECT q.number, q.label, q.population, coalesce(a.bits, x''), q.spent, q.moment"
            " FROM question q LEFT JOIN asked a ON a.number = q.asked WHERE q.contract = ? AND q.number > ?"
            " ORDER BY q.number",
            *(contract, number),
        )
        return [Past(*row) for row in rows]

    def questions(self, contract: str, after: int = 0, limit: int = 1000) -> list[Asked]:
        rows = self.all(
            "SELECT q.number, q.digest, q.label, q.population, q.partitions, q.groups, q.spent, q.moment, q.minute, q.status,"
            " q.code, q.entry, coalesce(l.data, x'') FROM question q LEFT JOIN leaf l ON l.number = q.entry"
            " WHERE q.contract = ? AND q.number > ? ORDER BY q.number LIMIT ?",
            *(contract, after, limit),
        )
        return [Asked(*row) for row in rows]

    def answer(self, contract: str, digest: str) -> bytes | None:
        """The newest answer to a question, as it was sent."""
        row = self.one(
            "SELECT answer FROM question WHERE contract = ? AND digest = ? AND answer IS NOT NULL"
            " ORDER BY number DESC LIMIT 1",
            *(contract, digest),
        )
        return None if row is None else bytes(row[0])

    def memo(self, contract: str, label: str, partition: str) -> bytes | None:
        """Noisy counts that this partition was answered with."""
        row = self.one(
            "SELECT counts FROM memo WHERE contract = ? AND label = ? AND partition = ?", contract, label, partition
        )
        return None if row is None else bytes(row[0])

    def memos(self, contract: str) -> Iterator[tuple[tuple[str, str], bytes]]:
        """All noisy counts that are kept, by label and partition."""
        rows = self.all("SELECT label, partition, counts FROM memo WHERE contract = ?", contract)
        return (((label, partition), bytes(counts)) for label, partition, counts in rows)

    def add_memos(self, contract: str, label: str, counts: dict[str, bytes], question: int) -> bool:
        """Keep noisy counts by partition, all of them or none: none where others were kept of one of them. In a transaction."""
        kept: list[str] = []
        for partition, cells in counts.items():
            done = self.run(
                "INSERT OR IGNORE INTO memo (contract, label, partition, counts, question) VALUES (?, ?, ?, ?, ?)",
                *(contract, label, partition, cells, question),
            )
            if done.rowcount != 1:
                for each in kept:
                    self.run(
                        "DELETE FROM memo WHERE contract = ? AND label = ? AND partition = ?", contract, label, each
                    )
                return False
            kept.append(partition)
        return True

    # -- requests

    def require_unseen(self, sender: str, sequence: int, minute: str, oldest: str) -> Batch:
        """Keep a request's number, and forget those older than `oldest`, which are refused by their age.

        It is kept with whatever the request changes; nothing may leave before the batch has settled.

        Raises
        ------
        WireError
            W605 if it was received before
        """
        self.enter()
        try:
            done = self.run("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", sender, sequence, minute)
            if done.rowcount != 1:
                raise WireError("W605", "the message was received before", effect="")
            if sequence % _PAGE == 0:
                self.run("DELETE FROM seen WHERE minute < ?", oldest)
        except BaseException:
            self.abandon()
            raise
        return self.leave(wait=False)


def other_master_key(what: str = "another one than that") -> StoreError:
    return StoreError(
        "S805",
        f"the place's master key is {what} of its store",
        hint="restore master.key from your back-up: under another key every record would begin with a fresh budget",
        effect="nothing was answered, nothing was written",
    )
