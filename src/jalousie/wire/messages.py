"""Every JSON message between an ML party and a provider, as structs; the published OpenAPI is made from these.

Populations, questions and answers are not here: they travel as Arrow (`wire.arrays`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from jalousie.errors import WireError
from jalousie.wire.canonical import LARGEST_INTEGER
from jalousie.wire.envelope import Digest, Minute
from jalousie.wire.problem import Problem

Whole = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Hash = Annotated[str, Meta(min_length=44, max_length=44)]
NoteText = Annotated[str, Meta(max_length=16384)]
MAX_JSON = 2**20
_Message = TypeVar("_Message", bound=msgspec.Struct)


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all messages."""


class Health(Message, frozen=True, kw_only=True):
    """Whether the place can answer; says nothing about its data."""

    status: Literal["ready", "stopping"]
    version: str
    contracts: tuple[Digest, ...] = ()


class PopulationAccepted(Message, frozen=True, kw_only=True):
    """The population is named; how many of its records the provider has is not said."""

    population: Digest
    size: Whole


class LabelLeft(Message, frozen=True, kw_only=True):
    """Budget of a label. Of records that were asked differently much, the one with the least left counts."""

    label: str
    rho: float
    """Reserved by the contract, zCDP."""
    rho_spent: float
    rho_left: float
    epsilon: float
    """The same as epsilon at `delta`."""
    epsilon_spent: float
    epsilon_left: float
    delta: float
    questions: Whole = 0
    """Charged under the contract so far, of all labels."""
    questions_left: Whole = 0


class BudgetAnswer(Message, frozen=True, kw_only=True):
    """The budget of one label or all."""

    contract: Digest
    labels: tuple[LabelLeft, ...]


class Event(Message, frozen=True, kw_only=True):
    """One question in the history."""

    minute: Minute
    question: Digest
    label: str
    partitions: Whole
    groups: Whole
    outcome: Literal["answered", "replayed", "refused", "unfinished"]
    code: str = ""
    """Why it was refused."""
    rho_spent: float = 0.0
    entry: Whole = 0
    """Where the question stands in the ledger."""
    records: Whole = 0
    """How many records it asked about."""
    before: Whole | None = None
    """How many of them were asked about before; null where that was not recorded."""
    nearest: Whole | None = None
    """The fewest records in which their set differs from a recent earlier one; null where there was none."""


class History(Message, frozen=True, kw_only=True):
    """The questions of a contract, oldest first."""

    contract: Digest
    events: tuple[Event, ...]
    next: Whole | None = None
    """`after` for the next page."""


class CheckpointAnswer(Message, frozen=True, kw_only=True):
    """The ledger's newest checkpoint, a C2SP signed note."""

    checkpoint: NoteText


class InclusionAnswer(Message, frozen=True, kw_only=True):
    """Proof that an entry is in the ledger of a size (RFC 9162)."""

    index: Whole
    size: Whole
    leaf: Hash
    path: Annotated[tuple[Hash, ...], Meta(max_length=64)]


class ConsistencyAnswer(Message, frozen=True, kw_only=True):
    """Proof that the ledger of `old` entries is a prefix of that of `size` (RFC 9162)."""

    old: Whole
    size: Whole
    path: Annotated[tuple[Hash, ...], Meta(max_length=64)]


class CosignatureRequest(Message, frozen=True, kw_only=True):
    """A checkpoint with the ML party's cosignature, for the provider to keep beside its own."""

    checkpoint: NoteText


class CosignatureAccepted(Message, frozen=True, kw_only=True):
    """The cosignature is kept."""

    size: Whole


MESSAGES: tuple[type[msgspec.Struct], ...] = (
    Health,
    PopulationAccepted,
    LabelLeft,
    BudgetAnswer,
    Event,
    History,
    CheckpointAnswer,
    InclusionAnswer,
    ConsistencyAnswer,
    CosignatureRequest,
    CosignatureAccepted,
    Problem,
)


def decode_message(data: bytes, kind: type[_Message]) -> _Message:
    """
    Raises
    ------
    WireError
        W600 malformed, W601 too large
    """
    if len(data) > MAX_JSON:
        raise WireError("W601", "the message is too large", effect="")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise WireError("W600", "the message is not of its form", effect="") from None


def schemas() -> dict[str, Any]:
    """The JSON Schemas of all messages, for `components/schemas` of the OpenAPI document."""
    _, components = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    return components
