"""Make recordings from a trace: what a browser, a proxy or the fake has noted of a client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.recordings.body import EMPTY, Body
from ltx_mock_contracts.recordings.lives import LATEST, answered_at, created_at, timestamp, with_answer, with_callback
from ltx_mock_contracts.recordings.model import (
    RecordedAnswer,
    RecordedCallback,
    RecordedRequest,
    RecordedResponse,
    Recording,
    Redaction,
)
from ltx_mock_contracts.recordings.redaction import RecordingRedactor
from ltx_mock_contracts.trace.exchange import Exchange, Trace

__all__ = ["Imported", "recordings_from"]

UNKNOWN: Final = "unknown"
"""The upstream of a trace that has only paths."""

_ROOT: Final = re.compile(r"(https?://)(?:[^/?#@]*@)?([^/?#@]+)", re.IGNORECASE)
_STATUSES = range(100, 600)
"""The statuses that a recording may have."""


class Imported(NamedTuple):
    """The recordings of a trace, and one line for each generateTask that cannot be recorded."""

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...]


def recordings_from(trace: Trace, redaction: Redaction) -> Imported:
    """Make a recording of each generateTask in a trace, with what follows about its task.

    A 401 is about the key, and makes no recording.

    Args:
        trace: The exchanges.
        redaction: What to redact beyond what always is.
    """
    recordings, problems, later = list[Recording](), list[str](), _by_task(trace)
    for exchange in trace:
        if exchange.operation != "generateTask" or exchange.method != "POST" or exchange.status == 401:
            continue
        if (problem := _problem(exchange)) is not None:
            problems.append(f"{trace.counted_in} {exchange.number}: {problem}")
        else:
            recordings.append(_recording(exchange, later.get(exchange.task_id, ()), redaction))
    return Imported(tuple(recordings), tuple(problems))


def _problem(made: Exchange) -> str | None:
    """Return why a generateTask cannot be recorded; None if it can."""
    if "request" in made.gaps:
        return "a generateTask without its request"
    if "answer" in made.gaps:
        return "a generateTask without its response"
    if not (0 <= made.at < LATEST and 0 <= made.completed < LATEST):
        return "a generateTask whose time is no time"
    return None if _has_status(made) else f"a generateTask with the status {made.status}"


def _has_status(exchange: Exchange) -> bool:
    return exchange.status is None or exchange.status in _STATUSES


def _by_task(trace: Trace) -> dict[str, list[Exchange]]:
    """Return statuses and callbacks by task, in the order in which they were answered."""
    found: dict[str, list[Exchange]] = {}
    for exchange in sorted(trace, key=lambda each: (each.completed, each.number)):
        of_task = exchange.task_id and exchange.operation in {"statusTask", "callback"}
        body_is_there = not exchange.gaps & {"request" if exchange.operation == "callback" else "answer"}
        if of_task and body_is_there and (exchange.operation == "callback" or _has_status(exchange)):
            found.setdefault(exchange.task_id, []).append(exchange)
    return found


def _recording(made: Exchange, later: Iterable[Exchange], redaction: Redaction) -> Recording:
    redactor = RecordingRedactor(redaction)
    request = RecordedRequest(
        body=redactor.request(_body(made.request)), headers=redactor.headers((made.content_headers or {}).items())
    )
    response = RecordedResponse(
        status=made.status,
        headers=redactor.headers((made.headers or {}).items()),
        body=redactor.body(_body(made.answer)),
        latency=max(0, made.completed - made.at),
        problem=_why_lost(made),
    )
    recording = Recording(
        upstream=_upstream(made.target),
        model=MODEL.id,
        recorded=timestamp(made.at),
        task_id=redactor.text(made.task_id) if made.status == 200 and made.task_id else None,
        request=request,
        response=response,
        redaction=redaction,
    )
    for each in _of_task(made, later) if recording.task_id else ():
        recording = _with(recording, each, redactor)
    return recording


def _of_task(made: Exchange, later: Iterable[Exchange]) -> Iterator[Exchange]:
    """Yield what follows about a task with the same key, or with a key that is not known."""
    for each in later:
        if each.operation == "callback" or None in {made.key, each.key} or each.key == made.key:
            yield each


def _with(recording: Recording, each: Exchange, redactor: RecordingRedactor) -> Recording:
    if each.operation == "callback":
        after = max(0, each.at - created_at(recording))
        body = redactor.body(_body(each.request))
        headers = redactor.headers((each.content_headers or {}).items())
        return with_callback(recording, RecordedCallback(after=after, headers=headers, body=body, status=each.status))
    body = redactor.body(_body(each.answer))
    after = answered_at(recording, body, each.at, each.completed)
    return with_answer(
        recording,
        RecordedAnswer(
            after=after,
            until=after,
            status=each.status,
            headers=redactor.headers((each.headers or {}).items()),
            body=body,
            problem=_why_lost(each),
        ),
    )


def _body(decoded: Any) -> Body:
    """Return a body from its decoded form in a trace: None without one, text if it is not JSON."""
    if decoded is None:
        return EMPTY
    return Body("text", decoded) if isinstance(decoded, str) else Body("json", decoded)


def _why_lost(exchange: Exchange) -> str | None:
    return "no response" if exchange.status is None else None


def _upstream(target: str) -> str:
    root = _ROOT.match(target)
    return f"{root[1]}{root[2]}" if root else UNKNOWN
