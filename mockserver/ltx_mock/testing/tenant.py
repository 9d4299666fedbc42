"""A tenant for tests: the client side and the control plane of one API key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ltx_mock.control.from_json import Exchange, Spending, Task, account_of, delivery_of
from ltx_mock.core.clock import SECOND
from ltx_mock.core.failures import CONTENT_VIOLATION
from ltx_mock.core.keys import key_label
from ltx_mock.core.records import Account, Delivery
from ltx_mock.core.timeline import NEVER
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.assertions import Assertions
from ltx_mock.testing.scenarios import Scenarios
from ltx_mock_contracts.reporting.redaction import hide_url_secrets

if TYPE_CHECKING:
    import httpx

    from ltx_mock.testing.control_client import Admin
    from ltx_mock.testing.options import ClockMode, Endpoint
    from ltx_mock.testing.transport import MockTransport

ALL = 10**9 - 1
DEFAULT_KEY = "ltx-mock-key"
OF_HTTPX = frozenset({"transport", "mounts", "proxy", "http1", "http2", "cert", "limits", "trust_env"})
"""Client options that need httpx's own transport or a given one."""
MAX_ROUNDS = 1000


class ClockHandle:
    """The clock of one tenant."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    @property
    def now(self) -> int:
        """The virtual time in Unix milliseconds."""
        return int(self._admin.get("/clock")["now"])

    @property
    def mode(self) -> str:
        """`real`, `scaled`, `manual` or `auto`."""
        return str(self._admin.get("/clock")["mode"])

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Advance the clock by so many seconds and return the events, in order.

        Due callbacks are delivered before this returns. If a receiver calls it before its response, it returns at once
        with the state changes, and the callbacks follow after the response. From a coroutine whose loop serves the
        receiver, call it with `asyncio.to_thread`.

        Raises:
            SettingsError: the span is negative or longer than ten years.
        """
        return list(self._admin.post("/clock/advance", {"seconds": seconds})["fired"])

    def set(self, mode: ClockMode | None = None, *, speed: float | None = None) -> None:
        """Change mode or speed.

        Raises:
            SettingsError: the mode is unknown or the speed not allowed.
        """
        given = {"mode": mode, "speed": speed}
        self._admin.post("/clock", {name: value for name, value in given.items() if value is not None})

    def run_until_idle(self) -> list[dict[str, Any]]:
        """Advance until every task is finished or stuck and no callback is scheduled; return all events, in order.

        It does not wait for a callback that is being sent (`sending`), because the caller may be its receiver. There
        can only be one if something else advances the clock, or if the clock is not `manual`; `CallbackReceiver.wait`
        waits for such a callback.

        Raises:
            LtxMockError: there is no end, because callbacks make new tasks for ever.
        """
        events: list[dict[str, Any]] = []
        for _ in range(MAX_ROUNDS):
            now, ahead = self.now, self._ahead()
            if not ahead:
                return events
            events += self.advance(max(0, max(ahead) - now) / SECOND)
        raise LtxMockError(
            f"not idle after {MAX_ROUNDS} rounds: {len(self._ahead())} tasks and callbacks are unfinished"
        )

    def _ahead(self) -> list[int]:
        """Return the times at which unfinished tasks end and callbacks are due."""
        tasks = self._admin.get("/tasks", limit=ALL)["tasks"]
        callbacks = self._admin.get("/callbacks", limit=ALL)["callbacks"]
        # A task that is stuck has no end, and its callback is never due.
        ahead = [task for task in tasks if task["nextTransition"] is not None]
        ends = [task["endTime"] if task["endTime"] < NEVER else task["nextTransition"] for task in ahead]
        due = [each["due"] for each in callbacks if each["state"] == "scheduled" and each["due"] is not None]
        return ends + due


