"""Delays last until their moment, whatever the timers of an event loop do."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive

from ltx_mock.api import faults
from ltx_mock.core import system_time
from ltx_mock.core.clock import Clock
from ltx_mock.engine.responses import Effect

SCOPE = {"type": "http"}
BODY: Message = {"type": "http.response.body", "body": b"x" * 200}


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_: Message) -> None:
    return


@pytest.mark.parametrize("early_ns", [1, 27_000, 900_000])
@pytest.mark.parametrize(("effect", "lasts"), [(Effect(wait_ms=2000), 2000), (Effect(pace=100), 2000)])
@pytest.mark.parametrize("speed", [1, 1000])
def test_a_timer_that_rings_early_shortens_nothing(
    monkeypatch: pytest.MonkeyPatch, effect: Effect, lasts: int, early_ns: int, speed: float
) -> None:
    now, waited = [10**15], list[float]()

    async def ring(_: Receive, within: float) -> bool:
        waited.append(within)
        now[0] += max(1000, round(within * 1e9) - early_ns)
        return False

    monkeypatch.setattr(system_time, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr(faults, "wait_for_disconnect", ring)
    clock = Clock.start("scaled", speed=speed, at=0)

    async def deliver() -> None:
        way = await faults.deliver_with_effect(effect, clock, SCOPE, _receive, _send)
        assert way is not None
        await way(BODY)

    asyncio.run(deliver())
    assert lasts <= clock.now() <= lasts + speed
    assert waited
