"""The facts about one column that roles are proposed from: counts, the type its texts have, a bounded sample of values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

import narwhals as nw

from jalousie.tables.engine import fetch, fetch_texts
from jalousie.tables.raw import RawTable
from jalousie.tables.text import canonical, engine_text

_FETCHED = 20_000  # distinct values brought out of the engine for a column
_STRONG_TOKENS = frozenset(("?", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan"))
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

    distinct    different values, nulls and null tokens apart
    nulls       rows that are null or hold one of `tokens`
    singles     rows whose value occurs once
    tokens      texts that evidently stand for a null (`?`, `N/A`), from a fixed list
    """

    name: str
    type: str
    rows: int
    distinct: int
    nulls: int
    singles: int
    values: tuple[str, ...]
    tokens: tuple[str, ...] = ()

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


def profile(raw: RawTable, name: str, *, decimal: str = ".") -> Profile:
    """Count one column's values (one grouping in the engine) and tell its type. Raises TableError T214 (engine)."""
    dtype = raw.schema[name]
    read = canonical(dtype)
    if read is None:
        return Profile(name, "nested", raw.rows, 0, 0, 0, ())
    groups = raw.frame.select(v=engine_text(name, dtype)).group_by("v").agg(n=nw.len())
    null_rows = nw.when(nw.col("v").is_null()).then(nw.col("n")).otherwise(0)
    single = nw.when(~nw.col("v").is_null() & (nw.col("n") == 1)).then(1).otherwise(0)
    totals = fetch(groups.select(distinct=nw.col("v").count(), nulls=null_rows.sum(), singles=single.sum()))
    distinct, nulls, singles = (int(totals[key][0]) for key in ("distinct", "nulls", "singles"))
    known = groups.filter(~nw.col("v").is_null())
    texts = [text for text in fetch_texts(known.select("v").head(_FETCHED), "v") if text is not None]
    if dtype != nw.String:
        values = tuple(sorted({read(text) for text in texts}))
        return Profile(name, _engine_type(dtype), raw.rows, distinct, nulls, singles, values)
    kind, tokens = _text_type(texts, decimal)
    if kind != "text" and distinct > len(texts) and not _all_fit(known, _shape(kind, decimal), tokens):
        kind, tokens = "text", ()
    if tokens:
        counts = fetch(known.filter(nw.col("v").is_in(tokens)).select("n"))["n"]
        distinct -= len(counts)
        nulls += int(counts.sum())
        singles -= int((counts == 1).sum())
    values = tuple(sorted(set(texts).difference(tokens)))
    return Profile(name, kind, raw.rows, distinct, nulls, singles, values, tokens)


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
    return _SHAPES[kind].replace(r"\.", ",") if kind == "decimal" and decimal == "," else _SHAPES[kind]


def _text_type(texts: list[str], decimal: str) -> tuple[str, tuple[str, ...]]:
    """Type of the texts, and which of them stand for a null. Weak tokens (`-`) count only where they alone spoil a type."""
    present = _TOKENS.intersection(texts)
    rest = [text for text in texts if text not in present]
    for kind in _SHAPES if rest else ():
        shape = re.compile(_shape(kind, decimal))
        if all(shape.fullmatch(text) for text in rest) and (kind not in ("date", "datetime") or _real_dates(rest)):
            return kind, tuple(sorted(present))
    return "text", tuple(sorted(present & _STRONG_TOKENS)) if rest else ()


def _real_dates(texts: list[str]) -> bool:
    from datetime import date

    try:
        for text in texts:
            date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _all_fit(groups: nw.LazyFrame[Any], shape: str, tokens: tuple[str, ...]) -> bool:
    """Whether every distinct text of the column has the shape, asked of the engine."""
    misfits = ~nw.col("v").str.contains(f"^(?:{shape})$")
    if tokens:
        misfits = misfits & ~nw.col("v").is_in(tokens)
    return int(fetch(groups.filter(misfits).select(n=nw.len()))["n"][0]) == 0
