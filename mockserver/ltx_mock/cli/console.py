"""The output of `ltx-mock serve`: a line for each exchange, readable or JSON.

Lines are formatted and written in batches after some milliseconds: one write per exchange would cost more than the
response.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TextIO, TypeAlias

import click

from ltx_mock.cli.remote import asked
from ltx_mock.cli.streams import Outlet
from ltx_mock.control.to_json import body_value, entry_view, hide
from ltx_mock.core.clock import SECOND, time_of_day
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, ExchangeEntry, RequestEntry
from ltx_mock.core.records import delivery_id
from ltx_mock.engine.submissions import LONGEST_REPEATED
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.reporting.github import escape_workflow_commands
from ltx_mock_contracts.reporting.text import printable

FLUSH_SECONDS = 0.01
FLUSH_LINES = 50
"""So many lines are formatted and written together; the entries of more would have left the CPU's cache."""
LONGEST = 400
MAX_STATES = 10_000
DIM = "dim"
COLOUR_OF_STATUS = {"2": "green", "4": "yellow"}
COLOUR_OF_STATE = {"pending": "white", "processing": "blue", "success": "green", "failed": "red"}

Format = Callable[[Tenant, Sequence[ExchangeEntry]], list[str]]
"""Returns the lines of exchanges of one key."""


class Console(Observer):
    """Writes entries to a stream. `close` writes what is left; see `Outlet` for a reader that does not read."""

    only_here = True

    def __init__(self, stream: TextIO, format_: Format) -> None:
        self._outlet = Outlet(stream)
        self._format = format_
        self._waiting: list[tuple[Tenant, ExchangeEntry]] = []
        self._alarm: asyncio.TimerHandle | None = None

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """Buffer an entry. Changes of the clock are ignored."""
        if isinstance(entry, ClockEntry):
            return
        self._waiting.append((tenant, entry))
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._ring)
        elif len(self._waiting) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the buffer, as far as it is read."""
        self._outlet.write(self._text())

    def close(self) -> None:
        """Write the rest of the buffer, as far as it is read."""
        self._outlet.close(self._text())

    def _text(self) -> str:
        waiting, self._waiting = self._waiting, []
        if not self._outlet.has_room:
            return ""
        lines = list[str]()
        for tenant, group in groupby(waiting, itemgetter(0)):
            lines += self._format(tenant, [entry for _, entry in group])
        return "".join([f"{line}\n" for line in lines])

    def _ring(self) -> None:
        self._alarm = None
        self.flush()


class LineFormat(NamedTuple):
    """How exchanges are printed: as JSON or for people, then with or without colour."""

    json: bool
    colour: bool

    def console(self) -> Console:
        """Return a console on stdout."""
        return Console(sys.stdout, json_lines if self.json else Readable(colour=self.colour))


def json_lines(tenant: Tenant, entries: Sequence[Entry]) -> list[str]:
    """Return each entry as one line of JSON, as in `GET /__admin/requests`."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    lines = list[str]()
    for entry in entries:
        try:
            lines.append(write_json(entry_view(tenant, entry), encoding=encoding))
        except Exception as error:  # noqa: BLE001 - see `_excuse`
            lines.append(_excuse(entry, error))
    return lines


def _excuse(entry: Entry, error: Exception) -> str:
    """Return the line of an entry that cannot be formatted: a mistake of ours costs no other entry its line."""
    return f"entry {entry.number} cannot be printed: {type(error).__name__}"


Told: TypeAlias = tuple[str, str, str]
"""What a line tells, as others may have written it: a text, a state or nothing, and more text."""


