"""An HTTP/1.1 client for servers that may respond slowly, never, endlessly, or not in HTTP.

`httpx` limits each wait, but not a whole response: neither the time of one that arrives byte by byte, nor the memory of
a decompression bomb. Besides, users' tests often mock it.
"""

from __future__ import annotations

import os
import select
import socket
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

import h11

from ltx_mock_contracts.io.reply import LARGEST_RESPONSE, NoReplyError, Reply
from ltx_mock_contracts.io.trust import unusable_trust_file

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["HttpClient", "send_once"]

_LARGEST_HEAD: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~|"
_PORTS: Final = {"http": 80, "https": 443}


Connect = Callable[[tuple[str, int], float], socket.socket]
"""Connects to a host and a port within so many seconds, as `socket.create_connection` does; raises `OSError`."""


class HttpClient:
    """Sends requests and reads responses, with limits on the size and on the time from the connection to the last byte.

    It asks for unencoded bodies and rejects encoded ones.

    Args:
        timeout: How many seconds a whole response may take.
        proxies: Whether to use the proxies from the environment.
        connect: Opens the connections.
    """

    def __init__(self, timeout: float, *, proxies: bool = False, connect: Connect = socket.create_connection) -> None:
        self._timeout = timeout
        self._connect = connect
        self._proxies = proxies
        self._idle: _Connection | None = None

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        most: int = LARGEST_RESPONSE,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and return the response. Redirects are not followed.

        Args:
            method: The HTTP method.
            url: The URL.
            headers: Additional headers.
            content: The body.
            most: The maximum size of the response body in bytes.
            timeout: How many seconds it may take; by default the client's timeout.

        Raises:
            NoReplyError: No response in time, or one that is too long, encoded, or not HTTP.
        """
        limit = self._timeout if timeout is None else timeout
        end = monotonic() + limit
        endpoint = _Endpoint.of(url)
        connection = None
        try:
            connection = self._connection(endpoint, end)
            head = _head(method, endpoint, dict(headers or {}), content, proxied=connection.proxied)
            connection.write(head, content, end)
            reply = connection.read(most, end)
        except TimeoutError:
            raise NoReplyError(f"no response within {limit:g} s") from None
        except (h11.ProtocolError, OSError) as error:
            raise NoReplyError(f"no HTTP: {str(error) or type(error).__name__}") from None
        finally:
            if connection is not None:
                self._keep(connection)
        return reply

    def close(self) -> None:
        """Close the connection."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _connection(self, endpoint: _Endpoint, end: float) -> _Connection:
        idle, self._idle = self._idle, None
        if idle is not None:
            if idle.origin == endpoint.origin and idle.idle:
                return idle
            idle.close()
        proxy = _proxy(endpoint) if self._proxies else None
        try:
            return _open(endpoint, proxy, end, self._connect)
        except TimeoutError:
            raise
        except OSError as error:
            raise NoReplyError(f"no connection: {error}", unreachable=True) from None

    def _keep(self, connection: _Connection) -> None:
        if connection.done:
            self._idle = connection
        else:
            connection.close()


def send_once(
    method: str, url: str, *, timeout: float, connect: Connect = socket.create_connection, **options: Any
) -> Reply:
    """Send a request over a new connection; see `HttpClient` and `HttpClient.send`."""
    client = HttpClient(timeout, connect=connect)
    try:
        return client.send(method, url, **options)
    finally:
        client.close()


class _Endpoint(NamedTuple):
    """The address and target of a URL."""

    scheme: str
    host: str
    port: int
    target: str
    user: str | None = None

    @classmethod
    def of(cls, url: str) -> _Endpoint:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").encode("idna").decode(), parts.port
        except ValueError:
            raise NoReplyError("no HTTP: it is not a URL") from None
        if parts.scheme not in _PORTS or not host:
            raise NoReplyError("no HTTP: it is not an http or https URL")
        path = quote(parts.path or "/", safe=_SAFE, errors="replace")
        query = f"?{quote(parts.query, safe=_SAFE, errors='replace')}" if parts.query else ""
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], path + query, _user(parts))

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def _user(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode(errors='replace')).decode()}"


def _proxy(endpoint: _Endpoint) -> _Endpoint | None:
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow to import

    found = getproxies()
    url = found.get(endpoint.scheme) or found.get("all")
    if not url or proxy_bypass(endpoint.host):
        return None
    return _Endpoint.of(url if "://" in url else f"http://{url}")


