"""Parse and validate the body of a generateTask, once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ltx_mock.core.failures import Failure, assets, predicted_failure
from ltx_mock.core.hosts import url_host
from ltx_mock.core.timeline import result_fingerprint
from ltx_mock.scenarios.matching import RequestFacts
from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.findings import Finding
from ltx_mock_contracts.validation.json_body import LARGE

LONGEST_REPEATED = 4096
"""The maximum number of bytes of a usual body. Longer ones are not cached."""


class Submission(NamedTuple):
    """A parsed and validated body, and what follows from it alone.

    Attributes:
        raw: The bytes, without their content coding.
        findings: Its findings, worst first.
        subject: Its facts for matching scenarios.
        request: The parsed request; None if there are violations.
        failure: The failure that the request causes (FAIL-1 to FAIL-3), or None.
        picture: The fingerprint of the result; None if the request has no seed.
        local: Whether its image or a LoRA is on this machine.
    """

    raw: bytes
    findings: tuple[Finding, ...]
    subject: RequestFacts
    request: GenerateRequest | None
    failure: Failure | None = None
    picture: bytes | None = None
    local: bool = False

    @classmethod
    def of(cls, raw: bytes) -> Submission:
        """Parse and validate a body. No body makes this raise."""
        return read_again(raw) if len(raw) <= LONGEST_REPEATED else _read(raw)


def _read(raw: bytes) -> Submission:
    try:
        body = parse_body(raw)
    except MalformedBody as problem:
        return Submission(raw, (problem.finding,), RequestFacts(), None)
    submission = _judged(raw, body)
    if len(raw) > LARGE:
        _release(body)
    return submission


read_again = lru_cache(maxsize=256)(_read)
"""Like `Submission.of`; what was found in the latest bodies is kept, since a test suite sends the same few again."""


def _judged(raw: bytes, body: object) -> Submission:
    findings = tuple(validate_parsed_request(body))
    if findings and findings[0].severity == "violation":
        return Submission(raw, findings, _subject(body), None)
    request = GenerateRequest.from_body(body)
    picture = result_fingerprint(request, request.seed) if request.seed else None
    local = any(url_host(url).is_here for _, urls in assets(request) for url in urls)
    return Submission(raw, findings, RequestFacts.of(request), request, predicted_failure(request), picture, local)


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