class Readable:
    """Formats entries for people: time, request, status, task; advisories on the next lines."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._states: dict[str, str] = {}

    def __call__(self, tenant: Tenant, entries: Sequence[ExchangeEntry]) -> list[str]:
        """Return one line for each entry, and one more for each of its findings.

        No line moves a cursor, forges another line, commands a CI, or tells a secret.
        """
        lines = list[str]()
        for entry in entries:
            try:
                lines += self._lines(tenant, entry)
            except Exception as error:  # noqa: BLE001 - see `_excuse`
                lines.append(_excuse(entry, error))
        return [*map(escape_workflow_commands, lines)] if self._colour else _safe(tenant, lines)

    def _lines(self, tenant: Tenant, entry: ExchangeEntry) -> list[str]:
        facts = entry.at // SECOND, entry.method, entry.kind, entry.operation, entry.status
        before, state, after = self._told(tenant, entry)
        remarks = _remarks(tenant, entry) if entry.findings or entry.operation == "generateTask" else ()
        if self._colour:
            parts = (*_start(*facts), (before, None), (state, COLOUR_OF_STATE.get(state)), (after, None))
            line = "".join([_painted(tenant, *part) for part in parts])
            return [line, *[_painted(tenant, each, "yellow") for each in remarks]]
        line = f"{_plain_start(*facts)}{before}{state}{after}"
        return [line, *remarks] if remarks else [line]

    def _told(self, tenant: Tenant, entry: ExchangeEntry) -> Told:
        cause = entry.cause.text if entry.cause else ""
        state = after = ""
        if isinstance(entry, CallbackEntry):
            status = "" if entry.status is None else f"HTTP {entry.status}, "
            before = f"{entry.task_id}  to {entry.target}  {status}{cause}"
        elif entry.status is None:
            before = f"{entry.task_id or entry.target}  {cause}"
        elif entry.status >= 300:
            before = _message(entry)
        elif entry.operation == "generateTask":
            before = f"{entry.task_id}  {_request(tenant, entry)}"
        elif isinstance(entry, DownloadEntry):
            before, after = f"{entry.task_id}  {_download(entry)}", cause and f"  {cause}"
        elif entry.state is None:
            before = entry.target
        else:
            state, after = entry.state, cause and f"  {cause}"
            before = f"{entry.task_id}  {self._change(entry)}"
        return before, state, after

    def _change(self, entry: RequestEntry) -> str:
        """Return the previously printed state if it has changed, and an arrow."""
        task_id, state = entry.task_id or "", entry.state or ""
        before = self._states.pop(task_id, "pending")
        self._states[task_id] = state
        if len(self._states) > MAX_STATES:
            del self._states[next(iter(self._states))]  # the least recently polled one
        return "" if before == state else f"{before} → "


def _start(
    second: int, method: str, kind: str, operation: str, status: int | None
) -> tuple[tuple[str, str | None], ...]:
    """Return the start of a line in pieces with their colours."""
    shown = str(status or "---")
    return (
        (time_of_day(second * SECOND), DIM),
        (f"  {method:<4} {'download' if kind == 'download' else operation:<12} ", None),
        (shown, COLOUR_OF_STATUS.get(shown[0], "red")),
        ("  ", None),
    )


@lru_cache(maxsize=64)
def _plain_start(second: int, method: str, kind: str, operation: str, status: int | None) -> str:
    """Return the start of a line; a busy server prints many with the same."""
    return "".join([text for text, _ in _start(second, method, kind, operation, status)])


def _safe(tenant: Tenant, lines: list[str]) -> list[str]:
    """Return lines that are safe to print; nearly always these, which takes one look at all of them together."""
    text = "\n".join(lines)
    fit = len(max(lines, key=len)) <= LONGEST and "".join(lines).isprintable()
    if fit and escape_workflow_commands(hide(tenant, text)) == text:
        return lines
    return [escape_workflow_commands(_shown(tenant, line)) for line in lines]


def _painted(tenant: Tenant, text: str, colour: str | None) -> str:
    shown = _shown(tenant, text)
    if colour is None:
        return shown
    return click.style(shown, dim=True) if colour == DIM else click.style(shown, fg=colour)


def _shown(tenant: Tenant, text: str) -> str:
    return printable(hide(tenant, text), limit=LONGEST)


def _request(tenant: Tenant, entry: ExchangeEntry) -> str:
    task, text = tenant.task(entry.task_id or ""), _wish(entry.request).text
    if task is None or (task.cause and task.cause.kind == "upstream"):
        return text
    line = task.timeline
    if line.endless:
        return f"{text} → stuck"
    seconds = (line.cost_time + SECOND // 2) // SECOND
    return f"{text} → {line.failure.code if line.failure else 'success'} in {seconds} s"


class _Wish(NamedTuple):
    """What a generateTask asks for, in words, and whether it may ask for a callback."""

    text: str
    may_call_back: bool


def _wish(raw: bytes) -> _Wish:
    return _wished_again(raw) if len(raw) <= LONGEST_REPEATED else _wished(raw)


def _wished(raw: bytes) -> _Wish:
    body = body_value(raw)
    return _Wish(asked(body, ratio=True)[0], not isinstance(body, dict) or body.get("request_type") == "callback")


_wished_again = lru_cache(maxsize=256)(_wished)
"""The same for usual bodies; the latest are kept, since a load test sends the same few again."""


def _remarks(tenant: Tenant, entry: ExchangeEntry) -> list[str]:
    """Return the advisories of an accepted request, and all findings of an exchange with the real API."""
    if entry.status != 200 and not (entry.cause and entry.cause.kind == "upstream"):
        return []
    remarks = [_remark(f"{each.message} ({each.rule})") for each in entry.findings] if entry.findings else []
    calls_back = entry.operation == "generateTask" and _wish(entry.request).may_call_back
    delivery = tenant.delivery(delivery_id(entry.task_id)) if calls_back and entry.task_id else None
    if delivery is not None and delivery.state == "withheld":
        remarks.append(_remark(f"no callback: {delivery.reason}"))
    return remarks


def _remark(text: str) -> str:
    return f"{'':>10}! {text}"


def _download(entry: DownloadEntry) -> str:
    whole = entry.sent == entry.promised
    return f"{entry.sent} bytes sent" if whole else f"{entry.sent} of {entry.promised} bytes sent"


def _message(entry: RequestEntry | DownloadEntry) -> str:
    body = body_value(entry.response if isinstance(entry, RequestEntry) else entry.problem)
    message = body.get("message") if isinstance(body, dict) else None
    return entry.target if message is None else str(message)
