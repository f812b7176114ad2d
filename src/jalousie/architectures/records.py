"""Tables as the validator needs them: whom each row is about, and its labels at the provider or its groups at the ML party.

Both parties name a record by the canonical text of its identifier (`tables.text`) under the contract's key, so that a
number in a Parquet file meets the same number in a CSV file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback
from jalousie.contract.model import Column, Contract, Table
from jalousie.errors import TableError, ValidatorError, did_you_mean
from jalousie.places.pseudonym_key import KEY_BYTES, PSEUDONYM_BYTES, pseudonyms
from jalousie.tables import read_table
from jalousie.tables.raw import RawTable
from jalousie.tables.rows import raw_rows
from jalousie.tables.text import canonical, engine_text
from jalousie.validator.canonical import require_pseudonyms
from jalousie.validator.match import LabelColumn, encode_label
from jalousie.validator.rows import RowIndex, index_rows
from jalousie.validator.types import Partition, Population


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The provider's rows: which count, and their labels by name."""

    index: RowIndex
    labels: Mapping[str, LabelColumn]
    rows: int
    unnamed: int
    """Rows without an identifier: they count nowhere."""
    nulls: Mapping[str, int] = field(default_factory=dict)
    """Rows with an identifier and without a value, by label; where they were counted."""
    names: NDArray[np.uint8] | None = None
    """(rows, 16) pseudonyms and, below, subjects, where these are more than one record each: what counts is remembered."""
    subjects: NDArray[np.uint8] | None = None


def provider_records(
    raw: RawTable, contract: Contract, feedback: Feedback, key: bytes, subject_key: bytes = bytes(KEY_BYTES)
) -> Records:
    """Read identifiers, subjects and labels of the provider's table. `key` makes pseudonyms, `subject_key` subjects' names.

    Raises
    ------
    TableError
        T201 a column is missing, T212 an identifier of a type that has no text
    ValidatorError
        V212 a label that cannot be answered about, V216 an identifier that records of several subjects share
    """
    wanted = [label.column for label in feedback.labels.values()]
    texts = texts_of(raw, [feedback.identifier, *([feedback.subject] if feedback.subject else [])])
    identifiers = texts[feedback.identifier]
    named = np.array([text is not None for text in identifiers], dtype=bool)
    values = _values_of(raw, wanted)
    kept = {column: _kept(cells, named) for column, cells in values.items()}
    labels = {name: encode_label(kept[label.column], label, feedback) for name, label in feedback.labels.items()}
    # a number that is not equal to itself is none
    nulls = {
        name: sum(cell is None or cell != cell for cell in kept[label.column])
        for name, label in feedback.labels.items()
    }
    subjects = None
    if feedback.unit == "subject" and feedback.subject:
        # rows without a subject are of their identifier's, or rows of nobody would crowd each other out
        who = [
            f"s{text}" if text is not None else f"r{identifier}"
            for text, identifier in zip(texts[feedback.subject], identifiers, strict=True)
            if identifier is not None
        ]
        subjects = pseudonym_array(subject_key, who)
    names = pseudonym_array(key, [text for text in identifiers if text is not None])
    return _records(names, subjects, feedback, labels, int((~named).sum()), nulls)


def _records(
    names: NDArray[np.uint8],
    subjects: NDArray[np.uint8] | None,
    feedback: Feedback,
    labels: Mapping[str, LabelColumn],
    unnamed: int,
    nulls: Mapping[str, int],
) -> Records:
    index = index_rows(names, feedback, subjects)
    if subjects is None:
        return Records(index, labels, len(names), unnamed, nulls)
    return Records(index, labels, len(names), unnamed, nulls, names, subjects)


Values = NDArray[np.generic] | Sequence[object]


def array_records(
    labels: Mapping[str, Values],
    feedback: Feedback,
    pseudonyms: NDArray[np.uint8],
    *,
    present: NDArray[np.bool_] | None = None,
    subjects: Values | None = None,
) -> Records:
    """Records of a provider whose table is arrays: (n,) labels by name, (n, 16) pseudonyms, (n,) whether it has them.

    Raises
    ------
    ValidatorError
        V211 pseudonyms of another form, V212 a label of the contract is missing, or something is not one for each record, V216 an
        identifier that records of several subjects share
    """
    require_pseudonyms(pseudonyms)
    missing = sorted(set(feedback.labels) - set(labels))
    if missing:
        raise ValidatorError("V212", f"there are no values of label {', '.join(missing)}", effect="")
    size = len(pseudonyms)
    has = np.ones(size, dtype=bool) if present is None else np.asarray(present)
    if has.dtype != np.bool_ or has.shape != (size,):
        raise ValidatorError("V212", f"presence: not one truth value for each of {size} records", effect="")
    rows = np.flatnonzero(has)
    columns = {
        name: encode_label(_array_of(labels[name], size, f'label "{name}"')[rows], label, feedback)
        for name, label in feedback.labels.items()
    }
    about = None
    if subjects is not None and feedback.unit == "subject":
        who = _array_of(subjects, size, "subjects")[rows].tolist()
        texts = [None if one is None or one != one else str(one) for one in who]
        about = pseudonym_array(bytes(KEY_BYTES), [text or "" for text in texts])
        about[[text is None for text in texts]] = 0  # who is nobody's counts nowhere
    return _records(pseudonyms[rows], about, feedback, columns, 0, {})


