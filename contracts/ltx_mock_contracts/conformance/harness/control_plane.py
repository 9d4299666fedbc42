"""The control plane of an ltx-mock, as far as checks use it: worlds of their own, and time that they move."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Protocol

from ltx_mock_contracts.io.http_client import NoAnswerError
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from ltx_mock_contracts.io.http_client import HttpClient

__all__ = ["ControlError", "ControlPlane"]

_ADVANCE_SECONDS: Final = 120.0
_CONFLICT: Final = 409
_ROOMY: Final[dict[str, Any]] = {
    "clock": "manual",
    "rate_limit": "999999999/minute",
    "max_concurrent": 1000,
    "credits": None,
    "strict": False,
}
"""What the worlds of the checks are like, however the server is set."""


class ControlError(Exception):
    """The control plane does not do what it is asked; the text says why."""


class KeyTakenError(ControlError):
    """Somebody else has the key already."""


class _Way(Protocol):
    @property
    def connection(self) -> HttpClient: ...


class ControlPlane:
    """The paths under `/__admin` of one server.

    Args:
        way: Has the connection to the server.
        root: Its URL without `/api/v1`.
        token: Its admin token, if it has one.
    """

    def __init__(self, way: _Way, root: str, token: str | None) -> None:
        self._way = way
        self._root = f"{root}/__admin"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def why_no_ltx_mock(self) -> str | None:
        """Return None where the server says that it is an ltx-mock, else what it is. No token is sent.

        Raises:
            NoAnswerError: Nobody is there.
        """
        try:
            name = self._call("GET", "/health", public=True).get("name")
        except ControlError:
            name = None
        except NoAnswerError as error:
            if error.unreachable:
                raise
            return f"it does not say what it is: {error}"
        return None if name == "ltx-mock" else "it is no ltx-mock"

    def lets_us_in(self) -> bool:
        """Tell whether the control plane asks for no other token than the one that it gets."""
        try:
            self._call("GET", "/clock")
        except (ControlError, NoAnswerError):
            return False
        return True

    def takes_any_key(self) -> bool:
        """Tell whether the server accepts keys that nobody told it of."""
        probe = "/settings?key=a-key-that-nobody-has"
        try:
            self._call("GET", probe)
        except ControlError:
            return False
        return True

    def open(self, key: str, settings: dict[str, Any]) -> tuple[str, int]:
        """Make a new world, with a clock that stands, and return its key and its time in Unix milliseconds.

        Where another run of the checks has the key, the world gets one with a part that is drawn at random.
        """
        body = {"settings": {**_ROOMY, **settings}, "new": True}
        try:
            told = self._call("POST", "/tenants", {"key": key, **body})
        except KeyTakenError:
            key = f"{key}-{token_hex(8)}"
            told = self._call("POST", "/tenants", {"key": key, **body})
        return key, int(told["clock"]["now"])

    def close(self, key: str) -> None:
        """Forget a world."""
        self._call("DELETE", f"/tenants?key={key}")

    def advance(self, key: str, seconds: float) -> int:
        """Move the time of a world on, and return it in Unix milliseconds. All callbacks due by then are made."""
        return int(self._call("POST", f"/clock/advance?key={key}", {"seconds": seconds})["now"])

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, public: bool = False
    ) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        timeout = _ADVANCE_SECONDS if "advance" in path else None
        headers = {} if public else self._headers
        reply = self._way.connection.send(method, self._root + path, headers=headers, content=content, timeout=timeout)
        try:
            told = read_json(reply.body)
        except ValueError:
            raise ControlError(f"{method} /__admin{path} answers {reply.status} and no JSON") from None
        if reply.status != 200 or not isinstance(told, dict):
            problem = KeyTakenError if reply.status == _CONFLICT else ControlError
            raise problem(f"{method} /__admin{path} answers {reply.status}: {show(told)}")
        return told
