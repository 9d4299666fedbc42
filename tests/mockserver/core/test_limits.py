"""The limits of a key as values and counters, apart from any store."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import failure
from ltx_mock.core.limits import MANY, SETTLED_BY_A_REQUEST, RequestWindow, TaskLimits
from ltx_mock.core.records import Task
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.settings import Settings
from ltx_mock.core.timeline import Timeline
from ltx_mock_contracts.api import STATES, State

RATE = Rate(count=3, window_ms=1000)


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
    assert limits.settle(1, 4)
    assert (len(limits.unfinished), limits.failed, limits.spent) == (10, 0, 30)
    assert not limits.settle(2, 4)
    assert (len(limits.unfinished), limits.failed, limits.spent) == (6, 2, 24)
    assert limits.settle(2, 6)
    assert (len(limits.unfinished), limits.failed, limits.spent) == (0, 5, 15)
    assert not limits.pending(0)  # nothing of them is kept


ENDED = 3 * SETTLED_BY_A_REQUEST


@pytest.mark.rule("LIM-2", "GEN-15")
@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (Settings(max_concurrent=ENDED + 1), ENDED - SETTLED_BY_A_REQUEST),
        (Settings(max_concurrent=1), 0),
        (Settings(max_concurrent=ENDED + 1, credits=3), 0),
    ],
    ids=["room anyway", "no slot until they are settled", "no credits until they are settled"],
)
def test_a_new_task_settles_all_that_have_ended_only_where_it_would_be_refused(settings: Settings, left: int) -> None:
    tasks: dict[str, Task] = {}
    limits = TaskLimits(tasks)
    for number in range(ENDED):
        line = Timeline(0, 1, 2, failure("E", Cause("manual", "told to")))
        tasks[f"t{number}"] = Task(f"t{number}", "key", number, b"", 7, line, 3, "http://x")
        limits.replace(None, tasks[f"t{number}"])
    assert limits.refusal(Task("new", "key", 0, b"", 7, Timeline(9, 10, 11), 3, "http://x"), settings, 9) is None
    assert len(limits.unfinished) == left


timelines = st.builds(
    lambda created, waits, lasts, fails: Timeline(
        created, created + waits, created + waits + lasts, failure("E", Cause("manual", "x")) if fails else None
    ),
    *(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.booleans()),
)
steps = st.lists(st.tuples(st.sampled_from("abc"), st.none() | timelines, st.integers(0, 2)), max_size=30)


@given(steps)
@example([("a", Timeline(0, 1, 5), 0), ("a", Timeline(0, 3, 8), 1)])
def test_the_counts_are_those_of_the_tasks_whatever_timelines_they_get(
    changes: list[tuple[str, Timeline | None, int]],
) -> None:
    """A worker that takes changes back gives a task an earlier timeline again, or removes it."""
    tasks: dict[str, Task] = {}
    limits, now = TaskLimits(tasks), 0
    for name, line, gap in changes:
        before, after = tasks.pop(name, None), line and Task(name, "key", 1, b"", 7, line, 3, "http://x")
        if after is not None:
            tasks[name] = after
        limits.replace(before, after)
        now += gap
        limits.settle(now)
        states = {task.id: task.timeline.state(now) for task in tasks.values()}
        assert set(limits.unfinished) == {each for each, state in states.items() if state in {"pending", "processing"}}
        assert set(limits.pending(now)) == {each for each, state in states.items() if state == "pending"}
        assert limits.failed == sum(state == "failed" for state in states.values())
        assert limits.spent == 3 * sum(state != "failed" for state in states.values())


changes = st.lists(st.tuples(st.sampled_from("abc"), st.none() | timelines), max_size=6)


@given(changes, st.integers(0, 20), st.sampled_from(STATES), changes, st.integers(0, 4))
@example([("a", Timeline(0, 1, 2))], 3, "success", [("a", Timeline(0, 1, 2))], MANY)
@example([("a", Timeline(0, 1, 2))], 3, "success", [("a", None)], MANY)
@example([("a", Timeline(0, 5, 9))], 1, "pending", [("a", None)], 0)
def test_the_tasks_of_a_state_are_those_of_the_moment_in_which_a_list_began(
    before: list[tuple[str, Timeline | None]],
    now: int,
    state: State,
    meanwhile: list[tuple[str, Timeline | None]],
    many: int,
) -> None:
    """They are read in turns with changes."""
    tasks: dict[str, Task] = {}
    limits, numbers = TaskLimits(tasks), itertools.count(1)

    def change(name: str, line: Timeline | None) -> None:
        former = tasks.get(name)
        if line is None:
            tasks.pop(name, None)
        else:
            number = former.number if former else next(numbers)
            tasks[name] = Task(name, "key", number, b"", 7, line, 3, "http://x")
        limits.replace(former, tasks.get(name))

    for each in before:
        change(*each)
    limits.settle(now)
    expected = [task for task in reversed(tasks.values()) if task.timeline.state(now) == state]
    with patch("ltx_mock.core.limits.MANY", many):
        found = limits.in_state(state, now)
    for each in meanwhile:
        change(*each)
    assert [*found] == expected
