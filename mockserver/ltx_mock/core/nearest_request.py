"""Read a request that the documents do not allow, but that the real API has accepted. Pure."""

from __future__ import annotations

from typing import Any

from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation import validate_parsed_request

_ROOT = "http://localhost"


def nearest_request(raw: bytes) -> GenerateRequest:
    """Return an example of the same mode, with every field of the request that is valid in it."""
    try:
        given = parse_body(raw)
    except MalformedBody:
        given = None
    body = given if isinstance(given, dict) else {}
    fields = body.get("input")
    return GenerateRequest.from_body(_nearest(body, fields if isinstance(fields, dict) else {}))


def _nearest(given: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    inputs = [MODEL.example(name, root=_ROOT)["input"] for name in MODEL.examples]
    body: dict[str, Any] = {"input": next((each for each in inputs if each["mode"] == fields.get("mode")), inputs[0])}
    for name, value in fields.items():
        changed = {"input": body["input"] | {name: value}}
        body = changed if _is_valid(changed) else body
    rest = {name: given[name] for name in ("request_type", "callback_url", "provider") if name in given}
    for more in (rest, *({name: value} for name, value in rest.items())):
        body = body | more if _is_valid(body | more) else body
    return body


def _is_valid(body: dict[str, Any]) -> bool:
    return not any(each.severity == "violation" for each in validate_parsed_request(body))
