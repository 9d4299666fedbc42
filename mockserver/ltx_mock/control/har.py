"""Journal entries as HAR 1.2, for browsers, proxies and `check-trace`. Custom fields begin with `_`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from ltx_mock.control.to_json import decoded, hide, hide_in, is_observed, joined, request_headers
from ltx_mock.core.clock import moment_of
from ltx_mock.core.journal_entry import DownloadEntry, ExchangeEntry, RequestEntry
from ltx_mock.store.tenant import Tenant
from ltx_mock.version import VERSION

HEAD = f'{{"log":{{"version":"1.2","creator":{{"name":"ltx-mock","version":"{VERSION}"}},"entries":['
TAIL = "]}}\n"
HTTP = "HTTP/1.1"
JSON = "application/json"


def har_entry(tenant: Tenant, entry: ExchangeEntry, root: str) -> dict[str, object]:
    """Return an exchange as an entry of a HAR log; `root` is the root URL that clients use."""
    url = hide(tenant, entry.target if entry.kind == "callback" else root + entry.target)
    took = entry.latency or 0
    view: dict[str, object] = {
        "startedDateTime": moment_of(entry.at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": took,
        "request": _request(tenant, entry, url),
        "response": _response(tenant, entry),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_number": entry.number,
        "_tenant": tenant.id,
        "_key": tenant.label,
        "_operation": entry.operation,
        "_clock": "observer" if is_observed(entry) else "server",
    }
    extra = {
        "_cause": None if entry.cause is None else entry.cause.text,
        "_causeKind": None if entry.cause is None else entry.cause.kind,
        "_taskId": entry.task_id,
        "_gaps": " ".join(entry.gaps) or None if isinstance(entry, RequestEntry) else None,
        "_findings": [finding.as_dict() for finding in entry.findings] or None,
    }
    return view | hide_in(tenant, {name: value for name, value in extra.items() if value is not None})


def _request(tenant: Tenant, entry: ExchangeEntry, url: str) -> dict[str, object]:
    view: dict[str, object] = {
        "method": entry.method,
        "url": url,
        "httpVersion": HTTP,
        "cookies": [],
        "headers": [{"name": name, "value": hide(tenant, value)} for name, value in request_headers(tenant, entry)],
        "queryString": hide_in(tenant, list(_query(url))),
        "headersSize": -1,
        "bodySize": len(entry.request),
    }
    if entry.request:
        kind = joined(request_headers(tenant, entry)).get("content-type", JSON)
        view["postData"] = {
            "mimeType": hide(tenant, kind),
            "text": hide(tenant, entry.request.decode("utf-8", "replace")),
        }
    return view


def _response(tenant: Tenant, entry: ExchangeEntry) -> dict[str, object]:
    headers = decoded(entry.response_headers) if isinstance(entry, RequestEntry) else []
    body = _body(entry)
    if body:
        headers.insert(0, ("content-type", JSON))
    return {
        "status": entry.status or 0,
        "statusText": _phrase(entry.status),
        "httpVersion": HTTP,
        "cookies": [],
        "headers": [{"name": name, "value": hide(tenant, value)} for name, value in headers],
        "content": {"size": len(body), "mimeType": JSON, **_text(tenant, body)},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }


def _body(entry: ExchangeEntry) -> bytes:
    match entry:
        case RequestEntry():
            return entry.response
        case DownloadEntry():
            return entry.problem
        case _:
            return b""


def _text(tenant: Tenant, content: bytes) -> dict[str, str]:
    try:
        return {"text": hide(tenant, content.decode())}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(content).decode(), "encoding": "base64"}


def _query(url: str) -> Iterator[dict[str, str]]:
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:  # an invalid URL
        return
    for name, value in pairs:
        yield {"name": name, "value": value}


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""
