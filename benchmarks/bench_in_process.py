"""What both requests cost in process, beside bare Starlette with constant answers: the applications without HTTP.

The time of one request is the best of many short rounds, the applications in turn, so other programs disturb it little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import bare_starlette
from _requests import BODY, GENERATE, LARGE_BODY, NEW_BODY, NUMBER, STATUS
from starlette.types import ASGIApp, Message

from ltx_mock.asgi.in_process import call
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine

REQUESTS = 200
ROUNDS = 40
ROOMY = {"rate_limit": "999999999/minute", "max_concurrent": 999_999_999}
NUMBERS = count()
HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer bench"), (b"content-type", b"application/json")]

Application = tuple[str, ASGIApp, str]
"""A name, an application, and the target of its statusTask."""


def request(app: ASGIApp, method: str, target: str, body: bytes) -> Callable[[], Awaitable[None]]:
    """Return a function that sends one request straight into an application, with another number each time."""
    path, _, query = target.partition("?")
    headers = [*HEADERS, (b"content-length", str(len(body)).encode())] if body else HEADERS
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8219),
    }
    before, marked, after = body.partition(NUMBER.encode())

    async def receive() -> Message:
        sent = b"%b%08d%b" % (before, next(NUMBERS), after) if marked else body
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise SystemExit(f"unexpected answer: {message}")

    async def once() -> None:
        await app({**scope, "headers": [*headers], "state": {}}, receive, send)

    return once


async def microseconds(once: Callable[[], Awaitable[None]]) -> float:
    """Return the processor time of a request in one round."""
    begun = time.process_time_ns()
    for _ in range(REQUESTS):
        await once()
    return (time.process_time_ns() - begun) / REQUESTS / 1000


async def timings() -> dict[str, dict[str, float]]:
    """Return the best microseconds of each request in each application."""
    engine = new_engine(Settings.from_mapping(ROOMY))
    app = build(engine)
    created = await call(app, "POST", GENERATE, headers=HEADERS, body=BODY)
    task_id = created.body.decode().split('"taskId":"')[1].partition('"')[0]
    best: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for name, each in (("bare Starlette", bare_starlette.app), ("ltx-mock", app)):
            requests = {
                "statusTask": request(each, "GET", STATUS + task_id, b""),
                "generateTask, small": request(each, "POST", GENERATE, BODY),
                "generateTask, large": request(each, "POST", GENERATE, LARGE_BODY),
                "generateTask, large, another each time": request(each, "POST", GENERATE, NEW_BODY),
            }
            times = best.setdefault(name, dict.fromkeys(requests, float("inf")))
            for kind, once in requests.items():
                times[kind] = min(times[kind], await microseconds(once))
    await engine.close()
    return best


def main() -> None:
    bare, ours = asyncio.run(timings()).values()
    print("| in process, without HTTP | bare Starlette, µs | ltx-mock, µs | ratio |\n|---|---|---|---|")
    for kind, took in ours.items():
        print(f"| {kind} | {bare[kind]:.1f} | {took:.1f} | {bare[kind] / took:.2f} |")


if __name__ == "__main__":
    main()