def _array_of(values: Values, size: int, what: str) -> NDArray[np.generic]:
    """(size,) values; what is no array becomes one of objects. Raises V212."""
    array = values if isinstance(values, np.ndarray) else np.array(_with_none(values), dtype=object)
    if array.shape != (size,):
        raise ValidatorError("V212", f"{what}: not one value for each of {size} records", effect="")
    return array


def _with_none(values: Any) -> Any:
    """pandas' own null is not None, and has no truth value."""
    return values.to_numpy(dtype=object, na_value=None) if hasattr(values, "isna") else values


def population_of(identifiers: Sequence[str | None], key: bytes) -> Population:
    """The population of an ML party's identifiers, in their order.

    Raises
    ------
    TableError
        T263 if one is missing or occurs twice
    """
    texts = [text for text in identifiers if text is not None]
    if len(texts) != len(identifiers):
        raise TableError("T263", f"{len(identifiers) - len(texts)} rows have no identifier", hint="leave them out")
    if len(set(texts)) != len(texts):
        raise TableError("T263", f"{len(texts) - len(set(texts))} identifiers occur twice", hint="name a record once")
    return Population(pseudonym_array(key, texts))


def partition_of(values: Sequence[str | None]) -> tuple[Partition, tuple[str, ...]]:
    """A partition by the values of a column (nulls are not asked about), and the name of each group, which stays here."""
    names = sorted({value for value in values if value is not None})
    number = {name: place for place, name in enumerate(names)}
    groups = np.array([-1 if value is None else number[value] for value in values], dtype=np.int32)
    return Partition(groups, len(names)), tuple(names)


def pseudonym_array(key: bytes, identifiers: Sequence[str]) -> NDArray[np.uint8]:
    """(n, 16) pseudonyms."""
    return np.frombuffer(bytearray(pseudonyms(key, identifiers)), dtype=np.uint8).reshape(-1, PSEUDONYM_BYTES)


def texts_of(raw: RawTable, names: Sequence[str]) -> dict[str, list[str | None]]:
    """Canonical text of columns, in read order."""
    _require(raw, names)
    functions = {}
    for name in names:
        function = canonical(raw.schema[name])
        if function is None:
            raise TableError("T212", f'column "{name}" has a type that cannot name records or groups')
        functions[name] = function
    frame = raw.frame.select(**{name: engine_text(name, raw.schema[name]) for name in names})
    columns = raw_rows(raw.derive(frame))
    return {
        name: [None if value is None else functions[name](value) for value in columns[name].to_list()] for name in names
    }


def own_texts(
    table: Table, contract: Contract, feedback: Feedback, columns: Sequence[str], folder: Path = Path()
) -> dict[str, list[str | None]]:
    """Canonical text of the identifier and of other columns of an ML party's own table.

    The identifier has the type that the contract gives it, so that both parties write its text alike.
    """
    wanted = {name: Column(role="plain") for name in columns}
    wanted[feedback.identifier] = contract.columns.get(feedback.identifier, Column(role="identifier"))
    return texts_of(read_table(table, wanted, folder, others="leave-out"), list(wanted))


def _values_of(raw: RawTable, names: Sequence[str]) -> dict[str, list[Any]]:
    _require(raw, names)
    frame = raw_rows(raw.derive(raw.frame.select(*dict.fromkeys(names))))
    return {name: frame[name].to_list() for name in frame.columns}


def _kept(values: Sequence[Any], kept: NDArray[np.bool_]) -> list[Any]:
    return [value for value, keep in zip(values, kept.tolist(), strict=True) if keep]


def _require(raw: RawTable, names: Sequence[str]) -> None:
    for name in names:
        if name not in raw.schema:
            raise TableError("T201", f'the table has no column "{name}"', hint=did_you_mean(name, raw.columns))
