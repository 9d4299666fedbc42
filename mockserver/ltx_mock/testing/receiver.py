"""A callback receiver on loopback for tests, with configurable responses."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, NamedTuple, Self

from ltx_mock.errors import ContractFailure
from ltx_mock.fields import whole
from ltx_mock.server.process import close_in_children
from ltx_mock_contracts.receiver import HttpReceiver, Request, Response
from ltx_mock_contracts.reporting.text import counted

WAIT_SECONDS = 5.0
NOT_IMPLEMENTED = Response(501)


class Received(NamedTuple):
    """A received callback; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the envelope: the final status of the task (CB-1)."""
        return dict(json.loads(self.body)["data"])

    @property
    def task_id(self) -> str:
        """The id of the task."""
        return str(self.data["taskId"])

    @property
    def state(self) -> str:
        """`success` or `failed`."""
        return str(self.data["state"])

    @property
    def result_url(self) -> str | None:
        """The URL of the video; None for a failed task."""
        result = self.data.get("resultJson")
        return None if result is None else str(json.loads(result)["resultUrls"][0])


class CallbackReceiver:
    """An HTTP server on a free port of this machine; give its `url` as `callback_url`.

    It responds with 200 unless changed by `answer`. Use it as a context manager, or call `stop`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._script: list[int | None] = [200]
        self._after = 0.0
        self._over = threading.Event()
        self._server = HttpReceiver(self._respond)
        self.url = f"http://127.0.0.1:{self._server.port}/callback"
        self._pid = os.getpid()
        close_in_children(self)

    def answer(self, *statuses: int | None, after: float = 0.0) -> None:
        """Set the responses to callbacks from now on.

        Args:
            *statuses: of the first response, the second, and so on; the last one is repeated. None sends no response:
                with a stopped clock the fake waits `callback_timeout` real seconds for it.
            after: real seconds to wait before each response.
        """
        with self._changed:
            self._script, self._after = list(statuses or (200,)), after

    @property
    def received(self) -> list[Received]:
        """The callbacks so far, in order of arrival."""
        with self._changed:
            return list(self._received)

    def wait(self, count: int = 1, timeout: float = WAIT_SECONDS) -> list[Received]:
        """Wait until there are `count` callbacks in all and return them; `timeout` is in real seconds.

        Raises:
            ContractFailure: too few came; the text lists them.
            SettingsError: invalid `count`.
        """
        __tracebackhide__ = True
        whole(0)("count", count)
        with self._changed:
            if self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                return list(self._received)
            came = ", ".join(f"{each.task_id} {each.state}" for each in self._received) or "none"
        raise ContractFailure(
            f"expected {counted(count, 'callback')} within {timeout:g} s, but {len(self._received)} came: {came}"
        )

    def take(self, received: Received) -> int | None:
        """Record a callback, wait if configured, and return the status of the response; None for no response."""
        with self._changed:
            status = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            after = self._after
            self._received.append(received)
            self._changed.notify_all()
        self._over.wait(None if status is None else after)
        return None if self._over.is_set() else status

    def open_sockets(self) -> list[int]:
        """Return the listening file descriptor."""
        return [self._server.fileno()]

    def stop(self) -> None:
        """Stop listening and close connections that wait for a response. Does nothing the second time."""
        if os.getpid() == self._pid and not self._over.is_set():
            self._over.set()
            self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _respond(self, request: Request) -> Response | None:
        if request.method != "POST":
            return NOT_IMPLEMENTED
        status = self.take(Received(request.path, request.headers, request.body))
        return None if status is None else Response(status)