def _head(
    method: str, endpoint: _Endpoint, headers: dict[str, str], content: bytes | None, *, proxied: _Endpoint | None
) -> h11.Request:
    all_headers = {"host": endpoint.address, "accept": "*/*", "accept-encoding": "identity", "user-agent": "ltx-mock"}
    all_headers |= {name.lower(): value for name, value in headers.items()}
    if endpoint.user is not None:
        all_headers.setdefault("authorization", endpoint.user)
    if proxied is not None and proxied.user is not None:
        all_headers["proxy-authorization"] = proxied.user
    if content is not None or method in {"POST", "PUT", "PATCH"}:
        all_headers["content-length"] = str(len(content or b""))
    target = endpoint.target if proxied is None else f"{endpoint.scheme}://{endpoint.address}{endpoint.target}"
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in all_headers.items()]
    return h11.Request(method=method, target=target, headers=pairs)


def _open(endpoint: _Endpoint, proxy: _Endpoint | None, end: float, connect: Connect) -> _Connection:
    """Connect, if needed through a proxy, with a tunnel for https."""
    first = proxy or endpoint
    raw = connect((first.host, first.port), _seconds_left(end))
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if first.scheme == "https":
            raw = _with_tls(raw, first.host, end)
        if proxy is not None and endpoint.scheme == "https":
            _tunnel(raw, endpoint, proxy, end)
            raw = _with_tls(raw, endpoint.host, end)
    except BaseException:
        raw.close()
        raise
    return _Connection(raw, endpoint.origin, proxy if endpoint.scheme == "http" else None)


def _tunnel(raw: socket.socket, endpoint: _Endpoint, proxy: _Endpoint, end: float) -> None:
    address = f"{endpoint.host}:{endpoint.port}"
    headers = [("host", address)] + ([("proxy-authorization", proxy.user)] if proxy.user else [])
    connection = _Connection(raw, endpoint.origin)
    connection.write(h11.Request(method="CONNECT", target=address, headers=headers), None, end)
    status = connection.read(LARGEST_RESPONSE, end).status
    if not 200 <= status < 300:
        raise NoReplyError(f"no connection: the proxy responds with {status}", unreachable=True)


def _with_tls(raw: socket.socket, host: str, end: float) -> socket.socket:
    import httpx  # noqa: PLC0415 - slow to import; plain HTTP does not need it

    if problem := unusable_trust_file():
        raise NoReplyError(f"no connection: {problem}")
    context: ssl.SSLContext = httpx.create_ssl_context(trust_env="SSL_CERT_FILE" in os.environ)
    raw.settimeout(_seconds_left(end))
    return context.wrap_socket(raw, server_hostname=host)


class _Connection:
    """One connection, with one request at a time."""

    def __init__(self, raw: socket.socket, origin: tuple[str, str, int], proxied: _Endpoint | None = None) -> None:
        self.origin = origin
        self.proxied = proxied
        self._raw = raw
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)

    @property
    def done(self) -> bool:
        """Whether request and response are complete, so that another request may follow."""
        return self._http.our_state is self._http.their_state is h11.DONE

    @property
    def idle(self) -> bool:
        """Whether the server has neither closed the connection nor sent unexpected bytes."""
        return not select.select([self._raw], [], [], 0)[0]

    def write(self, request: h11.Request, content: bytes | None, end: float) -> None:
        if self.done:
            self._http.start_next_cycle()
        raw = self._http.send(request) or b""
        raw += (self._http.send(h11.Data(data=content)) or b"") if content else b""
        raw += self._http.send(h11.EndOfMessage()) or b""
        self._raw.settimeout(_seconds_left(end))
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it may have sent a response before it closed the connection
            self._raw.sendall(raw)

    def read(self, most: int, end: float) -> Reply:
        status, headers, body = 0, dict[str, str](), bytearray()
        while True:
            event = self._event(end)
            if isinstance(event, h11.Response):
                status, headers = event.status_code, _header_values(event)
                encoding = headers.get("content-encoding", "identity").strip().lower()
                if encoding not in {"", "identity"}:
                    raise NoReplyError(f"a response with the encoding {encoding[:40]!r}, which was not requested")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > most:
                    raise NoReplyError(f"a response of more than {most} bytes")
            elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)) or event is h11.PAUSED:
                return Reply(status, headers, bytes(body))

    def close(self) -> None:
        self._raw.close()

    def _event(self, end: float) -> object:
        event = self._http.next_event()
        while event is h11.NEED_DATA:
            self._raw.settimeout(_seconds_left(end))
            data = self._raw.recv(_CHUNK_BYTES)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise NoReplyError("no HTTP: the connection closed without a response")
            self._http.receive_data(data)
            event = self._http.next_event()
        _seconds_left(end)
        return event


def _header_values(response: h11.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers:
        text = value.decode("latin-1")
        known = found.get(name.decode("ascii"))
        found[name.decode("ascii")] = text if known is None else f"{known}, {text}"
    return found


def _seconds_left(end: float) -> float:
    """Return how many seconds are left.

    Raises:
        TimeoutError: The time is over.
    """
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
