"""Judge requests and answers against the contract: the door to everything that finds fault with a body.

Validation returns data: a list of findings, empty when all is well. Only bytes that are no JSON raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.answers import Operation, validate_callback, validate_response
from ltx_mock_contracts.explaining import explainer
from ltx_mock_contracts.parsing import MalformedBody, parse_body

if TYPE_CHECKING:
    from ltx_mock_contracts.findings import Finding

__all__ = ["MalformedBody", "Operation", "parse_body", "validate_callback", "validate_request", "validate_response"]


def validate_request(body: object) -> list[Finding]:
    """Return everything that is wrong with the decoded body of a generateTask request, worst first.

    Violations (GEN-1 to GEN-14) come before advisories (GEN-16), deeper places before shallower ones, then rules in
    the order of the catalogue. There is one finding for each cause; a body whose mode is wrong hears nothing of
    what depends on the mode. No value whatever makes this raise.

    Args:
        body: What `parse_body` returned, or any Python value.
    """
    return explainer("generate-request-strict").findings(body)
