"""What every HTTP connection has, whichever parser reads it: bounds, time limits, and refusals in the envelope."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from http import HTTPStatus
from typing import Any, Literal

from uvicorn.server import ServerState

from ltx_mock.asgi import connection as wire
from ltx_mock.engine import responses

HEAD_BYTES = 64 * 1024
"""The longest head of a request: its request line and its header lines."""
HEAD_LINES = 128
"""The most header lines of a request, and of the trailer of a chunked body."""
TARGET_BYTES = 8 * 1024
"""The longest path with its query."""
REQUEST_BYTES = 8 * 1024 * 1024
"""The most bytes of one request on the wire: eight times the longest body, for chunks of one byte."""
HEAD_SECONDS = 30.0
"""How long a head may take from its first byte, in real seconds."""
BODY_SECONDS = 75.0
"""How long a body may pause, in real seconds."""
LINGER_SECONDS = 1.0
"""How long what still comes is read and dropped after a refusal: else the system takes the refusal back."""
WARNING_SECONDS = 60.0
"""At most so often the log says that connections run out."""

Phase = Literal["head", "body", "blank"]
"""What has begun and not ended: a head, a body, or nothing but line breaks."""

_log = logging.getLogger("ltx_mock")
_uvicorn_log = logging.getLogger("uvicorn.error")


class RefusedError(Exception):
    """What came is no request that can be answered; status and text say why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def too_long(lines: int, target: int, size: int) -> RefusedError | None:
    """Return why the head of a request is refused, or None where it is within the bounds."""
    if target > TARGET_BYTES:
        return RefusedError(414, f"The URL is longer than {TARGET_BYTES} bytes")
    if lines > HEAD_LINES:
        return RefusedError(431, f"The request has more than {HEAD_LINES} header lines")
    if size > HEAD_BYTES:
        return RefusedError(431, f"The head of the request is longer than {HEAD_BYTES} bytes")
    return None


def too_large(size: int) -> RefusedError | None:
    """Return why a request that is not whole yet is refused, or None where so many bytes are within the bound."""
    return RefusedError(413, f"The request is longer than {REQUEST_BYTES} bytes") if size > REQUEST_BYTES else None


def not_http(detail: str) -> RefusedError:
    """Return the refusal of what is no HTTP."""
    return RefusedError(400, f"This is not an HTTP/1.1 request: {detail}")


def no_tunnel() -> RefusedError:
    """Return the refusal of `CONNECT`."""
    return RefusedError(405, "Method CONNECT is not allowed here; this is no proxy")


