"""The canonical text of a value: what hierarchies, frequency tables and generalised columns say, the same on every engine.

    type       canonical text                                        example
    text       as it is, byte for byte                               ` 7`, `007`
    integer    decimal digits, no sign of +, no `.0`                 `-12`
    float      the shortest text that reads back to the same value   `0.1`, `1e+20`, `nan`, `inf`
    decimal    no trailing zeros, no exponent                        `1.5`, `200`
    boolean    `true`, `false`
    date       ISO 8601                                              `2024-02-29`
    datetime   ISO 8601, fraction without trailing zeros             `2024-02-29T12:30:00.5`
    ... with a time zone: in UTC                                     `2024-02-29T12:30:00Z`
    null       None

Engines write some of these differently (`1e20`, `1e+20`), so each distinct value is put right here, in Python, once: when
the table is counted, and by the same functions when what was written is counted again. `-0.0` and `0.0` are one value.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import narwhals as nw


def _float(text: str) -> str:
    value = float(text)
    return repr(value if value != 0 else 0.0)  # -0.0 and 0.0 are equal, hence one value


def _decimal(text: str) -> str:
    value = Decimal(text)
    return format(value.normalize(), "f") if value else "0"


def _fraction(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _datetime(text: str) -> str:
    return _fraction(text).replace(" ", "T")


def _instant(text: str) -> str:
    for ending in ("+00:00", "+00", " UTC", "Z"):
        text = text.removesuffix(ending)
    return _datetime(text) + "Z"


def _same(text: str) -> str:
    return text


def engine_text(name: str, dtype: Any) -> nw.Expr:
    """The column as the engine writes it; two values with one canonical text may still differ here."""
    column = nw.col(name)
    if dtype == nw.String:
        return column
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None and dtype.time_zone != "UTC":
        column = column.dt.convert_time_zone("UTC")
    return column.cast(nw.String)


def type_name(dtype: Any) -> str:
    """A column's type, to be shown: categories are text, and their list, which holds cells, is not said."""
    return "String" if dtype in (nw.Categorical, nw.Enum) else str(dtype)


def canonical(dtype: Any) -> Callable[[str], str] | None:
    """From the engine's text to the canonical text; None for types that cannot be grouped by."""
    if dtype == nw.String or dtype in (nw.Categorical, nw.Enum) or dtype == nw.Boolean or dtype == nw.Date:
        return _same
    if dtype.is_integer():
        return _same
    if dtype.is_float():
        return _float
    if dtype.is_decimal():
        return _decimal
    if isinstance(dtype, nw.Datetime):
        return _instant if dtype.time_zone is not None else _datetime
    return None
