"""A timer that is restarted with each response rings as a new one would, and sets few alarms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.server.idle_timer import IdleTimer
from support.alarms import ManualLoop

SECONDS = 10

steps = st.lists(st.tuples(st.sampled_from(["start", "cancel", "nothing"]), st.integers(0, 2 * SECONDS)), max_size=20)


def timer(loop: Any, rung: list[float]) -> IdleTimer:
    return IdleTimer(loop, SECONDS, lambda: rung.append(loop.time()))


@given(steps)
@example([("start", 9), ("start", 10)])
@example([("start", 9), ("cancel", 5), ("start", 10)])
@example([("start", 10), ("nothing", 10)])
def test_it_rings_so_long_after_its_last_start_unless_it_was_cancelled(done: list[tuple[str, int]]) -> None:
    loop, rung, expected = ManualLoop(), list[float](), list[float]()
    idle, ends = timer(loop, rung), float("inf")
    for act, gap in done:
        if act == "start":
            idle.start()
            ends = loop.time() + SECONDS
        elif act == "cancel":
            idle.cancel()
            ends = float("inf")
        assert idle.when() == ends
        before = loop.time()
        loop.pass_seconds(gap)
        if before < ends <= loop.time():
            expected.append(ends)
        assert (rung, idle.when()) == (expected, ends)


def test_a_thousand_starts_set_one_alarm() -> None:
    loop = ManualLoop()
    idle = timer(loop, [])
    for _ in range(1000):
        idle.start()
        idle.cancel()
    assert loop.made == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_of_it_is_left_in_the_loop_once_it_is_closed(*, cancelled: bool) -> None:
    loop, rung = ManualLoop(), list[float]()
    idle = timer(loop, rung)
    idle.start()
    if cancelled:
        idle.cancel()
    idle.close()
    assert loop.waiting == 0
    loop.pass_seconds(2 * SECONDS)
    assert rung == []
