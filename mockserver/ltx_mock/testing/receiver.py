"""A callback receiver on loopback, for tests: it answers as told and can be waited on."""

from __future__ import annotations

import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from threading import Thread
from typing import Any, NamedTuple, Self

from ltx_mock.core.own_sockets import OwnSocket
from ltx_mock.errors import ContractFailure, require_count
from ltx_mock.server.process import close_in_children

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.01


class Received(NamedTuple):
    """A callback as it came in; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """What is in the envelope: the final status of the task (CB-1)."""
        return dict(json.loads(self.body)["data"])

    @property
    def task_id(self) -> str:
        """The task that has ended."""
        return str(self.data["taskId"])

    @property
    def state(self) -> str:
        """`success` or `failed`."""
        return str(self.data["state"])

    @property
    def result_url(self) -> str | None:
        """Where the video is; None for a failed task."""
        result = self.data.get("resultJson")
        return None if result is None else str(json.loads(result)["resultUrls"][0])


class CallbackReceiver:
    """An HTTP server on a free port of this machine; give its `url` as `callback_url`.

    It answers 200 until `answer` says otherwise. Use it as a context manager, or call `stop`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._script: list[int | None] = [200]
        self._after = 0.0
        self._over = threading.Event()
        self._server = _Server(_handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/callback"
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._pid = os.getpid()
        close_in_children(self)
        self._thread.start()

    def answer(self, *statuses: int | None, after: float = 0.0) -> None:
        """Say how the callbacks from now on are answered.

        Args:
            *statuses: of the first, the second, and so on; the last one goes on for ever. None never answers: with a
                clock that stands the fake waits `callback_patience` real seconds for it.
            after: real seconds to wait before each answer.
        """
        with self._changed:
            self._script, self._after = list(statuses or (200,)), after

    @property
    def received(self) -> list[Received]:
        """The callbacks so far, in the order in which they came."""
        with self._changed:
            return list(self._received)

    def wait(self, count: int = 1, timeout: float = WAIT_SECONDS) -> list[Received]:
        """Wait until so many callbacks have come in all and return them; `timeout` is in real seconds.

        Raises:
            ContractFailure: they have not; the text tells those that have.
            SettingsError: `count` is no number of callbacks.
        """
        __tracebackhide__ = True
        require_count("count", count)
        with self._changed:
            if self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                return list(self._received)
            came = ", ".join(f"{each.task_id} {each.state}" for each in self._received) or "none"
        raise ContractFailure(
            f"expected {count} callbacks within {timeout:g} s, but {len(self._received)} came: {came}"
        )

    def take(self, received: Received) -> int | None:
        """Note a callback, wait if that is asked for, and return the status to answer; None for no answer."""
        with self._changed:
            status = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            after = self._after
            self._received.append(received)
            self._changed.notify_all()
        self._over.wait(None if status is None else after)
        return None if self._over.is_set() else status

    def open_sockets(self) -> list[int]:
        """Return the file descriptor on which it listens."""
        return [self._server.fileno()]

    def stop(self) -> None:
        """Stop listening and let go of whoever still waits for an answer. Does nothing the second time."""
        if os.getpid() == self._pid and not self._over.is_set():
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    """Listens on a free port with a socket and threads that no test has replaced; it looks up no name."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        BaseServer.__init__(self, ("127.0.0.1", 0), handler)
        self.socket = OwnSocket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.server_name, self.server_port = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `ThreadingMixIn`."""
        Thread(target=self.process_request_thread, args=(request, client_address), daemon=True).start()


def _handler(receiver: CallbackReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Received(self.path, headers, body))
            self.close_connection = True
            if status is not None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            """Say nothing."""

    return Handler
