"""The fake that a session works with: one that it starts itself, in a thread, or a running one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from threading import RLock
from typing import Any, NamedTuple, Protocol

from ltx_mock.agents.arguments import FREE_SETTINGS, PACES
from ltx_mock.fields import check_names
from ltx_mock.testing.control_client import Admin, NoResponseError
from ltx_mock.testing.mock_server import MockServer
from ltx_mock.testing.tenant import DEFAULT_KEY, World
from ltx_mock_contracts.control_client import HttpTransport


class Fake(NamedTuple):
    """A fake and its control plane.

    Attributes:
        url: Its root.
        key: The key of the session's own requests.
        admin: The client of its control plane.
        server: The server, if the session has started it.
    """

    url: str
    key: str
    admin: Admin
    server: MockServer | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return how to reach it, for an agent and for the app that it works on."""
        world = World(self.admin, self.url, self.key)
        upstream = self.admin.get("/version").get("upstream")
        warning = {"warning": f"a proxy to {upstream}: each new task costs money"} if upstream else {}
        return {
            "url": self.url,
            "baseUrl": world.base_url,
            "apiKey": self.key,
            "env": world.env,
            "dashboard": f"{self.url}/__admin/",
            "clock": self.admin.get("/clock"),
            "startedHere": self.server is not None,
            **warning,
        }


class Check(Protocol):
    """A running check of a client, in a process of its own."""

    def terminate(self) -> None:
        """Ask it to end."""


class Session:
    """The fake of one agent, and the checks that it runs.

    Without `attach` it starts a fake when the first tool needs one.

    Attributes:
        checks: The running checks.
    """

    def __init__(self) -> None:
        self._fake: Fake | None = None
        self._lock = RLock()
        self.checks: set[Check] = set()

    def fake(self) -> Fake:
        """Return the fake; start one if there is none."""
        with self._lock:
            return self._fake or self.start({"clock": PACES[0]})

    def start(self, settings: Mapping[str, Any]) -> Fake:
        """Start a fake in place of the current one.

        Raises:
            SettingsError: a setting is unknown, or its value is not allowed.
            LtxMockError: the port is not available.
        """
        with self._lock:
            self._leave()  # before, since the new one may want its port
            server = MockServer(**settings)
            admin = Admin(HttpTransport(server.url), server.url)
            self._fake = Fake(server.url, server.api_key, admin, server)
            return self._fake

    def attach(self, url: str, key: str | None = None, token: str | None = None) -> Fake:
        """Work with a running fake in place of the current one.

        Args:
            url: its root.
            key: the key to which everything is limited; by default all keys.
            token: its admin token.

        Raises:
            LtxMockError: there is no ltx-mock at the URL, or it needs a token.
        """
        admin = Admin(HttpTransport(url, token), url, key)
        try:
            admin.greet()
        except NoResponseError as error:
            raise NoResponseError(f"{error}; start one with start_fake, or with: ltx-mock serve") from error
        admin.get("/clock")
        with self._lock:
            self._leave()
            self._fake = Fake(url, key or DEFAULT_KEY, admin)
            return self._fake

    def close(self) -> None:
        """Stop the fake that this session has started, and end its checks. Another fake goes on."""
        for check in self.checks:
            with suppress(ProcessLookupError):  # it has just ended
                check.terminate()
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            if self._fake is not None and self._fake.server is not None:
                self._fake.server.stop()
            self._fake = None


def settings_of(clock: str, port: int, others: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a fake.

    Raises:
        SettingsError: one of the others is unknown, or cannot be set.
    """
    check_names("setting", others, FREE_SETTINGS)
    return {**others, "clock": clock, "port": port}
