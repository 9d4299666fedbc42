"""Lists of the control plane: short ones in one piece, long ones in many, and both the same JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httpx
import pytest
from starlette.routing import Router
from starlette.types import Message

from ltx_mock import MockServer
from ltx_mock.asgi.in_process import call
from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.asgi.worker_thread import WorkerThread
from ltx_mock.control.listing import listing
from ltx_mock.control.routes import ControlPlane
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.validation.json_body import LARGE
from support.bodies import post, request_body
from support.counting import calls_of
from support.receivers import Receiver


def pieces_of(items: list[object], size: int) -> list[bytes]:
    """Return the pieces in which a list is sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        aside = WorkerThread()
        rows = [(size, partial(write_json, item)) for item in items]
        await listing(aside, "items", iter(rows), truncated=False)({"type": "http"}, receive, send)
        aside.close()

    asyncio.run(answer())
    return [message["body"] for message in sent[1:] if message["body"]]


@pytest.mark.parametrize(
    "items", [[], [1], ["é\u202e"] * 3, [{"x": "y" * 300}] * 3000, ["z" * 200_000, 1, "z" * 200_000]]
)
def test_a_long_list_is_sent_in_pieces_of_an_item_or_of_a_bound(items: list[object]) -> None:
    (whole,) = pieces_of(items, 0)
    assert json.loads(whole) == {"items": items, "truncated": False}
    for size in (LARGE // 10, LARGE + 1):
        pieces = pieces_of(items, size)
        assert b"".join(pieces) == whole
        assert all(piece.count(b"y" * 300) <= LARGE // size + 1 for piece in pieces)
        assert len(pieces) == 1 or len(items) * size > LARGE


def test_what_is_large_is_listed_whole(server: MockServer) -> None:
    world = server.tenant()
    with Receiver() as receiver, world.client(verify=False) as client:
        url = f"{receiver.url}?{'x' * 30_000}"
        body = request_body() | {"padding": "y" * 300_000, "request_type": "callback", "callback_url": url}
        ids = [post(client, body).json()["data"]["taskId"] for _ in range(3)]
        with httpx.Client(base_url=f"{server.url}/__admin", params={"key": world.api_key}, verify=False) as admin:
            tasks, requests, callbacks = (admin.get(path) for path in ("/tasks", "/requests", "/callbacks"))
            near = admin.post("/requests/near", json={"operation": "generateTask", "limit": 2}).json()
    assert [task["id"] for task in tasks.json()["tasks"]] == ids
    assert [entry["taskId"] for entry in requests.json()["requests"]] == ids
    assert [callback["taskId"] for callback in callbacks.json()["callbacks"]] == ids
    assert (len(near["near"]), near["matches"]) == (2, 3)
    assert all("content-length" not in answer.headers for answer in (tasks, requests, callbacks))


def test_other_requests_have_their_turn_while_many_tenants_are_counted() -> None:
    engine = new_engine(Settings())

    async def turns() -> int:
        await engine.open()
        for number in range(10 * AT_ONCE):
            await engine.tenants.of_key(f"key-{number}")
        routes = Router(ControlPlane(engine).routes())
        asked = asyncio.ensure_future(call(routes, "GET", "/tenants?limit=1000000000"))
        counted = 0
        while not asked.done():
            await asyncio.sleep(0)
            counted += 1
        assert len(json.loads((await asked).body)["tenants"]) == 10 * AT_ONCE + 1
        await engine.close()
        return counted

    assert asyncio.run(turns()) >= 10


@pytest.mark.parametrize("path", ["/requests/1", "/tasks/{task}"])
def test_one_item_that_is_large_is_written_in_the_thread(path: str) -> None:
    engine, sizes = new_engine(Settings()), list[int]()
    body = json.dumps(request_body() | {"padding": "%" * LARGE}).encode()

    async def written() -> dict[str, Any]:
        await engine.open()
        headers = [(b"authorization", b"Bearer a-key"), (b"content-type", b"application/json")]
        made = await call(build(engine), "POST", "/api/v1/generateTask/ltx-2-19b", headers=headers, body=body)
        task_id = json.loads(made.body)["data"]["taskId"]
        run = engine.worker.run

        async def noted(work: Callable[[Any], Any], argument: object, size: int) -> Any:
            sizes.append(size)
            return await run(work, argument, size)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine.worker, "run", noted)
            told = await call(Router(ControlPlane(engine).routes()), "GET", path.replace("{task}", task_id))
        await engine.close()
        return cast("dict[str, Any]", json.loads(told.body))

    assert asyncio.run(written())["request"] == json.loads(body)
    assert max(sizes) > LARGE


@pytest.mark.memory_store("others write the settings only once")
def test_settings_that_many_tenants_share_are_changed_once() -> None:
    engine = new_engine(Settings())

    async def made() -> None:
        for number in range(1000):
            await engine.tenants.of_key(f"key-{number}")

    asyncio.run(made())
    change = engine.tenants.extend_settings(None, {"allow_callback_host": ["app.test"]})
    assert calls_of(lambda: asyncio.run(change)) < 10_000
    assert {each.settings.allow_callback_host for each in engine.store.tenants()} == {("app.test",)}
