"""The fake for Python programs and tests: a server in a thread, and handles to look at it and drive it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ltx_mock.clock import SECOND
from ltx_mock.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.records import Delivery, Entry
from ltx_mock.server import HttpServer, bind, run, url_of
from ltx_mock.settings import Settings, key_label
from ltx_mock.store import Tenant
from ltx_mock.views import task_view

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

DEFAULT_KEY = "ltx-mock-key"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class Backstage:
    """The thread in which the fake runs, and the way into it."""

    def __init__(self, settings: Settings) -> None:
        self.engine = Engine(settings)
        self._settings = settings
        self._sock = bind(settings.host, settings.port)
        self.url = url_of(self._sock)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: HttpServer | None = None
        self._thread = threading.Thread(target=self._run, name="ltx-mock", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise LtxMockError(f"the server did not start within {START_SECONDS:g} s")

    def call(self, work: Callable[[], T]) -> T:
        """Run a function in the server's thread and return what it returns."""

        async def step() -> T:
            return work()

        return self.wait_for(step())

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's event loop and return what it returns."""
        if self._loop is None or not self._thread.is_alive():
            work.close()
            raise LtxMockError("the server is stopped")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except CancelledError:
            raise LtxMockError("the server was stopped meanwhile") from None

    def stop(self) -> None:
        """Stop the server and wait for its thread. Does nothing the second time."""
        if self._thread.is_alive() and self._loop is not None and self._server is not None:
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        run(lambda: HttpServer(self.engine), self._sock, self._on_ready)

    def _on_ready(self, server: HttpServer) -> None:
        self._server, self._loop = server, asyncio.get_running_loop()
        self._ready.set()


class ClockHandle:
    """One tenant's time."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def now(self) -> int:
        """The virtual time in Unix milliseconds."""
        return self._world.look(lambda tenant: tenant.clock.now())

    @property
    def mode(self) -> str:
        """`real`, `scaled`, `manual` or `auto`."""
        return self._world.look(lambda tenant: tenant.clock.mode)

    def advance(self, seconds: float) -> list[dict[str, object]]:
        """Move time on by so many seconds and return the events that this brought about, in order.

        Callbacks that fall due are made before this returns.
        """
        return self._world.advance(round(seconds * SECOND))

    def set(self, mode: str | None = None, *, speed: float | None = None) -> None:
        """Change mode or speed from now on.

        Raises:
            SettingsError: the mode is unknown or the speed not allowed.
        """
        self._world.set_clock(mode, speed)


class World:
    """All that one API key sees, from outside and from behind the scenes."""

    def __init__(self, backstage: Backstage, key: str) -> None:
        self._backstage = backstage
        self.api_key = key
        self.clock = ClockHandle(self)

    @property
    def url(self) -> str:
        """The root of the server, without a slash at its end."""
        return self._backstage.url

    @property
    def base_url(self) -> str:
        """The root of the API: `url` and `/api/v1`."""
        return f"{self.url}/api/v1"

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in the order in which they were made, each as in `GET /__admin/tasks`."""
        return self.look(lambda tenant: [task_view(tenant, task) for task in tenant.tasks()])

    @property
    def requests(self) -> list[Entry]:
        """The journal, oldest first."""
        return self.look(lambda tenant: list(tenant.entries()))

    @property
    def callbacks(self) -> list[Delivery]:
        """The deliveries in the order in which they were planned."""
        return self.look(lambda tenant: list(tenant.deliveries()))

    def client(self, **options: Any) -> httpx.Client:
        """Return an httpx client with base URL and key set; further arguments go to httpx."""
        import httpx  # noqa: PLC0415 - slow to import

        return httpx.Client(**self._client_options(options))

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        """Return the same for asyncio."""
        import httpx  # noqa: PLC0415

        return httpx.AsyncClient(**self._client_options(options))

    def finish(self, task_id: str, state: str = "success", fail_code: str | None = None) -> None:
        """End a task now, by hand; see `POST /__admin/tasks/{id}/finish`."""
        self._backstage.wait_for(self._backstage.engine.finish(task_id, state, fail_code))

    def reset(self) -> None:
        """Forget this world: tasks, credits, limits, callbacks, journal, time."""
        self._backstage.wait_for(self._backstage.engine.reset(self.api_key))

    def look(self, at: Callable[[Tenant], T]) -> T:
        """Return what a function finds in the tenant; it runs in the server's thread."""
        return self._backstage.call(lambda: at(self._tenant()))

    def advance(self, milliseconds: int) -> list[dict[str, object]]:
        """See `ClockHandle.advance`."""

        async def work() -> list[dict[str, object]]:
            return await self._backstage.engine.advance(self._tenant(), milliseconds)

        return self._backstage.wait_for(work())

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `ClockHandle.set`."""
        self._backstage.call(lambda: self._backstage.engine.set_clock(self._tenant(), mode, speed))

    def _tenant(self) -> Tenant:
        tenant = self._backstage.engine.tenant_of(self.api_key)
        if tenant is None:
            raise LtxMockError(f"the server does not accept the key {key_label(self.api_key)}")
        return tenant

    def _client_options(self, options: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.api_key}", **options.pop("headers", {})}
        return {"base_url": self.base_url, "headers": headers, "trust_env": False, **options}


class MockServer(World):
    """A fake of the API on a free port of this machine, in a thread of its own.

    Args:
        **settings: As in `Settings`; `port` is 0 here unless given.

    Raises:
        SettingsError: a setting is unknown or its value is not allowed.
        LtxMockError: the address cannot be had.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings.from_mapping({"port": 0, **settings})
        self._worlds = 0
        key = self.settings.api_key[0] if self.settings.api_key else DEFAULT_KEY
        super().__init__(Backstage(self.settings), key)

    def tenant(self, key: str | None = None) -> World:
        """Return a fresh world with a key of its own."""
        if key is None:
            self._worlds += 1
            key = f"{DEFAULT_KEY}-{self._worlds}"
        return World(self._backstage, key)

    def stop(self) -> None:
        """Stop the server. Does nothing the second time."""
        self._backstage.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
