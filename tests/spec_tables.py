"""Tiny tables in, tiny tables out: the vocabulary of the specification."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from jalousie import Release, parse_contract, protect

HEAD = "jalousie: 1\nname: spec\nparties: {provider: P}\n"


def table(text: str) -> pa.Table:
    """A table from words: first line the columns, `-` a null, whole numbers as numbers."""
    lines = [line.split() for line in text.strip().splitlines()]
    columns = list(zip(*lines[1:], strict=True))
    return pa.table({name: [cell(word) for word in words] for name, words in zip(lines[0], columns, strict=True)})


def cell(word: str) -> Any:
    if word == "-":
        return None
    return int(word) if word.lstrip("-").isdigit() else word


def release(rows: str, contract: str) -> Release:
    return protect(table(rows), parse_contract(HEAD + contract))


def shown(made: Release) -> list[tuple[Any, ...]]:
    """The released rows, in order."""
    return list(zip(*(column.to_pylist() for column in made.to_arrow().columns), strict=True))
