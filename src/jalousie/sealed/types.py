"""The nouns of the masked scheme: what a provider hands to the mediator, and what the mediator hands to the ML party.

A `SealedColumn` is a label that was masked word by word, a `SealedAnswer` an answer whose numbers still are. Neither can be
taken for a label or an answer: they are types of their own, and only the ML party's `opening` makes an `Answer` of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jalousie.contract.feedback import Feedback, Label
from jalousie.errors import ValidatorError
from jalousie.validator.sensitivity import noised_classes
from jalousie.validator.types import Answer

Words = NDArray[np.uint64]
"""Whole numbers modulo 2^64."""
NONCE_BYTES = 16
CHECK_BYTES = 16
_FORM = b"jalousie/sealed-column/1\0"
_NOTHING = "no label was summed, and no budget was spent"


@dataclass(frozen=True, slots=True)
class Context:
    """What a sealed column belongs to. All of it is public."""

    contract: str
    """Digest."""
    population: str
    """Digest."""
    label: str
    provider: str
    epoch: int
    """Counts how often the parties sealed anew, from 0; columns of two epochs are never added."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a column's pads follow from, but for the key. Public: the mediator keeps it and sends it with every answer."""

    context: Context
    records: int
    width: int
    """Words a record."""
    nonce: bytes
    """16 bytes, drawn anew for every sealing: no two columns ever have the same pads."""
    check: bytes = b""
    """16 bytes that follow from the key and all of the above: another key is told before anything is subtracted."""

    def bound(self) -> bytes:
        """All but nonce and check, with the length of every part before it, so that no two headers read alike."""
        context = self.context
        texts = [text.encode() for text in (context.contract, context.population, context.label, context.provider)]
        numbers = [number.to_bytes(8, "big") for number in (context.epoch, self.records, self.width)]
        return _FORM + b"".join(len(part).to_bytes(4, "big") + part for part in texts + numbers)


@dataclass(frozen=True, slots=True, eq=False)
class SealedColumn:
    """One label of one provider for a whole population: (n, W) uint64, uniform for whoever lacks the key.

    Records that the provider does not have are there like all others.
    """

    header: Header
    words: Words


@dataclass(frozen=True, slots=True, eq=False)
class SealedAnswer:
    """The mediator's answer. Its counts and totals are masked and mean nothing before `opening.Opener.unmask`."""

    masked: Answer
    headers: tuple[Header, ...]
    """Of the columns that were summed, one of each provider."""


def width_of(label: Label, feedback: Feedback) -> int:
    """Words a record: one for each cell that is noised per group, and one more for presence where totals are public."""
    return noised_classes(label, feedback.neighbours) + (feedback.neighbours == "change-label")


def check_form(column: SealedColumn) -> None:
    """
    Raises
    ------
    ValidatorError
        V218: words of another shape or type than the header says, or a header with parts of the wrong length
    """
    header, words = column.header, column.words
    if words.dtype != np.uint64 or words.shape != (header.records, header.width):
        problem = f"is not {header.records} records of {header.width} words of 64 bits"
    elif len(header.nonce) != NONCE_BYTES or len(header.check) != CHECK_BYTES or header.context.epoch < 0:
        problem = "has a header that is not of its form"
    else:
        return
    raise ValidatorError("V218", f"a sealed column {problem}", hint="have it sealed and sent again", effect=_NOTHING)


def check_context(found: Header, wanted: Context, records: int, width: int) -> None:
    """Whether a column is of this contract, population, label and epoch; its provider is the caller's to look at.

    Raises
    ------
    ValidatorError
        V222
    """
    context = found.context
    for what, same in (
        ("contract", context.contract == wanted.contract),
        ("population", context.population == wanted.population and found.records == records),
        ("label", context.label == wanted.label and found.width == width),
        ("epoch", context.epoch == wanted.epoch),
    ):
        if not same:
            raise foreign(what)


def foreign(what: str) -> ValidatorError:
    """V222: a column of another contract, population, label or epoch."""
    return ValidatorError(
        "V222",
        f"a sealed column is of another {what}",
        hint="all parties must name the same contract, population and epoch",
        effect=_NOTHING,
    )
