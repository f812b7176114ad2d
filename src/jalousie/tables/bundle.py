"""A release folder as files: its card's bytes, its table, and whether the two belong together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jalousie.contract.model import Csv
from jalousie.errors import ReleaseError, library_boundary
from jalousie.tables.folder import digest_file

CARD = "card.json"
SPACE = "space.json"
REPORT = "report.html"
LARGEST_TEXT = 64 << 20

_NUMBER = re.compile(r"u?int(8|16|32|64)|float(32|64)")
_DECIMAL = re.compile(r"decimal\(precision=(\d{1,2}), scale=(\d{1,2})\)")


def read_member(folder: Path | str, name: str) -> bytes:
    """The bytes of a small file of the folder. Raises ReleaseError R510."""
    place = Path(folder)
    if not place.is_dir():
        raise ReleaseError(
            "R510", "there is no such release folder", hint="name the folder that holds card.json", effect=""
        )
    try:
        if (place / name).stat().st_size > LARGEST_TEXT:
            raise ReleaseError(
                "R510", f"{name} is too large to be what it should be", hint="fetch the release again", effect=""
            )
        return (place / name).read_bytes()
    except OSError:
        raise ReleaseError(
            "R510", f"the folder has no {name} that can be read", hint="is it a release folder?", effect=""
        ) from None


def check_digest(folder: Path | str, name: str, digest: str, what: str = "table") -> Path:
    """Path of the folder's table, if its bytes are those that the card names. Raises ReleaseError R510, R511."""
    if not name or Path(name).name != name:
        raise ReleaseError(
            "R511", f"the card names no {what} inside its folder", hint="fetch the release again", effect=""
        )
    path = Path(folder) / name
    try:
        found = digest_file(path)
    except OSError:
        raise ReleaseError(
            "R510",
            f"the release's {what} cannot be read",
            hint="check its rights, or fetch the release again",
            effect="",
        ) from None
    if found != digest:
        raise ReleaseError(
            "R511",
            f"the release's {what} is not the one that its card describes",
            hint="fetch the release again",
            effect="",
        )
    return path


def check_files(folder: Path | str, files: Mapping[str, str]) -> None:
    """Raises ReleaseError R510 or R511 unless all these files of the folder are those that the card names."""
    for name, digest in files.items():
        check_digest(folder, name, digest, name if name in (SPACE, REPORT) else "file")


def read_released(path: Path, *, format: str, csv: Csv, types: dict[str, str]) -> Any:
    """A release's table as a PyArrow table, typed as the card says. Raises ReleaseError R510."""
    hint = "fetch the release again, or ask the provider"
    with library_boundary(ReleaseError, "R510", "the release's table cannot be read", hint=hint):
        if format == "parquet":
            import pyarrow.parquet as pq

            return pq.read_table(path)
        if format == "arrow":
            import pyarrow as pa

            with pa.memory_map(str(path)) as source:
                return pa.ipc.open_file(source).read_all()
        return _read_csv(path, csv, types)


def _read_csv(path: Path, csv: Csv, types: dict[str, str]) -> Any:
    from pyarrow import csv as arrow_csv

    known = {name: _arrow_type(kind) for name, kind in types.items()}
    return arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(encoding=csv.encoding, column_names=None if csv.header else list(types)),
        parse_options=arrow_csv.ParseOptions(
            delimiter=csv.delimiter,
            quote_char=csv.quote or False,
            newlines_in_values=True,
            ignore_empty_lines=len(types) > 1,  # of one column, an empty line is a null
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: kind for name, kind in known.items() if kind is not None},
            null_values=list(csv.nulls[:1] or [""]),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            decimal_point=csv.decimal,
        ),
    )


def _arrow_type(kind: str) -> Any:
    """Arrow's type of a type that the card names; None where a CSV file's own look must do (times, for one)."""
    import pyarrow as pa

    plain = {"text": pa.string(), "boolean": pa.bool_(), "date": pa.date32()}
    if kind in plain:
        return plain[kind]
    if found := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found[1]), int(found[2]))
    return pa.type_for_alias(kind) if _NUMBER.fullmatch(kind) else None
