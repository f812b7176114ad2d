"""Count the groups: the first of the two operations on the full data.

Each column's distinct values become a dictionary; the dictionaries are joined to the rows (small tables, so the rows are not
moved), the codes are packed into one or a few 64-bit words, and the rows are counted by word. Text is fetched once a distinct
value, numbers once a distinct row: neither time nor memory here depends on the number of rows, all else is the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from msgspec import Struct

from jalousie.errors import InternalError, TableError, did_you_mean
from jalousie.tables.engine import SmallColumn, fetch
from jalousie.tables.lookup import Lookup, distinct, look_up
from jalousie.tables.raw import RawTable
from jalousie.tables.text import canonical, engine_text, type_name
from jalousie.tables.types import Codes, Counts, FrequencyTable, Histogram

WORD = 1 << 62
"""Packed codes stay under this, so that sums of them cannot overflow 64 bits."""


class Dictionary(Struct, frozen=True, eq=False):
    """The distinct values of one column of one table.

    engine   each distinct value as the engine writes it, nulls apart
    codes    (len(engine),) code of each in `values`
    values   canonical texts, sorted, a null last
    """

    name: str
    engine: tuple[str, ...]
    codes: Codes
    values: tuple[str | None, ...]

    @property
    def null(self) -> int | None:
        """The null's code."""
        return len(self.values) - 1 if self.values and self.values[-1] is None else None


class Packing(Struct, frozen=True):
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


def free_prefix(columns: Sequence[str]) -> str:
    """A prefix for our own columns that no column of the table has."""
    prefix = "_j"
    while any(name.lower().startswith(prefix) for name in columns):
        prefix += "j"
    return prefix


def with_texts(raw: RawTable, frame: nw.LazyFrame[Any], names: Sequence[str], prefix: str) -> nw.LazyFrame[Any]:
    """`frame` with a column `{prefix}t{i}` for each of `names` that is not text already (see `text_column`)."""
    for name in names:
        if canonical(raw.schema[name]) is None:
            raise TableError(
                "T212",
                f'column "{name}" has type {type_name(raw.schema[name])}, which cannot be a quasi-identifier or sensitive',
                hint="use text, numbers, booleans or dates, or make the column plain",
            )
    made = [
        engine_text(name, raw.schema[name]).alias(f"{prefix}t{i}")
        for i, name in enumerate(names)
        if raw.schema[name] != nw.String
    ]
    return frame.with_columns(*made) if made else frame


def text_column(raw: RawTable, name: str, i: int, prefix: str) -> str:
    """Where `with_texts` has the i-th column's text."""
    return name if raw.schema[name] == nw.String else f"{prefix}t{i}"


def dictionaries(
    raw: RawTable,
    texts: nw.LazyFrame[Any],
    names: Sequence[str],
    prefix: str,
    known: Sequence[Sequence[str | None]] | None = None,
) -> list[Dictionary]:
    """The distinct values of each column of `names`, from a frame made by `with_texts`.

    `known`: their canonical values in code order where they have been counted; text columns then need not be read again.
    """
    wanted = [i for i, name in enumerate(names) if known is None or raw.schema[name] != nw.String]
    found = dict(
        zip(wanted, distinct(texts, raw.engine, [text_column(raw, names[i], i, prefix) for i in wanted]), strict=True)
    )
    made = []
    for i, name in enumerate(names):
        engine = [text for text in found.get(i, known[i] if known is not None else ()) if text is not None]
        read = canonical(raw.schema[name]) or str
        canonicals = [read(text) for text in engine]
        if known is not None:
            values = tuple(known[i])
        else:
            values = (*sorted(set(canonicals)), *((None,) if len(engine) < len(found[i]) else ()))
        code = {value: c for c, value in enumerate(values)}
        if any(text not in code for text in canonicals):
            raise TableError("T213", f'column "{name}" is not what it was when it was counted', hint="start again")
        codes = np.fromiter((code[text] for text in canonicals), np.int32, len(canonicals))
        made.append(Dictionary(name, tuple(engine), codes, values))
    return made


