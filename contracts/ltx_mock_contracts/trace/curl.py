"""A curl command that repeats a recorded request."""

from __future__ import annotations

import json
import shlex
import string
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["curl_command", "curl_line"]

_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"
_UNESCAPED: Final = frozenset(string.ascii_letters + string.digits + string.punctuation + " ") - set("'\\%-")
_OCTAL: Final = [chr(byte) if chr(byte) in _UNESCAPED else f"\\{byte:03o}" for byte in range(256)]
_STATUS_URL: Final = f"{BASE_PATH}{MODEL.status_path}?taskId="


def curl_line(exchange: Exchange, *, authorization: str | None = "Bearer $API_KEY", raw: bytes | None = None) -> str:
    """Return the request as a curl command, in ASCII; the key is `$API_KEY`, an unknown host `$BASE_URL`.

    A callback cannot be requested again, so the command of a callback polls its task.

    Args:
        exchange: The request.
        authorization: The `Authorization` header with `$API_KEY` for the key; None for no header.
        raw: The body, if it is not text.
    """
    if exchange.operation == "callback":
        task_id = exchange.data.get("taskId")
        task_id = quote(task_id if isinstance(task_id, str) else "", safe="", errors="replace")
        return curl_command("GET", _STATUS_URL + task_id, authorization=authorization)
    return curl_command(exchange.method, exchange.target, exchange.request if raw is None else raw, authorization)


def curl_command(method: str, url: str, body: Any = None, authorization: str | None = "Bearer $API_KEY") -> str:
    """Return a request as one line of ASCII for a shell.

    Args:
        method: The HTTP method.
        url: The URL; one without a host is below `$BASE_URL`.
        body: Plain data is sent as JSON, text and bytes are sent as they are; None is no body.
        authorization: As in `curl_line`.
    """
    options = [] if method == "GET" else ["-X", shlex.quote(quote(method, errors="replace"))]
    options += ["-g"] if "[" in url else []  # otherwise curl expands brackets
    header = [] if authorization is None else [f'-H "Authorization: {authorization}"']
    line = " ".join(["curl", *options, _url(url), *header])
    if body is None:
        return line
    line += " -H 'Content-Type: application/json'"
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    if isinstance(text, str) and text.isascii() and text.isprintable() and not text.startswith("@"):  # curl reads @FILE
        return f"{line} -d {shlex.quote(text)}"
    raw = text if isinstance(text, bytes) else text.encode(errors="replace")
    return f"printf '{_octal(raw)}' | {line} --data-binary @-"


def _octal(raw: bytes) -> str:
    """Return bytes as a format string of `printf`."""
    return "".join(map(_OCTAL.__getitem__, raw))


def _url(target: str) -> str:
    root, rest = _split(target)
    quoted = quote(rest, safe=_SAFE, errors="replace")
    return shlex.quote(root + quoted) if root else f'"$BASE_URL"{shlex.quote(quoted)}'


def _split(target: str) -> tuple[str, str]:
    """Split a URL into scheme and host, without user and password, and the rest."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "", target
    if not parts.scheme or not parts.netloc:
        return "", target
    host = quote(parts.netloc.rpartition("@")[2], safe=_SAFE, errors="replace")
    return f"{parts.scheme}://{host}", urlunsplit(("", "", *parts[2:]))
