"""What a reset of the whole server takes away, while other requests are served."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from starlette.types import ASGIApp

from ltx_mock.asgi.in_process import call
from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.core.settings import Settings
from ltx_mock.engine.assets import Inspector
from ltx_mock.errors import NotFoundError
from ltx_mock.server.app import build, new_engine
from ltx_mock.store.tenant import Tenant
from support.bodies import GENERATE, IMAGE, TEXT

HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer a-key"), (b"content-type", b"application/json")]
CALLBACK = {"request_type": "callback", "callback_url": "http://127.0.0.1:9/hook", "input": TEXT}


async def made(app: ASGIApp, body: object) -> str:
    reply = await call(app, "POST", f"/api/v1{GENERATE}", headers=HEADERS, body=json.dumps(body).encode())
    return str(json.loads(reply.body)["data"]["taskId"])


@pytest.mark.memory_store("others remove all keys at once")
def test_a_callback_that_is_planned_during_a_reset_is_not_forgotten_with_the_old_ones() -> None:
    async def reset_meanwhile() -> None:
        engine = new_engine(Settings(max_concurrent=1000))
        app = build(engine)
        for _ in range(2 * AT_ONCE):
            await made(app, CALLBACK)
        old = engine.store.find("a-key")
        resetting = asyncio.create_task(engine.tenants.reset())
        await asyncio.sleep(0)
        assert engine.store.find("a-key") != old
        assert not engine.callbacks._alarms
        await made(app, CALLBACK)
        assert not resetting.done()
        await resetting
        new = engine.store.find("a-key")
        assert set(engine.callbacks._alarms) == {new}
        await engine.close()

    asyncio.run(reset_meanwhile())


@pytest.mark.memory_store("others remove all keys at once")
def test_the_check_of_an_image_ends_with_a_reset_also_if_a_new_task_has_its_id_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reset_meanwhile() -> None:
        fetching = list[asyncio.Future[None]]()

        async def fetch(*_: object) -> None:
            fetching.append(asyncio.get_running_loop().create_future())
            await fetching[-1]

        monkeypatch.setattr(Inspector, "inspect", fetch)
        engine = new_engine(Settings(clock="manual", max_concurrent=1000))
        app = build(engine)
        bodies = [{"input": IMAGE | {"image_urls": ["http://127.0.0.1:9/a.png"]}}, *[{"input": TEXT}] * (2 * AT_ONCE)]
        old = [await made(app, body) for body in bodies]
        resetting = asyncio.create_task(engine.tenants.reset())
        await asyncio.sleep(0)
        assert await made(app, bodies[0]) == old[0]
        await resetting
        assert [each.cancelled() for each in fetching] == [True, False]
        await engine.close()

    asyncio.run(reset_meanwhile())


def test_a_task_whose_key_is_reset_while_it_is_finished_does_not_come_back() -> None:
    async def left() -> list[str]:
        engine = new_engine(Settings(clock="manual"))
        app, wait = build(engine), engine.wait_for_inspections
        await engine.open()
        task_id = await made(app, {"input": TEXT})

        async def reset_first(tenant: Tenant) -> None:
            await engine.tenants.reset(tenant)
            await wait(tenant)

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(NotFoundError):
            patch.setattr(engine, "wait_for_inspections", reset_first)
            await engine.finish(task_id, "success", None)
        ids = [task.id for tenant in engine.store.tenants() for task in tenant.tasks()]
        await engine.close()
        return ids

    assert asyncio.run(left()) == []


def test_a_reset_of_very_many_keys_lets_others_be_served() -> None:
    async def served() -> int:
        engine = new_engine(Settings())
        await engine.open()
        for number in range(10 * AT_ONCE):
            await engine.tenants.of_key(f"key-{number}")
        resetting, turns = asyncio.create_task(engine.tenants.reset()), 0
        while not resetting.done():
            await asyncio.sleep(0)
            turns += 1
        await engine.close()
        return turns

    assert asyncio.run(served()) >= 10
