"""Does the provider's table fit the contract's questions? Counts alone are told, never a value.

Told before anything is registered: a registered contract has reserved its budget for life.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jalousie.architectures.records import Records, provider_records
from jalousie.contract import Loaded, Positions
from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ContractError, ValidatorError
from jalousie.places.pseudonym_key import KEY_BYTES
from jalousie.tables import read_table
from jalousie.validator.match import LabelColumn

_NOTHING = "nothing was answered, no budget was reserved"


@dataclass(frozen=True, slots=True)
class LabelFit:
    """How many of the rows that have an identifier a label can be counted in."""

    label: str
    counted: int
    null: int
    others: int
    """Rows with a value that is none of the classes: they count nowhere."""
    unused: int
    """Classes that no row has."""


@dataclass(frozen=True, slots=True)
class TableFit:
    """The provider's table under a contract."""

    rows: int
    """Rows with an identifier."""
    unnamed: int
    left_out: int
    """Rows with an identifier that count nowhere: it or its subject has rows enough already."""
    labels: tuple[LabelFit, ...]

    def notes(self, feedback: Feedback) -> Iterator[str]:
        """What is no fault, and still worth knowing."""
        if self.unnamed:
            yield f"{_rows(self.unnamed)} without an identifier: not counted"
        if self.left_out:
            yield f"{_rows(self.left_out)} beyond what counts of an identifier or subject: not counted"
        for label in self.labels:
            if label.others:
                typo = f", and {label.unused} of these occur nowhere: compare spelling" if label.unused else ""
                yield f'label "{label.label}": {_rows(label.others)} with none of the classes{typo}'
            elif label.unused:
                yield f'label "{label.label}": {label.unused} of the classes occur nowhere'
            if label.null:
                yield f'label "{label.label}": {_rows(label.null)} without a value'
        if feedback.noise == "gaussian" and feedback.delta * self.rows > 1:
            yield f"delta {feedback.delta:g} is more than 1 in {self.rows}, the rows of the table: choose a smaller one"


def read_fit(loaded: Loaded, feedback: Feedback) -> TableFit:
    """Read the contract's table and hold it against its `feedback`, without a place: no key is used or made.

    Raises
    ------
    TableError
        T as reading
    ValidatorError
        V212 a label that no row has, V213 no row has an identifier
    """
    raw = read_table(loaded.contract.table, loaded.contract.columns, loaded.folder)
    records = provider_records(raw, loaded.contract, feedback, bytes(KEY_BYTES))
    return fit_of(records, feedback, loaded.positions)


def fit_of(records: Records, feedback: Feedback, positions: Positions | None = None) -> TableFit:
    """Hold the provider's records against the contract.

    Raises
    ------
    ValidatorError
        V212 a label that no row has, V213 no row has an identifier
    """
    positions = positions or Positions()
    if not records.rows:
        raise ValidatorError(
            "V213",
            f'column "{feedback.identifier}" names none of the {_rows(records.unnamed)}',
            hint="is it the column by which both parties name a record?",
            where=positions.where("feedback.identifier"),
            effect=_NOTHING,
        )
    fits = []
    for name, label in feedback.labels.items():
        fit = _label(name, label, records.labels[name], records.nulls.get(name, 0))
        if not fit.counted:
            raise _nowhere(fit, label, positions)
        fits.append(fit)
    return TableFit(records.rows, records.unnamed, records.rows - len(records.index.rows), tuple(fits))


def _label(name: str, label: Label, column: LabelColumn, null: int) -> LabelFit:
    counted = int(column.present.sum())
    unused = 0
    if label.kind == "classes":
        unused = len(label.classes) - len(set(column.values[column.present].tolist()))
    return LabelFit(name, counted, null, len(column.values) - counted - null, unused)


def _nowhere(fit: LabelFit, label: Label, positions: Positions) -> ValidatorError:
    part = "classes" if fit.others else "column"
    message = f"{_rows(fit.others)} with another value, {fit.null} without one, none with one of the classes"
    return ValidatorError(
        "V212",
        f'label "{fit.label}" can be counted nowhere: {message}',
        hint=f'compare the spelling of its classes with column "{label.column}", and that column\'s type'
        if fit.others
        else "is it the right column?",
        where=positions.where(f"feedback.labels.{fit.label}.{part}"),
        effect=_NOTHING,
    )


def require_keys(loaded: Loaded) -> None:
    """Raises ContractError C103 where a key is missing that questions over the network need."""
    from jalousie.contract.party_keys import missing_keys

    for name in missing_keys(loaded.contract.parties):
        raise ContractError(
            "C103",
            f'the contract lacks "{name}"',
            hint=f"parties: {{{name}: ed25519:...}}; `jalousie keys show` prints a party's",
            where=loaded.positions.where(f"parties.{name}"),
            effect=_NOTHING,
        )


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"
