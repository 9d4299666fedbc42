"""Times of tasks: read from recordings, judged as distributions, and learned."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.drift import drift_between, drift_of, learn_timings, left_out
from ltx_mock.drift.lives import Interval, are_too_many, differ, lives_of
from ltx_mock_contracts.recordings import RecordedAnswer, RecordedRequest, Recording
from support.bodies import TEXT, request_body
from support.lives import LIFE, answer, body_of, recording, state, success
from support.recorded_lives import apart, recorded, text


def task(*answers: RecordedAnswer, number: int = 0, **more: Any) -> Recording:
    return replace(recording(*answers, **more), name=f"life-{number}")


def lasting(seconds: float, number: int) -> Recording:
    """Return a task of 480p that took so long, by itself and by the polls."""
    end = round(seconds * 1000)
    return task(
        answer(0, state("pending"), until=1000),
        answer(3000, state("processing"), until=end - 1000),
        answer(end + 1000, success(end)),
        number=number,
    )


def titles(*seconds: float) -> list[str]:
    report = drift_of(apart([lasting(each, number) for number, each in enumerate(seconds)]))
    return [each.title for each in report.of("TASK-8").deviations]


@pytest.mark.parametrize(
    ("outside", "of", "is_drift"),
    [(0, 5, False), (1, 1, False), (2, 2, False), (3, 3, True), (2, 5, False), (3, 5, True), (1, 10, False),
     (10, 100, False), (20, 100, True), (100, 1000, False), (130, 1000, True), (600, 5000, True), (0, 0, False)],
)  # fmt: skip
def test_a_range_is_left_only_by_more_tasks_than_chance_allows(outside: int, of: int, is_drift: bool) -> None:
    assert are_too_many(outside, of) is is_drift


@given(st.integers(1, 400), st.data())
def test_more_tasks_outside_are_more_certain(of: int, data: st.DataObject) -> None:
    few = data.draw(st.integers(0, of))
    assert are_too_many(few, of) <= are_too_many(data.draw(st.integers(few, of)), of)


def test_one_slow_task_is_no_drift_and_many_are() -> None:
    assert titles(50, 45, 59, 300) == []
    assert titles(300) == []
    assert titles(70, 80, 300) == ["480p: tasks take longer than documented"]
    assert titles(10, 12, 20) == ["480p: tasks take shorter than documented"]
    assert titles(*[50] * 100, *[300] * 10) == []


def test_the_distribution_is_told() -> None:
    report = drift_of(apart([lasting(each, number) for number, each in enumerate((70, 50, 100, 90))]))
    (deviation,) = report.of("TASK-8").deviations
    assert deviation.actual == "3 of 4 outside; shortest 50 s, median 80 s, longest 100 s"
    assert deviation.sides["document"] == "40 s to 60 s"
    assert deviation.exchanges == (1, 3, 4)


def test_a_poll_that_came_late_says_nothing_about_the_time() -> None:
    """The task ended somewhere between two polls that are far apart."""
    late = task(answer(3000, state("processing")), answer(200_000, state("failed", failCode="X", failMsg="y")))
    (life,) = lives_of([late])
    assert life.ended == Interval(3000, 200_000)
    done = success(55_000)
    del done["data"]["costTime"]
    unknown = [task(answer(3000, state("processing")), answer(200_000, done), number=n) for n in range(9)]
    assert drift_of(apart(unknown)).of("TASK-8").deviations == ()


def test_a_task_that_is_not_finished_in_time_counts_and_one_that_was_left_does_not() -> None:
    left = [task(answer(3000, state("processing"), until=50_000), number=n) for n in range(9)]
    stuck = [task(answer(3000, state("processing"), until=500_000), number=n) for n in range(9)]
    assert drift_of(apart(left)).of("TASK-8").deviations == ()
    (deviation,) = drift_of(apart(stuck)).of("TASK-8").deviations
    assert "9 without an end" in deviation.actual


def test_cost_time_is_compared_with_the_polls() -> None:
    wrong = [
        task(answer(3000, state("processing"), until=100_000), answer(105_000, success(50_000)), number=number)
        for number in range(5)
    ]
    report = drift_of(apart(wrong))
    (deviation,) = report.of("TASK-5").deviations
    assert (deviation.title, deviation.binding) == ("costTime is not how long tasks take", False)
    assert deviation.expected == "from 100 s to 105 s, as polls show"
    assert report.ok, "the service may have another clock, such as a fake whose time runs faster"
    some = drift_of(apart([*wrong[:1], *(lasting(50, n) for n in range(9))]))
    assert some.of("TASK-5").deviations == (), "one of ten may be a cached answer"


def test_a_fake_whose_time_runs_faster_breaks_no_document() -> None:
    fast = [
        task(answer(0, state("pending")), answer(50, state("processing")), answer(300, success(55_000)), number=number)
        for number in range(9)
    ]
    assert drift_of(apart(fast)).ok


def test_two_distributions_differ_only_if_that_is_no_chance() -> None:
    rng = random.Random(1)
    alarms = sum(
        differ([rng.gauss(50, 9) for _ in range(20)], [rng.gauss(50, 9) for _ in range(20)])  # type: ignore[misc]
        for _ in range(500)
    )
    assert alarms <= 3
    assert differ(list(range(20)), list(range(15, 35)))
    assert not differ([1, 2, 3], [7, 8, 9])


def test_times_that_were_out_of_range_and_have_moved_are_told() -> None:
    slow, slower = ([lasting(base + n, n) for n in range(10)] for base in (100, 200))
    (deviation,) = drift_between(apart(slow, "old"), apart(slower, "new")).of("TASK-8").deviations
    assert (deviation.binding, deviation.sides["moved"]) == (False, "service")
    again = [lasting(100.5 + n, n) for n in range(10)]
    assert drift_between(apart(slow, "old"), apart(again, "new")).of("TASK-8").deviations == ()


def test_an_invalid_request_and_an_unknown_state_have_no_life() -> None:
    refused = replace(LIFE, request=RecordedRequest(headers={}, body=body_of(request_body(TEXT, duration=99))))
    assert lives_of([refused, task(answer(0, state("queued")))]) == []
    assert [life.state for life in lives_of([LIFE])] == ["success"]


def test_timings_are_learned_by_resolution_mode_and_fail_code() -> None:
    bodies = [text(prompt=f"{n}") for n in range(5)] + [text("1080p", prompt=f"{n}") for n in range(5)]
    lives = lives_of(known := recorded(bodies=bodies, slower=2.0, rhythm=2.0))
    learned = learn_timings(known)
    assert {(each.resolution, each.mode) for each in learned.lives} == {
        ("480p", "text-to-video"),
        ("1080p", "text-to-video"),
    }
    small = learned.success("text-to-video", "480p")
    assert small is not None
    assert small.ends == tuple(sorted(life.ended.low for life in lives if life.request.resolution == "480p"))
    assert all(1_000 <= start <= 6_000 for start in small.starts)


def test_a_time_that_is_hardly_known_is_not_learned() -> None:
    late = task(answer(3000, state("processing")), answer(200_000, state("failed", failCode="X", failMsg="y")))
    soon = task(answer(3000, state("processing")), answer(9_000, state("failed", failCode="X", failMsg="y")), number=1)
    assert learn_timings([late]).lives == ()
    (life,) = learn_timings([late, soon]).lives
    assert (life.fail_code, life.ends) == ("X", (6_000,))


def test_a_negative_time_is_not_learned() -> None:
    """A file with one could not be read again."""
    negative = task(answer(500, success(-3000)))
    assert learn_timings([negative]).lives == ()
    assert left_out([negative]).total() == 1


def test_what_is_left_out_has_a_reason() -> None:
    fast = task(answer(50, state("processing")), answer(300, success(55_000)))
    late = task(answer(3000, state("processing")), answer(200_000, state("failed", failCode="X", failMsg="y")))
    nameless = task(answer(3000, state("failed", failMsg="y")))
    known = [LIFE, fast, fast, late, nameless, task(answer(0, state("pending")))]
    assert left_out(known) == {
        "a costTime that the polls contradict, as that of a clock that runs faster": 2,
        "an end that the polls leave open by more than 15 s": 1,
        "no failCode": 1,
    }
    assert [len(each.ends) for each in learn_timings(known).lives] == [1]


def test_of_many_times_the_percentiles_are_kept() -> None:
    (life,) = learn_timings([lasting(40 + number / 100, number) for number in range(1000)]).lives
    assert len(life.ends) == 101
    assert (life.ends[0], life.ends[-1]) == (40_000, 49_990)
