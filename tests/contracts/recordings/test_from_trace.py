"""Recordings are made from what others have noted: HAR, and the lines of the fake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.trace.test_load import HOST, har, har_entry
from ltx_mock import MockServer
from ltx_mock_contracts import Exchange, Trace, read_har, read_ndjson
from ltx_mock_contracts.recordings import Redaction
from ltx_mock_contracts.recordings.from_trace import recordings_from
from ltx_mock_contracts.recordings.writing import RecordingFolder
from ltx_mock_contracts.trace import parse_trace
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.secrets import found_in, marked, texts

BASE = 1_767_965_610_000
PATH = f"/api/v1{GENERATE}"


def made(at: int = 0, task_id: str = "t", **changes: Any) -> Exchange:
    answer = {"code": 200, "message": "success", "data": {"taskId": task_id}}
    told = Exchange(
        at=BASE + at,
        ended=BASE + at + 50,
        operation="generateTask",
        method="POST",
        target=f"https://api.example{PATH}",
        status=200,
        request=request_body(TEXT),
        answer=answer,
        key="k",
        number=1,
    )
    return replace(told, **changes)


def told(at: int, state: str, task_id: str = "t", **changes: Any) -> Exchange:
    answer = {"code": 200, "message": "success", "data": {"taskId": task_id, "state": state}}
    target = f"https://api.example/api/v1{STATUS}?taskId={task_id}"
    status = Exchange(
        at=BASE + at, operation="statusTask", method="GET", target=target, status=200, answer=answer, key="k"
    )
    return replace(status, **changes)


def test_a_task_of_a_trace_becomes_a_recording() -> None:
    callback = told(1040, "success", operation="callback", request=told(0, "success").answer, answer=None, key=None)
    exchanges = [
        told(1050, "success"),
        made(),
        told(150, "pending"),
        told(250, "pending"),
        told(350, "x", answer=None, status=None),
        told(450, "pending", key="other", status=404),
        told(550, "pending", task_id="another"),
        callback,
    ]
    (recording,) = recordings_from(Trace(exchanges), Redaction()).recordings
    assert (recording.upstream, recording.task_id, recording.response.latency) == ("https://api.example", "t", 50)
    assert recording.recorded == "2026-01-09T13:33:30.000Z"
    assert recording.request.body.value == request_body(TEXT)
    assert [(each.after, each.until, each.status, each.problem) for each in recording.answers] == [
        (100, 200, 200, None),
        (300, 300, None, "no response"),
        (1000, 1000, 200, None),
    ]
    assert recording.end is not None
    assert (recording.end.state, recording.end.after) == ("success", 1000)
    assert [(each.after, each.status) for each in recording.callbacks] == [(990, 200)]


@pytest.mark.parametrize(
    ("exchange", "recorded", "problem"),
    [
        (made(status=400, answer={"code": 400}), True, None),
        (made(status=None, answer=None), True, None),
        (made(status=401, answer=None), False, None),
        (made(method="GET"), False, None),
        (made(operation="other"), False, None),
        (made(gaps=frozenset({"request"})), False, "line 1: a generateTask without its request"),
        (made(gaps=frozenset({"answer"})), False, "line 1: a generateTask without its response"),
        (replace(made(), at=10**14), False, "line 1: a generateTask whose time is no time"),
        (replace(made(), at=-1), False, "line 1: a generateTask whose time is no time"),
    ],
)
def test_what_can_be_recorded_is(exchange: Exchange, *, recorded: bool, problem: str | None) -> None:
    found = recordings_from(Trace([exchange]), Redaction())
    assert (len(found.recordings), found.problems) == (int(recorded), (problem,) if problem else ())


def test_a_slow_answer_is_after_those_that_came_meanwhile() -> None:
    """A client that polls again before an answer comes does not see the task go back."""
    slow = told(40_000, "success", ended=BASE + 70_000, number=2)
    trace = [made(), slow, told(10_000, "pending"), told(45_000, "processing", number=3)]
    (recording,) = recordings_from(Trace(trace), Redaction()).recordings
    assert [each.body.data["state"] for each in recording.answers] == ["pending", "processing", "success"]
    assert recording.answers[-1].after == 70_000 - 50
    early = [made(), told(40_000, "processing", ended=BASE + 70_000), told(45_000, "success")]
    (recording,) = recordings_from(Trace(early), Redaction()).recordings
    assert [each.body.data["state"] for each in recording.answers] == ["processing", "success"]


def test_the_upstream_of_a_trace_with_paths_alone_is_not_known() -> None:
    (recording,) = recordings_from(Trace([made(target=PATH)]), Redaction()).recordings
    assert recording.upstream == "unknown"
    (recording,) = recordings_from(Trace([made(target=f"https://me:pw@h:8{PATH}")]), Redaction()).recordings
    assert recording.upstream == "https://h:8"


def test_secrets_of_a_trace_are_replaced() -> None:
    body = request_body(TEXT, prompt="for jane@mail.example", seed=7) | {"callback_url": "https://app/?token=abc"}
    (recording,) = recordings_from(Trace([made(request=body)]), Redaction(fields=("input.seed",))).recordings
    assert recording.request.body.value == request_body(
        TEXT, prompt="for REDACTED-email-1", seed="REDACTED-field-1"
    ) | {"callback_url": "https://app/?REDACTED-query-1"}


def test_har_of_a_browser_is_recorded() -> None:
    answer = {"code": 200, "message": "success", "data": {"taskId": "t"}}
    entry = har_entry(f"{HOST}{PATH}", method="POST", body=request_body(TEXT), answer=answer)
    (recording,) = recordings_from(read_har(har(entry)), Redaction()).recordings
    assert (recording.task_id, recording.request.body.value) == ("t", request_body(TEXT))


def test_what_the_fake_prints_is_recorded() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        task_id = client.post(GENERATE, json=request_body(TEXT)).json()["data"]["taskId"]
        answers = []
        for _ in range(12):
            answers.append(client.get(STATUS, params={"taskId": task_id}).json())
            mock.clock.advance(10)
        trace = parse_trace(json.dumps(client.get(f"{mock.url}/__admin/requests").json()))
    (recording,) = recordings_from(trace, Redaction()).recordings
    distinct = [each for number, each in enumerate(answers) if each not in answers[:number]]
    assert [each.body.value for each in recording.answers] == distinct
    assert [each.after for each in recording.answers] == [answers.index(each) * 10_000 for each in distinct]
    assert recording.end is not None
    assert recording.end.after == distinct[-1]["data"]["costTime"]
    assert read_ndjson("") == Trace([])


def test_no_marked_secret_of_a_trace_is_in_a_file(tmp_path: Path) -> None:
    every = list(texts(1))
    body = request_body(TEXT, prompt=" ".join(every), image_urls=every) | {"callback_url": every[6], "token": every[0]}
    state = {
        "code": 200,
        "message": every,
        "data": {"taskId": "t", "state": "success", "resultJson": json.dumps(every)},
    }
    headers = {"content-type": f"a/b; token={marked(2)}", "location": every[7], "set-cookie": marked(3)}
    callback = told(900, "success", operation="callback", request=state, answer=None, key=None)
    trace = Trace([made(request=body), told(800, "success", answer=state, headers=headers), callback])
    (recording,) = recordings_from(trace, Redaction()).recordings
    RecordingFolder(tmp_path).change("t", lambda _: recording)
    assert (len(recording.answers), len(recording.callbacks)) == (1, 1)
    assert found_in(tmp_path) == []


@pytest.mark.parametrize("form", ["har", "ndjson"])
def test_no_secret_of_a_header_is_in_a_recording_that_a_message_repeats(form: str) -> None:
    secrets = {
        "X-Api-Key": "key-in-a-header-1",
        "Cookie": "sid=cookie-of-mine-2",
        "Authorization": "Basic bWU6c2VjcmV0",
    }
    answer = {"code": 400, "message": " ".join(secrets.values()), "data": None}
    if form == "har":
        entry = har_entry(f"{HOST}{PATH}", method="POST", body=request_body(TEXT), status=400, answer=answer)
        entry["request"]["headers"] = [{"name": name, "value": value} for name, value in secrets.items()]
        trace = read_har(har(entry))
    else:
        line = {"at": BASE, "method": "POST", "target": PATH, "status": 400, "request": request_body(TEXT)}
        trace = read_ndjson(json.dumps(line | {"answer": answer, "requestHeaders": secrets}))
    (recording,) = recordings_from(trace, Redaction()).recordings
    assert recording.response.body.value["message"] == "… … …"


def test_a_status_that_no_recording_may_have_is_left_out() -> None:
    kept = [made(), told(150, "pending"), told(250, "pending", status=999)]
    found = recordings_from(Trace([made(task_id="u", status=600), *kept]), Redaction())
    assert [problem.rpartition(": ")[2] for problem in found.problems] == ["a generateTask with the status 600"]
    assert [len(each.answers) for each in found.recordings] == [1]
