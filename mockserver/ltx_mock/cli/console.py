"""The output of `ltx-mock serve`: a line for each exchange, readable or JSON.

Lines are formatted and written in batches after some milliseconds: one write per exchange would cost more than the
response.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TextIO, TypeAlias

import click

from ltx_mock.cli.remote import asked
from ltx_mock.cli.streams import Outlet
from ltx_mock.control.to_json import body_value, entry_view, hide, method_of
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
FLUSH_LINES = 1000
LONGEST = 400
MAX_STATES = 10_000
DIM = "dim"
COLOUR_OF_STATUS = {"2": "green", "4": "yellow"}
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
        return "".join(f"{self._line(tenant, entry)}\n" for tenant, entry in waiting)

    def _line(self, tenant: Tenant, entry: ExchangeEntry) -> str:
        try:
            return self._format(tenant, entry)
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs one line, not those of the whole batch
            return f"entry {entry.number} cannot be printed: {type(error).__name__}"

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


Part: TypeAlias = tuple[str, str | None]
"""A piece of a line, as others may have written it, with its colour or `DIM`."""


class Readable:
    """Formats entries for people: time, request, status, task; advisories on the next lines."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._states: dict[str, str] = {}

    def __call__(self, tenant: Tenant, entry: ExchangeEntry) -> str:
        """Return one line, and one more for each finding."""
        status = str(entry.status or "---")
        line = self._line(
            tenant,
            [
                (time_of_day(entry.at), DIM),
                (_operation(method_of(entry), entry.kind, entry.operation), None),
                (status, COLOUR_OF_STATUS.get(status[0], "red")),
                ("  ", None),
                *self._about(tenant, entry),
            ],
        )
        remarks = [self._line(tenant, [(f"{'':>10}! {remark}", "yellow")]) for remark in _remarks(tenant, entry)]
        return "\n".join([line, *remarks]) if remarks else line

    def _line(self, tenant: Tenant, parts: list[Part]) -> str:
        """Return a line that neither moves a cursor, nor forges another line, nor commands a CI, nor tells a secret."""
        if not self._colour:
            return escape_workflow_commands(_shown(tenant, "".join([text for text, _ in parts])))
        return escape_workflow_commands("".join(_styled(_shown(tenant, text), colour) for text, colour in parts))

    def _about(self, tenant: Tenant, entry: ExchangeEntry) -> list[Part]:
        cause = entry.cause.text if entry.cause else ""
        if isinstance(entry, CallbackEntry):
            status = "" if entry.status is None else f"HTTP {entry.status}, "
            return [(f"{entry.task_id}  to {entry.target}  {status}{cause}", None)]
        if entry.status is None:
            return [(f"{entry.task_id or entry.target}  {cause}", None)]
        if entry.status >= 300:
            return [(_message(entry), None)]
        if isinstance(entry, DownloadEntry):
            told: list[Part] = [(_download(entry), None)]
        elif entry.operation == "generateTask":
            return [(f"{entry.task_id}  {_request(tenant, entry)}", None)]
        elif entry.state is None:
            return [(entry.target, None)]
        else:
            told = self._change(entry)
        return [(f"{entry.task_id}  ", None), *told, (f"  {cause}" if cause else "", None)]

    def _change(self, entry: RequestEntry) -> list[Part]:
        """Return the state, with the previously printed one if it has changed."""
        task_id, state = entry.task_id or "", entry.state or ""
        before = self._states.pop(task_id, "pending")
        self._states[task_id] = state
        if len(self._states) > MAX_STATES:
            del self._states[next(iter(self._states))]  # the least recently polled one
        shown = (state, COLOUR_OF_STATE.get(state))
        return [shown] if before == state else [(f"{before} → ", None), shown]


@lru_cache(maxsize=64)
def _operation(method: str, kind: str, operation: str) -> str:
    return f"  {method:<4} {'download' if kind == 'download' else operation:<12} "


def _shown(tenant: Tenant, text: str) -> str:
    return printable(hide(tenant, text), limit=LONGEST)


def _styled(text: str, colour: str | None) -> str:
    if colour is None:
        return text
    return click.style(text, dim=True) if colour == DIM else click.style(text, fg=colour)


def _request(tenant: Tenant, entry: RequestEntry) -> str:
    task, raw = tenant.task(entry.task_id or ""), entry.request
    text = _asked_again(raw) if len(raw) <= LONGEST_REPEATED else _asked(raw)
    if task is None or (task.cause and task.cause.kind == "upstream"):
        return text
    line = task.timeline
    if line.endless:
        return f"{text} → stuck"
    return f"{text} → {line.failure.code if line.failure else 'success'} in {round(line.cost_time / SECOND)} s"


def _asked(raw: bytes) -> str:
    return asked(body_value(raw), ratio=True)[0]


_asked_again = lru_cache(maxsize=256)(_asked)
"""The same for usual bodies; the latest are kept, since a load test sends the same few again."""


def _remarks(tenant: Tenant, entry: ExchangeEntry) -> list[str]:
    """Return the advisories of an accepted request, and all findings of an exchange with the real API."""
    accepts = entry.operation == "generateTask" and entry.task_id is not None
    if not (entry.findings or accepts):
        return []
    if entry.status != 200 and not (entry.cause and entry.cause.kind == "upstream"):
        return []
    remarks = [f"{finding.message} ({finding.rule})" for finding in entry.findings]
    delivery = tenant.delivery(delivery_id(entry.task_id or "")) if accepts else None
    if delivery is not None and delivery.state == "withheld":
        remarks.append(f"no callback: {delivery.reason}")
    return remarks


def _download(entry: DownloadEntry) -> str:
    whole = entry.sent == entry.promised
    return f"{entry.sent} bytes sent" if whole else f"{entry.sent} of {entry.promised} bytes sent"


def _message(entry: RequestEntry | DownloadEntry) -> str:
    body = body_value(entry.response if isinstance(entry, RequestEntry) else entry.problem)
    message = body.get("message") if isinstance(body, dict) else None
    return entry.target if message is None else str(message)
