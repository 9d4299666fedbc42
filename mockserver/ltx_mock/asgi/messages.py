"""Read a request: its headers, its body, and the URL that the client used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from starlette.types import Receive, Scope

from ltx_mock_contracts.validation.urls import is_http_url

NO_PAGE: Final = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
"""Headers with which a browser does not run foreign content as a page of this origin."""

BODYLESS: Final = frozenset({204, 304})
"""The statuses of responses without a body (RFC 9110, 6.4.1)."""

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[1-9]\d{0,4})?", re.ASCII)
_LONGEST_HOST = 255 + len(":65535")
_SCHEMES = frozenset({"http", "https"})
_PORT = re.compile(r"[1-9]\d{0,4}", re.ASCII)
_PORT_AT_END = re.compile(r":\d+$", re.ASCII)
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+", re.ASCII)
_FORWARDED = (b"host", b"proto", b"port", b"prefix")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class ClientGoneError(Exception):
    """The client disconnected before its request was complete."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header with this lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")  # type: ignore[no-any-return]
    return None


def first_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers by their lower-case names; of several with one name, the first."""
    return dict(reversed(scope["headers"]))


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None as soon as it is longer than `limit` bytes.

    Raises:
        ClientGoneError: the client disconnected first.
    """
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)


def client_url(scope: Scope, headers: Mapping[bytes, bytes]) -> str:
    """Return the root URL that the client used, without a slash: that of a proxy that sends `X-Forwarded-Host`, if any.

    Args:
        scope: the request.
        headers: its `first_headers`.
    """
    return forwarded_url(scope) if b"x-forwarded-host" in headers else _root_url(scope, headers.get(b"host"))


def forwarded_url(scope: Scope) -> str:
    """Return the root URL that the client used for a proxy in front of the fake, or else for the fake, without a slash.

    `X-Forwarded-Host`, `-Proto`, `-Port` and `-Prefix` are used if they are valid parts of a URL.
    """
    scheme, _, host = root_url(scope).partition("://")
    host_told, proto, port, prefix = (
        (header(scope, b"x-forwarded-" + name) or "").split(",")[0].strip() for name in _FORWARDED
    )
    host = host_told if _is_host(host_told) else host
    scheme = proto if proto in _SCHEMES else scheme
    bare = _PORT_AT_END.sub("", host)
    if _PORT.fullmatch(port) and _is_host(f"{bare}:{port}"):
        host = bare if port == _DEFAULT_PORTS[scheme] else f"{bare}:{port}"
    prefix = prefix.rstrip("/")
    return f"{scheme}://{host}{prefix if _PREFIX.fullmatch(prefix) else ''}"


def root_url(scope: Scope) -> str:
    """Return the URL that the client used for the fake, without a path."""
    return _root_url(scope, next((value for name, value in scope["headers"] if name == b"host"), None))


def _root_url(scope: Scope, asked: bytes | None) -> str:
    """Return the URL of the fake, by the `Host` that was asked for if that is valid in one."""
    host, scheme = "" if asked is None else asked.decode("latin-1"), scope["scheme"]
    if not _is_host(host):
        name, port = scope.get("server") or ("127.0.0.1", None)
        name = f"[{name}]" if ":" in name else name
        host = f"{name}:{port}" if port else name
    # A proxy on this machine may forward the scheme that it was called with; other schemes than HTTP's are ignored.
    return f"{scheme if scheme in _SCHEMES else 'http'}://{host}"


def _is_host(host: str) -> bool:
    """Tell whether a `Host` header is valid in a URL."""
    return len(host) <= _LONGEST_HOST and _is_host_of_url(host)


@lru_cache(maxsize=256)
def _is_host_of_url(host: str) -> bool:
    return _HOST.fullmatch(host) is not None and is_http_url(f"http://{host}")
