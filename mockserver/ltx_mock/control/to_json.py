"""Tasks, journal entries and accounts as JSON of the control plane, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeVar

from ltx_mock.core.clock import LATEST
from ltx_mock.core.journal_entry import (
    CallbackEntry,
    ClockEntry,
    DownloadEntry,
    Entry,
    ExchangeEntry,
    Headers,
    RequestEntry,
    idempotency_key_of,
    trace_id_of,
)
from ltx_mock.core.keys import key_label
from ltx_mock.core.records import Delivery, Task
from ltx_mock.engine import responses
from ltx_mock.scenarios import as_dict
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.reporting.redaction import HIDDEN, Redactor, header_value

_PORT = re.compile(r":\d+$", re.ASCII)

MAX_PARTS = 5000
"""A body with more commas and opening brackets than this is output as text."""

SAME_HEADERS = 256
"""The number of different headers that are remembered without their secrets: most requests repeat those of another."""

T = TypeVar("T")


def names(tenant: Tenant) -> dict[str, object]:
    """Return the names of a tenant: `tenant`, its unique id, and `key`, the label of its key."""
    return {"tenant": tenant.id, "key": tenant.label}


def task_view(tenant: Tenant, task: Task, now: int) -> dict[str, object]:
    """Return a task at a moment, with its timeline.

    Times are Unix milliseconds. `timeline` has all states after `pending`, and no end while its assets are checked.
    """
    return hide_in(tenant, _task(tenant, task, now))


def task_text(tenant: Tenant, task: Task, now: int) -> str:
    """Return `task_view` as JSON."""
    return _redactor(tenant).json(_task(tenant, task, now))


def _task(tenant: Tenant, task: Task, now: int) -> dict[str, object]:
    line = task.timeline
    state = line.state(now)
    transitions = line.transitions(line.created - 1, line.ended - 1 if task.inspecting else LATEST)
    failure = line.failure
    cause = failure.cause if failure else task.cause
    return {
        "id": task.id,
        **names(tenant),
        "number": task.number,
        "state": state,
        "createTime": line.created,
        "processingTime": line.started,
        "endTime": line.ended,
        "endState": "processing" if line.endless else line.state(line.ended),
        "failCode": failure.code if failure else None,
        "failMsg": failure.message if failure else None,
        "cause": None if cause is None else cause.text,
        "causeKind": None if cause is None else cause.kind,
        "nextTransition": line.next_transition(now),
        "timeline": [{"at": at, "state": state} for at, state in transitions],
        "cost": task.cost,
        "seed": task.seed,
        "resultUrl": responses.result_url(task) if state == "success" else None,
        "request": body_value(task.body),
    }


def delivery_view(tenant: Tenant, delivery: Delivery) -> dict[str, object]:
    """Return a callback with past and next attempts."""
    return hide_in(tenant, _delivery(tenant, delivery))


def delivery_text(tenant: Tenant, delivery: Delivery) -> str:
    """Return `delivery_view` as JSON."""
    return _redactor(tenant).json(_delivery(tenant, delivery))


def _delivery(tenant: Tenant, delivery: Delivery) -> dict[str, object]:
    return names(tenant) | delivery.as_dict()


def entry_view(tenant: Tenant, entry: Entry) -> dict[str, object]:
    """Return a journal entry; all kinds have the same fields, and bodies are converted by `body_value`."""
    return hide_in(tenant, _entry(tenant, entry))


def entry_text(tenant: Tenant, entry: Entry) -> str:
    """Return `entry_view` as JSON."""
    return _redactor(tenant).json(_entry(tenant, entry))


def _entry(tenant: Tenant, entry: Entry) -> dict[str, object]:
    view: dict[str, object] = {
        "number": entry.number,
        "kind": entry.kind,
        "at": entry.at,
        "tenant": tenant.id,
        "key": tenant.label,
        "operation": entry.operation,
        "method": "",
        "target": "",
        "status": entry.status,
        "taskId": entry.task_id,
        "state": None,
        "findings": [finding.as_dict() for finding in entry.findings],
        "cause": None if entry.cause is None else entry.cause.text,
        "causeKind": None if entry.cause is None else entry.cause.kind,
        "fault": None,
        "idempotencyKey": idempotency_key_of(entry),
        "traceId": trace_id_of(entry),
        "requestHeaders": {},
        "headers": {},
        "ended": None,
        "latency": entry.latency,
        "request": body_value(entry.request),
        "answer": None,
    }
    if isinstance(entry, ClockEntry):
        view["ended"] = entry.until
        return view
    view["method"], view["target"] = method_of(entry), entry.target
    view["requestHeaders"] = joined(request_headers(tenant, entry))
    if isinstance(entry, DownloadEntry):
        view["answer"] = body_value(entry.problem) or {"sent": entry.sent, "size": entry.promised}
    else:
        view["ended"] = entry.ended
    if isinstance(entry, RequestEntry):
        view["state"], view["fault"], view["answer"] = entry.state, entry.fault, body_value(entry.response)
        view["headers"] = joined(decoded(entry.response_headers))
        if entry.gaps:
            view["gaps"] = list(entry.gaps)
    if is_observed(entry):
        view["clock"] = "observer"
    return view


def is_observed(entry: Entry) -> bool:
    """Tell whether an exchange is one with an API behind the proxy, whose clock is another."""
    return entry.cause is not None and entry.cause.kind == "upstream"


def method_of(entry: ExchangeEntry) -> str:
    """Return the method of an exchange."""
    return "POST" if isinstance(entry, CallbackEntry) else entry.method


def request_headers(tenant: Tenant, entry: ExchangeEntry) -> list[tuple[str, str]]:
    """Return the headers of a request in order, with lower-case names, without secret values.

    A port that the system chose is removed from `host`, since it would differ from run to run.
    """
    if isinstance(entry, CallbackEntry):
        return [("content-type", entry.content_type), *_without_secrets(entry.request_headers)]
    headers = _without_secrets(entry.request_headers)
    if tenant.settings.port == 0:
        headers = [(name, _PORT.sub("", value) if name == "host" else value) for name, value in headers]
    return headers


def _without_secrets(headers: Headers) -> list[tuple[str, str]]:
    return [_without_secret(name, value) for name, value in headers]


@lru_cache(maxsize=SAME_HEADERS)
def _without_secret(name: bytes, value: bytes) -> tuple[str, str]:
    ((lower, text),) = decoded([(name, value)])
    return lower, header_value(lower, text)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by name; values of equal names are joined with commas."""
    together: dict[str, str] = {}
    for name, value in headers:
        together[name] = f"{together[name]}, {value}" if name in together else value
    return together


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text, with lower-case names."""
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]


def scenario_view(tenant: Tenant, waiting: ActiveScenario) -> dict[str, object]:
    """Return an active scenario; `times` is the remaining uses, `seen` the number of matched requests."""
    left = {"times": waiting.left, "seen": waiting.seen}
    return hide_in(tenant, {**names(tenant), **as_dict(waiting.scenario), **left})


def account_view(tenant: Tenant) -> dict[str, object]:
    """Return a tenant's counters and limits."""
    account, settings = tenant.account(tenant.clock.now()), tenant.settings
    return {
        **names(tenant),
        "clock": tenant.clock.as_dict(),
        "tasks": {"made": account.made, "active": account.active, "limit": settings.max_concurrent},
        "credits": {"left": account.credits, "spent": account.spent},
        "requests": {
            "inWindow": account.requests_in_window,
            "windowEnds": account.window_ends,
            "limit": str(settings.rate_limit),
        },
    }


def hide(tenant: Tenant, text: str) -> str:
    """Remove keys and other secrets of the settings from a text, in case a client put one into a URL or a body."""
    return _redactor(tenant).text(text)


def hide_in(tenant: Tenant, value: T) -> T:
    """Remove them from all texts of plain data."""
    return _redactor(tenant).value(value)


def _redactor(tenant: Tenant) -> Redactor:
    settings = tenant.settings
    return _redactor_of(tenant.key, settings.api_key, settings.admin_token, settings.callback_secret)


@lru_cache(maxsize=1024)
def _redactor_of(key: str, keys: tuple[str, ...], *secrets: str | None) -> Redactor:
    labels = {secret: key_label(secret) for secret in (key, *keys)}
    return Redactor(labels | {secret: HIDDEN for secret in secrets if secret is not None})


def body_value(raw: bytes) -> object:
    """Return a body as JSON; None if it is empty, text if it is not JSON or has more than `MAX_PARTS`."""
    if len(raw) <= MAX_PARTS or sum(map(raw.count, (b",", b"[", b"{"))) <= MAX_PARTS:
        try:
            return parse_body(raw) if raw else None
        except MalformedBody:
            pass
    return raw.decode("utf-8", "replace")
