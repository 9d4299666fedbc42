"""Judge each response and each callback by itself, against the schemas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.trace.states import RULES_OF_STATE
from ltx_mock_contracts.validation import validate_callback, validate_response

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.recorder import Recorder
    from ltx_mock_contracts.validation.findings import Finding

__all__ = ["METHODS", "judge_response"]

METHODS: Final = {
    "generateTask": ("POST",),
    "statusTask": ("GET", "HEAD"),
    "balance": ("GET", "HEAD"),
}
"""The methods of the endpoints."""

_RULE_OF_DATA: Final = {"generateTask": "GEN-17", "balance": "BAL-1"}
_INDEX: Final = re.compile(r"/\d+")


def judge_response(recorder: Recorder, exchange: Exchange) -> bool:
    """Judge a response or a callback by itself; tell whether it is valid and can be compared with others."""
    if exchange.operation == "callback":
        return "request" not in exchange.gaps and _judge_callback(recorder, exchange)
    if not exchange.has_response or exchange.status is None:
        return False
    if exchange.operation == "other" or _is_no_endpoint(exchange):
        return _judge_other(recorder, exchange, exchange.status)
    _note_checked(recorder, exchange)
    _judge_content_type(recorder, exchange)
    findings = validate_response(exchange.operation, exchange.status, exchange.answer)
    return _add_findings(recorder, exchange, exchange.operation, findings)


def _judge_callback(recorder: Recorder, exchange: Exchange) -> bool:
    recorder.checked("ENV-1", "ENV-2")
    _note_checked_state(recorder, exchange)
    return _add_findings(recorder, exchange, "callback", validate_callback(exchange.request))


def _is_no_endpoint(exchange: Exchange) -> bool:
    """Tell whether path or method are undocumented; not every server has the balance endpoint."""
    if exchange.operation == "balance" and exchange.status not in {200, 401, 403, 429}:
        return True
    return exchange.method not in METHODS.get(exchange.operation, ())


def _judge_other(recorder: Recorder, exchange: Exchange, status: int) -> bool:
    """Judge the response of a path that is not an endpoint. ENV-1 covers endpoints only, so this is a choice."""
    if status < 400:
        return False
    recorder.checked("ENV-5")
    findings = validate_response("statusTask", status, exchange.answer)  # errors have one form
    violation = next((finding for finding in findings if finding.severity == "violation"), None)
    if violation is not None:
        title = f"the error of an unknown path has no valid envelope: {violation.message}"
        kind = "no envelope"
        recorder.add_deviation(
            "ENV-5", title, (exchange,), expected=violation.allowed, actual=violation.got, kind=kind, binding=False
        )
    return violation is None


def _judge_content_type(recorder: Recorder, exchange: Exchange) -> None:
    """Note JSON with another `Content-Type`. No document mentions the header, and clients read the body anyway."""
    content_type = (exchange.headers or {}).get("content-type", "")
    if isinstance(exchange.answer, dict) and content_type and "json" not in content_type.lower():
        title, expected = "a JSON response has another Content-Type", "application/json"
        recorder.add_deviation(
            "ENV-1", title, (exchange,), expected=expected, actual=content_type, kind="content-type", binding=False
        )


def _note_checked(recorder: Recorder, exchange: Exchange) -> None:
    recorder.checked("ENV-1", "ENV-4")
    if exchange.status != 200:
        recorder.checked("ENV-3")
        return
    recorder.checked("ENV-2")
    if exchange.operation in _RULE_OF_DATA:
        recorder.checked(_RULE_OF_DATA[exchange.operation])
    else:
        _note_checked_state(recorder, exchange)


def _note_checked_state(recorder: Recorder, exchange: Exchange) -> None:
    state = exchange.data.get("state")
    recorder.checked("TASK-1", *(RULES_OF_STATE.get(state, ()) if isinstance(state, str) else ()))


def _add_findings(recorder: Recorder, exchange: Exchange, what: str, findings: list[Finding]) -> bool:
    added: set[str] = set()
    for finding in findings:
        kind = "envelope" if finding.rule == "ENV-1" else _INDEX.sub("", finding.pointer)
        if kind not in added:  # one deviation is enough for a completely different envelope
            title = f"{what}: {finding.message}"
            expected, actual = finding.allowed, finding.got
            recorder.add_deviation(
                finding.rule,
                title,
                (exchange,),
                expected=expected,
                actual=actual,
                kind=f"{what} {kind}",
                binding=finding.severity == "violation",
            )
        added.add(kind)
    return not any(finding.severity == "violation" for finding in findings)
