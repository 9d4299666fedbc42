"""Parse and validate the body of a generateTask, once."""

from __future__ import annotations

from typing import NamedTuple

from ltx_mock.scenarios.matching import RequestFacts
from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.findings import Finding
from ltx_mock_contracts.validation.json_body import LARGE


class Submission(NamedTuple):
    """A parsed and validated body.

    Attributes:
        raw: The bytes, without their content coding.
        findings: Its findings, worst first.
        subject: Its facts for matching scenarios.
        request: The parsed request; None if there are violations.
    """

    raw: bytes
    findings: tuple[Finding, ...]
    subject: RequestFacts
    request: GenerateRequest | None

    @classmethod
    def of(cls, raw: bytes) -> Submission:
        """Parse and validate a body. No body makes this raise."""
        try:
            body = parse_body(raw)
        except MalformedBody as problem:
            return cls(raw, (problem.finding,), RequestFacts(), None)
        submission = cls._judged(raw, body)
        if len(raw) > LARGE:
            _release(body)
        return submission

    @classmethod
    def _judged(cls, raw: bytes, body: object) -> Submission:
        findings = tuple(validate_parsed_request(body))
        if findings and findings[0].severity == "violation":
            return cls(raw, findings, _subject(body), None)
        request = GenerateRequest.from_body(body)
        return cls(raw, findings, RequestFacts.of(request), request)


def _release(body: object) -> None:
    """Free a large value in parts, because freeing it as a whole blocks other threads."""
    parts = [body]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, list):
            parts += part
        else:
            continue
        part.clear()


def _subject(body: object) -> RequestFacts:
    """Return the facts of an invalid body, as far as known."""
    given = body.get("input") if isinstance(body, dict) else None
    given = given if isinstance(given, dict) else {}
    kind = body.get("request_type", "async") if isinstance(body, dict) else ""
    return RequestFacts(
        *(value if isinstance(value, str) else "" for value in (given.get("mode"), kind, given.get("prompt")))
    )
