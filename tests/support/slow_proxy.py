"""A proxy on loopback that delays what a server answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.waiting import SECONDS

LIMIT = 64 * 1024


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """Give a port behind which a server's answers come later by so many real seconds."""
    ready, started = threading.Event(), list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
        try:
            while piece := await source.read(LIMIT):
                await asyncio.sleep(delay)
                target.write(piece)
        except OSError:
            pass  # one side is gone
        finally:
            target.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, its_writer, 0), forward(its_reader, writer, seconds))

    async def serve() -> None:
        async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
            started.append((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), over := asyncio.Event()))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    [(own_port, loop, over)] = started
    yield own_port
    loop.call_soon_threadsafe(over.set)
    thread.join(SECONDS)
