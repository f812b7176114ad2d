"""Write a release: Parquet, CSV or Arrow IPC.

Only recoded rows come here: a `RawTable` has no way to a file. Order and number of rows are kept and checked.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import duckdb
import narwhals as nw
from msgspec import Struct

from jalousie.contract.model import Csv
from jalousie.errors import ReleaseError, library_boundary
from jalousie.tables.apply import RecodedFrame
from jalousie.tables.border import enter, leave_batches
from jalousie.tables.check import check_schema, open_written
from jalousie.tables.engine import (
    Engine,
    EngineOptions,
    arrow_errors,
    engine_boundary,
    is_duckdb,
    literal,
    memory_boundary,
    quoted,
)
from jalousie.tables.order import BATCH, SORT_UP_TO, Numbered, OutOfOrder, settled

Format = Literal["parquet", "csv", "arrow"]
Order = Literal["keep", "shuffle"]

PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"


class Written(Struct, frozen=True):
    """What was written: rows, and bytes of the file."""

    rows: int
    bytes: int


def write_frame(
    recoded: RecodedFrame,
    target: Path | str | BinaryIO,
    *,
    format: Format = "parquet",
    csv: Csv | None = None,
    order: Order = "keep",
) -> Written:
    """Write the released rows to a path (overwritten; removed after a failure) or into an open binary file.

    `order="shuffle"` puts them in an order that nobody can foresee or undo (sorted by a hash under a secret of the operating
    system that is then forgotten). A null in CSV is the first of `csv.nulls`; text that looks the same is quoted.

    Raises R500 (disk full, folder not writable, text that the encoding or the dialect cannot hold), R501 (the rows are not as
    many as were decided), T213, T214 (the table changed or the engine failed meanwhile).
    """
    form = csv or Csv()
    if not isinstance(target, (str, Path)):
        folder = recoded.engine.spill_folder if isinstance(recoded.engine, Engine) else None
        with tempfile.TemporaryDirectory(prefix="jalousie-", dir=folder) as temporary:
            path = Path(temporary) / "release"
            written = write_frame(recoded, path, format=format, csv=form, order=order)
            with _boundary(), path.open("rb") as source:
                shutil.copyfileobj(source, target)
        return written
    path = Path(target)
    with _removed_on_failure(path):
        rows = _written(recoded, path, format, form, order)
        check_rows(recoded, rows)
        if format != "csv":
            reader = Engine(EngineOptions(threads=1))
            try:
                check_schema(recoded, open_written(reader, path, format))
            finally:
                reader.close()
    return Written(rows, path.stat().st_size)


def _written(recoded: RecodedFrame, path: Path, format: Format, form: Csv, order: Order) -> int:
    numbered = recoded.streamable()
    if numbered is not None and order == "keep" and recoded.rows > SORT_UP_TO and is_duckdb(numbered.source):
        try:
            return _stream(recoded, numbered, path, format, form)
        except OutOfOrder:
            pass  # the window was too small: sort
    if format == "arrow":
        import pyarrow  # noqa: F401  (its errors are then known to the boundary)
    with ordered_view(recoded, order) as (engine, view), _boundary():
        if format == "parquet":
            return _copy(engine, view, path, PARQUET)
        if format == "csv":
            return _write_csv(engine, view, recoded, path, form)
        with closing(engine.connection.table(view).to_arrow_reader(BATCH)) as reader:
            return _write_arrow(path, *leave_batches(reader.schema, reader, recoded.origin))


def _stream(recoded: RecodedFrame, numbered: Numbered, path: Path, format: Format, form: Csv) -> int:
    """Write a large result without a sort. Raises OutOfOrder."""
    import pyarrow as pa

    with numbered_batches(numbered) as (schema, batches), _boundary():
        if format == "parquet":
            return _write_parquet(path, schema, batches)
        if format == "arrow":
            return _write_arrow(path, *leave_batches(schema, batches, recoded.origin))
        late: list[OutOfOrder] = []
        # a second engine only writes what streams in; it would wrap our exception in one of its own
        writer = Engine(EngineOptions(threads=1))
        try:
            view = writer.name()
            writer.connection.register(view, pa.RecordBatchReader.from_batches(schema, _noting(batches, late)))
            return _write_csv(writer, view, recoded, path, form)
        except duckdb.Error:
            if late:
                raise late[0] from None
            raise
        finally:
            writer.close()


def _noting(batches: Iterator[Any], late: list[OutOfOrder]) -> Iterator[Any]:
    try:
        yield from batches
    except OutOfOrder as error:
        late.append(error)
        raise


@contextmanager
def numbered_batches(numbered: Numbered) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The rows of a DuckDB frame as Arrow batches in read order, and their schema."""
    rows = numbered.rows()
    relation = rows.to_native()
    engine = numbered.engine
    engine.set_threads(1)
    try:
        with engine_boundary(rows):
            reader = relation.to_arrow_reader(BATCH)
        try:
            schema = reader.schema.remove(reader.schema.get_field_index(numbered.row))
            yield schema, settled(iter(reader), numbered.row)
        finally:
            reader.close()  # a result that is open blocks the connection
    finally:
        engine.set_threads(engine.threads)


