"""What time has done to very many tasks of a key is noted some at a time, whoever asks first."""

from __future__ import annotations

import asyncio
import json

import pytest

from ltx_mock.asgi.in_process import Reply, call
from ltx_mock.core.limits import TaskLimits
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine
from ltx_mock.store.memory_tenant import SETTLED_AT_ONCE
from ltx_mock_contracts.api import BALANCE_PATH
from ltx_mock_contracts.model import MODEL
from support.bodies import DAY, TEXT, request_body

BODY = json.dumps(request_body(TEXT)).encode()
KEY = (b"authorization", b"Bearer one-key")
TASKS = 2 * SETTLED_AT_ONCE
ROOMY = {"clock": "manual", "max_concurrent": 10 * TASKS, "rate_limit": f"{10 * TASKS}/minute"}


async def _asked_a_day_later(monkeypatch: pytest.MonkeyPatch, method: str, target: str) -> tuple[Reply, int]:
    """Return the reply, and the most tasks that were settled without serving others."""
    engine = new_engine(Settings.from_mapping(ROOMY))
    await engine.open()
    app = build(engine)
    headers = [(b"host", b"127.0.0.1"), KEY, (b"content-type", b"application/json")]
    for _ in range(TASKS):
        await call(app, "POST", MODEL.generate_path, headers=headers, body=BODY)
    tenant = engine.store.find("one-key")
    assert tenant is not None
    tenant.move_clock(tenant.clock.now() + DAY * 1000)
    settle, most = TaskLimits.settle, [0]

    def watched(self: TaskLimits, *given: int) -> bool:
        before = len(self.unfinished)
        done = settle(self, *given)
        most.append(before - len(self.unfinished))
        return done

    monkeypatch.setattr(TaskLimits, "settle", watched)
    body = BODY if method == "POST" else b""
    reply = await call(app, method, target, headers=headers, body=body)
    await engine.close()
    return reply, max(most)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", MODEL.generate_path),
        ("GET", BALANCE_PATH),
        ("GET", "/__admin/tenants"),
        ("GET", "/__admin/tasks?state=success&limit=3"),
        ("GET", "/__admin/metrics"),
        ("GET", "/__admin/spend"),
    ],
)
def test_no_request_settles_very_many_tasks_at_once(monkeypatch: pytest.MonkeyPatch, method: str, target: str) -> None:
    reply, most = asyncio.run(_asked_a_day_later(monkeypatch, method, target))
    assert reply.status == 200
    assert most <= SETTLED_AT_ONCE
