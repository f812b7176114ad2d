"""Errors over HTTP: one shape (RFC 9457, `application/problem+json`) that holds the code and its fixed sentence, nothing else.

The local text of an error never passes through here: `title` comes from the table of codes, so what a place answers to an
error is the same whatever its data were.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from jalousie.errors import (
    CODES,
    ContractError,
    InternalError,
    JalousieError,
    LedgerError,
    UsageError,
    ValidatorError,
    WireError,
)
from jalousie.wire.canonical import canonical

PROBLEM_TYPE: Final = "application/problem+json"
MAX_PROBLEM: Final = 4096

# by code, then by family
_STATUS: Final = {
    "W601": 413,
    "W602": 401,
    "W603": 403,
    "W604": 401,
    "W605": 409,
    "V201": 403,
    "V202": 429,
    "V203": 403,
    "V206": 404,
    "V208": 404,
}
_FAMILY_STATUS: Final = {"W": 400, "V": 422, "L": 409, "C": 409, "U": 400}
_KINDS: Final[dict[str, type[JalousieError]]] = {
    "W": WireError,
    "V": ValidatorError,
    "L": LedgerError,
    "C": ContractError,
    "U": UsageError,
}
# families that are the place's own affair: the other side learns that something failed there, not what
_INTERNAL: Final = "X900"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error as the other side sees it."""

    type: str
    """`urn:jalousie:error:` and the code."""
    title: str
    """The code's fixed sentence."""
    status: Annotated[int, Meta(ge=400, le=599)]
    code: Annotated[str, Meta(pattern=r"^[A-Z][0-9]{3}$")]


def problem_of(error: BaseException) -> Problem:
    """What may be said of any exception; whatever is not one of ours, or concerns the place's own data, is X900."""
    code = error.code if isinstance(error, JalousieError) and error.code[0] in _FAMILY_STATUS else _INTERNAL
    status = _STATUS.get(code, _FAMILY_STATUS.get(code[0], 500))
    return Problem(type=f"urn:jalousie:error:{code}", title=CODES[code], status=status, code=code)


def encode_problem(problem: Problem) -> bytes:
    return canonical(problem)


def error_of(body: bytes) -> JalousieError:
    """The error of a problem that came from outside, with our own sentence for its code: foreign text is not repeated.

    Anything else gives a WireError W608.
    """
    unexpected = WireError("W608", "the other side answered something unexpected", effect="")
    if len(body) > MAX_PROBLEM:
        return unexpected
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return unexpected
    if problem.code == _INTERNAL:
        return InternalError(_INTERNAL, "the other side has failed", hint="ask its operator for its log", effect="")
    kind = _KINDS.get(problem.code[0])
    if kind is None or problem.code not in CODES:
        return unexpected
    return kind(problem.code, f"the other side refused: {CODES[problem.code]}", effect="")
