"""`ltx-mock proxy` in front of a server: as a process, as users run it, or quickly, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ltx_mock.core.settings import Settings
from ltx_mock.server.app import new_engine
from ltx_mock.server.forwarding import forwarding
from ltx_mock.server.http import HttpServer, listen, run, url_of
from ltx_mock.upstream.client import Upstream
from ltx_mock.upstream.purse import Limits, Purse
from support.processes import LTX_MOCK, Process
from support.waiting import SECONDS


@contextmanager
def proxied(url: str, *options: str) -> Iterator[tuple[str, Process]]:
    """Start the proxy before an API, and yield its root URL."""
    process = Process([*LTX_MOCK, "proxy", url, "--port", "0", *options])
    try:
        dashboard = process.wait_for_error_line(r"dashboard +(http://\S+)/__admin/")
        yield dashboard[1], process
    finally:
        process.kill()


@contextmanager
def proxy_thread(url: str) -> Iterator[str]:
    """Run the proxy before an API in a thread of this process, and yield its root URL."""
    engine, ready, stops = new_engine(Settings(port=0)), threading.Event(), list[Callable[[], object]]()
    purse = Purse(Limits(), engine.settings.price, lambda _: None)
    sockets = listen("127.0.0.1", 0)

    def on_ready(server: HttpServer) -> None:
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(server.stop))
        ready.set()

    def serve() -> None:
        endpoints = forwarding(engine, Upstream(url), purse)
        run(lambda: HttpServer(engine, endpoints), sockets, on_ready)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    try:
        yield url_of(sockets[0])
    finally:
        stops[0]()
        thread.join(SECONDS)
