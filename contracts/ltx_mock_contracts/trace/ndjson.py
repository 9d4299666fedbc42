"""Our own format of a recording: one exchange per line, as `ltx-mock serve --json` prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.reporting.redaction import HIDDEN, Redactor, secrets_of_headers
from ltx_mock_contracts.trace.exchange import (
    CONTENT_HEADERS,
    Exchange,
    Operation,
    Trace,
    TraceError,
    cause_of,
    key_of,
    operation_of,
)
from ltx_mock_contracts.validation.documents import document_schema
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["read_entries", "read_ndjson", "syntax", "write_ndjson"]

T = TypeVar("T")


def read_ndjson(text: str) -> Trace:
    """Read exchanges, one JSON object per line. Empty lines and unknown fields are ignored.

    Invalid lines are skipped; the trace says how many and why.

    Args:
        text: The recording.

    Raises:
        TraceError: No line is an exchange; the text is about the first.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return _trace(lines, lambda line, number: _exchange(_line(line, number), number, "line"), "line")


def read_entries(entries: list[Any]) -> Trace:
    """Read decoded exchanges: the entries of the journal. Invalid entries are skipped.

    Raises:
        TraceError: No entry is an exchange.
    """
    return _trace(enumerate(entries, 1), lambda entry, number: _exchange(entry, number, "entry"), "entry")


def write_ndjson(exchanges: Iterable[Exchange]) -> str:
    """Write exchanges, one JSON object per line, for `read_ndjson`."""
    return "".join(json.dumps(_as_dict(exchange)) + "\n" for exchange in exchanges)


def syntax(error: json.JSONDecodeError) -> str:
    """Describe the JSON error of a line."""
    return f"it is not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"


def _trace(numbered: Iterable[tuple[int, T]], read: Callable[[T, int], Exchange | None], counted_in: str) -> Trace:
    found: list[Exchange | None] = []
    skipped: list[TraceError] = []
    for number, each in numbered:
        try:
            found.append(read(each, number))
        except TraceError as error:
            skipped.append(error)
    if skipped and not found:
        raise skipped[0]
    exchanges = [exchange for exchange in found if exchange is not None]
    return Trace(exchanges, counted_in=counted_in, skipped=[str(error) for error in skipped])


def _line(line: str, number: int) -> Any:
    try:
        return read_json(line)
    except json.JSONDecodeError as error:
        raise TraceError(syntax(error), line=number) from None
    except ValueError as error:
        raise TraceError(f"it is not readable JSON: {error}", line=number) from None


def _is_clock_entry(entry: Any) -> bool:
    """Tell whether an entry of the journal is a change of the clock."""
    return isinstance(entry, dict) and entry.get("kind") == "clock"


def _exchange(entry: Any, number: int, counted_in: str) -> Exchange | None:
    """Return an exchange; None for other entries of the journal."""
    if _is_clock_entry(entry):
        return None
    if not isinstance(entry, dict):
        raise TraceError(f"an exchange is an object, not {show(entry)}", line=number, counted_in=counted_in)
    if (problem := document_schema("recorded-exchange").problem(entry)) is not None:
        raise TraceError(problem, line=number, counted_in=counted_in)
    entry = _without_secrets(entry)
    operation: Operation = entry.get("operation") or operation_of(entry["target"])
    gaps = frozenset(entry.get("gaps") or ()) | _missing_bodies(entry, operation)
    return Exchange(
        at=int(entry["at"]),
        operation=operation,
        method=entry["method"],
        target=entry["target"],
        status=_as_int(entry.get("status")),
        request=entry.get("request"),
        answer=entry.get("answer"),
        key=key_of(entry.get("tenant"), entry.get("key")),
        ended=_as_int(entry.get("ended")),
        headers=entry.get("headers"),
        content_headers=_content_headers(entry.get("requestHeaders")),
        cause=cause_of(entry.get("cause"), entry.get("causeKind"), gaps),
        cause_kind=entry.get("causeKind"),
        clock=entry.get("clock") or "server",
        gaps=gaps,
        number=number,
    )


def _without_secrets(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry without the secrets of its request's headers in its bodies and its target."""
    headers = (entry.get("requestHeaders") or {}).items()
    secrets = secrets_of_headers((name, value) for name, value in headers if HIDDEN not in value)
    if not secrets:
        return entry
    redactor = Redactor(dict.fromkeys(secrets, HIDDEN))
    return entry | {name: redactor.value(entry[name]) for name in ("target", "request", "answer") if name in entry}


def _content_headers(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    return {name: headers[name] for name in CONTENT_HEADERS if name in headers} if headers else None


def _as_int(number: float | None) -> int | None:
    """Return a whole number as an int: JSON Schema also accepts 200.0 as an integer."""
    return None if number is None else int(number)


def _missing_bodies(entry: dict[str, Any], operation: Operation) -> frozenset[str]:
    """Return the bodies that were not recorded: `null` means an empty body, a missing field a gap."""
    expected = {
        "request": operation in {"generateTask", "callback"} and entry["method"] == "POST",
        "answer": operation != "callback" and entry.get("status") is not None,
    }
    return frozenset(name for name, is_expected in expected.items() if is_expected and name not in entry)


def _as_dict(exchange: Exchange) -> dict[str, Any]:
    """Return the fields that every journal entry has, and optional fields only if they have a value."""
    entry: dict[str, Any] = {
        "number": exchange.number,
        "at": exchange.at,
        "key": exchange.key,
        "operation": exchange.operation,
        "method": exchange.method,
        "target": exchange.target,
        "status": exchange.status,
        "cause": exchange.cause,
        "request": exchange.request,
        "answer": exchange.answer,
    }
    entry |= {} if exchange.cause_kind is None else {"causeKind": exchange.cause_kind}
    entry |= {} if exchange.ended is None else {"ended": exchange.ended}
    entry |= {} if exchange.headers is None else {"headers": dict(exchange.headers)}
    entry |= {} if exchange.content_headers is None else {"requestHeaders": dict(exchange.content_headers)}
    entry |= {} if exchange.clock == "server" else {"clock": exchange.clock}
    return entry | ({"gaps": sorted(exchange.gaps)} if exchange.gaps else {})
