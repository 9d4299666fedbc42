"""The output of `ltx-mock serve`: a line for each exchange, readable or JSON.

Lines are formatted and written in batches after some milliseconds: one write per exchange would cost more than the
response.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

import click

from ltx_mock.cli.streams import Outlet
from ltx_mock.control.to_json import entry_view, hide, method_of
from ltx_mock.core.clock import SECOND, time_of_day
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, ExchangeEntry, RequestEntry
from ltx_mock.core.records import delivery_id
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.reporting.text import printable

FLUSH_SECONDS = 0.03
FLUSH_LINES = 1000
LONGEST = 400
MAX_STATES = 10_000
COLOUR_OF_STATE = {"pending": "white", "processing": "blue", "success": "green", "failed": "red"}

Format = Callable[[Tenant, ExchangeEntry], str]


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
        return "".join(f"{self._format(tenant, entry)}\n" for tenant, entry in waiting)

    def _ring(self) -> None:
        self._alarm = None
        self.flush()


class LineFormat(NamedTuple):
    """How exchanges are printed: as JSON or for people, then with or without colour."""

    json: bool
    colour: bool

    def console(self) -> Console:
        """Return a console on stdout."""
        return Console(sys.stdout, json_line if self.json else Readable(colour=self.colour))


def json_line(tenant: Tenant, entry: Entry) -> str:
    """Return the entry as one line of JSON, as in `GET /__admin/requests`."""
    return write_json(entry_view(tenant, entry), encoding=getattr(sys.stdout, "encoding", None) or "utf-8")


class Readable:
    """Formats entries for people: time, request, status, task; advisories on the next lines."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._states: dict[str, str] = {}

    def __call__(self, tenant: Tenant, entry: ExchangeEntry) -> str:
        """Return one line, and one more for each finding."""
        at = time_of_day(entry.at)
        status = str(entry.status or "---")
        operation = "download" if entry.kind == "download" else entry.operation
        line = f"{self._style(at, dim=True)}  {method_of(entry):<4} {operation:<12} {self._status(status)}  "
        line += self._about(tenant, entry)
        for remark in _remarks(tenant, entry):
            line += "\n" + self._style(f"{'':>10}! {_told(tenant, remark)}", fg="yellow")
        return line

    def _about(self, tenant: Tenant, entry: ExchangeEntry) -> str:
        cause = entry.cause.text if entry.cause else ""
        if isinstance(entry, CallbackEntry):
            status = "" if entry.status is None else f"HTTP {entry.status}, "
            return _told(tenant, f"{entry.task_id}  to {entry.target}  {status}{cause}")
        if entry.status is None:
            return _told(tenant, f"{entry.task_id or entry.target}  {cause}")
        if entry.status >= 300:
            return f"{_told(tenant, _message(entry))}"
        if isinstance(entry, DownloadEntry):
            told = _download(entry)
        elif entry.operation == "generateTask":
            return f"{entry.task_id}  {_request(tenant, entry)}"
        elif entry.state is None:
            return _told(tenant, entry.target)
        else:
            told = self._change(entry)
        return f"{entry.task_id}  {told}" + (f"  {_told(tenant, cause)}" if cause else "")

    def _change(self, entry: RequestEntry) -> str:
        """Return the state, with the previously printed one if it has changed."""
        task_id, state = entry.task_id or "", entry.state or ""
        before = self._states.pop(task_id, "pending")
        self._states[task_id] = state
        if len(self._states) > MAX_STATES:
            del self._states[next(iter(self._states))]  # the least recently polled one
        shown = self._style(state, fg=COLOUR_OF_STATE.get(state))
        return shown if before == state else f"{before} → {shown}"

    def _status(self, status: str) -> str:
        return self._style(status, fg={"2": "green", "4": "yellow"}.get(status[0], "red"))

    def _style(self, text: str, **style: object) -> str:
        return click.style(text, **style) if self._colour else text  # type: ignore[arg-type]


def _request(tenant: Tenant, entry: RequestEntry) -> str:
    task = tenant.task(entry.task_id or "")
    given = json.loads(entry.request)["input"]
    ratio = given.get("aspect_ratio", MODEL.aspect_ratio)
    text = f"{given['mode']} {given['resolution']} {ratio} {int(given['duration'])} s"
    if task is None or (task.cause and task.cause.kind == "upstream"):
        return text
    line = task.timeline
    if line.endless:
        return f"{text} → stuck"
    return f"{text} → {line.failure.code if line.failure else 'success'} in {round(line.cost_time / SECOND)} s"


def _remarks(tenant: Tenant, entry: ExchangeEntry) -> Iterator[str]:
    """Yield the advisories of an accepted request, and all findings of an exchange with the real API."""
    if entry.status != 200 and not (entry.cause and entry.cause.kind == "upstream"):
        return
    for finding in entry.findings:
        yield f"{finding.message} ({finding.rule})"
    if entry.operation == "generateTask" and entry.task_id is not None:
        delivery = tenant.delivery(delivery_id(entry.task_id))
        if delivery is not None and delivery.state == "withheld":
            yield f"no callback: {delivery.reason}"


def _download(entry: DownloadEntry) -> str:
    whole = entry.sent == entry.promised
    return f"{entry.sent} bytes sent" if whole else f"{entry.sent} of {entry.promised} bytes sent"


def _message(entry: RequestEntry | DownloadEntry) -> str:
    body = entry.response if isinstance(entry, RequestEntry) else entry.problem
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return entry.target


def _told(tenant: Tenant, text: str) -> str:
    """Return untrusted text in printable form."""
    return printable(hide(tenant, text), limit=LONGEST)
