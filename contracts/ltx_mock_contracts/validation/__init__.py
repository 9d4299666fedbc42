"""Judge requests and answers against the contract: the door to everything that finds fault with a body.

Validation returns data: a list of findings, empty when all is well. Only bytes that are no JSON raise.
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

_ENOUGH: Final = 100


def validate_request(body: object) -> list[Finding]:
    """Return everything that is wrong with the decoded body of a generateTask request, worst first.

    Violations (GEN-1 to GEN-14) come before advisories (GEN-16), deeper places before shallower ones, then rules in
    the order of the catalogue. There is one finding for each cause; a body whose mode is wrong hears nothing of
    what depends on the mode. No value whatever makes this raise.

    Args:
        body: What `parse_body` returned, or any Python value.
    """
    return explainer("generate-request-strict").findings(body)


def validate_parsed_request(body: object) -> list[Finding]:
    """Do the same for a body that `parse_body` returned: it is not searched again for what JSON cannot carry.

    Of an array that is too long anyway only the beginning is looked at.
    """
    return explainer("generate-request-strict").findings(_without_rest(body), parsed=True)


def _without_rest(body: object) -> object:
    """Return the body with at most so many items in the arrays whose items are looked at closely."""
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(given, dict):
        return body
    arrays = {name: given[name] for name in ("image_urls", "loras") if isinstance(given.get(name), list)}
    long = [name for name, items in arrays.items() if len(items) > _ENOUGH]
    if not long or (long == ["image_urls"] and given.get("mode") not in IMAGE_MODES):
        return body
    return body | {"input": given | {name: arrays[name][:_ENOUGH] for name in long}}
