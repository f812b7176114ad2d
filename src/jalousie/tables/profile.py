"""The facts about one column that roles are proposed from: counts, the type its texts have, a bounded sample of values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import narwhals as nw

from jalousie.tables.engine import fetch, fetch_counts
from jalousie.tables.raw import RawTable
from jalousie.tables.text import canonical, engine_text

_FETCHED = 20_000  # distinct values brought out of the engine for a column
STAR = "*"
"""What a release writes for a cell that it does not say: no quasi-identifier may hold it as a value."""

_STRONG_TOKENS = frozenset((STAR, "?", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan"))
_TOKENS = _STRONG_TOKENS | frozenset(("NA", "na", "None", "none", "-", "--", ".", "missing", "unknown"))

_SHAPES = {
    "boolean": r"(?:true|false|True|False|TRUE|FALSE)",
    # leading zeros would be lost in a number: such digits are a code, that is, text
    "integer": r"-?(?:0|[1-9][0-9]{0,17})",
    "decimal": r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,17})?",
    "date": r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "datetime": r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts are over the whole column; `values` holds at most 20,000 of its distinct values, sorted, nulls apart.

    distinct    different values, nulls and null tokens apart; of at most 20,000 texts of numbers, different numbers
    nulls       rows that are null or hold one of `tokens`
    singles     rows whose value occurs once
    tokens      texts that evidently stand for a null (`?`, `N/A`), from a fixed list
    commonest   rows with the commonest value, where there are at most 20,000
    """

    name: str
    type: str
    rows: int
    distinct: int
    nulls: int
    singles: int
    values: tuple[str, ...]
    tokens: tuple[str, ...] = ()
    commonest: int = 0

    @property
    def uniqueness(self) -> float:
        """Different values a row that has one."""
        return self.distinct / max(1, self.rows - self.nulls)

    @property
    def unique_rows(self) -> float:
        """Share of all rows whose value nobody else has."""
        return self.singles / max(1, self.rows)

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "decimal")

    def numbers(self) -> list[float]:
        """The finite values of a number column, in order."""
        return sorted(filter(isfinite, (float(value.replace(",", ".")) for value in self.values)))


def profile(
    raw: RawTable, name: str, *, decimal: str = ".", nulls: Collection[str] = (), mapped: bool = True
) -> Profile:
    """Count one column's values (one grouping in the engine) and tell its type.

    `nulls` are texts that stand for a null in the whole file; `mapped` is whether a contract can make nulls of such texts.
    Raises TableError T214 (engine).
    """
    dtype = raw.schema[name]
    read = canonical(dtype)  # the text that stands for a value
    if read is None:
        return Profile(name, "nested", raw.rows, 0, 0, 0, ())
    groups = raw.frame.select(v=engine_text(name, dtype)).group_by("v").agg(n=nw.len())
    null_rows = nw.when(nw.col("v").is_null()).then(nw.col("n")).otherwise(0)
    single = nw.when(~nw.col("v").is_null() & (nw.col("n") == 1)).then(1).otherwise(0)
    totals = fetch(groups.select(distinct=nw.col("v").count(), nulls=null_rows.sum(), singles=single.sum()))
    distinct, missing, singles = (int(totals[key][0]) for key in ("distinct", "nulls", "singles"))
    known = groups.filter(~nw.col("v").is_null())
    found = dict(fetch_counts(known.head(_FETCHED), "v", "n"))
    complete = distinct <= len(found)
    kind, tokens = _engine_type(dtype), {}
    if is_text(dtype):
        if not complete:
            found |= fetch_counts(known.filter(nw.col("v").is_in(sorted(_TOKENS | set(nulls)))), "v", "n")
        kind, standing = _text_type(found, decimal, nulls, mapped)
        if kind != "text" and not complete and not _all_fit(known, _shape(kind, decimal), standing):
            kind, standing = "text", ()
        read = _reader(kind)
        tokens = {token: found.pop(token) for token in standing}
    missing += sum(tokens.values())
    distinct -= len(tokens)
    singles -= list(tokens.values()).count(1)
    commonest = 0
    if complete:  # two texts may be one value: 1 and 1.0, or 0.0 and -0.0
        counts: Counter[str] = Counter()
        for text, rows in found.items():
            counts[read(text)] += rows
        distinct, singles = len(counts), list(counts.values()).count(1)
        commonest = max(counts.values(), default=0)
    values = tuple(sorted(found if dtype == nw.String else {read(text) for text in found}))
    return Profile(name, kind, raw.rows, distinct, missing, singles, values, tuple(sorted(tokens)), commonest)


def _reader(kind: str) -> Callable[[str], str]:
    """From the text of a value of that type to one text for each value."""
    if kind == "integer":
        return lambda text: str(int(text))
    if kind == "decimal":
        return lambda text: repr(float(text.replace(",", ".")) + 0.0)
    return str.strip if kind in ("boolean", "date", "datetime") else str


def is_text(dtype: nw.dtypes.DType) -> bool:
    return bool(dtype in (nw.String, nw.Categorical, nw.Enum))


def _engine_type(dtype: nw.dtypes.DType) -> str:
    if dtype == nw.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "decimal"
    if dtype == nw.Date:
        return "date"
    return "datetime" if isinstance(dtype, nw.Datetime) else "text"


def _shape(kind: str, decimal: str) -> str:
    shape = _SHAPES[kind].replace(r"\.", ",") if kind == "decimal" and decimal == "," else _SHAPES[kind]
    return f" *{shape} *"  # as a declared type allows


def _text_type(texts: Iterable[str], decimal: str, nulls: Collection[str], mapped: bool) -> tuple[str, tuple[str, ...]]:
    """Type of the texts, and which of them stand for a null. Weak tokens (`-`) count only where they alone spoil a type."""
    present = (_TOKENS | set(nulls)).intersection(texts)
    rest = [text for text in texts if text not in present]
    for kind in _SHAPES if rest and (mapped or not present) else ():
        shape = re.compile(_shape(kind, decimal))
        if all(shape.fullmatch(text) for text in rest) and (kind not in ("date", "datetime") or _real_dates(rest)):
            return kind, tuple(sorted(present))
    evident = (_STRONG_TOKENS if rest else {STAR} if len(present) > 1 else set()).union(nulls)
    return "text", tuple(sorted(present & evident))


def _real_dates(texts: list[str]) -> bool:
    try:
        for text in texts:
            datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _all_fit(groups: nw.LazyFrame[Any], shape: str, tokens: tuple[str, ...]) -> bool:
    """Whether every distinct text of the column has the shape, asked of the engine."""
    misfits = ~nw.col("v").str.contains(f"^(?:{shape})$")
    if tokens:
        misfits = misfits & ~nw.col("v").is_in(tokens)
    return int(fetch(groups.filter(misfits).select(n=nw.len()))["n"][0]) == 0
