"""Recordings to judge: made by the true fake through its journal, and stories told by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from ltx_mock.testing.tenant import World
from ltx_mock_contracts import Trace, read_ndjson
from support.bodies import GENERATE, IMAGE, IMAGE_LORA, STATUS, TEXT, TEXT_LORA, post, request_body
from support.receivers import Receiver
from support.waiting import until

Entry = dict[str, Any]

BASE = 1_767_965_610_929
KEY = "…_KEY"


def busy_day(world: World, receiver: Receiver) -> None:
    """Do everything with a world that a client may do, good and bad, until nothing is left to come."""
    with world.client(transport=world.transport) as client:
        ids = [_made(post(client, body)) for body in _bodies(receiver)]
        _mistakes(client)
        for task_id in ids:
            client.get(STATUS, params={"taskId": task_id})
        world.clock.set("manual")
        _wait_for_attempts_under_way(world)
        for _ in range(3):
            world.clock.advance(45)
            for task_id in ids:
                client.get(STATUS, params={"taskId": task_id})
        world.clock.run_until_idle()
        for task_id in ids:
            client.get(STATUS, params={"taskId": task_id})


def _wait_for_attempts_under_way(world: World) -> None:
    """Wait for the attempts that began while the clock ran by itself: their retries are for whoever moves it now."""
    until(lambda: all(callback.state != "sending" for callback in world.callbacks))


def _bodies(receiver: Receiver) -> Iterable[dict[str, Any]]:
    called = {"request_type": "callback", "callback_url": receiver.url}
    for source in (TEXT, TEXT | {"resolution": "1080p"}, IMAGE, TEXT_LORA, IMAGE_LORA):
        yield request_body(source) | called
        yield request_body(source, seed=7) | {"provider": "value"}
    yield request_body(TEXT, prompt="[[content-violation]]", aspect_ratio="9:16") | called
    yield request_body(IMAGE, prompt="[[invalid-image-url]]")
    yield request_body(TEXT_LORA, prompt="[[invalid-lora-url]]", advisory=True) | called


def _made(response: httpx.Response) -> str:
    return str(response.json()["data"]["taskId"])


def _mistakes(client: httpx.Client) -> None:
    bad: list[Any] = [request_body(TEXT, duration=99), b"nope", [], request_body(TEXT, prompt=...)]
    for body in [*bad, request_body(TEXT)]:
        post(client, body)  # the last finds no slot free
    client.post(GENERATE, content=json.dumps(request_body(TEXT)), headers={"content-type": "text/plain"})
    client.get(STATUS)
    client.get(STATUS, params={"taskId": "task_of_nobody"})
    client.head(STATUS, params={"taskId": "task_of_nobody"})
    client.put(GENERATE)
    client.get("/nonsense")
    client.get(STATUS, headers={"authorization": ""})


def journal(world: World) -> list[Entry]:
    """Return the journal of a world as the control plane gives it."""
    entries: list[Entry] = world._admin.get("/requests", limit=10**6)["requests"]
    return entries


def lines(entries: Iterable[Entry]) -> str:
    """Return entries as `ltx-mock serve --json` prints them."""
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def success(**data: Any) -> Entry:
    return {"code": 200, "message": "success", "data": data}


def generate(at: int, task_id: str, body: object = None, **changes: Any) -> Entry:
    """Return the exchange that made a task, `at` seconds after the first."""
    return {
        "at": BASE + at * 1000,
        "operation": "generateTask",
        "method": "POST",
        "target": "/api/v1/generateTask/ltx-2-19b",
        "status": 200,
        "key": KEY,
        "request": request_body(TEXT) if body is None else body,
        "answer": success(taskId=task_id),
        **changes,
    }


def poll(at: int, task_id: str, state: str = "pending", **changes: Any) -> Entry:
    """Return a poll of a task that was made at the first moment and ends 45 s later."""
    return {
        "at": BASE + at * 1000,
        "operation": "statusTask",
        "method": "GET",
        "target": f"/api/v1/statusTask/ltx-2-19b?taskId={task_id}",
        "status": 200,
        "key": KEY,
        "request": None,
        "answer": success(**told(task_id, state)),
        **changes,
    }


def call(at: int, task_id: str, state: str = "success", **changes: Any) -> Entry:
    """Return an attempt at the callback of that task."""
    return {
        "at": BASE + at * 1000,
        "ended": BASE + at * 1000,
        "operation": "callback",
        "method": "POST",
        "target": "https://client.example/callback",
        "status": 200,
        "key": KEY,
        "request": success(**told(task_id, state)),
        "answer": None,
        **changes,
    }


def told(task_id: str, state: str) -> dict[str, Any]:
    """Return what is told of a task in a state."""
    task: dict[str, Any] = {"taskId": task_id, "state": state}
    if state == "failed":
        return task | {"failCode": "CONTENT_VIOLATION", "failMsg": "Content does not meet safety guidelines"}
    if state == "success":
        task["resultJson"] = '{"resultUrls":["https://r2.example/video.mp4"]}'
        return task | {"createTime": BASE, "completeTime": BASE + 45_000, "costTime": 45_000}
    return task | {"createTime": BASE}


def error(status: int, message: str = "No") -> Entry:
    return {"code": status, "message": message, "data": None}


def trace(entries: Iterable[Entry]) -> Trace:
    """Read entries as a recording."""
    return read_ndjson(lines(entries))


def changed(entries: list[Entry], change: Callable[[list[Entry]], object]) -> list[Entry]:
    """Return a deep copy with one change."""
    copied = copy.deepcopy(entries)
    change(copied)
    return copied
