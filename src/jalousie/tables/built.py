"""What a builder or a file gives to the compiler: a domain and, level by level, a label for each of its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct, field

from jalousie.errors import HierarchyError, Where
from jalousie.tables.types import Codes, Floats


class Level(NamedTuple):
    """`codes` gives for each domain value its place in `labels`; `bounds` is (len(labels), 2) for numbers and dates."""

    labels: list[str]
    codes: Codes
    bounds: Floats | None = None


class Built(Struct, frozen=True):
    """A hierarchy before it is completed (null, `*`) and checked.

    domain   distinct raw values; None where the definition itself says how nulls are generalised
    levels   level 1 and up
    bounds   of the raw values, for numbers and dates
    lines    line of each domain value in its file, for messages
    """

    domain: Sequence[str | None]
    levels: list[Level]
    kind: str = "sets"
    bounds: Floats | None = None
    lines: list[int] = field(default_factory=list)


def level_of(labels: Sequence[str]) -> Level:
    """Number the distinct labels in the order of the domain."""
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(label, len(places)) for label in labels), np.int32, len(labels))
    return Level(list(places), codes)


def misfit(column: str, count: int, what: str, hint: str, where: Where | None) -> HierarchyError:
    """H305: values that a builder cannot place. Says how many, never which."""
    return HierarchyError("H305", f'column "{column}": values that {what}: {count}', hint=hint, where=where)
