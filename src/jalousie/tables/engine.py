"""The default engine: a private DuckDB connection, and the few calls that Narwhals has no word for.

Everything that Jalousie does to the full data is written in Narwhals, so that DuckDB, Polars and (later) Spark run the same
code. What differs between engines is gathered here: how a small table is brought to the data, how numbers are fetched, and how
read order is kept.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
from msgspec import Struct
from numpy.typing import NDArray

from jalousie.errors import TableError, UsageError, library_boundary
from jalousie.tables.folder import remove_spill, spill_folder

FEW_ROWS = 250_000
THREAD_MEMORY = 320
"""MiB of the engine's default memory limit for each thread: two count and recode 100 million rows within 1 GiB in all."""

SmallColumn = NDArray[Any] | Sequence[str | None]


class EngineOptions(Struct, frozen=True):
    """Limits of the engine.

    threads        0: one a processor, at most 8
    memory_limit   such as `1GiB`; beyond it the engine works out of core. Empty: `THREAD_MEMORY` a thread, at most 80 % of the
                   memory. It bounds the engine, not numpy: the table of distinct combinations comes on top
    temp_folder    where raw data may be spilled, in a folder of its own that only this user can read and that is removed at
                   the end; empty: the system's. DuckDB cannot encrypt it without an extension from the network, so
                   place it on an encrypted disk
    """

    threads: int = 0
    memory_limit: str = ""
    temp_folder: str = ""

    def thread_count(self) -> int:
        return self.threads or max(1, min(8, os.cpu_count() or 1))

    def workable_limit(self) -> str:
        """The limit that is taken where none is given."""
        return f"{THREAD_MEMORY * self.thread_count()}MiB"


