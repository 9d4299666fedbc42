"""The body of a generateTask, read and judged once: what it is, what is wrong with it, what it asks for."""

from __future__ import annotations

from typing import NamedTuple

from ltx_mock.scenarios.matching import RequestFacts
from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.findings import Finding
from ltx_mock_contracts.validation.json_body import LARGE


class Submission(NamedTuple):
    """A body and what was found in it.

    Attributes:
        raw: The bytes, without their content coding.
        findings: What is wrong with it, worst first.
        subject: What scenarios look at.
        request: What is asked for; None where there are violations.
    """

    raw: bytes
    findings: tuple[Finding, ...]
    subject: RequestFacts
    request: GenerateRequest | None

    @classmethod
    def of(cls, raw: bytes) -> Submission:
        """Read and judge a body. Nothing that a client can send makes this raise."""
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
    """Free a value part by part: freed as a whole it lets no other thread run until all of it is gone."""
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
    """Return what can be told of a body with violations."""
    given = body.get("input") if isinstance(body, dict) else None
    given = given if isinstance(given, dict) else {}
    kind = body.get("request_type", "async") if isinstance(body, dict) else ""
    return RequestFacts(
        *(value if isinstance(value, str) else "" for value in (given.get("mode"), kind, given.get("prompt")))
    )
