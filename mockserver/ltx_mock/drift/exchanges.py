"""The exchanges of recordings, as the checks of recordings read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.recordings.fields import parse_field, values_of
from ltx_mock_contracts.recordings.lives import created_at
from ltx_mock_contracts.recordings.placeholders import LABEL
from ltx_mock_contracts.trace.exchange import CONTENT_HEADERS, Exchange, decode_body
from ltx_mock_contracts.trace.requests import REFUSALS, code_of
from ltx_mock_contracts.validation import validate_callback, validate_response
from ltx_mock_contracts.validation.findings import is_about_a_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ltx_mock_contracts.recordings import Body, Recording
    from ltx_mock_contracts.validation.findings import Finding

__all__ = ["exchanges_of", "findings_of"]

_GATEWAY = frozenset({502, 503, 504, *range(520, 531)})
"""Statuses of a gateway before the service if their bodies are no envelopes. An outage is no change of the service."""


def exchanges_of(recordings: Sequence[Recording]) -> list[Exchange]:
    """Return the exchanges of all recordings; each has the number of its recording, from 1.

    An answer that came several times is two exchanges, the first and the last. The times are those of the observer. The
    error pages of a gateway are left out.
    """
    return [
        _without_redacted(exchange)
        for number, recording in enumerate(recordings, 1)
        for exchange in _exchanges(recording, number)
        if not _is_outage(exchange)
    ]


def findings_of(exchange: Exchange) -> list[Finding]:
    """Return the findings for the response of an exchange, or for the body of a callback."""
    if exchange.operation == "callback":
        return validate_callback(exchange.request)
    if exchange.operation == "other" or exchange.status is None:
        return []
    return validate_response(exchange.operation, exchange.status, exchange.answer)


def _exchanges(recording: Recording, number: int) -> Iterator[Exchange]:
    response, created = recording.response, created_at(recording)
    request = _decoded(recording.request.body)
    given = {name: value for name, value in recording.request.headers.items() if name in CONTENT_HEADERS}
    yield Exchange(
        at=recording.sent_at,
        operation="generateTask",
        method="POST",
        target=BASE_PATH + MODEL.generate_path,
        status=response.status,
        request=request,
        answer=_decoded(response.body),
        ended=created,
        headers=response.headers,
        content_headers=given or None,
        clock="observer",
        number=number,
    )
    target = f"{BASE_PATH}{MODEL.status_path}?taskId={quote(recording.task_id or '', safe='')}"
    for answer in recording.answers:
        poll = Exchange(
            at=created + answer.after,
            operation="statusTask",
            method="GET",
            target=target,
            status=answer.status,
            answer=_decoded(answer.body),
            headers=answer.headers,
            clock="observer",
            number=number,
        )
        yield poll
        if answer.until > answer.after:
            yield replace(poll, at=created + answer.until)
    for callback in recording.callbacks:
        yield Exchange(
            at=created + callback.after,
            operation="callback",
            method="POST",
            target=_callback_url(request),
            status=callback.status,
            request=_decoded(callback.body),
            headers=callback.headers,
            clock="observer",
            number=number,
        )


def _is_outage(exchange: Exchange) -> bool:
    is_envelope = isinstance(exchange.answer, dict) and "code" in exchange.answer
    return exchange.operation != "callback" and exchange.status in _GATEWAY and not is_envelope


def _decoded(body: Body) -> Any:
    return body.value if body.form == "json" else decode_body(body.raw)


def _callback_url(request: object) -> str:
    url = request.get("callback_url") if isinstance(request, dict) else None
    return url if isinstance(url, str) else ""


def _without_redacted(exchange: Exchange) -> Exchange:
    """Mark a body as missing if a redacted value would be judged in it."""
    gaps = set()
    is_callback = exchange.operation == "callback"
    if _is_redacted(exchange.request if is_callback else exchange.answer, findings_of(exchange)):
        gaps.add("request" if is_callback else "answer")
    if exchange.operation == "generateTask":
        findings = exchange.findings
        if _is_redacted(exchange.request, findings) or _may_have_a_hidden_reason(exchange, findings):
            gaps.add("request")
    return replace(exchange, gaps=frozenset(gaps)) if gaps else exchange


def _may_have_a_hidden_reason(exchange: Exchange, findings: Iterable[Finding]) -> bool:
    """Tell whether a request may have been refused for its redacted prompt, which may have been empty or too long."""
    if code_of(exchange) not in REFUSALS or any(finding.severity == "violation" for finding in findings):
        return False
    return LABEL in exchange.request["input"]["prompt"]


def _is_redacted(body: Any, findings: Iterable[Finding]) -> bool:
    """Tell whether a value that was found wrong is redacted, so that it may have been right."""
    judged = (finding for finding in findings if not is_about_a_name(finding))
    return any(LABEL in finding.got or _has_label(body, finding.pointer) for finding in judged)


def _has_label(body: Any, pointer: str) -> bool:
    try:
        values = values_of(body, parse_field(pointer))
    except ValueError:  # the whole body, or a field without a name
        return False
    return any(isinstance(value, str) and LABEL in value for value in values)