class Engine:
    """A DuckDB connection of our own: in memory, without network, its spill folder private and removed with it."""

    __slots__ = (
        "__weakref__",
        "_finalise",
        "_names",
        "connection",
        "files",
        "options",
        "sources",
        "spill_folder",
        "threads",
    )

    def __init__(self, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        if self.options.temp_folder and not Path(self.options.temp_folder).is_dir():
            raise UsageError("U100", "the temporary folder does not exist", hint="create it or leave the option out")
        try:
            folder, locks = spill_folder(Path(self.options.temp_folder or tempfile.gettempdir()))
        except OSError:
            raise UsageError(
                "U100", "the temporary folder cannot be written to", hint="name another with --temp-folder"
            ) from None
        self.spill_folder = str(folder)
        config: dict[str, Any] = {
            "threads": self.options.thread_count(),
            "temp_directory": self.spill_folder,
            # an engine that fetches extensions by itself would open connections from the provider's place
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # the left side of a join must stay the side that is streamed, so that rows leave in nearly read order (see `order`)
            "disabled_optimizers": "join_order,build_side_probe_side",
            "python_enable_replacements": False,
        }
        if self.options.memory_limit:
            config["memory_limit"] = self.options.memory_limit
        try:
            self.connection = duckdb.connect(config=config)
            self.run("SET TimeZone = 'UTC'")
            if not self.options.memory_limit:
                self._limit_memory()
        except duckdb.Error:
            remove_spill(folder, locks)
            raise UsageError(
                "U100", "the engine does not accept its options", hint="write the memory limit as 1GiB"
            ) from None
        self._names = count()
        self.threads = self.options.thread_count()
        self.sources: list[Any] = []
        """What must live as long as the connection (Arrow tables that it scans in place)."""
        self.files: list[tuple[Path, tuple[int, ...]]] = []
        """Files that are scanned in place, and how they looked when they were opened."""
        self._finalise = weakref.finalize(self, _close, self.connection, self.spill_folder, locks)

    def name(self) -> str:
        """A fresh name for a temporary table."""
        return f"jalousie_{next(self._names)}"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and fetch all its rows: a result that is left half fetched blocks the connection."""
        rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return rows

    def close(self) -> None:
        self._finalise()

    def _limit_memory(self) -> None:
        ((own,),) = self.run("SELECT current_setting('memory_limit')")
        limit = self.options.workable_limit()
        if in_bytes(limit) < in_bytes(own):  # the engine's own heeds a container's limit too
            self.run(f"SET memory_limit = {literal(limit)}")

    def fit(self, rows: int) -> None:
        """Threads for a table of this size: a second one only costs where a table is a few row groups."""
        small = rows <= FEW_ROWS and not self.options.threads
        self.threads = 1 if small else self.options.thread_count()
        self.set_threads(self.threads)
        if rows > FEW_ROWS:
            # else the allocator keeps what was freed: 200 MiB after counting 30 million rows
            self.run("SET allocator_background_threads = true")

    def set_threads(self, threads: int) -> None:
        self.run(f"SET threads = {threads}")

    def frame(self, table: str) -> nw.LazyFrame[Any]:
        frame: nw.LazyFrame[Any] = nw.from_native(self.connection.table(table))
        return frame

    def query(self, select: str) -> nw.LazyFrame[Any]:
        """The rows of a query, not computed yet."""
        frame: nw.LazyFrame[Any] = nw.from_native(self.connection.sql(select))
        return frame

    def create(self, select: str) -> str:
        """Store the rows of a query in a temporary table, in their order; the table may spill to disk."""
        table = self.name()
        self.run(f"CREATE TEMP TABLE {table} AS {select}")
        return table

    def view(self, select: str) -> str:
        """Name a query."""
        view = self.name()
        self.run(f"CREATE TEMP VIEW {view} AS {select}")
        return view

    def check_unchanged(self) -> None:
        """T213 where a file that is scanned in place is not what it was when it was opened."""
        for path, before in self.files:
            if fingerprint(path) != before:
                raise TableError("T213", "the table's file changed while it was worked on", hint="start again")


def _close(connection: Any, folder: str, locks: list[int]) -> None:
    connection.close()
    remove_spill(Path(folder), locks)


def fingerprint(path: Path) -> tuple[int, ...]:
    """Enough of a file's state to notice that it was replaced or rewritten."""
    try:
        state = path.stat()
    except OSError:
        return ()
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


def quoted(name: str) -> str:
    """An identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def file_list(path: Path) -> str:
    """One file in SQL; characters that would name other files are put in brackets."""
    return f"[{literal(''.join(f'[{c}]' if c in '*?[' else c for c in str(path)))}]"


def is_duckdb(frame: nw.LazyFrame[Any]) -> bool:
    return frame.implementation is nw.Implementation.DUCKDB


def engine_errors(frame: nw.LazyFrame[Any]) -> tuple[type[Exception], ...]:
    """What the engine of `frame` raises. Each may quote cells."""
    from narwhals.exceptions import NarwhalsError

    if frame.implementation is nw.Implementation.POLARS:
        from polars.exceptions import PolarsError

        return (PolarsError, NarwhalsError, *arrow_errors())
    return (duckdb.Error, NarwhalsError, *arrow_errors())


def arrow_errors() -> tuple[type[Exception], ...]:
    """What Arrow raises, if it is loaded; an engine's error inside a stream comes out as one of these."""
    arrow = sys.modules.get("pyarrow")
    return (arrow.lib.ArrowException,) if arrow is not None else ()


@contextmanager
def engine_boundary(frame: nw.LazyFrame[Any]) -> Iterator[None]:
    """Turns the engine's errors into T214."""
    with (
        library_boundary(
            TableError,
            "T214",
            "the engine could not compute over the table",
            *engine_errors(frame),
            hint="check free memory and disk, and that the file was not changed meanwhile",
        ),
        memory_boundary(),
    ):
        yield


@contextmanager
def memory_boundary() -> Iterator[None]:
    """Turns an engine that is out of memory, and nothing else, into T214. It goes inside boundaries of other codes."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise out_of_memory(error) from None


def out_of_memory(error: duckdb.Error) -> TableError:
    """T214 with the engine's limit and one that is likely to do. Only numbers are read from the engine's message."""
    found = re.search(r"\([\d.]+ \w+/([\d.]+ \w+) used\)", str(error))
    if "max_temp_directory_size" in str(error):
        return TableError("T214", "the disk does not suffice", hint="spill to another one (--temp-folder)")
    if found is None:
        return TableError("T214", "the engine's memory limit does not suffice", hint="raise it (--memory-limit)")
    limit = in_bytes(found.group(1))
    enough = max(in_bytes(EngineOptions().workable_limit()), 2 * limit)
    return TableError(
        "T214",
        f"the engine's memory limit of {in_words(limit)} does not suffice",
        hint=f"raise it (--memory-limit {in_words(enough)}); fewer threads (--threads 1) need less",
    )


UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"bytes": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


def in_bytes(size: str) -> int:
    """Bytes of a size as the engine writes it: `18.8 GiB`, `640MiB`, `0 bytes`."""
    found = re.fullmatch(r"([\d.]+) ?(\w+)", size.strip())
    return round(float(found.group(1)) * UNITS[found.group(2).lower()]) if found else 0


def in_words(size: int) -> str:
    """A size as `--memory-limit` takes it, rounded to MiB."""
    return f"{max(1, round(size / (1 << 20)))}MiB"


def fetch(frame: nw.LazyFrame[Any]) -> dict[str, NDArray[Any]]:
    """The columns of a small result without nulls as numpy arrays; pandas and pyarrow are not needed for it."""
    with engine_boundary(frame):
        if is_duckdb(frame):
            arrays: dict[str, NDArray[Any]] = frame.to_native().fetchnumpy()
            return arrays
        collected = frame.collect()
        return {name: collected[name].to_numpy() for name in collected.columns}


def fetch_counts(frame: nw.LazyFrame[Any], column: str, count: str) -> list[tuple[str, int]]:
    """A text column without nulls of a small result, and a number beside each text."""
    chosen = frame.select(column, count)
    with engine_boundary(frame):
        if is_duckdb(frame):
            rows: list[tuple[str, int]] = chosen.to_native().fetchall()
            return rows
        return list(chosen.collect().iter_rows())


def fetch_texts(frame: nw.LazyFrame[Any], column: str) -> list[str | None]:
    """One text column of a small result, nulls as None."""
    with engine_boundary(frame):
        if is_duckdb(frame):
            return [value for (value,) in frame.select(column).to_native().fetchall()]
        return list(frame.select(column).collect()[column].to_list())
