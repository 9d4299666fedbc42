"""Tasks, journal entries and accounts as JSON of the control plane, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, TypeVar

from ltx_mock.control.text_cache import MAX_SIZE, TextCache
from ltx_mock.core.clock import LATEST
from ltx_mock.core.journal_entry import (
    CallbackEntry,
    ClockEntry,
    DownloadEntry,
    Entry,
    ExchangeEntry,
    Headers,
    RequestEntry,
    headers_size,
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

T = TypeVar("T")

_alike_texts, _body_texts = TextCache(), TextCache()


def names(tenant: Tenant) -> dict[str, object]:
    """Return the names of a tenant: `tenant`, its unique id, and `key`, the label of its key."""
    return {"tenant": tenant.id, "key": tenant.label}


def task_view(tenant: Tenant, task: Task, now: int) -> dict[str, object]:
    """Return a task at a moment, with its timeline.

    Times are Unix milliseconds. `timeline` has all states after `pending`, and no end while its assets are checked.
    """
    return hide_in(tenant, _about_task(tenant, task, now) | {"request": body_value(task.body)})


def task_text(tenant: Tenant, task: Task, now: int) -> str:
    """Return `task_view` as JSON."""
    redactor = _redactor(tenant)
    return f'{redactor.json(_about_task(tenant, task, now))[:-1]},"request":{_body_text(redactor, task.body)}}}'


def _about_task(tenant: Tenant, task: Task, now: int) -> dict[str, object]:
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
    alike = _alike(entry, tenant.id, tenant.label, hide_port=_hides_port(tenant))
    found = {"findings": _findings(entry), "answer": _answer(entry), "request": body_value(entry.request)}
    return hide_in(tenant, _own(entry) | alike | found)


def entry_text(tenant: Tenant, entry: Entry) -> str:
    """Return `entry_view` as JSON. What most entries have in common is written only once."""
    redactor = _redactor(tenant)
    findings = redactor.json(_findings(entry)) if entry.findings else "[]"
    return (
        f"{redactor.json(_own(entry))[:-1]},{_alike_text(redactor, tenant, entry)[1:-1]}"
        f',"findings":{findings},"answer":{_answer_text(redactor, entry)}'
        f',"request":{_body_text(redactor, entry.request)}}}'
    )


def _own(entry: Entry) -> dict[str, object]:
    """Return what is different in each entry, besides findings and bodies, which may be long."""
    return {
        "number": entry.number,
        "at": entry.at,
        "target": "" if isinstance(entry, ClockEntry) else entry.target,
        "taskId": entry.task_id,
        "ended": _ended(entry),
    }


def _ended(entry: Entry) -> int | None:
    if isinstance(entry, DownloadEntry):
        return None
    return entry.until if isinstance(entry, ClockEntry) else entry.ended


_OWN: Any = {"number": 0, "at": 0, "target": ""}
_OWN_OF_REQUEST: Any = {"task_id": None, "request": b"", "response": b"", "findings": ()}
_OWN_OF_DOWNLOAD: Any = {"task_id": "", "sent": 0, "promised": 0, "problem": b""}


def _without_own(entry: Entry) -> Entry:
    """Return an entry without what only `_own`, findings and bodies are made of: that of entries alike is equal."""
    match entry:
        case RequestEntry():
            return entry._replace(**_OWN, **_OWN_OF_REQUEST, ended=entry.latency)
        case CallbackEntry():
            return entry._replace(**_OWN, task_id="", request=b"", ended=entry.ended - entry.at)
        case DownloadEntry():
            return entry._replace(**_OWN, **_OWN_OF_DOWNLOAD)
        case ClockEntry():
            return entry._replace(number=0, at=0, until=0)


def _alike_text(redactor: Redactor, tenant: Tenant, entry: Entry) -> str:
    common, names_of, hide_port = _without_own(entry), (tenant.id, tenant.label), _hides_port(tenant)

    def write() -> str:
        return redactor.json(_alike(common, *names_of, hide_port=hide_port))

    if _alike_size(entry) > MAX_SIZE:
        return write()
    return _alike_texts.get((redactor, entry.kind, common, *names_of, hide_port), write)


def _alike_size(entry: Entry) -> int:
    """Return the approximate size of what `_alike` is made of: its text may be shorter, without secrets."""
    size = headers_size(entry.request_headers) + (len(entry.cause.text) if entry.cause else 0)
    match entry:
        case RequestEntry():
            return size + len(entry.method) + headers_size(entry.response_headers)
        case CallbackEntry():
            return size + len(entry.content_type)
        case DownloadEntry():
            return size + len(entry.method)
        case ClockEntry():
            return size


def _alike(entry: Entry, tenant_id: str, label: str, *, hide_port: bool) -> dict[str, object]:
    """Return what entries may have in common."""
    exchange = None if isinstance(entry, ClockEntry) else entry
    request = entry if isinstance(entry, RequestEntry) else None
    cause = entry.cause
    view: dict[str, object] = {
        "kind": entry.kind,
        "tenant": tenant_id,
        "key": label,
        "operation": entry.operation,
        "method": exchange.method if exchange else "",
        "status": entry.status,
        "state": request.state if request else None,
        "cause": None if cause is None else cause.text,
        "causeKind": None if cause is None else cause.kind,
        "fault": request.fault if request else None,
        "idempotencyKey": idempotency_key_of(entry),
        "traceId": trace_id_of(entry),
        "latency": entry.latency,
        "requestHeaders": joined(_request_headers(exchange, hide_port=hide_port)) if exchange else {},
        "headers": joined(decoded(request.response_headers)) if request else {},
    }
    if request and request.gaps:
        view["gaps"] = list(request.gaps)
    if is_observed(entry):
        view["clock"] = "observer"
    return view


def _findings(entry: Entry) -> list[dict[str, str]]:
    return [finding.as_dict() for finding in entry.findings]


def _answer_text(redactor: Redactor, entry: Entry) -> str:
    return _written(redactor, entry.response) if isinstance(entry, RequestEntry) else redactor.json(_answer(entry))


def _answer(entry: Entry) -> object:
    match entry:
        case RequestEntry():
            return body_value(entry.response)
        case DownloadEntry():
            return body_value(entry.problem) or {"sent": entry.sent, "size": entry.promised}
        case _:
            return None


def is_observed(entry: Entry) -> bool:
    """Tell whether an exchange is one with an API behind the proxy, whose clock is another."""
    return entry.cause is not None and entry.cause.kind == "upstream"


def request_headers(tenant: Tenant, entry: ExchangeEntry) -> list[tuple[str, str]]:
    """Return the headers of a request in order, with lower-case names, without secret values.

    A port that the system chose is removed from `host`, since it would differ from run to run.
    """
    return _request_headers(entry, hide_port=_hides_port(tenant))


def _hides_port(tenant: Tenant) -> bool:
    return tenant.settings.port == 0


def _request_headers(entry: ExchangeEntry, *, hide_port: bool) -> list[tuple[str, str]]:
    if isinstance(entry, CallbackEntry):
        return [("content-type", entry.content_type), *_without_secrets(entry.request_headers)]
    headers = _without_secrets(entry.request_headers)
    if hide_port:
        headers = [(name, _PORT.sub("", value) if name == "host" else value) for name, value in headers]
    return headers


def _without_secrets(headers: Headers) -> list[tuple[str, str]]:
    return [
        (_same_without_secret if len(name) + len(value) <= MAX_SIZE else _without_secret)(name, value)
        for name, value in headers
    ]


def _without_secret(name: bytes, value: bytes) -> tuple[str, str]:
    ((lower, text),) = decoded([(name, value)])
    return lower, header_value(lower, text)


_same_without_secret = lru_cache(maxsize=256)(_without_secret)


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
    return _text(raw)


def shown_body(tenant: Tenant, raw: bytes) -> object:
    """Return `body_value` without secrets. Equal bodies share it, so nobody may change it."""
    return (_same_body if len(raw) <= MAX_SIZE else _body)(_redactor(tenant), raw)


def _body(redactor: Redactor, raw: bytes) -> object:
    value = body_value(raw)
    return value if isinstance(value, (dict, list)) and redactor.is_clean(_text(raw)) else redactor.value(value)


_same_body = lru_cache(maxsize=64)(_body)


def _body_text(redactor: Redactor, raw: bytes) -> str:
    write = partial(_written, redactor, raw)
    return _body_texts.get((redactor, raw), write) if len(raw) <= MAX_SIZE else write()


def _written(redactor: Redactor, raw: bytes) -> str:
    """Return `_body` as JSON. What is JSON in one line is quoted as it came: to write it anew takes as long again."""
    value, text = body_value(raw), _text(raw)
    is_line = isinstance(value, (dict, list)) and text.isprintable() and "##[" not in text
    return text if is_line and redactor.is_clean(text) else redactor.json(value)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