@contextmanager
def ordered_view(recoded: RecodedFrame, order: Order) -> Iterator[tuple[Engine, str]]:
    """The rows as a view of an engine, in their order."""
    if is_duckdb(recoded.frame) and isinstance(recoded.engine, Engine):
        engine = recoded.engine
        view = engine.name()
        with engine_boundary(recoded.frame):
            recoded.frame.to_native().create_view(view)
    else:
        engine = Engine(EngineOptions())
        view = engine.name()
        with engine_boundary(recoded.frame):
            table = enter(recoded.frame.collect("pyarrow").to_native())
        engine.connection.register(view, table)
        engine.sources.append(table)
    try:
        if order == "shuffle":
            # any unpredictable key does; the secret never leaves this statement
            number = f"row_number() OVER () || {literal(secrets.token_hex(32))}"
            view = engine.view(f"SELECT * FROM {view} ORDER BY sha256({number})")
            yield engine, view
            return
        # one thread keeps the order of rows that were not joined; others are sorted
        engine.set_threads(1)
        yield engine, view
    finally:
        engine.set_threads(engine.threads)


@contextmanager
def _boundary() -> Iterator[None]:
    with (
        library_boundary(
            ReleaseError,
            "R500",
            "the release cannot be written",
            duckdb.Error,
            OSError,
            *arrow_errors(),
            hint="check that the folder can be written to and that the disk is not full",
        ),
        memory_boundary(),
    ):
        yield


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    regular = not path.exists() or path.is_file()  # never remove a device
    try:
        yield
    except BaseException:
        if regular:
            path.unlink(missing_ok=True)
        raise


def check_rows(recoded: RecodedFrame, rows: int) -> None:
    recoded.check_unchanged()
    if rows != recoded.rows:
        raise ReleaseError(
            "R501",
            f"{rows} rows came out where {recoded.rows} were decided",
            hint="the table was changed meanwhile, or this is a fault of Jalousie; start again",
        )


def _copy(engine: Engine, view: str, path: Path, options: str, select: str = "*") -> int:
    ((rows,),) = engine.run(
        f"COPY (SELECT {select} FROM {view}) TO {literal(str(path))} ({options}, USE_TMP_FILE false)"
    )
    return int(rows)


def has_point(dtype: nw.dtypes.DType) -> bool:
    """Whether a CSV file shows the type's values with a decimal sign."""
    return dtype.is_float() or dtype.is_decimal()


def _write_csv(engine: Engine, view: str, recoded: RecodedFrame, path: Path, form: Csv) -> int:
    null = form.nulls[0] if form.nulls else ""
    if not form.quote:
        _refuse_unquotable(engine, view, recoded, form, null)
    select = ", ".join(
        f"replace({quoted(name)}::VARCHAR, '.', ',') AS {quoted(name)}"
        if form.decimal == "," and has_point(dtype)
        else quoted(name)
        for name, dtype in recoded.schema.items()
    )
    options = ", ".join(
        [
            "FORMAT csv",
            f"HEADER {'true' if form.header else 'false'}",
            f"DELIMITER {literal(form.delimiter)}",
            f"QUOTE {literal(form.quote)}",
            f"ESCAPE {literal(form.quote)}",
            f"NULLSTR {literal(null)}",
        ]
    )
    rows = _copy(engine, view, path, options, select)
    if form.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        _recode(path, form.encoding)
    return rows


def _refuse_unquotable(engine: Engine, view: str, recoded: RecodedFrame, form: Csv, null: str) -> None:
    """Without a quote, text with a delimiter or a line end would fall apart into other cells."""
    texts = [name for name, dtype in recoded.schema.items() if dtype == nw.String]
    marks = (form.delimiter, "\n", "\r")
    for name in texts:
        tests = [f"contains({quoted(name)}, {literal(mark)})" for mark in marks] + [f"{quoted(name)} = {literal(null)}"]
        ((found,),) = engine.run(f"SELECT count(*) FROM {view} WHERE {' OR '.join(tests)}")
        if found:
            raise ReleaseError(
                "R500",
                f'column "{name}" has {found} cells that cannot be written without quotes',
                hint='say release: csv: {quote: "\\""}',
            )


def _recode(path: Path, encoding: str) -> None:
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as copy:
        try:
            with path.open(encoding="utf-8", newline="") as source:
                while text := source.read(1 << 20):
                    copy.write(text.encode(encoding))
            os.replace(copy.name, path)
        except (UnicodeError, LookupError):
            Path(copy.name).unlink(missing_ok=True)
            raise ReleaseError(
                "R500", f"some text cannot be written in {encoding}", hint="write UTF-8, which holds every character"
            ) from None
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise


def _write_arrow(path: Path, schema: Any, batches: Iterable[Any]) -> int:
    import pyarrow as pa

    rows = 0
    deltas = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema, options=deltas) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _write_parquet(path: Path, schema: Any, batches: Iterable[Any]) -> int:
    from pyarrow import parquet, types

    texts = [field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type)]
    rows = 0
    with parquet.ParquetWriter(
        str(path),
        schema,
        compression="zstd",
        store_schema=False,  # Arrow's own schema inside the file: the engine does not write it either
        # measured: dictionaries for numbers and statistics of text cost 40 % of the time and make the file larger
        use_dictionary=texts,
        write_statistics=[name for name in schema.names if name not in texts],
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows
