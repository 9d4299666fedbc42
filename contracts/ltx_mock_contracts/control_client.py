"""The client of an ltx-mock's control plane, whoever asks and whatever the way to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

from ltx_mock_contracts.io.http_client import LARGEST_ANSWER, Reply, send_once
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.validation.findings import show

__all__ = ["ControlClient", "ControlError", "HttpTransport", "StrangerError", "Timeouts", "Transport"]

HEALTH: Final = "/health"
NAME: Final = "ltx-mock"
LARGEST_JOURNAL: Final = 256 * 1024 * 1024


class Timeouts(NamedTuple):
    """How many real seconds an answer may take."""

    greet: float = 5.0
    look: float = 60.0  # the longest journal is read in less
    change: float = 600.0
    advance: float = 600.0  # it waits for callback receivers

    def of(self, method: str, path: str) -> float:
        """Return how long a request may take."""
        if method == "GET":
            return self.look
        return self.advance if path == "/clock/advance" else self.change


class Transport(Protocol):
    """The way to a control plane."""

    def __call__(self, method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        """Send a request and return status and body of the answer.

        Args:
            method: The HTTP method.
            target: Path and query, below `/__admin`.
            body: JSON.
            timeout: How many real seconds the answer may take.
        """


class ControlError(Exception):
    """A control plane does not do what it is asked; the text says where and why.

    Attributes:
        status: The HTTP status of its answer.
        reason: The server's own sentence; where it gave none, the whole text.
    """

    def __init__(self, text: str, status: int, reason: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason or text


class StrangerError(ControlError):
    """A server is no ltx-mock."""


class ControlClient:
    """The paths under `/__admin` of one server.

    Args:
        transport: The way there.
        root: The server's URL without a path, for messages.
        params: What every query has: `key` or `tenant` says whose world is meant; without them it is everybody's.
        timeouts: How long answers may take.
        wary: Whether the server is greeted before the first other request, so that none is sent to a stranger.
    """

    def __init__(
        self,
        transport: Transport,
        root: str,
        params: dict[str, str] | None = None,
        *,
        timeouts: Timeouts | None = None,
        wary: bool = False,
    ) -> None:
        self._transport = transport
        self.root = root
        self._params = params or {}
        self._timeouts = timeouts or Timeouts()
        self._wary = wary

    def greet(self) -> None:
        """Make sure that the server is an ltx-mock. It learns neither a key nor a token.

        Raises:
            StrangerError: It says that it is something else, or nothing.
        """
        status, answer = self._transport("GET", HEALTH, None, self._timeouts.greet)
        try:
            name = read_json(answer)["name"]
        except (ValueError, KeyError, TypeError):
            name = None
        if name != NAME:
            raise StrangerError(f"{self.root} is no ltx-mock: /__admin{HEALTH} answered HTTP {status}", status)

    def get(self, path: str, /, **params: object) -> dict[str, Any]:
        """Look at something; see `call`."""
        return self.call("GET", path, **params)

    def post(self, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Change something; see `call`."""
        return self.call("POST", path, body, **params)

    def delete(self, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Forget something; see `call`."""
        return self.call("DELETE", path, body, **params)

    def call(self, method: str, path: str, body: object = None, /, **params: object) -> dict[str, Any]:
        """Return the object that the server answers.

        Raises:
            ControlError: The answer is an error, no JSON, or no object.
        """
        status, answer = self._send(method, path, body, params)
        return self._read(path, status, answer)

    def text(self, path: str, /, **params: object) -> str:
        """Look at something that need not be JSON, and return its text.

        Raises:
            ControlError: The answer is an error.
        """
        status, answer = self._send("GET", path, None, params)
        if status != 200:
            self._read(path, status, answer)
        return answer.decode(errors="replace")

    def _send(self, method: str, path: str, body: object, params: dict[str, object]) -> tuple[int, bytes]:
        if self._wary:
            self.greet()
            self._wary = False
        query = urlencode(self._params | params, errors="surrogateescape")
        content = None if body is None else json.dumps(body).encode()
        return self._transport(method, f"{path}?{query}" if query else path, content, self._timeouts.of(method, path))

    def _read(self, path: str, status: int, answer: bytes) -> dict[str, Any]:
        """Return the object of a good answer, and raise for any other."""
        answered = f"{self.root}/__admin{path} answered HTTP {status}"
        try:
            told = read_json(answer)
        except ValueError:
            raise ControlError(f"{answered} and no JSON; is it an {NAME}?", status) from None
        if status == 200 and isinstance(told, dict):
            return told
        problem = told.get("error", told) if isinstance(told, dict) else told
        sentence = problem if isinstance(problem, str) and status != 200 else None
        raise ControlError(f"{answered}: {sentence or show(problem)}", status, sentence)


class HttpTransport:
    """The way to a server elsewhere. It is no traffic of an app that is tested: mocks of httpx do not see it.

    Args:
        root: The server's URL without a path.
        token: Its admin token, if it has one. Who asks for its health does not show it.
        send: Sends as `HttpClient.send` does; by default each request has a connection of its own.

    Raises:
        NoAnswerError: when called: there is no answer.
    """

    def __init__(self, root: str, token: str | None = None, send: Callable[..., Reply] = send_once) -> None:
        self._base = f"{root}/__admin"
        self._token = token
        self._send = send

    def __call__(self, method: str, target: str, body: bytes | None, timeout: float, /) -> tuple[int, bytes]:
        """See `Transport`."""
        headers, most = {"content-type": "application/json"}, LARGEST_ANSWER
        if target != HEALTH:  # no stranger is to learn the token, or to send without end
            headers |= {"authorization": f"Bearer {self._token}"} if self._token else {}
            most = LARGEST_JOURNAL
        reply = self._send(method, self._base + target, headers=headers, content=body, most=most, timeout=timeout)
        return reply.status, reply.body
