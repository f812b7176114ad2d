"""The published description of the service (OpenAPI 3.1), made from the endpoints and the message structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from jalousie.wire.messages import schemas
from jalousie.wire.parts import PARTS_TYPE
from jalousie.wire.problem import PROBLEM_TYPE

if TYPE_CHECKING:
    from jalousie.places.provider_service import Action

_WHOLE: Final = {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999}
_DIGEST: Final = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_ARROW: Final = "application/vnd.apache.arrow.stream"

# by path: sentence, query parameters (name, required), request body (type, struct), answer's struct
_WORDS: Final[dict[str, tuple[str, tuple[tuple[str, bool], ...], tuple[str, str] | None, str]]] = {
    "/pseudonym-key": (
        "The key of the contract's pseudonyms, sealed (HPKE) to the X25519 public key in the body.",
        (),
        ("application/octet-stream", ""),
        "",
    ),
    "/population": ("Name the records that questions will be about.", (), (_ARROW, ""), "PopulationAccepted"),
    "/questions": ("Ask; the answer leaves on the contract's time grid.", (), (_ARROW, ""), ""),
    "/questions/many": (
        "Ask several questions; each is charged and answered for itself, all leave together on the time grid.",
        (),
        (PARTS_TYPE, ""),
        "",
    ),
    "/answers/{rest}": ("An answer that was given, once more.", (), None, ""),
    "/budget": ("What is left.", (("label", False),), None, "BudgetAnswer"),
    "/history": ("Questions and refusals, oldest first.", (("after", False),), None, "History"),
    "/ledger/checkpoint": ("The ledger's newest signed checkpoint.", (), None, "CheckpointAnswer"),
    "/ledger/entries": (
        "The contract's own entries from `start` on, each proved against the checkpoint of `size`.",
        (("start", True), ("size", True)),
        None,
        "",
    ),
    "/ledger/inclusion": (
        "Proof that an entry is in the ledger.",
        (("index", True), ("size", True)),
        None,
        "InclusionAnswer",
    ),
    "/ledger/consistency": (
        "Proof that the ledger only grew.",
        (("old", True), ("size", True)),
        None,
        "ConsistencyAnswer",
    ),
    "/ledger/cosignatures": (
        "Leave a cosigned checkpoint.",
        (),
        ("application/json", "CosignatureRequest"),
        "CosignatureAccepted",
    ),
}


def openapi(actions: Sequence[Action], version: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {
        "/health": {"get": _open("health", "Whether the service can answer.", _reference("Health"))},
        "/openapi.json": {"get": _open("openapi", "This document.", {"type": "object"})},
    }
    for action in actions:
        path = "/v1/{contract}" + action.path.replace("{rest}", "{question}")
        paths.setdefault(path, {})[action.method.lower()] = _operation(action)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jalousie provider",
            "version": version,
            "description": "Questions about labels, answered with noise. Every request below /v1 is signed by the "
            "contract's ML party: the header Jalousie-Envelope holds a DSSE envelope in base64.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "envelope": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Jalousie-Envelope",
                    "description": "A DSSE envelope (Ed25519) around who tells whom what under which contract.",
                }
            },
        },
    }


def _open(name: str, sentence: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": sentence, "content": {"application/json": {"schema": schema}}}
    return {"operationId": name, "summary": sentence, "responses": {"200": answer}}


def _operation(action: Action) -> dict[str, Any]:
    sentence, query, body, answer = _WORDS[action.path]
    parameters: list[dict[str, Any]] = [_parameter("contract", "path", True, _DIGEST)]
    if "{rest}" in action.path:
        parameters.append(_parameter("question", "path", True, _DIGEST))
    for name, required in query:
        schema = {"type": "string", "maxLength": 200} if name == "label" else _WHOLE
        parameters.append(_parameter(name, "query", required, schema))
    content: dict[str, Any] = {action.answer_type: {"schema": _reference(answer)} if answer else {}}
    operation: dict[str, Any] = {
        "operationId": f"{action.method.lower()}{action.path.replace('/', '-').replace('{rest}', 'one')}",
        "summary": sentence,
        "security": [{"envelope": []}],
        "parameters": parameters,
        "responses": {
            "200": {
                "description": sentence,
                "headers": {"Jalousie-Envelope": {"description": "Signed by the provider.", "schema": _TEXT}},
                "content": content,
            },
            "default": {
                "description": "Refused: a code and its fixed sentence (RFC 9457).",
                "content": {PROBLEM_TYPE: {"schema": _reference("Problem")}},
            },
        },
    }
    if body is not None:
        kind, struct = body
        schema = _reference(struct) if struct else {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    return operation


_TEXT: Final = {"type": "string"}


def _parameter(name: str, place: str, required: bool, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _reference(struct: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{struct}"}
