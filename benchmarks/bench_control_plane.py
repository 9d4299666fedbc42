"""Every list, count, export and change of the control plane, with 100,000 tasks.

The requests go straight into the application. Beside them a task wakes up each millisecond: the longest time between
two turns of it is a *stall*, for which other requests wait. Both are processor time, since a busy machine adds to the
other. `one` key has all tasks and 10,000 journal entries, all of the same large request; `few` keys have that together;
`new` is that with another prompt in each request; `many` keys have five tasks and a scenario each. The best of three is
printed, of what changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from _requests import GENERATE, LARGE, STATUS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ltx_mock.asgi.in_process import Reply, call
from ltx_mock.cli.running import _tame_garbage_collector
from ltx_mock.core.settings import Settings
from ltx_mock.engine.engine import Engine
from ltx_mock.server.app import build, new_engine

TASKS = 100_000
JOURNAL = 10_000
ONE, FEW, MANY = 1, 10, 20_000
STUCK = b'{"name": "stuck"}'
BODY = LARGE | {"request_type": "callback", "callback_url": "https://app.example/hook"}
NEAR = b'{"operation": "generateTask", "mode": "text-to-video", "duration": 10}'
COUNT = b'{"operation": "generateTask", "body": {"input": {"resolution": "1080p"}}}'
READS = (
    ("GET", "/tenants", b""),
    ("GET", "/tasks", b""),
    ("GET", "/tasks?limit=100", b""),
    ("GET", "/tasks?state=success", b""),
    ("GET", "/tasks?state=failed&limit=100", b""),
    ("GET", "/tasks?state=processing", b""),
    ("GET", "/tasks/{task}", b""),
    ("GET", "/callbacks", b""),
    ("GET", "/callbacks?limit=100", b""),
    ("GET", "/requests", b""),
    ("GET", "/requests?limit=100", b""),
    ("GET", "/requests?status=404", b""),
    ("GET", "/requests?task={task}", b""),
    ("GET", "/requests/{number}", b""),
    ("POST", "/requests/count", b'{"operation": "statusTask"}'),
    ("POST", "/requests/near", NEAR),
    ("GET", "/scenarios", b""),
    ("GET", "/metrics", b""),
)
EXPORTS = (
    ("POST", "/requests/count", COUNT),
    ("GET", "/spend", b""),
    ("GET", "/requests?format=ndjson", b""),
    ("GET", "/requests?format=har", b""),
    ("GET", "/tasks?limit=1000000", b""),
)
CHANGES = (
    ("POST", "/clock/advance", b'{"seconds": 1}'),
    ("POST", "/clock/advance", b'{"seconds": 20}'),
    ("POST", "/scenarios", STUCK),
    ("DELETE", "/scenarios", b""),
    ("POST", "/settings", b'{"allow_callback_host": ["app.test"]}'),
    ("POST", "/callbacks/{task}/redeliver", b""),
    ("POST", "/reset?key=k0", b""),
    ("DELETE", "/tenants?key=k1", b""),
    ("DELETE", "/requests", b""),
    ("POST", "/reset", b""),
)


class Cost(NamedTuple):
    """What a request cost: milliseconds of processor time, in all and in the longest stall; and its size in bytes."""

    took: float
    stall: float
    size: int


@asynccontextmanager
async def watched(worst: list[float]) -> AsyncIterator[None]:
    """Measure how long a task of the event loop has to wait at most, in milliseconds of processor time."""

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            worst[0] = max(worst[0], (time.thread_time() - before) * 1000)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    worst[0] = 0.0
    try:
        yield
        await asyncio.sleep(0.002)
    finally:
        ticking.cancel()


async def measured(app: ASGIApp, method: str, target: str, body: bytes) -> Cost:
    worst, size = [0.0], 0

    async def unkept(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_size(message: Message) -> None:
            nonlocal size
            size += len(message.get("body", b""))
            await send({**message, "body": b""})

        await app(scope, receive, send_size)

    async with watched(worst):
        begun = time.process_time()
        await sent(unkept, method, "/__admin" + target, body)
        took = (time.process_time() - begun) * 1000
    return Cost(took, worst[0], size)


async def sent(app: ASGIApp, method: str, target: str, body: bytes = b"", key: str = "") -> Reply:
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    kind = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    reply = await call(app, method, target, headers=headers + kind, body=body)
    if reply.status >= 500:
        raise SystemExit(f"{method} {target}: {reply}")
    return reply


async def seed(engine: Engine, app: ASGIApp, keys: int, tasks: int, *, new: bool = False) -> str:
    """Make tasks of some keys, with some statuses, and let half of them end; return the id of one."""
    body = json.dumps(BODY).encode()
    task_id = ""
    for number in range(tasks):
        if new:
            prompt = f"{number} {LARGE['input']['prompt']}"
            body = json.dumps(BODY | {"input": LARGE["input"] | {"prompt": prompt}}).encode()
        reply = await sent(app, "POST", GENERATE, body, f"k{number % keys}")
        task_id = json.loads(reply.body)["data"]["taskId"]
        if number % 2 == 0 and (keys <= FEW or number < JOURNAL // 10):
            await sent(app, "GET", STATUS + task_id, key=f"k{number % keys}")
        if number == tasks // 2:
            for tenant in engine.store.tenants():
                tenant.move_clock(tenant.clock.now() + 60_000)
    if keys > 1000:
        await sent(app, "POST", "/__admin/scenarios", STUCK)
    return task_id


def row(method: str, target: str, costs: list[Cost]) -> str:
    took, stall, size = map(min, zip(*costs, strict=True))
    return f"  {method:<6} {target:<34} {took:>8.1f} ms  stall {stall:>7.1f} ms  {size / 1024:>9.0f} KiB"


async def run(name: str, keys: int, tasks: int) -> None:
    settings = {
        "clock": "manual",
        "rate_limit": "1000000000/minute",
        "max_concurrent": 10**9,
        "journal_entries": JOURNAL // keys if keys <= FEW else JOURNAL,
    }
    engine = new_engine(Settings.from_mapping(settings))
    app = build(engine)
    await engine.open()
    task_id = await seed(engine, app, keys, tasks, new=name == "new")
    _tame_garbage_collector()
    entries = sum(len(tenant.journal) for tenant in engine.store.tenants())
    print(f"{name}: {tasks} tasks of {keys} keys, {entries} journal entries")
    number = str(max(tenant.journal.last for tenant in engine.store.tenants() if tenant.journal))
    for group, times in ((READS, 3), (EXPORTS, 1), (CHANGES, 1)):
        for method, target, body in group:
            path = target.replace("{task}", task_id).replace("{number}", number)
            costs = [await measured(app, method, path, body) for _ in range(times)]
            print(row(method, target, costs), flush=True)
    await engine.close()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=TASKS)
    wanted = parser.parse_args()
    for name, keys in (("one", ONE), ("few", FEW), ("new", FEW), ("many", MANY)):
        await run(name, keys, wanted.tasks)


if __name__ == "__main__":
    asyncio.run(main())
