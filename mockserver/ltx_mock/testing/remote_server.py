"""Tenants on a server in another process."""

from __future__ import annotations

import os
import socket
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Unpack

from ltx_mock.core.timings import Timings, with_timings
from ltx_mock.errors import LtxMockError, NotFoundError, SettingsError
from ltx_mock.testing.connections import connected
from ltx_mock.testing.control_client import Admin
from ltx_mock.testing.tenant import DEFAULT_KEY, World
from ltx_mock_contracts.control_client import HttpTransport
from ltx_mock_contracts.io.http_client import send_once
from ltx_mock_contracts.io.own_sockets import ALLOW
from ltx_mock_contracts.io.server_url import server_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltx_mock.testing.options import TenantSettings


class RemoteServer(World):
    """A server at a URL. Its tenants are controlled through its control plane, if it has one.

    Args:
        url: its root, with or without `/api/v1`; the default scheme is http.
        api_key: the key of its first tenant; by default `APIXO_API_KEY` of the environment.
        admin_token: its admin token, if it has one; by default `LTX_MOCK_ADMIN_TOKEN` of the environment.

    Raises:
        SettingsError: not a URL of a server.
    """

    def __init__(self, url: str, api_key: str | None = None, admin_token: str | None = None) -> None:
        try:
            root = server_root(url)
        except ValueError as error:
            raise SettingsError(f"url {error}") from None
        key = api_key or os.environ.get("APIXO_API_KEY") or DEFAULT_KEY
        token = admin_token or os.environ.get("LTX_MOCK_ADMIN_TOKEN")
        self._transport = HttpTransport(root, token, partial(send_once, connect=_connected))
        super().__init__(Admin(self._transport, root, key), root, key)

    @property
    def internal_errors(self) -> list[str]:
        """Always empty: the server writes background errors to its own log."""
        return []

    @property
    def troubles(self) -> list[str]:
        """The former name of `internal_errors`."""
        return self.internal_errors

    def why_not_ours(self) -> str | None:
        """Return why this server's tenants cannot be opened, or None when they can: it is an ltx-mock."""
        try:
            self.require_ours()
        except LtxMockError as error:
            return str(error)
        return None

    def require_ours(self) -> None:
        """Make sure that this server is an ltx-mock.

        Raises:
            NoResponseError: nobody answers at its URL.
            LtxMockError: it is another program.
        """
        self._admin.greet()

    def tenant(self, key: str | None = None, **settings: Unpack[TenantSettings]) -> World:
        """Return a tenant with this key and its own settings; see `MockServer.tenant`.

        The default key is random, since others may use the server too. A key in use keeps its tenant unless settings
        are given.
        """
        if key is None:
            return self.new_tenant(f"{DEFAULT_KEY}-{token_hex(8)}", **settings)
        admin = Admin(self._transport, self.url, key)
        if settings or not _accepted(admin):
            admin.post("/tenants", {"key": key, "settings": _as_json(settings)})
        return World(admin, self.url, key)

    def new_tenant(self, key: str, **settings: Unpack[TenantSettings]) -> World:
        """Return a new tenant with an unused key.

        Raises:
            ConflictError: the key is in use.
            SettingsError: a setting is unknown, is one of the whole server, or its value is not allowed.
        """
        admin = Admin(self._transport, self.url, key)
        admin.post("/tenants", {"key": key, "settings": _as_json(settings), "new": True})
        return World(admin, self.url, key)


def _connected(address: tuple[str, int], timeout: float) -> socket.socket:
    try:
        return connected(address, timeout)
    except RuntimeError as error:  # raised by a guard such as pytest-socket
        raise OSError(f"{type(error).__name__}: {error}; {ALLOW}") from error


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the content of a file of timings, which may be on this machine only."""
    values = with_timings(settings)
    timings = values.get("timings")
    return values | {"timings": timings.as_dict()} if isinstance(timings, Timings) else values


def _accepted(admin: Admin) -> bool:
    """Tell whether the server accepts the key; it then has a tenant, as after a first request."""
    try:
        admin.get("/tenants")
    except NotFoundError:
        return False
    return True
