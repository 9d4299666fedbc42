"""Profiles: what is compared of responses, and what the fake is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ltx_mock.drift import drift_between, drift_of
from ltx_mock.drift.exchanges import exchanges_of
from ltx_mock.drift.fake import exchanges_of_fake
from ltx_mock.drift.profile import normal, profile_of
from ltx_mock_contracts import Deviation, Report
from ltx_mock_contracts.recordings import RecordedRequest, Recording, RecordingRedactor, Redaction
from support.bodies import IMAGE, TEXT, TEXT_LORA, request_body
from support.lives import LIFE, answer, body_of, recording, state, success
from support.receivers import Receiver
from support.recorded_lives import apart, folder

NEW = "new field: data.{} of statusTask (success)"


def life(**data: Any) -> Recording:
    """Return a usual life whose end has more data."""
    end = success(55_500)
    end["data"] |= data
    return replace(LIFE, answers=(*LIFE.answers[:2], answer(60_000, end)))


def asking(body: Any, *, status: int = 200, message: str = "no") -> Recording:
    if status == 200:
        return replace(LIFE, request=RecordedRequest(headers={}, body=body_of(body)))
    told = {"code": status, "message": message, "data": None}
    return recording(request=body, response=told, status=status, task_id=None)


def found(report: Report) -> list[Deviation]:
    return [each for verdict in report.verdicts for each in verdict.deviations]


def between(old: list[Recording], new: list[Recording]) -> list[str]:
    return [each.title for each in found(drift_between(apart(old, "old"), apart(new, "new")))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Try again in 12 s", "Try again in 3 s"),
        ("No task task_12ab34cd56ef", "No task task_98fe76dc54ba"),
        ('Unknown field "seed"', 'Unknown field "steps"'),
        ("Cannot read https://a.example/x.png", "Cannot read https://b.example/y.png?q=1"),
        ("request 3f2a9c1b-aaaa failed", "request 77b1f00d-aaaa failed"),
        ("for REDACTED-email-1", "for REDACTED-email-2"),
    ],
)
def test_messages_are_equal_without_what_is_in_one_response_only(one: str, other: str) -> None:
    assert normal(one) == normal(other)


def test_other_messages_are_not() -> None:
    assert normal("The prompt is too long") != normal("The prompt is too short")


@pytest.mark.parametrize(
    ("old", "new", "titles"),
    [
        (
            {},
            {"meta": {"gpu": "a"}},
            [f"new field: data.{name} of statusTask (success)" for name in ("meta", "meta.gpu")],
        ),
        ({"meta": {"gpu": "a"}}, {"meta": {"gpu": "b"}}, []),
        ({"meta": {"gpu": "a"}}, {"meta": {"gpu": 4}}, ["other type of field: data.meta.gpu of statusTask (success)"]),
        ({"meta": None}, {"meta": "a"}, []),
        ({"meta": 1}, {"meta": 2.5}, []),
        ({"meta": {"gpu": "a"}}, {}, ["missing field: data.meta of statusTask (success)"]),
        ({"byId": {"task_12345678": 1}}, {"byId": {"task_87654321": 1}}, []),
        ({"list": [{"a": 1}]}, {"list": [{"a": 1}, {"a": 2}]}, []),
        ({"list": [{"a": 1}]}, {"list": [{"a": 1, "b": 2}]}, [NEW.format("list.*.b")]),
        ({"input": {"prompt": "a"}}, {"input": {"prompt": "a", "seed": 3}}, []),
    ],
)
def test_fields_are_compared_by_name_and_type_at_any_depth(
    old: dict[str, Any], new: dict[str, Any], titles: list[str]
) -> None:
    assert between([life(**old)], [life(**new)]) == titles


def test_a_field_of_one_response_of_many_may_be_gone() -> None:
    assert between([life(hint="x"), life()], [life()]) == []


def test_modes_are_compared_with_themselves() -> None:
    """A field that only tasks with an image have is no new field."""
    image = asking(request_body(IMAGE))
    with_field = replace(image, answers=life(frames=3).answers)
    report = drift_between(apart([LIFE], "old"), apart([LIFE, with_field], "new"))
    assert found(report) == []


def test_what_only_one_set_has_is_a_note() -> None:
    failed = replace(LIFE, answers=(answer(5000, state("failed", failCode="NEW_CODE", failMsg="x")),))
    report = drift_between(apart([LIFE], "old"), apart([LIFE, failed], "new"))
    assert found(report) == []
    assert "not compared, since only the second set has it: statusTask failed" in report.notes


def test_a_copy_of_a_recording_is_no_second_task() -> None:
    assert found(drift_of(folder([LIFE, LIFE]))) == []
    later = replace(LIFE, recorded="2026-11-27T14:40:00.000Z")
    assert [each.title for each in found(drift_of(folder([LIFE, later])))] == ["two tasks have the same taskId"]


def test_recordings_of_another_model_are_left_out_with_a_note() -> None:
    report = drift_of(apart([LIFE, replace(life(x=1), model="other")]))
    assert found(report) == []
    assert report.notes == ("1 of another model than ltx-2-19b",)


def test_redacted_values_are_not_judged() -> None:
    body = request_body(TEXT)
    body["input"]["duration"] = "REDACTED-field-1"
    hidden = asking(body)
    report = drift_of(apart([hidden, life(completeTime="REDACTED-field-2")]))
    assert report.ok, report.broken


def test_a_redacted_value_hides_nothing_else() -> None:
    """Its field is told, and so is what else is wrong in the same response."""
    end = success(55_500)
    del end["data"]["costTime"]
    for extra in ({"sessionToken": "REDACTED-secret-1"}, {"thumbnail": "https://a.example/x?sig=REDACTED-parameter-1"}):
        broken = replace(LIFE, answers=(*LIFE.answers[:2], answer(60_000, end | {"data": end["data"] | extra})))
        report = drift_of(apart([broken]))
        assert [(each.rule, each.binding) for each in found(report)] == [("TASK-3", True), ("CLI-9", False)]


def test_redaction_does_not_make_a_prompt_too_long() -> None:
    prompt = "x" * 4980 + " a@b.co " + "y" * 12
    redacted = RecordingRedactor(Redaction()).request(body_of(request_body(TEXT, prompt=prompt)))
    assert len(redacted.value["input"]["prompt"]) > 5000
    report = drift_of(apart([replace(LIFE, request=RecordedRequest(headers={}, body=redacted))]))
    assert (report.broken, found(report)) == ((), [])


@pytest.mark.parametrize("value", [3, "fast", {"gpu": {"name": "a"}}, [{"gpu": "a"}], None])
def test_a_redacted_value_may_have_had_any_type(value: Any) -> None:
    plain, redacted = [life(meta=value)], [life(meta="REDACTED-field-1")]
    assert between(plain, redacted) == between(redacted, plain) == []


@pytest.mark.parametrize("status", [502, 503, 504, 520, 524, 530])
def test_the_page_of_a_gateway_is_no_change(status: int) -> None:
    away = answer(20_000, b"<html>", status=status)
    outage = replace(LIFE, answers=(*LIFE.answers[:2], away, *LIFE.answers[2:]))
    assert between([LIFE], [outage]) == []
    assert found(drift_of(apart([outage]))) == []


@pytest.mark.parametrize("status", [301, 304, 308])
def test_a_redirect_is_observed_and_breaks_nothing(status: int) -> None:
    away = answer(20_000, b"", status=status)
    report = drift_between(
        apart([LIFE], "old"), apart([replace(LIFE, answers=(*LIFE.answers[:2], away, *LIFE.answers[2:]))], "new")
    )
    assert (report.broken, [each.title for each in found(report)]) == ((), [f"new status: {status} (statusTask)"])


def test_a_refusal_may_be_for_what_is_redacted_in_the_prompt() -> None:
    """An empty prompt and one that is too long look valid, as only their digests are kept."""
    prompts = ["REDACTED-prompt-0123456789abcdef", "write to REDACTED-email-1"]
    report = drift_of(apart([asking(request_body(TEXT, prompt=each), status=400) for each in prompts]))
    assert (report.broken, found(report)) == ((), [])
    assert drift_of(apart([asking(request_body(TEXT), status=400)])).broken == ("GEN-17",)


def test_the_fake_calls_and_fetches_nothing_while_it_is_asked() -> None:
    with Receiver() as receiver:
        url = f"{receiver.url}/x"
        lora = request_body(TEXT_LORA, loras=[{"path": url, "scale": 1.0}])
        bodies = [
            {**request_body(TEXT), "request_type": "callback", "callback_url": url},
            request_body(IMAGE, image_urls=[url]),
            lora,
            request_body(TEXT, prompt="[[stuck]]"),
        ]
        told = exchanges_of_fake(exchanges_of([asking(body) for body in bodies]))
        assert receiver.received.empty()
    states = [each.data.get("state") for each in told if each.operation == "statusTask"]
    assert states == ["pending", "processing", "success"] * 4


def test_the_fake_is_asked_for_the_errors_and_failures_of_the_service() -> None:
    failed = replace(LIFE, answers=(answer(5000, state("failed", failCode="NSFW_DETECTED", failMsg="x")),))
    limited = recording(response={"code": 429, "message": "x", "data": None}, status=429, task_id=None)
    told = exchanges_of_fake(exchanges_of([failed, limited]))
    assert [each.data.get("failCode") for each in told if each.data.get("state") == "failed"] == ["NSFW_DETECTED"]
    assert [each.status for each in told if each.operation == "generateTask"] == [200, 200, 429]


def test_hundreds_of_fields_and_odd_bodies_are_no_error() -> None:
    wide = life(**{f"f{'x' * number}": number for number in range(400)})
    deep: Any = "end"
    for _ in range(40):
        deep = {"a": deep}
    bodies: list[Any] = [
        [],
        "text",
        3,
        None,
        {"code": True},
        {"data": []},
        b"\xff",
        {"code": 200, "data": {"state": []}},
    ]
    odd = [replace(LIFE, answers=(answer(0, body),)) for body in bodies]
    profile = profile_of(exchanges_of([wide, life(deep=deep), *odd]))
    assert profile.fields
    drift_of(apart([wide, life(deep=deep), *odd]))


def test_a_refusal_is_compared_with_refusals_for_the_same_reason() -> None:
    long, wide = request_body(TEXT, duration=25), request_body(TEXT, aspect_ratio="4:3")
    old = [asking(long, status=400, message="too long"), asking(wide, status=400, message="too wide")]
    assert between(old, old[::-1]) == []
    new = [asking(long, status=400, message="too wide")]
    assert between(old, new) == ["new error message: too wide (generateTask 400, GEN-10 /input/duration)"]


def test_only_the_fake_is_told_to_have_moved_where_only_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = exchanges_of_fake(exchanges_of([LIFE]))
    without = [
        replace(each, answer={**each.answer, "data": {k: v for k, v in each.answer["data"].items() if k != "costTime"}})
        if each.data.get("state") == "success"
        else each
        for each in asked
    ]
    monkeypatch.setattr("ltx_mock.drift.compare.exchanges_of_fake", lambda _: without)
    (deviation,) = found(drift_of(apart([LIFE])))
    assert (deviation.sides["moved"], deviation.binding) == ("fake", False)
    lacking = life()
    lacking.answers[-1].body.value["data"].pop("costTime")
    (both,) = found(drift_of(apart([lacking])))
    assert (both.sides["moved"], both.sides["fake"]) == ("document", "as the service")
