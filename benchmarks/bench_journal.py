"""What the journal and the events cost a request: without them, with the journal, and with somebody who listens.

The requests go straight into the application, with no HTTP around them, so the ratios are the worst there are. "No
journal" leaves out the writing only; the rounds of all four take turns, and the best of each counts.
"""

from __future__ import annotations

import asyncio
import time
import timeit
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from _requests import BODY, GENERATE, STATUS
from starlette.types import ASGIApp

from ltx_mock.asgi.in_process import call
from ltx_mock.control.events import Events
from ltx_mock.core.journal_entry import RequestEntry
from ltx_mock.core.settings import Settings
from ltx_mock.engine.engine import Engine
from ltx_mock.server.app import build, new_engine
from ltx_mock.store.memory_tenant import MemoryTenant

REQUESTS = 2000
ROUNDS = 15
ROOMY = {"clock": "manual", "rate_limit": "1000000000/minute", "max_concurrent": 10**9}
HEADERS = [(b"authorization", b"Bearer bench"), (b"content-type", b"application/json")]
Setting = Callable[[Engine, ExitStack], None]


def without(_engine: Engine, stack: ExitStack) -> None:
    stack.enter_context(patch.object(MemoryTenant, "record", lambda *_: None))


def no_events(engine: Engine, stack: ExitStack) -> None:
    events = Events.of(engine)
    engine.observers.remove(events)
    stack.callback(engine.observers.add, events)


def as_it_is(_engine: Engine, _stack: ExitStack) -> None:
    pass


def listened_to(engine: Engine, stack: ExitStack) -> None:
    feed = Events.of(engine).feed
    reader = stack.enter_context(feed.reader(None, None))
    stack.callback(feed._sleep)  # noqa: SLF001 - at once, not after a minute
    news = feed.publish

    def publish(*given: Any) -> None:
        news(*given)
        reader.read()

    feed.publish = publish  # type: ignore[method-assign, assignment]


SETTINGS: dict[str, Setting] = {
    "no journal": without,
    "journal": no_events,
    "journal and events, nobody listens": as_it_is,
    "the same, one listens": listened_to,
}


async def microseconds(app: ASGIApp, method: str, target: str, body: bytes) -> float:
    begun = time.process_time()
    for _ in range(REQUESTS):
        reply = await call(app, method, target, headers=HEADERS, body=body)
        if reply.status != 200:
            raise SystemExit(f"unexpected answer: {reply}")
    return (time.process_time() - begun) / REQUESTS * 1e6


async def measure(name: str, method: str, target: str, body: bytes) -> None:
    best = dict.fromkeys(SETTINGS, float("inf"))
    for _ in range(ROUNDS):
        for setting, apply in SETTINGS.items():
            engine = new_engine(Settings.from_mapping(ROOMY))
            app = build(engine)
            path = target
            if not body:
                made = await call(app, "POST", GENERATE, headers=HEADERS, body=BODY)
                path += made.body.decode().split('"taskId":"')[1].partition('"')[0]
            with ExitStack() as stack:
                apply(engine, stack)
                best[setting] = min(best[setting], await microseconds(app, method, path, body))
            await engine.close()
    print(f"{name}:")
    for setting, took in best.items():
        print(f"  {setting:<36} {took:6.1f} µs  {took / best['no journal']:.2f}")


async def asleep() -> None:
    """Print what a request pays for events that nobody reads: a call that looks at a flag."""
    engine = new_engine(Settings(clock="manual"))
    events = Events(engine)
    entry = RequestEntry(1, 0, "statusTask", "GET", STATUS, 200, b"", b"")
    tenant = await engine.store.tenant("bench")
    calls = 200_000
    took = min(timeit.repeat(lambda: events.entry_recorded(tenant, entry), number=calls, repeat=7)) / calls
    print(f"an entry that nobody is told of: {took * 1e9:.0f} ns")
    await engine.close()


async def main() -> None:
    await measure("generateTask", "POST", GENERATE, BODY)
    await measure("statusTask", "GET", STATUS, b"")
    await asleep()


if __name__ == "__main__":
    asyncio.run(main())