class World(Assertions):
    """A tenant: tasks, credits, limits, journal and clock of one API key.

    Args:
        admin: the control plane client for this key.
        url: the root of the server, without a trailing slash.
        key: the API key.

    Attributes:
        in_process: Whether the server ends with this process.
    """

    in_process = False

    def __init__(self, admin: Admin, url: str, key: str) -> None:
        self._admin = admin
        self.url = url
        self.api_key = key
        self.clock = ClockHandle(admin)
        self.scenarios = Scenarios(admin)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {hide_url_secrets(self.url)} {key_label(self.api_key)}>"

    @property
    def base_url(self) -> str:
        """The root of the API: `url` and `/api/v1`."""
        return f"{self.url}/api/v1"

    @property
    def env(self) -> dict[str, str]:
        """Environment variables for a child process that should use this tenant.

        `APIXO_API_KEY` and `APIXO_BASE_URL` are what clients commonly read; some read `APIXO_API_BASE_URL`. Their value
        is the root without `/api/v1`, which is right for those that add it and for those that do not. `NO_PROXY` keeps
        a proxy of the machine out of the way.
        """
        before = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        direct = ",".join(filter(None, [before, urlsplit(self.url).hostname]))
        return {
            "APIXO_API_KEY": self.api_key,
            "APIXO_BASE_URL": self.url,
            "APIXO_API_BASE_URL": self.url,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    @property
    def tasks(self) -> list[Task]:
        """The tasks in order of creation."""
        return [Task.of(view) for view in self._admin.get("/tasks", limit=ALL)["tasks"]]

    @property
    def requests(self) -> list[Exchange]:
        """The journal, oldest first: requests with their responses, and callbacks."""
        return [Exchange.of(view) for view in self._admin.get("/requests", limit=ALL)["requests"]]

    @property
    def downloads(self) -> list[Exchange]:
        """The downloads of results, oldest first; `answer` has the `sent` bytes and the `size`."""
        return [Exchange.of(view) for view in self._admin.get("/requests", limit=ALL, kind="download")["requests"]]

    @property
    def callbacks(self) -> list[Delivery]:
        """The callbacks in order of creation: made, scheduled, given up and withheld."""
        return [delivery_of(view) for view in self._admin.get("/callbacks", limit=ALL)["callbacks"]]

    @property
    def account(self) -> Account:
        """The counters: tasks, credits, requests."""
        (view,) = self._admin.get("/tenants")["tenants"]
        return account_of(view)

    @property
    def spend(self) -> Spending:
        """What the tasks cost, and what of it was wasted: never fetched, never asked for, repeated."""
        return Spending.of(self._admin.get("/spend", limit=ALL))

    @property
    def transport(self) -> MockTransport:
        """An httpx transport, sync and async, that reaches the server without a socket.

        Raises:
            LtxMockError: the server is in another process.
        """
        raise LtxMockError(f"{self.url} is another process; it cannot be reached without a socket")

    def client(self, **options: Any) -> httpx.Client:
        """Return an httpx client with base URL and key set; further arguments go to httpx.

        It reaches the fake even if a test mocks httpx; see `ltx_mock.testing.socket_transport`.
        """
        from ltx_mock.testing.socket_transport import Client  # noqa: PLC0415 - brings trio; see below

        return Client(**self._client_options(options))

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        """Return the same for asyncio and trio."""
        from ltx_mock.testing.socket_transport import AsyncClient  # noqa: PLC0415 - brings trio; see below

        return AsyncClient(**self._client_options(options))

    def finish(self, task: Task | str, state: str = "success", fail_code: str | None = None) -> None:
        """End a task now, by hand, as a `success` or, with a `fail_code`, as `failed`.

        Raises:
            NotFoundError: unknown task.
            ConflictError: it is finished already (TASK-1).
            SettingsError: state or fail code is not one of the documented ones.
        """
        task_id = task if isinstance(task, str) else task.id
        body = {"state": state} if fail_code is None else {"state": "failed", "failCode": fail_code}
        self._admin.post(f"/tasks/{task_id}/finish", body)

    def redeliver(self, callback: Delivery | str) -> Delivery:
        """Deliver a callback once more, now, and return its new state.

        Raises:
            NotFoundError: unknown callback.
            ConflictError: it is still scheduled, or its URL may not be called.
        """
        delivery_id = callback if isinstance(callback, str) else callback.id
        return delivery_of(self._admin.post(f"/callbacks/{delivery_id}/redeliver"))

    def fail_next(self, fail_code: str = CONTENT_VIOLATION, *, times: int = 1) -> None:
        """Make the next task fail with this code; with `times`, the next `times` tasks.

        Raises:
            SettingsError: the code is not one of the documented ones (TASK-7).
        """
        self.scenarios.add(fail_code=fail_code, times=times)

    def respond_next(
        self,
        status: int,
        message: str | None = None,
        *,
        operation: Endpoint | None = None,
        retry_after: int | None = None,
        times: int = 1,
    ) -> None:
        """Respond to the next request with a valid key with an error, without processing it.

        Args:
            status: 400, 401, 404, 405, 413, 429, 500, 502, 503 or 504.
            message: the message in the envelope.
            operation: only the next `generateTask` or `statusTask`.
            retry_after: seconds; a 429 has 1 by default.
            times: the number of requests.

        Raises:
            SettingsError: one of these is not allowed.
        """
        self.scenarios.add(status=status, message=message, operation=operation, retry_after=retry_after, times=times)

    def scenario(self, name: str, *, times: int | None = None) -> None:
        """Activate a scenario by its name, such as `rate-limited`, for the next request that it matches.

        Most apply once; a few, such as `flaky`, for ever. `times` sets the number of requests.

        Raises:
            SettingsError: unknown name.
        """
        self.scenarios.add(name, times=times)

    def reset(self) -> None:
        """Reset the tenant: tasks, credits, limits, callbacks, scenarios, journal, clock."""
        self._admin.post("/reset")

    def close(self) -> None:
        """Delete the tenant, with its settings."""
        self._admin.delete("/tenants")

    def _client_options(self, options: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.api_key}", **options.pop("headers", {})}
        # Loading certificates is slower than most tests.
        verify = options.pop("verify", self.url.startswith("https:"))
        if not OF_HTTPX & options.keys():
            # It imports httpcore and so trio, which cannot be imported while a test has replaced the file system.
            from ltx_mock.testing.socket_transport import SocketTransport  # noqa: PLC0415

            options["transport"] = SocketTransport(verify)
        return {"base_url": self.base_url, "headers": headers, "trust_env": False, "verify": verify, **options}
