"""A recording is put together from exchanges in any order, and equal answers become one span."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock_contracts.recordings import Body, RecordedAnswer, RecordedCallback, Recording
from ltx_mock_contracts.recordings.lives import (
    MOST_ANSWERS,
    MOST_CALLBACKS,
    created_at,
    timestamp,
    with_answer,
    with_callback,
)
from support.recordings import recording


def empty() -> Recording:
    return recording(answers=[], end=None, results=[])


def seen(at: int, told: Any, status: int = 200) -> RecordedAnswer:
    body = Body("json", {"data": told if isinstance(told, dict) else {"state": told}})
    return RecordedAnswer(after=at, until=at, status=status, headers={}, body=body)


def spans(told: Recording) -> list[tuple[str, int, int]]:
    return [(each.body.data["state"], each.after, each.until) for each in told.answers]


def life(*answers: tuple[int, str]) -> Recording:
    told = empty()
    for at, state in answers:
        told = with_answer(told, seen(at, state))
    return told


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(1, "a"), (5, "a"), (9, "b")], [("a", 1, 5), ("b", 9, 9)]),
        ([(9, "b"), (1, "a"), (5, "a")], [("a", 1, 5), ("b", 9, 9)]),
        ([(1, "a"), (9, "a"), (5, "a")], [("a", 1, 9)]),
        ([(1, "a"), (5, "b"), (9, "a")], [("a", 1, 1), ("b", 5, 5), ("a", 9, 9)]),
        ([(1, "a"), (9, "a"), (5, "b")], [("a", 1, 5), ("b", 5, 5), ("a", 9, 9)]),
        ([(9, "b"), (5, "b"), (1, "a")], [("a", 1, 1), ("b", 5, 9)]),
        ([(1, "a"), (8, "a"), (9, "b"), (5, "b")], [("a", 1, 5), ("b", 5, 5), ("a", 8, 8), ("b", 9, 9)]),
    ],
)
def test_equal_answers_are_one_span_in_whatever_order_they_come(
    answers: list[tuple[int, str]], expected: list[tuple[str, int, int]]
) -> None:
    assert spans(life(*answers)) == expected


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=12))
def test_a_recording_of_any_answers_can_be_read_again(answers: list[tuple[int, str]]) -> None:
    told = life(*answers)
    assert Recording.from_json(told.to_json()) == told


def test_another_status_is_another_answer_and_another_signature_is_not() -> None:
    told = with_answer(life((1, "a")), seen(2, "a", status=500))
    assert len(told.answers) == 2
    signed = [{"url": f"https://h/?sig=REDACTED-parameter-{number}"} for number in (1, 2)]
    assert len(with_answer(with_answer(empty(), seen(1, signed[0])), seen(2, signed[1])).answers) == 1


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        ({"costTime": 41}, 41),
        ({"costTime": "41", "createTime": 100, "completeTime": 150}, 50),
        ({"createTime": 100}, 77),
        ({"costTime": True, "completeTime": -1}, 77),
        ({"createTime": 1_767_965_610, "completeTime": 1_767_965_652_317}, 77),
        ({"createTime": 150, "completeTime": 100}, 77),
        ({}, 77),
    ],
)
def test_the_end_is_when_the_api_says_or_when_it_was_first_seen(fields: dict[str, Any], after: int) -> None:
    told = with_answer(with_answer(empty(), seen(77, {"state": "failed", **fields})), seen(99, {"state": "success"}))
    assert told.end is not None
    assert (told.end.state, told.end.after) == ("failed", after)
    assert Recording.from_json(told.to_json()) == told


@pytest.mark.parametrize("state", [[], {}, None, 5])
def test_a_state_that_is_no_text_is_an_answer_like_any_other(state: Any) -> None:
    told = with_answer(empty(), seen(1, {"state": state}))
    assert ([each.body.data for each in told.answers], told.end) == ([{"state": state}], None)


def test_a_service_that_never_says_the_same_twice_fills_no_disk() -> None:
    told = empty()
    for number in range(MOST_ANSWERS + 5):
        told = with_answer(told, seen(number, str(number)))
    assert len(told.answers) == MOST_ANSWERS
    assert told.answers[-1].body.data["state"] == str(MOST_ANSWERS + 4)
    for number in range(MOST_CALLBACKS + 5):
        told = with_callback(told, RecordedCallback(after=-number, headers={}, body=Body("empty", None), status=None))
    assert len(told.callbacks) == MOST_CALLBACKS
    assert [each.after for each in told.callbacks] == sorted(each.after for each in told.callbacks)


def test_time_0_is_when_the_response_came() -> None:
    told = replace(recording(), recorded=timestamp(1_767_965_610_929))
    assert told.recorded == "2026-01-09T13:33:30.929Z"
    assert created_at(told) == 1_767_965_610_929 + told.response.latency