class Connections(ServerState):
    """uvicorn's state of a server, with the most connections that may be open at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = most_connections()
        self._warned = -WARNING_SECONDS

    def make_room(self, new: HttpConnection) -> bool:
        """Where there are too many connections, close the one that is idle longest, and tell whether there was one."""
        if len(self.connections) <= self.most:
            return True
        now = new.loop.time()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            _log.warning(
                "ltx-mock: %d connections are open, as many as the limit of open files (ulimit -n) allows; "
                "the longest idle ones are closed",
                self.most,
            )
        others: set[Any] = self.connections - {new}
        longest = min(others, key=lambda each: each.waits_since)
        if longest.waits_since == float("inf"):
            return False
        self.connections.discard(longest)
        longest.transport.abort()
        return True


def most_connections() -> int:
    """Return how many connections fit under the limit of open files, with some left for callbacks and files."""
    try:
        import resource  # noqa: PLC0415 - not on Windows

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except ImportError:
        return 10_000
    if limit == resource.RLIM_INFINITY:
        return 1_000_000
    opened = 32
    with contextlib.suppress(OSError):
        opened = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are enough
    return max(4, limit - opened - min(64, limit // 4))


class HttpConnection:
    """Mixed into the protocol of either parser.

    Attributes:
        refusal: What is sent before the connection closes; None while all is well.
    """

    access_log: bool
    logger: logging.Logger
    app_state: Any
    server_state: Any
    loop: Any
    transport: Any
    flow: Any
    cycle: Any
    pipeline: Any = ()
    timeout_keep_alive: Any
    timeout_keep_alive_task: Any
    refusal: bytes | None = None

    _counted: object = None
    """The request of which `_bytes` have come; it was not whole when they had."""
    _bytes = 0
    _timer: asyncio.TimerHandle | None = None
    _phase: tuple[Phase, object] | None = None
    _since = 0.0

    def connection_made(self, transport: Any) -> None:
        """See asyncio. uvicorn copies the state for each request anyway, so the wire costs each connection only."""
        self.app_state = {**self.app_state, wire.KEY: wire.SocketConnection(transport)}
        self.logger = _uvicorn_log  # a test may put something else in the place of `logging.getLogger`
        self.access_log = False  # uvicorn's own setting for this silences every other server of the process too
        super().connection_made(transport)  # type: ignore[misc]
        self.await_client("blank")
        if not self.server_state.make_room(self):
            self.refuse(RefusedError(503, "Too many connections are open, and all of them are busy"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.stop_waiting()
        super().connection_lost(exc)  # type: ignore[misc]

    @property
    def waits_since(self) -> float:
        """Since when the client has been silent, in the loop's time; infinity while it waits for us."""
        if self._timer is not None:
            return self._since
        idle = self.timeout_keep_alive_task
        return float("inf") if idle is None else float(idle.when() - self.timeout_keep_alive)

    # ---- patience

    def await_client(self, phase: Phase) -> None:
        """Begin to wait for the rest of what has begun, or go on with it; a body that moves is waited for anew."""
        found = (phase, self.cycle)
        if found == self._phase and phase == "head":
            return
        self.stop_waiting()
        self._phase, self._since = found, self.loop.time()
        seconds = {"head": HEAD_SECONDS, "body": BODY_SECONDS, "blank": self.timeout_keep_alive}[phase]
        self._timer = self.loop.call_later(seconds, self._lose_patience)

    def stop_waiting(self) -> None:
        """Wait no longer: the request is whole."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._phase = None

    def _lose_patience(self) -> None:
        phase = self._phase[0] if self._phase else "blank"
        self._timer = self._phase = None
        if phase == "blank":
            self.transport.close()
        else:
            seconds = HEAD_SECONDS if phase == "head" else BODY_SECONDS
            self.refuse(RefusedError(408, f"The {phase} of the request did not come within {seconds:g} s"))

    # ---- refusals

    def count_bytes(self, request: object, size: int) -> None:
        """Count bytes of a request that is not whole yet."""
        self._bytes = self._bytes + size if self._counted is request else size
        self._counted = request

    def refuse(self, problem: RefusedError) -> None:
        """Answer in the envelope what cannot be read as a request, after the responses that are due, and hang up."""
        if self.refusal is not None or self.transport.is_closing():
            return
        self.stop_waiting()
        self.refusal = _response(problem)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._hang_up()
        elif not cycle.more_body:
            cycle.on_response = self._hang_up
        elif self._is_queued(cycle):
            self.pipeline[0] = (cycle, self._in_its_turn)
        elif cycle.response_started:
            self.transport.close()
        else:
            self._give_up(cycle)
            self._hang_up()

    def _is_queued(self, cycle: Any) -> bool:
        return bool(self.pipeline) and self.pipeline[0][0] is cycle

    async def _in_its_turn(self, *_: object) -> None:
        self._give_up(self.cycle)
        self._hang_up()

    @staticmethod
    def _give_up(cycle: Any) -> None:
        """Let the application know that the rest of this request will not come."""
        cycle.disconnected = True
        cycle.message_event.set()

    def _hang_up(self) -> None:
        transport = self.transport
        if transport.is_closing():
            return
        transport.write(self.refusal or b"")
        if transport.can_write_eof():
            transport.write_eof()
            self.flow.resume_reading()
            self._timer = self.loop.call_later(LINGER_SECONDS, transport.close)
            self._since = self.loop.time()
        else:
            transport.close()


def _response(problem: RefusedError) -> bytes:
    body = responses.error(problem.status, str(problem)).body
    phrase = HTTPStatus(problem.status).phrase
    head = f"HTTP/1.1 {problem.status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
