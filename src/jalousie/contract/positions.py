"""Where each part of a contract stands in its text, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Mapping

from jalousie.errors import Where


class Positions:
    """Line and column (both from 1) of every key and list item, by dotted path: `columns.age.hierarchy`, `steps.0`.

    A contract made in Python has no text; its positions are empty and `where` then gives the path alone.
    """

    __slots__ = ("_file", "_keys", "_values")

    def __init__(
        self,
        file: str = "",
        keys: Mapping[str, tuple[int, int]] | None = None,
        values: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """`keys` holds where the key (or list item) of a path starts, `values` where its value starts."""
        self._file = file
        self._keys = keys or {}
        self._values = values or {}

    def where(self, path: str, *, value: bool = False) -> Where:
        """The place of `path`, or of its nearest ancestor that is written down (for what was left out).

        With `value` the place of the value rather than of its key.
        """
        table = self._values if value else self._keys
        known = path
        while known and known not in table:
            known = known.rpartition(".")[0]
        line, column = table.get(known, (0, 0))
        return Where(self._file, line, column, path)


def join(path: str, key: str | int) -> str:
    """`columns` and `age` give `columns.age`."""
    return f"{path}.{key}" if path else str(key)
