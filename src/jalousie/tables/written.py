"""Count what was written: a plain GROUP BY over the file, so that a release is verified by something that knows no search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import narwhals as nw
import numpy as np

from jalousie.contract.model import Csv
from jalousie.errors import ReleaseError, library_boundary
from jalousie.tables.check import open_written
from jalousie.tables.csvfile import header_names, read_back
from jalousie.tables.engine import Engine, EngineOptions, arrow_errors, memory_boundary, quoted
from jalousie.tables.text import canonical
from jalousie.tables.types import Codes, Counts, FrequencyTable, Histogram
from jalousie.tables.write import Format, has_point

FAILURES = (duckdb.Error, OSError, ValueError, ArithmeticError)
"""The last two: a text that is no value of its type."""


def count_written(
    path: Path | str,
    names: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    format: Format = "parquet",
    csv: Csv | None = None,
    schema: Mapping[str, nw.dtypes.DType] | None = None,
    options: EngineOptions | None = None,
    engine: Engine | None = None,
) -> FrequencyTable:
    """Classes of a written release by a plain GROUP BY over the file, in an engine of its own unless one is lent.

    It shares nothing with the search or with `count_groups` but what a value's text is (`tables.text`), so that it can
    contradict them. `schema` has the columns and types that were written: a CSV file does not say them (None: its header's
    names, all text). Raises R501.
    """
    lent, engine = engine is not None, engine or Engine(options)
    try:
        with (
            library_boundary(ReleaseError, "R501", "what was written cannot be read back", *FAILURES, *arrow_errors()),
            memory_boundary(),
        ):
            source, texts = _source(engine, Path(path), format, csv or Csv(), schema, once=not sensitive)
            values, codes, counts = _groups(engine, source, texts, names)
            group = {key: i for i, key in enumerate(zip(*codes.tolist(), strict=True))} if names else {(): 0}
            histograms = []
            for name in sensitive:
                cells, cell_codes, cell_counts = _groups(engine, source, texts, [*names, name])
                # the same columns give the same codes: every value occurs in both
                keys = zip(*cell_codes[:-1].tolist(), strict=True) if names else [()] * len(cell_counts)
                where = np.array([group[key] for key in keys], dtype=np.int64)
                order = np.lexsort((cell_codes[-1], where))
                histograms.append(Histogram(name, cells[-1], where[order], cell_codes[-1][order], cell_counts[order]))
    finally:
        if not lent:
            engine.close()
    return FrequencyTable(tuple(names), values, codes, counts, tuple(histograms))


Texts = Mapping[str, Callable[[str], str]]
"""From the engine's text of a column to the canonical text, for columns where they differ."""


def _source(
    engine: Engine, path: Path, format: Format, form: Csv, schema: Mapping[str, nw.dtypes.DType] | None, *, once: bool
) -> tuple[str, Texts]:
    """A view of the file, and how its cells' texts are to be read."""
    if format != "csv":
        frame = open_written(engine, path, format)
        source = engine.name()
        frame.to_native().create_view(source)
        return source, _texts(frame.collect_schema())
    if schema is None:
        schema = dict.fromkeys(header_names(engine, path, form), nw.String())
    texts = _texts(schema)
    if form.decimal == ",":
        for name, dtype in schema.items():
            if has_point(dtype):
                texts[name] = _with_point(texts[name])
    return read_back(engine, path, form, list(schema), once=once), texts


def _texts(schema: Mapping[str, nw.dtypes.DType]) -> dict[str, Callable[[str], str]]:
    return {name: read for name, dtype in schema.items() if (read := canonical(dtype)) is not None}


def _with_point(read: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: read(text.replace(",", "."))


def _groups(
    engine: Engine, source: str, texts: Texts, names: Sequence[str]
) -> tuple[tuple[tuple[str | None, ...], ...], Codes, Counts]:
    """Distinct values a column (sorted, a null last), the distinct rows' codes (D, G), and their counts."""
    columns = ", ".join(f"{quoted(name)}::VARCHAR" for name in names)
    select = f"SELECT {columns}, count(*) FROM {source} GROUP BY ALL" if names else f"SELECT count(*) FROM {source}"
    rows = engine.run(select)
    counts = np.array([row[-1] for row in rows], dtype=np.int64)
    values, codes, merged = [], np.empty((len(names), len(rows)), dtype=np.int32), False
    for i, name in enumerate(names):
        read = texts.get(name, str)
        known = {text: None if text is None else read(text) for text in {row[i] for row in rows}}
        found = tuple(sorted(set(known.values()), key=lambda value: (value is None, value or "")))
        place = {value: j for j, value in enumerate(found)}
        code = {text: place[value] for text, value in known.items()}
        codes[i] = [code[row[i]] for row in rows]
        merged |= len(found) < len(known)
        values.append(found)
    if merged:  # two texts of one value, such as 0.0 and -0.0
        codes, inverse = np.unique(codes, axis=1, return_inverse=True)
        counts = np.bincount(inverse.ravel(), weights=counts).astype(np.int64)
    elif names:
        order = np.lexsort(codes[::-1])
        codes, counts = codes[:, order], counts[order]
    return tuple(values), codes, counts
