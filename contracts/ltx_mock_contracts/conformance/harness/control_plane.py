"""The control plane of an ltx-mock for the checks: their own tenants, with clocks that they advance."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.control_client import ControlClient, ControlError, HttpTransport, NotLtxMockError, Timeouts
from ltx_mock_contracts.io.reply import NoReplyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.io.reply import Reply

__all__ = ["ControlPlane"]

_ADVANCE_SECONDS: Final = 120.0
_CONFLICT: Final = 409
_TENANT_SETTINGS: Final[dict[str, Any]] = {
    "clock": "manual",
    "rate_limit": "999999999/minute",
    "max_concurrent": 1000,
    "credits": None,
    "strict": False,
}
"""The settings of the checks' tenants, independent of the server's settings."""


class ControlPlane:
    """The tenants of the checks on one server."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    @classmethod
    def of(cls, root: str, token: str | None, send: Callable[..., Reply], timeout: float) -> ControlPlane:
        """Return the control plane of a server.

        Args:
            root: Its URL without `/api/v1`.
            token: Its admin token, if it has one.
            send: A function like `HttpClient.send`.
            timeout: How many seconds a response may take that does not wait for receivers.
        """
        timeouts = Timeouts(timeout, timeout, timeout, _ADVANCE_SECONDS)
        return cls(ControlClient(HttpTransport(root, token, send), root, timeouts=timeouts))

    def why_not_ltx_mock(self) -> str | None:
        """Return None if the server says that it is an ltx-mock, else what it is. No token is sent.

        Raises:
            NoReplyError: No response.
        """
        try:
            self._client.greet()
        except NotLtxMockError:
            return "it is not an ltx-mock"
        except NoReplyError as error:
            if error.unreachable:
                raise
            return f"it does not say what it is: {error}"
        return None

    def accepts_token(self) -> bool:
        """Tell whether the control plane accepts our token (or needs none)."""
        try:
            self._client.get("/clock")
        except (ControlError, NoReplyError):
            return False
        return True

    def accepts_any_key(self) -> bool:
        """Tell whether the server accepts unknown keys."""
        try:
            self._client.get("/settings", key="a-key-that-nobody-has")
        except ControlError:
            return False
        return True

    def open(self, key: str, settings: dict[str, Any]) -> tuple[str, int]:
        """Make a new tenant with a stopped clock, and return its key and its time in Unix milliseconds.

        If another run of the checks has the key, a random part is added to it.
        """
        body = {"settings": {**_TENANT_SETTINGS, **settings}, "new": True}
        try:
            opened = self._client.post("/tenants", {"key": key, **body})
        except ControlError as error:
            if error.status != _CONFLICT:
                raise
            key = f"{key}-{token_hex(8)}"
            opened = self._client.post("/tenants", {"key": key, **body})
        return key, int(opened["clock"]["now"])

    def close(self, key: str) -> None:
        """Delete a tenant."""
        self._client.delete("/tenants", key=key)

    def advance(self, key: str, seconds: float) -> int:
        """Advance the clock of a tenant, and return its time in Unix milliseconds. All due callbacks are delivered."""
        return int(self._client.post("/clock/advance", {"seconds": seconds}, key=key)["now"])
