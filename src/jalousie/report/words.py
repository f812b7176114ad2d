"""How figures and names are written, the same everywhere: one digit after the point for percentages, never rounded up
to all or down to none; a comma for thousands; control characters of foreign text made visible.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

UNKNOWN = "not known"
METRICS = {"auc": "AUC", "macro-auc": "macro AUC", "accuracy": "accuracy", "r2": "R²"}
_SPACE = "\N{NO-BREAK SPACE}"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def count(value: float) -> str:
    """A whole number with thousands separated: `32,561`; from a billion on as `1.30 × 10⁹`."""
    if not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 1e9:
        return f"{round(value):,}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def percent(share: float | None) -> str:
    """A share as a percentage: `4.9 %`. 0 and 100 % are said only where they are meant."""
    if share is None or not math.isfinite(value := 100 * share):
        return UNKNOWN
    nearest = round(value)
    if math.isclose(value, nearest, rel_tol=0, abs_tol=1e-9):
        return f"{nearest:,}{_SPACE}%"
    text = f"{value:,.1f}"
    if text in ("0.0", "-0.0"):
        text = "< 0.1" if value > 0 else "> -0.1"
    elif text == "100.0":
        text = "> 99.9" if value < 100 else "> 100"
    return f"{text}{_SPACE}%"


def score(value: float | None) -> str:
    """A score or loss with three digits: `0.884`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    return f"{value:,.3f}" if abs(value) < 1e6 else count(value)


def number(value: float | None) -> str:
    """A figure of unknown kind: whole numbers as counts, others with up to four significant digits."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == int(value) or abs(value) >= 1e6:
        return count(value)
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.1f}"


def seconds(value: float) -> str:
    """A time: `340 ms`, `2.41 s`, `3 min 20 s`."""
    if not math.isfinite(value):
        return UNKNOWN
    if value < 0.0995:
        return f"{1000 * value:.0f}{_SPACE}ms" if value >= 0.0005 or value == 0 else f"< 1{_SPACE}ms"
    if value < 99.5:
        return f"{value:.2f}{_SPACE}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes:,}{_SPACE}min {rest}{_SPACE}s"


def one_in(risk: float) -> str:
    """A risk as people say it: `1 in 5`, `1 in 3.4`, `certain`, `none`."""
    if not math.isfinite(risk):
        return UNKNOWN
    if risk <= 0:
        return "none"
    if risk >= 1:
        return "certain"
    size = 1 / risk
    if size < 20 and abs(size - round(size)) > 0.05:
        return f"1 in {size:.1f}"
    return f"1 in {count(size)}"


def date(text: str) -> str:
    """`2026-11-20T09:30Z` as `2026-11-20 09:30 UTC`; other text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(Z|\+00:00)", text)
    return f"{found[1]} {found[2]} UTC" if found else clean(text)


def plural(amount: int, noun: str, many: str = "") -> str:
    """`1 row`, `5 rows`."""
    return f"{count(amount)} {noun if amount == 1 else many or noun + 's'}"


def listing(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def sentence(text: str) -> str:
    """Upper-case start, a full stop and percent signs that stay with their figure, whoever wrote the sentence."""
    text = re.sub(r"(?<=\d) %", f"{_SPACE}%", clean(text).strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?:…" else ".")


def clean(text: str) -> str:
    """Foreign text made safe to show: a control, bidirectional or unpaired character becomes `�`.

    Column names are chosen by others; a terminal, an XML reader and a reader's eye must not be led by them.
    """
    return "".join("\ufffd" if _unsafe(character) else character for character in text)


def _unsafe(character: str) -> bool:
    category = unicodedata.category(character)
    return (
        category in ("Cc", "Cs", "Zl", "Zp")
        or character in _BIDI
        or (category == "Cn" and ord(character) & 0xFFFE == 0xFFFE)
    )
