"""The limits of a key as values and counters, apart from any store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import failure
from ltx_mock.core.limits import RequestWindow, TaskLimits
from ltx_mock.core.records import Task
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.timeline import Timeline

RATE = Rate(3, 1000)


@pytest.mark.rule("LIM-1")
@given(st.lists(st.integers(0, 700), max_size=40))
def test_no_window_takes_more_requests_than_the_limit_and_each_wait_is_long_enough(gaps: list[int]) -> None:
    window, now, taken = RequestWindow(RATE, 0), 0, list[int]()
    for gap in gaps:
        now += gap
        wait = window.take(RATE, now)
        if wait:
            assert 0 < wait <= RATE.window_ms
            assert window.ends(RATE) == now + wait
        else:
            taken.append(now)
    opened = 0
    while opened < len(taken):
        inside = [moment for moment in taken[opened:] if moment < taken[opened] + RATE.window_ms]
        assert len(inside) <= RATE.count
        opened += len(inside)


def test_very_many_ended_tasks_are_settled_some_at_a_time() -> None:
    tasks: dict[str, Task] = {}
    limits = TaskLimits(tasks)
    for number in range(10):
        ending = failure("E", Cause("manual", "told to")) if number % 2 else None
        line = Timeline(0, 1, 2, ending)
        task = Task(f"t{number}", "key", number, b"", 7, line, 3, "http://x")
        tasks[task.id] = task
        limits.replace(None, task)
    assert not limits.settle(1, 4)
    assert (len(limits.unfinished), len(limits.processing), limits.failed, limits.spent) == (10, 4, 0, 30)
    assert limits.settle(1, 6)
    assert len(limits.processing) == 10
    assert not limits.settle(2, 9)
    assert limits.settle(2)
    assert (len(limits.unfinished), len(limits.processing), limits.failed, limits.spent) == (0, 0, 5, 15)
