"""The client of an ltx-mock's control plane, over any transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.reply import LARGEST_RESPONSE, Reply
from ltx_mock_contracts.reporting.text import shortened
from ltx_mock_contracts.validation.findings import show

__all__ = ["ControlClient", "ControlError", "HttpTransport", "NotLtxMockError", "Timeouts", "Transport"]

HEALTH: Final = "/health"
NAME: Final = "ltx-mock"
LARGEST_JOURNAL: Final = 256 * 1024 * 1024
SHOWN_PATH: Final = 200
"""So many characters of a path are told in an error."""


class Timeouts(NamedTuple):
    """Timeouts of the control plane, in real seconds."""

    greet: float = 5.0
    read: float = 60.0  # enough for the longest journal
    change: float = 600.0
    advance: float = 600.0  # it waits for callback receivers

    def of(self, method: str, path: str) -> float:
        """Return the timeout of a request."""
        if method == "GET":
            return self.read
        return self.advance if path == "/clock/advance" else self.change


class Transport(Protocol):
    """Sends requests to a control plane."""

    def __call__(self, method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        """Send a request and return status and body of the response.

        Args:
            method: The HTTP method.
            target: Path and query, below `/__admin`.
            body: JSON.
            timeout: How many real seconds the response may take.
        """


class ControlError(Exception):
    """A control plane refused a request or sent a bad response; the text says where and why.

    Attributes:
        status: The HTTP status of its response.
        reason: The server's own error message; the whole text if it sent none.
    """

    def __init__(self, text: str, status: int, reason: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason or text


class NotLtxMockError(ControlError):
    """The server is not an ltx-mock."""


class ControlClient:
    """The paths under `/__admin` of one server.

    Args:
        transport: Sends the requests.
        root: The server's URL without a path, for messages.
        params: Parameters of every query: `key` or `tenant` selects a tenant; without them all tenants are meant.
        timeouts: How long responses may take.
        greet_first: Whether to call `greet` before the first request, so that another kind of server does not get it.
    """

    def __init__(
        self,
        transport: Transport,
        root: str,
        params: dict[str, str] | None = None,
        *,
        timeouts: Timeouts | None = None,
        greet_first: bool = False,
    ) -> None:
        self._transport = transport
        self.root = root
        self._params = params or {}
        self._timeouts = timeouts or Timeouts()
        self._wary = greet_first

    def greet(self) -> None:
        """Make sure that the server is an ltx-mock, without sending a key or a token.

        Raises:
            NotLtxMockError: It is another program.
        """
        status, response = self._transport("GET", HEALTH, None, self._timeouts.greet)
        try:
            name = read_json(response)["name"]
        except (ValueError, KeyError, TypeError):
            name = None
        if name != NAME:
            raise NotLtxMockError(
                f"{self.root} is not an ltx-mock: /__admin{HEALTH} responded with HTTP {status}", status
            )

    def get(self, path: str, /, **params: object) -> dict[str, Any]:
        """Send a GET; see `call`."""
        return self.call("GET", path, **params)

    def post(self, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Send a POST; see `call`."""
        return self.call("POST", path, body, **params)

    def delete(self, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Send a DELETE; see `call`."""
        return self.call("DELETE", path, body, **params)

    def call(self, method: str, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Send a request and return the JSON object of the response.

        Raises:
            ControlError: The response is an error, or not a JSON object.
        """
        status, response = self._send(method, path, body, params)
        return self._read(path, status, response)

    def text(self, path: str, /, **params: object) -> str:
        """Send a GET and return the text of the response.

        Raises:
            ControlError: The response is an error.
        """
        status, response = self._send("GET", path, None, params)
        if status != 200:
            self._read(path, status, response)
        return response.decode(errors="replace")

    def _send(self, method: str, path: str, body: object, params: dict[str, object]) -> tuple[int, bytes]:
        if self._wary:
            self.greet()
            self._wary = False
        query = urlencode(self._params | params, errors="surrogateescape")
        content = None if body is None else json.dumps(body).encode()
        return self._transport(method, f"{path}?{query}" if query else path, content, self._timeouts.of(method, path))

    def _read(self, path: str, status: int, response: bytes) -> dict[str, Any]:
        """Return the object of a successful response; raise `ControlError` for any other."""
        prefix = f"{self.root}/__admin{shortened(path, SHOWN_PATH)} responded with HTTP {status}"
        try:
            data = read_json(response)
        except ValueError:
            raise ControlError(f"{prefix} and no JSON; is it an {NAME}?", status) from None
        if status == 200 and isinstance(data, dict):
            return data
        problem = data.get("error", data) if isinstance(data, dict) else data
        sentence = problem if isinstance(problem, str) and status != 200 else None
        raise ControlError(f"{prefix}: {sentence or show(problem)}", status, sentence)


class HttpTransport:
    """Sends requests over HTTP, without httpx, so that a test's mocks of httpx neither see nor change them.

    Args:
        root: The server's URL without a path.
        token: Its admin token, if it has one. The health request does not send it.
        send: A function like `HttpClient.send`; by default each request opens a new connection.

    Raises:
        NoReplyError: When it is called and there is no response.
    """

    def __init__(self, root: str, token: str | None = None, send: Callable[..., Reply] | None = None) -> None:
        self._base = f"{root}/__admin"
        self._token = token
        self._send = send or _send_once()

    def __call__(self, method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        """See `Transport`."""
        headers, most = {"content-type": "application/json"}, LARGEST_RESPONSE
        if target != HEALTH:  # an unknown server must not get the token, nor send an endless body
            headers |= {"authorization": f"Bearer {self._token}"} if self._token else {}
            most = LARGEST_JOURNAL
        reply = self._send(method, self._base + target, headers=headers, content=body, most=most, timeout=timeout)
        return reply.status, reply.body


def _send_once() -> Callable[..., Reply]:
    from ltx_mock_contracts.io.http_client import send_once  # noqa: PLC0415 - not for a server of this process

    return send_once
