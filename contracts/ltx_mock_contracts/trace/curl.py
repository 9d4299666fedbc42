"""A command line that makes a recorded request again."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["curl_line"]

_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"
_STATUS: Final = "/api/v1/statusTask/ltx-2-19b?taskId="


def curl_line(exchange: Exchange) -> str:
    """Return the request as a curl command, in ASCII; the key is `$API_KEY`, an unknown host `$BASE_URL`.

    A callback cannot be asked for again; what is shown is the poll of its task.
    """
    if exchange.operation == "callback":
        task_id = exchange.data.get("taskId")
        return _curl("GET", _STATUS + quote(task_id if isinstance(task_id, str) else "", safe="", errors="replace"))
    return _curl(exchange.method, exchange.target) + _body(exchange)


def _curl(method: str, target: str) -> str:
    named = [] if method == "GET" else ["-X", shlex.quote(quote(method))]
    return " ".join(["curl", *named, _url(target), '-H "Authorization: Bearer $API_KEY"'])


def _url(target: str) -> str:
    root, rest = _split(target)
    shown = quote(rest, safe=_SAFE, errors="replace")
    return shlex.quote(root + shown) if root else f'"$BASE_URL"{shlex.quote(shown)}'


def _split(target: str) -> tuple[str, str]:
    """Return scheme and host, without what may be a password, and the rest."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "", target
    if not parts.scheme or not parts.netloc:
        return "", target
    host = quote(parts.netloc.rpartition("@")[2], safe=_SAFE, errors="replace")
    return f"{parts.scheme}://{host}", urlunsplit(("", "", *parts[2:]))


def _body(exchange: Exchange) -> str:
    if exchange.request is None:
        return ""
    text = exchange.request if isinstance(exchange.request, str) else json.dumps(exchange.request)
    if not (text.isascii() and text.isprintable()):
        text = text.encode("unicode_escape").decode()
    return f" -H 'Content-Type: application/json' -d {shlex.quote(text)}"
