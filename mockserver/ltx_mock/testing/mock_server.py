"""The fake for Python programs and tests: a server in a thread, with tenants."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from ltx_mock.control.from_json import Exchange
from ltx_mock.control.to_json import entry_view
from ltx_mock.core.settings import Settings
from ltx_mock.core.timings import with_timings
from ltx_mock.server.thread import ServerThread, in_thread
from ltx_mock.testing.control_client import Admin, transport_to
from ltx_mock.testing.recordings import warn_of_recordings
from ltx_mock.testing.tenant import DEFAULT_KEY, World

if TYPE_CHECKING:
    from ltx_mock.engine.engine import Engine
    from ltx_mock.server.app import Endpoints
    from ltx_mock.store.observers import Observer
    from ltx_mock.store.tenant import Tenant
    from ltx_mock.testing.options import ServerSettings, TenantSettings
    from ltx_mock.testing.transport import MockTransport

T = TypeVar("T")


class MockServer(World):
    """A fake of the API on a free port of this machine, in its own thread. It is also the `World` of its first key.

    Args:
        **settings: As in `Settings`; `port` is 0 here unless given.

    Raises:
        SettingsError: a setting is unknown or its value is not allowed.
        LtxMockError: the address is not available.
    """

    in_process = True

    def __init__(self, **settings: Unpack[ServerSettings]) -> None:
        self.settings = Settings.from_mapping({"port": 0, **with_timings(settings)})
        if self.settings.recordings is not None:
            warn_of_recordings(self.settings.recordings)
        self._server_thread = ServerThread(self.settings, self._endpoints)
        self._transport = transport_to(self._server_thread)
        self._worlds = count(1)
        key = self.settings.api_key[0] if self.settings.api_key else DEFAULT_KEY
        super().__init__(Admin(self._transport, self._server_thread.url, key), self._server_thread.url, key)

    @cached_property
    def transport(self) -> MockTransport:
        """An httpx transport, sync and async, that reaches the server without a socket."""
        from ltx_mock.testing.transport import MockTransport  # noqa: PLC0415 - slow to import

        return MockTransport(self._server_thread)

    @property
    def internal_errors(self) -> list[str]:
        """Errors inside the fake that no response could show. Please report them."""
        return list(self._server_thread.internal_errors)

    @property
    def troubles(self) -> list[str]:
        """The former name of `internal_errors`."""
        return self.internal_errors

    def tenant(self, key: str | None = None, **settings: Unpack[TenantSettings]) -> World:
        """Return a tenant with its own key and settings.

        Args:
            key: by default a new one. For a key in use, without settings, its current tenant is returned.
            **settings: as in `Settings`; others are those of the server. A tenant with settings replaces the old one.

        Raises:
            SettingsError: a setting is unknown, is one of the whole server (`host`, `port`, `api_key`, `admin_token`,
                `fetch_assets`, `ca_file`), or its value is not allowed.
        """
        if key is None:
            key = f"{DEFAULT_KEY}-{next(self._worlds)}"
        engine = self._server_thread.engine
        if settings or self._server_thread.wait_for(engine.tenants.of_key(key)) is None:
            self._server_thread.wait_for(engine.tenants.open(key, with_timings(settings)))
        return _Tenant(self, key)

    @property
    def unauthenticated_requests(self) -> list[Exchange]:
        """The requests without a key, or with one that the server does not accept, oldest first."""

        async def views() -> list[dict[str, object]]:
            engine = self._server_thread.engine
            await engine.store.refresh()
            nobody = await engine.tenants.anonymous()
            return [entry_view(nobody, each) for each in nobody.journal]

        return [Exchange.of(view) for view in self._server_thread.wait_for(views())]

    @property
    def strangers(self) -> list[Exchange]:
        """The former name of `unauthenticated_requests`."""
        return self.unauthenticated_requests

    def look(self, at: Callable[[Tenant], T]) -> T:
        """Call a function with the stored tenant in the server's thread, and return its result."""

        async def look() -> T:
            return at(await self._server_thread.engine.store.tenant(self.api_key))

        return self._server_thread.wait_for(look())

    def observe(self, make: Callable[[Engine], Observer]) -> None:
        """Add an observer of the engine; it is created and called in the server's thread."""
        engine = self._server_thread.engine
        in_thread(self._server_thread, lambda: engine.observers.add(make(engine)))

    def _endpoints(self, engine: Engine) -> Endpoints | None:  # noqa: ARG002
        """Return what answers instead of the fake; None if that answers."""
        return None

    def stop(self) -> None:
        """Stop the server. Does nothing the second time."""
        self._server_thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Tenant(World):
    """A tenant on a server of this process, with the server's transport."""

    in_process = True

    def __init__(self, server: MockServer, key: str) -> None:
        super().__init__(Admin(server._transport, server.url, key), server.url, key)  # noqa: SLF001 - its own server
        self._server = server

    @property
    def transport(self) -> MockTransport:
        """See `MockServer.transport`."""
        return self._server.transport
