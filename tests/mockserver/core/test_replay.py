"""The life of a recorded task: which answer it gives when, and what becomes of ids, times and URLs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.core.nearest_request import nearest_request
from ltx_mock.core.renewal import Renewal
from ltx_mock.core.replay import Replay, replay_of, to_bytes
from ltx_mock.core.timeline import NEVER
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.recordings import RecordedCallback, RecordedEnd, Recording
from support.bodies import IMAGE_LORA, request_body
from support.lives import CREATED, LIFE, TASK, URL, answer, body_of, envelope, recording, state, success


def states(replay: Replay, *ages: int) -> list[str | None]:
    return [found.body.data.get("state") if (found := replay.answer(age)) else None for age in ages]


def test_an_answer_lasts_until_the_next_begins() -> None:
    replay = Replay(LIFE)
    assert states(replay, 0, 999, 2999, 3000, 55_499) == ["pending", "pending", "pending", "processing", "processing"]


def test_the_end_begins_when_the_task_ended_and_not_when_somebody_asked() -> None:
    assert states(Replay(LIFE), 55_499, 55_500, 10**9) == ["processing", "success", "success"]


@pytest.mark.parametrize("ended", [49_999, 50_000, 60_001])
def test_an_end_that_the_answers_deny_begins_when_it_was_seen(ended: int) -> None:
    replay = Replay(replace(LIFE, end=RecordedEnd(state="success", after=ended)))
    assert states(replay, 59_999, 60_000) == ["processing", "success"]


def test_before_an_end_that_was_seen_first_nothing_is_known() -> None:
    replay = Replay(recording(answer(60_000, success(55_500)), end=("success", 55_500)))
    assert states(replay, 0, 55_499, 55_500) == [None, None, "success"]
    assert replay.timeline(1000) == (1000, 2000, 56_500, None)


def test_an_error_lasts_until_the_next_answer() -> None:
    error = answer(5000, {"code": 429, "message": "slow down", "data": None}, status=429, retry_after="3")
    replay = Replay(recording(answer(1000, state("processing")), error, answer(9000, state("processing"))))
    assert [found.status for age in (4999, 5000, 8999, 9000) if (found := replay.answer(age))] == [200, 429, 429, 200]
    assert replay.next_change(5000) == 9000
    assert replay.next_change(9000) is None


def test_the_timeline_is_that_of_the_answers() -> None:
    assert Replay(LIFE).timeline(7) == (7, 3007, 55_507, None)
    endless = Replay(recording(answer(1000, state("pending")), answer(4000, state("processing_r2")))).timeline(0)
    assert (endless.started, endless.ended) == (4000, NEVER)


def test_a_failure_has_the_recorded_code_and_message() -> None:
    failed = answer(9000, envelope(taskId=TASK, state="failed", failCode="NEW_CODE", failMsg="不行"))
    failure = Replay(recording(failed)).timeline(0).failure
    assert failure is not None
    assert (failure.code, failure.message, failure.cause.text) == ("NEW_CODE", "不行", "recording life")


def test_a_recording_is_written_and_read_with_its_name() -> None:
    read = replay_of(to_bytes(LIFE)).recording
    assert (read, read.name) == (LIFE, LIFE.name)


def callback(after: int, status: int | None, body: Any = None) -> RecordedCallback:
    return RecordedCallback(after=after, headers={}, body=body_of(body or success(5)), status=status)


def test_retries_of_a_callback_are_left_to_the_receiver_and_copies_are_not() -> None:
    sent = [callback(1, 500), callback(31, None), callback(91, 200), callback(95, 200), callback(99, 200, state("x"))]
    assert [each.after for each in Replay(replace(LIFE, callbacks=tuple(sent))).callbacks] == [1, 95, 99]


@given(data=st.data())
def test_at_each_time_there_is_the_answer_that_was_seen_then(data: st.DataObject) -> None:
    """Whoever was told something between `after` and `until` is told the same again."""
    edges = data.draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=12, unique=True).map(sorted))
    names = data.draw(st.lists(st.sampled_from(["pending", "processing", "odd"]), min_size=6, max_size=6))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    answers = [
        answer(after, state(f"{name}{number}"), until=until)
        for number, ((after, until), name) in enumerate(zip(spans, names, strict=False))
    ]
    replay = Replay(recording(*answers))
    for each in answers:
        age = data.draw(st.integers(each.after, each.until))
        assert replay.answer(age) == each


# ---- bodies


def renewed(body: Any, life: Recording = LIFE, urls: dict[str, str] | None = None) -> Any:
    renewal = Renewal((life.task_id or "", "task_new"), (CREATED, 5000), urls or {URL: "http://fake/files/new.mp4"})
    return renewal(body_of(body)).value


def test_ids_times_and_urls_become_those_of_the_new_task() -> None:
    found = renewed(success(55_500))["data"]
    assert found == {
        "taskId": "task_new",
        "state": "success",
        "createTime": 5000,
        "resultJson": '{"resultUrls": ["http://fake/files/new.mp4"]}',
        "completeTime": 60_500,
        "costTime": 55_500,
    }


def test_everything_else_stays_as_it_was_recorded() -> None:
    body = {
        "code": 200,
        "odd": [1, 2.5, 1e300, None, {"ünïcode": "\u0000"}],
        "data": {"createTime": "2026", "x": CREATED},
    }
    assert renewed(body) == body
    assert renewed({"data": {"createTime": 0, "completeTime": None}}) == {
        "data": {"createTime": 0, "completeTime": None}
    }


def test_moments_in_seconds_stay_in_seconds() -> None:
    renewal = Renewal(("a", "b"), (CREATED, CREATED + 90_500), {})
    moments = {"createTime": CREATED // 1000, "completeTime": CREATED // 1000 + 55.5}
    assert renewal(body_of(moments)).value == {
        "createTime": CREATED // 1000 + 90,
        "completeTime": CREATED // 1000 + 145.5,
    }


def test_a_signed_or_escaped_url_is_replaced_with_its_query() -> None:
    escaped = json.dumps({"resultUrls": [f"{URL}?Expires=1&Signature=REDACTED-signature-1"]}).replace("/", "\\/")
    assert renewed(escaped) == '{"resultUrls": ["http:\\/\\/fake\\/files\\/new.mp4"]}'
    assert renewed(f"see {URL}#t=1 ({URL})") == "see http://fake/files/new.mp4 (http://fake/files/new.mp4)"


def test_a_longer_url_with_the_same_start_is_another_one() -> None:
    urls = {URL: "http://fake/1", f"{URL}.jpg": "http://fake/2"}
    assert renewed(f"{URL}.jpg {URL}/more {URL}", urls=urls) == f"http://fake/2 {URL}/more http://fake/1"


def test_text_that_is_no_json_is_renewed_too() -> None:
    assert renewed(f"<html>{TASK}</html>".encode()) == "<html>task_new</html>"


def test_an_id_within_a_longer_one_stays() -> None:
    assert renewed([TASK, f"{TASK}9", f"{TASK}_frame"]) == ["task_new", f"{TASK}9", "task_new_frame"]


# ---- requests that the documents do not allow


def test_the_nearest_request_has_every_field_that_is_valid() -> None:
    body = request_body(IMAGE_LORA, duration=99, resolution="4k", aspect_ratio="9:16", prompt="mine", new_field=1)
    example = next(each for each in map(MODEL.example, MODEL.examples) if each["input"]["mode"] == IMAGE_LORA["mode"])[
        "input"
    ]
    nearest = nearest_request(json.dumps(body | {"request_type": "callback", "callback_url": "http://a/b"}).encode())
    assert (nearest.mode, nearest.prompt, nearest.duration) == ("image-to-video-LoRA", "mine", example["duration"])
    assert nearest.image_urls == ("https://example.com/ref.jpg",)
    assert (nearest.request_type, nearest.callback_url) == ("callback", "http://a/b")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"input": 5}', b'{"input": {"mode": []}}', b'{"request_type": 1}'])
def test_there_is_a_nearest_request_for_everything(raw: bytes) -> None:
    assert nearest_request(raw).mode == "text-to-video"
