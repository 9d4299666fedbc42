"""An httpx transport without a socket: requests run in the server's thread."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from concurrent.futures import CancelledError, Future

import anyio
import httpx
from httpx._models import Response  # `httpx.Response` may be a mock when this module is imported

from ltx_mock.asgi.in_process import BrokenError, Reply, call
from ltx_mock.errors import LtxMockError
from ltx_mock.scenarios.model import CONNECTION_RESET_BY_PEER
from ltx_mock.server.thread import ServerThread


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For `httpx.Client` and `httpx.AsyncClient`, in any thread and any event loop of asyncio or trio.

    The application runs in the server's own loop, so clock, callbacks and journal are the same as over a socket. The
    client's read timeout applies. All requests go to the server, whatever the host of the URL.
    """

    def __init__(self, server_thread: ServerThread) -> None:
        self._server_thread = server_thread

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        future = self._begin(request, request.read())
        try:
            return _response(future.result(_patience(request)), request)
        except TimeoutError:
            raise _too_slow(future, request) from None
        except BrokenError as broken:
            raise _broken(broken, request) from None
        except CancelledError:
            raise httpx.ReadError("the server was stopped meanwhile", request=request) from None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        future = self._begin(request, await request.aread())
        try:
            with anyio.fail_after(_patience(request)):
                return _response(await _result(future), request)
        except TimeoutError:
            raise _too_slow(future, request) from None
        except BrokenError as broken:
            raise _broken(broken, request) from None

    def _begin(self, request: httpx.Request, body: bytes) -> Future[Reply]:
        url = request.url
        if self._server_thread.is_away:
            raise httpx.ConnectError("[Errno 111] Connection refused: the server is restarting", request=request)
        work = call(
            self._server_thread.app,
            request.method,
            url.raw_path.decode("ascii"),
            headers=request.headers.raw,
            body=body,
            scheme=url.scheme,
            server=(url.host, url.port),
            restart=self._server_thread.restart,
        )
        try:
            return self._server_thread.begin(work)
        except LtxMockError as error:
            raise httpx.ConnectError(str(error), request=request) from None


async def _result(future: Future[Reply]) -> Reply:
    """Await a future of the server's thread, in asyncio or trio."""
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_task():
        return await asyncio.wrap_future(future)
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def wake(_: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future.add_done_callback(wake)
    try:
        await done.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    return future.result()


def _patience(request: httpx.Request) -> float | None:
    return request.extensions.get("timeout", {}).get("read")  # type: ignore[no-any-return]


def _too_slow(future: Future[Reply], request: httpx.Request) -> Exception:
    future.cancel()
    return httpx.ReadTimeout("no response in time", request=request)


def _broken(broken: BrokenError, request: httpx.Request) -> Exception:
    """Return the error that httpx raises for a socket broken in this way."""
    if broken.fault == CONNECTION_RESET_BY_PEER:
        return httpx.ReadError("[Errno 104] Connection reset by peer", request=request)
    return httpx.RemoteProtocolError(f"the connection was broken: {broken.fault}", request=request)


def _response(reply: Reply, request: httpx.Request) -> httpx.Response:
    return Response(reply.status, headers=reply.headers, content=reply.body, request=request)
