"""Count what was written: a plain GROUP BY over the file, so that a release is verified by something that knows no search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from jalousie.contract.model import Csv
from jalousie.errors import ReleaseError, library_boundary
from jalousie.tables.check import open_written
from jalousie.tables.csvfile import read_csv
from jalousie.tables.engine import Engine, EngineOptions, arrow_errors, memory_boundary, quoted
from jalousie.tables.types import FrequencyTable, Histogram
from jalousie.tables.write import Format


def count_written(
    path: Path | str,
    names: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    format: Format = "parquet",
    csv: Csv | None = None,
    options: EngineOptions | None = None,
    engine: Engine | None = None,
) -> FrequencyTable:
    """Classes of a written release by a plain GROUP BY over the file, in an engine of its own unless one is lent.

    It shares nothing else with the search or with `count_groups`, so that it can contradict them. Raises R501.
    """
    lent, engine = engine is not None, engine or Engine(options)
    try:
        with (
            library_boundary(
                ReleaseError, "R501", "what was written cannot be read back", duckdb.Error, OSError, *arrow_errors()
            ),
            memory_boundary(),
        ):
            source = _source(engine, Path(path), format, csv or Csv())
            classes = _plain_groups(engine, source, names)
            keys = [row[:-1] for row in classes]
            group = {key: i for i, key in enumerate(keys)}
            values, codes = _coded([[key[i] for key in keys] for i in range(len(names))])
            counts = np.array([row[-1] for row in classes], dtype=np.int64)
            histograms = []
            for name in sensitive:
                cells = _plain_groups(engine, source, [*names, name])
                (found,), cell_codes = _coded([[row[-2] for row in cells]])
                where = np.array([group[row[:-2]] for row in cells], dtype=np.int64)
                order = np.lexsort((cell_codes[0], where))
                cell_counts = np.array([row[-1] for row in cells], dtype=np.int64)
                histograms.append(Histogram(name, found, where[order], cell_codes[0][order], cell_counts[order]))
    finally:
        if not lent:
            engine.close()
    return FrequencyTable(tuple(names), values, codes, counts, tuple(histograms))


def _source(engine: Engine, path: Path, format: Format, form: Csv) -> str:
    frame = read_csv(engine, path, form, None).frame if format == "csv" else open_written(engine, path, format)
    source = engine.name()
    frame.to_native().create_view(source)
    return source


def _plain_groups(engine: Engine, source: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    columns = ", ".join(f"{quoted(name)}::VARCHAR AS c{i}" for i, name in enumerate(names))
    if not names:
        return engine.run(f"SELECT count(*) FROM {source}")
    return engine.run(f"SELECT {columns}, count(*) FROM {source} GROUP BY ALL ORDER BY ALL")


def _coded(columns: Sequence[Sequence[str | None]]) -> tuple[tuple[tuple[str | None, ...], ...], Any]:
    """Distinct values a column (sorted, a null last) and the codes, (D, G) int32."""
    values, codes = [], np.empty((len(columns), len(columns[0]) if columns else 0), dtype=np.int32)
    for i, column in enumerate(columns):
        found: tuple[str | None, ...] = tuple(sorted(set(column), key=lambda v: (v is None, v or "")))
        code = {value: j for j, value in enumerate(found)}
        codes[i] = [code[value] for value in column]
        values.append(found)
    return tuple(values), codes
