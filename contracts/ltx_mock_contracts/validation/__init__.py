"""Validate requests and responses against the contract.

Validation returns a list of findings, empty for a valid body. Only bytes that are not JSON raise an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.model import IMAGE_MODES
from ltx_mock_contracts.validation.explain import explainer
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body
from ltx_mock_contracts.validation.responses import Operation, validate_callback, validate_response

if TYPE_CHECKING:
    from ltx_mock_contracts.validation.findings import Finding

__all__ = [
    "MalformedBody",
    "Operation",
    "parse_body",
    "validate_callback",
    "validate_parsed_request",
    "validate_request",
    "validate_response",
]

_MAX_ITEMS: Final = 100


def validate_request(body: object) -> list[Finding]:
    """Return the findings for the decoded body of a generateTask request, worst first.

    Violations (GEN-1 to GEN-14) come before advisories (GEN-16), deeper places before shallower ones, then rules in
    the order of the catalogue. There is one finding for each cause; a body with a wrong mode gets no findings that
    depend on the mode. This never raises.

    Args:
        body: What `parse_body` returned, or any Python value.
    """
    return explainer("generate-request-strict").findings(body)


def validate_parsed_request(body: object) -> list[Finding]:
    """Validate a body that `parse_body` returned, without checking again that JSON can represent it.

    If an array is too long, only its first items are validated.
    """
    return explainer("generate-request-strict").findings(_truncate_arrays(body), parsed=True)


def _truncate_arrays(body: object) -> object:
    """Return the body with at most `_MAX_ITEMS` items in each validated array."""
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(given, dict):
        return body
    long = [
        name for name in ("image_urls", "loras") if isinstance(given.get(name), list) and len(given[name]) > _MAX_ITEMS
    ]
    if not long or (long == ["image_urls"] and given.get("mode") not in IMAGE_MODES):
        return body
    return body | {"input": given | {name: given[name][:_MAX_ITEMS] for name in long}}
