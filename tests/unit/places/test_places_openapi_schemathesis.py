"""schemathesis reads the published description and sends what it allows and what it does not: with a signature and without."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jalousie.contract import digest
from jalousie.places.keys import KeyStore
from jalousie.places.provider_service import ACTIONS, ENVELOPE_HEADER
from jalousie.wire.envelope import sign_message, to_header
from jalousie.wire.keys import PublicKey, SigningKey
from two_places import Places, Running, serving, settle

load_all_checks()


@schemathesis.serializer("application/vnd.apache.arrow.stream", "application/vnd.jalousie.parts")
def arrow_bytes(_: Any, value: Any) -> bytes:
    """Whatever it draws, as bytes: none of it is an Arrow stream of ours."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return settle(tmp_path_factory.mktemp("schemathesis"))


@pytest.fixture(scope="module")
def running(places: Places) -> Iterator[Running]:
    with serving(places) as running:
        yield running


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
@pytest.mark.parametrize("signed", [False, True])
def test_every_answer_is_as_described(
    places: Places, running: Running, signed: bool, mode: schemathesis.GenerationMode
) -> None:
    contract = digest(places.contract)
    provider = PublicKey.parse(places.contract.parties.provider_key)
    signer = Signer(KeyStore(places.ml_home).signing(), provider, contract) if signed else None
    document = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    names, statuses = set(), set()
    for found in document.get_all_operations():
        operation = found.ok()
        try:
            strategy = operation.as_strategy(generation_mode=mode)
        except Unsatisfiable:
            continue

        @EXAMPLES
        @given(case=strategy)
        def send(case: Any) -> None:
            if "contract" in case.path_parameters and signed:
                case.path_parameters["contract"] = contract
            response = case.call(auth=signer)
            case.validate_response(response, checks=CHECKS)
            statuses.add(response.status_code)

        with suppress(Unsatisfiable):  # nothing is forbidden that could be sent
            send()
        names.add(operation.label)
    # it leaves out the page that it read
    described = {f"{action.method} /v1/{{contract}}{action.path}".replace("{rest}", "{question}") for action in ACTIONS}
    assert names == {"GET /health"} | described
    assert 200 in statuses or mode.is_negative
    assert statuses & {400, 401, 403, 404, 405, 409, 413, 422}


class Signer:
    """Signs a request as it will leave."""

    def __init__(self, key: SigningKey, provider: PublicKey, contract: str) -> None:
        self.key, self.provider, self.contract = key, provider, contract

    def __call__(self, request: Any) -> Any:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        request.headers[ENVELOPE_HEADER] = to_header(
            sign_message(
                body,
                key=self.key,
                recipient=self.provider,
                contract=self.contract,
                action=f"{request.method} {request.path_url}",
                sequence=secrets.randbelow(2**53),
                now=datetime.now(UTC),
            )
        )
        return request