def code_lookup(
    raw: RawTable, d: Dictionary, i: int, stride: int, prefix: str, more: Mapping[str, SmallColumn] | None = None
) -> Lookup:
    """Adds `{prefix}c{i}`, the code times `stride`; null for a null and for a value that the dictionary does not know."""
    key = text_column(raw, d.name, i, prefix)
    return Lookup((key,), (d.engine,), {f"{prefix}c{i}": d.codes.astype(np.int64) * stride, **(more or {})})


def code_expression(raw: RawTable, d: Dictionary, i: int, stride: int, prefix: str) -> nw.Expr:
    """The code times `stride`, of a null too."""
    code = nw.col(f"{prefix}c{i}")
    if d.null is None:
        return code
    return nw.when(nw.col(d.name).is_null()).then(nw.lit(d.null * stride)).otherwise(code)


def word_expressions(
    raw: RawTable, ds: Sequence[Dictionary], packing: Packing, prefix: str, only: Sequence[int] | None = None
) -> dict[str, nw.Expr]:
    """Packed words `{prefix}w{j}` of the columns of `code_lookup` (or of some); of no column a word that is 0 everywhere.

    A word is null where a value is unknown to its dictionary.
    """
    expressions: dict[str, nw.Expr] = {}
    for i in range(len(ds)) if only is None else only:
        name = f"{prefix}w{packing.words[i]}"
        code = code_expression(raw, ds[i], i, packing.strides[i], prefix)
        expressions[name] = expressions[name] + code if name in expressions else code
    return expressions or {f"{prefix}w0": nw.lit(0)}


def count_groups(raw: RawTable, names: Sequence[str], sensitive: Sequence[str] = ()) -> FrequencyTable:
    """The distinct rows of `names` with their counts, and a histogram a sensitive column.

    Values are canonical texts (see `tables.text`), sorted, a null last; groups are sorted by their codes. The result is hence
    the same on every engine and for every order of the rows.

    Raises T201, T202 (columns), T212 (a type that cannot be grouped), T213 (changed meanwhile), T214 (the engine failed).
    """
    both = [*names, *sensitive]
    require_columns(raw, both)
    width, prefix = len(names), free_prefix(raw.columns)
    texts = with_texts(raw, raw.frame.select(*both), both, prefix)
    found = dictionaries(raw, texts, both, prefix)
    packing = Packing.of([len(d.values) for d in found[:width]])
    strides = [*packing.strides, *[1] * len(sensitive)]
    coded = look_up(texts, raw.engine, [code_lookup(raw, d, i, strides[i], prefix) for i, d in enumerate(found)])
    words = word_expressions(raw, found[:width], packing, prefix)
    cells = {f"{prefix}s{i}": code_expression(raw, found[i], i, 1, prefix) for i in range(width, len(found))}
    packed = coded.select(**words, **cells)
    keys, counts = _grouped(packed, list(words))
    histograms = []
    for d, cell in zip(found[width:], cells, strict=True):
        of, cell_counts = _grouped(packed, [*words, cell])
        histograms.append(Histogram(d.name, d.values, _positions(keys, of[:-1]), of[-1].astype(np.int32), cell_counts))
    values = tuple(d.values for d in found[:width])
    table = FrequencyTable(tuple(names), values, packing.unpack(keys), counts, tuple(histograms))
    if any(total != raw.rows for total in (table.rows, *(int(h.count.sum()) for h in histograms))):
        raise TableError("T213", "the table changed while it was counted", hint="start again")
    return table


def _grouped(frame: nw.LazyFrame[Any], keys: list[str]) -> tuple[list[Counts], Counts]:
    """Distinct keys, sorted (first key first), and their counts."""
    found = fetch(frame.select(*keys).group_by(keys).agg(n=nw.len()))
    columns = [np.asarray(found[key]) for key in keys]
    # nulls come as a masked array; asking `numpy.ma` itself would import it only to hear "no"
    if any(np.any(getattr(found[key], "mask", False)) or found[key].dtype.kind not in "iu" for key in keys):
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
