"""Each answer and each callback by itself: is it what the schemas say?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.validation import Operation, validate_callback, validate_response

if TYPE_CHECKING:
    from ltx_mock_contracts.findings import Finding
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.notes import Notes

__all__ = ["judge_shape"]

_CARRIES: Final = {
    "pending": ("TASK-2",),
    "processing": ("TASK-2",),
    "success": ("TASK-3", "TASK-4", "TASK-5"),
    "failed": ("TASK-6", "TASK-7"),
}
_NAMES: Final = {"other": "what is no endpoint"}
_SHOWS: Final = {"generateTask": "GEN-17", "balance": "BAL-1"}
_INDEX: Final = re.compile(r"/\d+")


def judge_shape(notes: Notes, exchange: Exchange) -> bool:
    """Note what is wrong with an answer or a callback in itself; tell whether it can be used further."""
    if exchange.operation == "callback":
        return "request" not in exchange.gaps and _judge_callback(notes, exchange)
    if not exchange.answered or exchange.status is None:
        return False
    if exchange.operation == "other":
        return _judge_other(notes, exchange, exchange.status)
    _look(notes, exchange)
    findings = validate_response(exchange.operation, exchange.status, exchange.answer)
    return _note(notes, exchange, exchange.operation, findings)


def _judge_callback(notes: Notes, exchange: Exchange) -> bool:
    notes.saw("ENV-1", "ENV-2")
    _look_at_task(notes, exchange)
    return _note(notes, exchange, "callback", validate_callback(exchange.request))


def _judge_other(notes: Notes, exchange: Exchange, status: int) -> bool:
    """Judge the answer where there is no endpoint: an error in the envelope, or something that is not the API."""
    if status < 400:
        return False
    notes.saw("ENV-1", "ENV-3", "ENV-4", "ENV-5")
    operation: Operation = "statusTask"  # errors are the same everywhere
    return _note(notes, exchange, "other", validate_response(operation, status, exchange.answer))


def _look(notes: Notes, exchange: Exchange) -> None:
    notes.saw("ENV-1", "ENV-4")
    if exchange.status != 200:
        notes.saw("ENV-3")
        return
    notes.saw("ENV-2")
    if exchange.operation in _SHOWS:
        notes.saw(_SHOWS[exchange.operation])
    else:
        _look_at_task(notes, exchange)


def _look_at_task(notes: Notes, exchange: Exchange) -> None:
    state = exchange.data.get("state")
    notes.saw("TASK-1", *(_CARRIES.get(state, ()) if isinstance(state, str) else ()))


def _note(notes: Notes, exchange: Exchange, what: str, findings: list[Finding]) -> bool:
    told: set[str] = set()
    for finding in findings:
        kind = "envelope" if finding.rule == "ENV-1" else _INDEX.sub("", finding.pointer)
        if kind not in told:  # of an envelope that is another altogether one thing is enough
            title = f"{_NAMES.get(what, what)}: {finding.message}"
            expected, actual = finding.allowed, finding.got
            notes.depart(
                finding.rule,
                title,
                (exchange,),
                expected=expected,
                actual=actual,
                kind=f"{what} {kind}",
                binding=finding.severity == "violation",
            )
        told.add(kind)
    return not any(finding.severity == "violation" for finding in findings)
