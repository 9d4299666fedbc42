"""A command line that makes a recorded request again."""

from __future__ import annotations

import json
import shlex
import string
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["curl_line", "octal"]

_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + string.punctuation + " ") - set("'\\%")
_STATUS: Final = f"{BASE_PATH}{MODEL.status_path}?taskId="


def curl_line(exchange: Exchange, *, authorization: str | None = "Bearer $API_KEY", raw: bytes | None = None) -> str:
    """Return the request as a curl command, in ASCII; the key is `$API_KEY`, an unknown host `$BASE_URL`.

    A callback cannot be asked for again; what is shown is the poll of its task.

    Args:
        exchange: The request.
        authorization: What is in the header, `$API_KEY` for the key; None where there is no such header.
        raw: The body, where it is no text.
    """
    header = [] if authorization is None else [f'-H "Authorization: {authorization}"']
    if exchange.operation == "callback":
        task_id = exchange.data.get("taskId")
        task_id = quote(task_id if isinstance(task_id, str) else "", safe="", errors="replace")
        return " ".join([_curl("GET", _STATUS + task_id), *header])
    line = " ".join([_curl(exchange.method, exchange.target), *header])
    if raw is None:
        return line + _body(exchange)
    return f"printf '{octal(raw)}' | {line} -H 'Content-Type: application/json' --data-binary @-"


def _curl(method: str, target: str) -> str:
    named = [] if method == "GET" else ["-X", shlex.quote(quote(method))]
    return " ".join(["curl", *named, _url(target)])


def octal(raw: bytes) -> str:
    """Return bytes as the format of `printf` has them."""
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"\\{byte:03o}" for byte in raw)


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
