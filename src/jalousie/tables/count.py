"""Count the groups: the first of the two operations on the full data.

Each column's distinct values become a dictionary; the dictionaries are joined to the rows (small tables, so the rows are not
moved), the codes are packed into one or a few 64-bit words, and the rows are counted by word. Text is fetched once a distinct
value, numbers once a distinct row: neither time nor memory here depends on the number of rows, all else is the engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from jalousie.errors import InternalError, TableError, did_you_mean
from jalousie.tables.engine import fetch, fetch_texts, small_table
from jalousie.tables.raw import RawTable
from jalousie.tables.text import canonical, engine_text
from jalousie.tables.types import Codes, Counts, FrequencyTable, Histogram

WORD = 1 << 62
"""Packed codes stay under this, so that sums of them cannot overflow 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """The distinct values of one column of one table.

    engine   each distinct value as the engine writes it, nulls apart
    codes    (len(engine),) code of each in `values`
    values   canonical texts, sorted, a null last
    """

    name: str
    engine: tuple[str, ...]
    codes: Codes
    values: tuple[str | None, ...]

    def text(self, raw: RawTable) -> nw.Expr:
        """The column as `engine` has its values."""
        return engine_text(self.name, raw.schema[self.name])

    @property
    def null(self) -> int | None:
        """The null's code."""
        return len(self.values) - 1 if self.values and self.values[-1] is None else None


