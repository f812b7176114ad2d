"""The entries of a ledger. They hold digests, sizes, budgets and minutes: no label, no cell value, no pseudonym, no answer.

A question entry is written in the same transaction as the spend that it records, before any label is looked at; the answer
or refusal follows and names it by its index. A crash in between leaves a question without an outcome: its spend stands.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from jalousie.errors import LedgerError, WireError
from jalousie.wire.canonical import LARGEST_INTEGER, canonical, decode_canonical
from jalousie.wire.envelope import Digest, Minute

Whole = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Nano = Whole
"""Budget in billionths of rho (zCDP)."""
Text = Annotated[str, Meta(max_length=200)]
# one pattern: of a pattern or the empty text msgspec would read the pattern alone
MaybeDigest = Annotated[str, Meta(pattern=r"^(sha256:[0-9a-f]{64})?$")]
Key = Annotated[str, Meta(max_length=60)]
MAX_ENTRY: Final = 4 * 2**20


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="entry"):
    """What all entries share."""

    minute: Minute
    """UTC when it was written; never decreases along the ledger."""
    contract: Digest


class LabelBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a contract reserves of a label column."""

    column: Text
    """The provider's column: contracts that ask about one column share its lifetime budget."""
    reserved: Nano
    """A record's budget under this contract."""
    lifetime: Nano
    """A record's budget over all contracts of the provider."""


class PublicLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The contract's limits that refusals rest on."""

    min_group: Whole
    max_groups: Whole
    max_partitions: Whole
    max_questions: Whole
    questions_per_minute: Whole


# without `omit_defaults` the entries from before `master_key` would not be written canonically
class ContractRegistered(Record, frozen=True, kw_only=True, tag="contract", omit_defaults=True):
    """The provider begins to answer under a contract."""

    provider: Key
    ml_party: Key
    neighbours: Literal["add-or-remove", "change-label"]
    noise: Literal["gaussian", "laplace"]
    labels: dict[Text, LabelBudget]
    limits: PublicLimits
    master_key: MaybeDigest = ""
    """Names the provider's key of all pseudonyms, and tells nothing of it: under another one all budgets would begin anew."""


class PopulationNamed(Record, frozen=True, kw_only=True, tag="population"):
    """The ML party names the records that it will ask about."""

    population: Digest
    size: Whole


# `omit_defaults`: the entries from before `statistic` stay as they were written
class PartitionAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The public facts of one partition."""

    digest: Digest
    """Canonical: the same for any numbering of groups and order of records."""
    groups: Whole
    smallest: Whole
    """Records of the population in the smallest group, whether or not the provider has them."""
    new: bool
    """False where it was answered before and is replayed."""
    statistic: Literal["", "records", "signed", "absolute", "square"] = ""
    """What was summed of a number, where that is not the number itself. Centres and clip are in the digest alone."""


class QuestionAsked(Record, frozen=True, kw_only=True, tag="question", omit_defaults=True):
    """A question, and what it was charged. What has a default is left out where it is not known, as in older ledgers."""

    question: Digest
    sequence: Whole
    population: MaybeDigest
    """Empty where the question could not be read."""
    label: Text
    """Of the contract; empty where it has none of that name: what a party wrote is not repeated here."""
    asked: MaybeDigest
    """Digest of the set of records asked about; empty where the question is refused before that is known."""
    records: Whole
    """How many records that are."""
    partitions: tuple[PartitionAsked, ...]
    offered: Nano
    """What the ML party offered."""
    charge: Nano
    """What the new partitions cost each record asked about."""
    spent: Nano
    """`charge` where the monitor allowed the question, else 0."""
    tally: Nano
    """The largest sum that any record asked about has spent under this contract and label, this question's included."""
    before: Whole | None = None
    """How many of the records were charged before, under this contract and label."""
    nearest: Whole | None = None
    """The fewest records in which their set differs from one of this population that was charged before; 0: the same set."""


class Refused(Record, frozen=True, kw_only=True, tag="refusal"):
    """Nothing was answered and nothing spent."""

    index: Whole
    """The entry of the question."""
    code: Annotated[str, Meta(pattern=r"^[VWX][0-9]{3}$")]


class Answered(Record, frozen=True, kw_only=True, tag="answer"):
    """An answer left."""

    index: Whole
    """The entry of the question."""
    answer: Digest
    """Digest of the answer as sent."""
    partitions: tuple[Digest, ...]
    """Digest of the noisy counts of each partition; a replay repeats the earlier one."""


class Erased(Record, frozen=True, kw_only=True, tag="erasure"):
    """The provider erased what it kept: of one population, or of the whole contract. Budget spent stays spent."""

    what: Literal["population", "contract"]
    population: MaybeDigest = ""


Entry = ContractRegistered | PopulationNamed | QuestionAsked | Refused | Answered | Erased


class _Line(msgspec.Struct, frozen=True):
    value: Entry


class _Minute(msgspec.Struct, frozen=True):
    minute: Minute


def encode_entry(entry: Entry) -> bytes:
    """The bytes of the leaf: canonical JSON."""
    return canonical(entry)


def entry_minute(data: bytes) -> str:
    """The minute of an entry in one's own storage, without looking at the rest of it.

    Raises
    ------
    LedgerError
        L701
    """
    try:
        return msgspec.json.decode(data, type=_Minute).minute
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise LedgerError("L701", "an entry of the ledger is not of its form", effect="") from None


def decode_entry(data: bytes, index: int | None = None) -> Entry:
    """An entry from its leaf.

    Raises
    ------
    LedgerError
        L701
    """
    name = "an entry" if index is None else f"entry {index}"
    try:
        if len(data) > MAX_ENTRY:
            raise WireError("W601", "too large", effect="")
        # decode_canonical wants one struct; the union sits in a field
        return decode_canonical(b'{"value":' + data + b"}", _Line).value
    except WireError:
        raise LedgerError("L701", f"{name} of the ledger is not of its form", effect="") from None
