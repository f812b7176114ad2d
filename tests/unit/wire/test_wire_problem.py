"""What an error says to the other side, and what is believed of the other side's errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jalousie.errors import CODES, InternalError, JalousieError, LedgerError, TableError, ValidatorError, WireError
from jalousie.wire.messages import MESSAGES, BudgetAnswer, Health, decode_message, schemas
from jalousie.wire.problem import encode_problem, error_of, problem_of

CANARY = "canary-4711"


@pytest.mark.parametrize(
    "error",
    [
        WireError("W605", CANARY, hint=CANARY, effect=CANARY),
        LedgerError("L711", CANARY),
        TableError("T207", CANARY),
        InternalError("X901", CANARY),
        ValueError(CANARY),
        KeyError(CANARY),
        KeyboardInterrupt(CANARY),
    ],
)
def test_nothing_but_the_code_leaves(error: BaseException) -> None:
    body = encode_problem(problem_of(error))
    assert CANARY.encode() not in body
    problem = json.loads(body)
    assert problem["title"] == CODES[problem["code"]]
    assert problem["type"] == f"urn:jalousie:error:{problem['code']}"
    assert set(problem) == {"type", "title", "status", "code"}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (WireError("W600", ""), "W600", 400),
        (WireError("W601", ""), "W601", 413),
        (WireError("W602", ""), "W602", 401),
        (WireError("W605", ""), "W605", 409),
        (TableError("T207", ""), "X900", 500),  # what is wrong with the provider's table is the provider's affair
        (ZeroDivisionError(), "X900", 500),
    ],
)
def test_status(error: BaseException, code: str, status: int) -> None:
    problem = problem_of(error)
    assert (problem.code, problem.status) == (code, status)


def test_an_error_arrives_as_the_same_kind() -> None:
    for kind, code in ((WireError, "W605"), (LedgerError, "L711")):
        arrived = error_of(encode_problem(problem_of(kind(code, CANARY))))
        assert type(arrived) is kind
        assert arrived.code == code
        assert arrived.exit_code == kind.exit_code
    assert isinstance(error_of(encode_problem(problem_of(OSError()))), InternalError)


def test_every_refusal_of_the_validator_arrives() -> None:
    for code in (code for code in CODES if code.startswith("V")):
        arrived = error_of(encode_problem(problem_of(ValidatorError(code, CANARY))))
        assert isinstance(arrived, ValidatorError)
        assert arrived.code == code


@pytest.mark.parametrize(
    "problem",
    [
        {"code": "V999", "title": CANARY, "type": "", "status": 400},
        {"code": "T207", "title": CANARY, "type": "", "status": 400},
        {"code": "W605", "title": CANARY, "type": "", "status": 200},
        {"code": CANARY, "title": CANARY, "type": "", "status": 400},
        {"title": CANARY},
        [],
    ],
)
def test_foreign_text_is_not_repeated(problem: object) -> None:
    arrived = error_of(json.dumps(problem).encode())
    assert arrived.code == "W608"
    assert CANARY not in str(arrived)


@given(st.binary(max_size=200))
def test_noise_is_unexpected(body: bytes) -> None:
    assert isinstance(error_of(body), JalousieError)
    assert error_of(b" " * 5000).code == "W608"


def test_messages() -> None:
    ready = Health(status="ready", version="0.1.0")
    assert decode_message(b'{"status":"ready","version":"0.1.0"}', Health) == ready
    for data in (b"", b"[]", b'{"status":"late","version":""}', b'{"status":"ready","version":"","x":1}', b"\xff"):
        with pytest.raises(WireError) as caught:
            decode_message(data, Health)
        assert caught.value.code == "W600"
    with pytest.raises(WireError) as caught:
        decode_message(b" " * (2**20 + 1), BudgetAnswer)
    assert caught.value.code == "W601"


def test_every_message_has_a_schema_with_a_description() -> None:
    published = schemas()
    assert {kind.__name__ for kind in MESSAGES} == set(published)
    assert all(schema["description"] for schema in published.values())