@dataclass(frozen=True, slots=True)
class Packing:
    """How the codes of several columns share words: column i has weight `strides[i]` in word `words[i]`."""

    sizes: tuple[int, ...]
    words: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, sizes: Sequence[int]) -> Packing:
        """Columns in order, the first with the greatest weight, a new word where one is full."""
        words: list[int] = []
        room, word = 1, 0
        for size in sizes:
            if room * max(size, 1) > WORD:
                room, word = 1, word + 1
            room *= max(size, 1)
            words.append(word)
        strides = [1] * len(sizes)
        for i in range(len(sizes) - 2, -1, -1):
            strides[i] = strides[i + 1] * max(sizes[i + 1], 1) if words[i] == words[i + 1] else 1
        return cls(tuple(sizes), tuple(words), tuple(strides))

    @property
    def count(self) -> int:
        return self.words[-1] + 1 if self.words else 1

    def pack(self, codes: Codes) -> list[Counts]:
        """(D, G) codes to `count` arrays of G words."""
        packed = [np.zeros(codes.shape[1], dtype=np.int64) for _ in range(self.count)]
        for row, word, stride in zip(codes, self.words, self.strides, strict=True):
            packed[word] += row.astype(np.int64) * stride
        return packed

    def unpack(self, words: Sequence[Counts]) -> Codes:
        """The inverse of `pack`."""
        length = len(words[0]) if words else 0
        codes = np.empty((len(self.sizes), length), dtype=np.int32)
        for i, (size, word, stride) in enumerate(zip(self.sizes, self.words, self.strides, strict=True)):
            codes[i] = (words[word] // stride) % max(size, 1)
        return codes


def require_columns(raw: RawTable, names: Sequence[str]) -> None:
    """T201 where the table lacks a column; T202 where one is asked for twice."""
    for name in names:
        if name not in raw.columns:
            raise TableError("T201", f'the table has no column "{name}"', hint=did_you_mean(name, raw.columns))
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise TableError("T202", f'column "{twice}" is asked for twice', hint="name each column once")


def dictionary(raw: RawTable, name: str, known: Sequence[str | None] | None = None) -> Dictionary:
    """The distinct values of a column. `known`: its canonical values where they are known, in code order."""
    dtype = raw.schema[name]
    read = canonical(dtype)
    if read is None:
        raise TableError(
            "T212",
            f'column "{name}" has type {dtype}, which cannot be a quasi-identifier or sensitive',
            hint="use text, numbers, booleans, dates or times, or make the column plain",
        )
    if known is not None and dtype == nw.String:
        texts = [value for value in known if value is not None]
        return Dictionary(name, tuple(texts), np.arange(len(texts), dtype=np.int32), tuple(known))
    found = fetch_texts(raw.frame.select(v=engine_text(name, dtype)).group_by("v").agg(n=nw.len()), "v")
    engine = [text for text in found if text is not None]
    texts = [read(text) for text in engine]
    if known is None:
        values: tuple[str | None, ...] = (*sorted(set(texts)), *((None,) if len(engine) < len(found) else ()))
    else:
        values = tuple(known)
    code = {value: i for i, value in enumerate(values)}
    if any(text not in code for text in texts):
        raise TableError("T213", f'column "{name}" is not what it was when it was counted', hint="start again")
    return Dictionary(name, tuple(engine), np.fromiter((code[t] for t in texts), np.int32, len(texts)), values)


def free_prefix(columns: Sequence[str]) -> str:
    """A prefix for our own columns that no column of the table has."""
    prefix = "_j"
    while any(name.lower().startswith(prefix) for name in columns):
        prefix += "j"
    return prefix


def with_codes(
    raw: RawTable,
    frame: nw.LazyFrame[Any],
    dictionaries: Sequence[Dictionary],
    strides: Sequence[int],
    prefix: str,
) -> nw.LazyFrame[Any]:
    """`frame` with a column `{prefix}c{i}` (int64) a dictionary: code times stride. A value that the dictionary does not
    know gives a null. Read order is kept where the engine keeps it in a left join to a small table."""
    texts = [f"{prefix}t{i}" for i in range(len(dictionaries))]
    codes = [f"{prefix}c{i}" for i in range(len(dictionaries))]
    frame = frame.with_columns(d.text(raw).alias(text) for d, text in zip(dictionaries, texts, strict=True))
    for d, stride, text, code in zip(dictionaries, strides, texts, codes, strict=True):
        small = small_table(frame, raw.engine, {f"{text}v": d.engine, code: d.codes.astype(np.int64) * stride})
        frame = frame.join(small, left_on=text, right_on=f"{text}v", how="left")
    filled = [
        nw.when(nw.col(text).is_null()).then(nw.lit(d.null * stride)).otherwise(nw.col(code)).alias(code)
        for d, stride, text, code in zip(dictionaries, strides, texts, codes, strict=True)
        if d.null is not None
    ]
    return (frame.with_columns(*filled) if filled else frame).drop(texts)


def word_expressions(packing: Packing, prefix: str) -> dict[str, nw.Expr]:
    """Packed words `{prefix}w{j}` from the columns of `with_codes`."""
    expressions: dict[str, nw.Expr] = {}
    for i, word in enumerate(packing.words):
        name, code = f"{prefix}w{word}", nw.col(f"{prefix}c{i}")
        expressions[name] = expressions[name] + code if name in expressions else code
    return expressions


def count_groups(raw: RawTable, names: Sequence[str], sensitive: Sequence[str] = ()) -> FrequencyTable:
    """The distinct rows of `names` with their counts, and a histogram a sensitive column.

    Values are canonical texts (see `tables.text`), sorted, a null last; groups are sorted by their codes. The result is hence
    the same on every engine and for every order of the rows.

    Raises T201, T202 (columns), T212 (a type that cannot be grouped), T213 (changed meanwhile), T214 (the engine failed).
    """
    require_columns(raw, [*names, *sensitive])
    dictionaries = [dictionary(raw, name) for name in (*names, *sensitive)]
    width, prefix = len(names), free_prefix(raw.columns)
    packing = Packing.of([len(d.values) for d in dictionaries[:width]])
    coded = with_codes(
        raw, raw.frame.select(*names, *sensitive), dictionaries, [*packing.strides, *[1] * len(sensitive)], prefix
    )
    # without quasi-identifiers all rows are one group
    words = word_expressions(packing, prefix) or {f"{prefix}w0": nw.lit(0)}
    packed = coded.with_columns(**words)
    keys, counts = _grouped(packed, list(words))
    histograms = []
    for i, d in enumerate(dictionaries[width:], width):
        cells, cell_counts = _grouped(packed, [*words, f"{prefix}c{i}"])
        group = _positions(keys, cells[:-1])
        histograms.append(Histogram(d.name, d.values, group, cells[-1].astype(np.int32), cell_counts))
    values = tuple(d.values for d in dictionaries[:width])
    table = FrequencyTable(tuple(names), values, packing.unpack(keys), counts, tuple(histograms))
    if any(total != raw.rows for total in (table.rows, *(int(h.count.sum()) for h in histograms))):
        raise TableError("T213", "the table changed while it was counted", hint="start again")
    return table


def _grouped(frame: nw.LazyFrame[Any], keys: list[str]) -> tuple[list[Counts], Counts]:
    """Distinct keys, sorted (first key first), and their counts."""
    found = fetch(frame.select(*keys).group_by(keys).agg(n=nw.len()))
    columns = [np.asarray(found[key]) for key in keys]
    if any((np.ma.isMaskedArray(c) and np.ma.getmaskarray(c).any()) or c.dtype.kind not in "iu" for c in columns):
        raise TableError("T213", "the table changed while it was counted", hint="start again")
    order = np.lexsort(columns[::-1])
    return [c[order].astype(np.int64) for c in columns], np.asarray(found["n"])[order].astype(np.int64)


def _positions(keys: list[Counts], cells: list[Counts]) -> Counts:
    """Row of each cell's key among the sorted distinct `keys`; both are sorted, and every key occurs."""
    first = np.ones(len(cells[0]), dtype=bool)
    if len(first):
        first[1:] = np.any([column[1:] != column[:-1] for column in cells], axis=0)
    group: Counts = np.cumsum(first) - 1
    if len(group) and not all(np.array_equal(key, column[first]) for key, column in zip(keys, cells, strict=True)):
        raise InternalError("X900", "a histogram does not fit its groups")
    return group
