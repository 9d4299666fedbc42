"""Drift: found for every change of a service, and none where nothing changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from ltx_mock.drift import drift_between, drift_of
from ltx_mock_contracts import Deviation, Report
from ltx_mock_contracts.recordings import Recording
from support.independent_server import DIALECTS
from support.recorded_lives import USUAL, Change, Reply, callback, folder, recorded, text, violating

Data = dict[str, Any]


def on(operation: str, state: str | None, change: Callable[[Data], object], *, status: int = 200) -> Change:
    """Return a change of the `data` of responses of an operation with a state."""

    def changed(reply: Reply) -> Reply:
        data = reply.body.get("data") if isinstance(reply.body, dict) else None
        if reply.operation != operation or reply.status != status or (state and (data or {}).get("state") != state):
            return reply
        body = deepcopy(reply.body)
        change(body["data"] if isinstance(body["data"], dict) else body)
        return replace(reply, body=body)

    return changed


def envelope(operation: str, change: Callable[[Reply], Reply], *, status: int = 200) -> Change:
    """Return a change of whole responses of an operation with a status."""
    return lambda reply: change(reply) if (reply.operation, reply.status) == (operation, status) else reply


def result(change: Callable[[Data], object]) -> Change:
    """Return a change of what is in `resultJson`."""

    def changed(data: Data) -> None:
        decoded = json.loads(data["resultJson"])
        change(decoded)
        data["resultJson"] = json.dumps(decoded)

    return on("statusTask", "success", changed)


def in_seconds(data: Data) -> None:
    data |= {name: data[name] // 1000 for name in ("createTime", "completeTime", "costTime") if name in data}
    if "completeTime" in data:
        data["costTime"] = data["completeTime"] - data["createTime"]


def accepted(field: str, value: object) -> Change:
    """Return a server that accepts an invalid value."""

    def changed(reply: Reply) -> Reply:
        if reply.operation != "generateTask" or (reply.request.get("input") or {}).get(field) != value:
            return reply
        return replace(reply, status=200, body={"code": 200, "message": "success", "data": {"taskId": "task_0123abcd"}})

    return changed


def refused(reply: Reply) -> Reply:
    if reply.operation != "generateTask" or reply.request["input"].get("mode") != "image-to-video":
        return reply
    return replace(reply, status=400, body={"code": 400, "message": "this mode is closed", "data": None})


def backwards(reply: Reply) -> Reply:
    if reply.operation == "statusTask" and 20_000 < reply.age < 30_000 and reply.body["data"]["state"] == "processing":
        return replace(reply, body={**reply.body, "data": {**reply.body["data"], "state": "pending"}})
    return reply


def error(status: int, message: str) -> Data:
    return {"code": status, "message": message, "data": None}


NO_CREDITS = error(400, "Insufficient credits")


def for_a_while(status: int, message: str | None) -> Change:
    """Return a service that answers some polls with an error, or with the page of a gateway."""

    def changed(reply: Reply) -> Reply:
        if reply.operation != "statusTask" or not 10_000 < reply.age < 14_000:
            return reply
        body = b"<html>Bad gateway</html>" if message is None else error(status, message)
        return replace(reply, status=status, headers={"retry-after": "3"} if status == 429 else {}, body=body)

    return changed


CHANGES: dict[str, dict[str, Any]] = {
    "a field of a success": {"change": on("statusTask", "success", lambda data: data.update(progress=100))},
    "a field of a pending task": {"change": on("statusTask", "pending", lambda data: data.update(queuePosition=3))},
    "a field of a failure": {"change": on("statusTask", "failed", lambda data: data.update(reason="x"))},
    "a field of a new task": {"change": on("generateTask", None, lambda data: data.update(estimate=60))},
    "a field of the envelope": {
        "change": envelope("statusTask", lambda reply: replace(reply, body={**reply.body, "requestId": "r1"}))
    },
    "a field of the result": {"change": result(lambda decoded: decoded.update(thumbnail="https://a.example/x.jpg"))},
    "costTime is missing": {"change": on("statusTask", "success", lambda data: data.pop("costTime"))},
    "completeTime is missing": {"change": on("statusTask", "success", lambda data: data.pop("completeTime"))},
    "createTime of a pending task is missing": {"dialects": ("no-create-time",)},
    "failMsg is missing": {"change": on("statusTask", "failed", lambda data: data.pop("failMsg"))},
    "failCode has another name": {
        "change": on("statusTask", "failed", lambda data: data.update(errorCode=data.pop("failCode")))
    },
    "resultJson is missing": {"change": on("statusTask", "success", lambda data: data.pop("resultJson"))},
    "taskId of a status is missing": {"change": on("statusTask", None, lambda data: data.pop("taskId"))},
    "a state before processing": {"change": on("statusTask", "pending", lambda data: data.update(state="queued"))},
    "a state while processing": {
        "change": on("statusTask", "processing", lambda data: data.update(state="processing_r2"))
    },
    "a state of failures": {"change": on("statusTask", "failed", lambda data: data.update(state="error"))},
    "a fail code": {"dialects": ("new-fail-codes",)},
    "a fail message": {"change": on("statusTask", "failed", lambda data: data.update(failMsg="It was refused"))},
    "error messages": {"dialects": ("other-words",)},
    "an empty error message": {
        "change": envelope("generateTask", lambda reply: replace(reply, body={**reply.body, "message": ""}), status=400)
    },
    "the message of successes": {
        "change": envelope("statusTask", lambda reply: replace(reply, body={**reply.body, "message": "ok"}))
    },
    "costTime is text": {
        "change": on("statusTask", "success", lambda data: data.update(costTime=str(data["costTime"])))
    },
    "resultJson is an object": {
        "change": on("statusTask", "success", lambda data: data.update(resultJson=json.loads(data["resultJson"])))
    },
    "times are in seconds": {"change": on("statusTask", None, in_seconds)},
    "costTime is in seconds": {
        "change": on("statusTask", "success", lambda data: data.update(costTime=data["costTime"] // 1000))
    },
    "taskId is a number": {"change": on("generateTask", None, lambda data: data.update(taskId=17))},
    "tasks are slower": {"slower": 2.5},
    "tasks are faster": {"slower": 0.3},
    "tasks never end": {"slower": 100.0},
    "201 for a new task": {"change": envelope("generateTask", lambda reply: replace(reply, status=201))},
    "422 for an invalid request": {
        "change": envelope(
            "generateTask", lambda reply: replace(reply, status=422, body={**reply.body, "code": 422}), status=400
        )
    },
    "200 for an invalid request": {
        "change": envelope("generateTask", lambda reply: replace(reply, status=200), status=400)
    },
    "errors without an envelope": {
        "change": envelope(
            "generateTask", lambda reply: replace(reply, body={"detail": reply.body["message"]}), status=400
        )
    },
    "an aspect ratio is accepted": {"change": accepted("aspect_ratio", "4:3")},
    "an empty prompt is accepted": {"change": accepted("prompt", "")},
    "a mode is refused": {"change": refused},
    "a task moves back": {"change": backwards},
    "the status of another task": {
        "change": on("statusTask", "processing", lambda data: data.update(taskId="task_other"))
    },
    "no URL in the result": {"change": result(lambda decoded: decoded.update(resultUrls=[]))},
    "a relative URL in the result": {"change": result(lambda decoded: decoded.update(resultUrls=["/results/1.mp4"]))},
    "no envelope": {"change": envelope("statusTask", lambda reply: replace(reply, body=reply.body["data"]))},
    "another Content-Type": {"dialects": ("text-html",)},
    "null in unused fields": {"dialects": ("null-for-nothing",)},
    "0 and empty text in unused fields": {"dialects": ("zero-for-nothing",)},
    "callbacks without an envelope": {
        "change": envelope("callback", lambda reply: replace(reply, body=reply.body["data"]))
    },
    "callbacks with another end": {
        "change": on(
            "callback", "success", lambda data: data.update(resultJson='{"resultUrls":["https://a.example/b"]}')
        )
    },
}
"""Changes of a service that a client may notice."""


@cache
def usual() -> tuple[Recording, ...]:
    return tuple(recorded())


def found(report: Report) -> set[tuple[str, str, bool]]:
    return {deviation.key for verdict in report.verdicts for deviation in verdict.deviations}


def deviations(report: Report) -> list[Deviation]:
    return [deviation for verdict in report.verdicts for deviation in verdict.deviations]


def test_there_are_more_than_thirty_changes() -> None:
    assert len(CHANGES) >= 30


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_service_is_found_between_two_sets(name: str) -> None:
    given = {"seed": 1, "rhythm": 4.0, **CHANGES[name]}
    dialects = given.pop("dialects", ())
    report = drift_between(folder(usual(), "old"), folder(recorded(*dialects, **given), "new"))
    told = deviations(report)
    assert told, "it is found"
    assert all(each.sides["moved"] == "service" for each in told)
    assert len(told) <= 8, [each.title for each in told]


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_of_the_service_differs_from_documents_or_fake(name: str) -> None:
    given = {"seed": 1, **CHANGES[name]}
    dialects = given.pop("dialects", ())
    before, after = drift_of(folder(usual())), drift_of(folder(recorded(*dialects, **given)))
    assert found(after) - found(before)


def test_a_service_as_documented_differs_from_the_fake_only_in_its_words() -> None:
    report = drift_of(folder(usual()))
    assert report.ok
    assert {each.rule for each in deviations(report)} <= {"ENV-3"}


def with_prompt(body: Data, prompt: str) -> Data:
    """Return a request with another prompt; one that breaks a rule keeps its own."""
    keeps = body == violating() or not body["input"]["prompt"]
    return body if keeps else {**body, "input": {**body["input"], "prompt": prompt}}


SAME: dict[str, dict[str, Any]] = {
    "other ids and other moments": {"seed": 3},
    "fewer polls": {"rhythm": 25.0},
    "many polls": {"rhythm": 1.0},
    "other times within the range": {"bodies": [*USUAL, *(text(prompt=f"another {n}") for n in range(20))]},
    "other prompts": {"bodies": [with_prompt(body, f"another {number}") for number, body in enumerate(USUAL)]},
    "another order": {"bodies": USUAL[::-1]},
    "fewer kinds of requests": {"bodies": USUAL[:3]},
    "more kinds of requests": {"bodies": [*USUAL, {**callback(), "input": text("720p")["input"]}, text(seed=5)]},
    "other forms of ids": {"dialects": ("hex-ids",)},
    "signed URLs": {"dialects": ("signed-urls",)},
    "no pending state is seen": {"dialects": ("never-pending",)},
    "a charset": {"dialects": ("json-charset",)},
    "errors with the detail that a document shows": {"dialects": ("says-more",)},
    "failures with times": {"dialects": ("failures-have-times",)},
    "fields in another order": {
        "change": lambda reply: replace(reply, body=dict(reversed(reply.body.items())))
        if isinstance(reply.body, dict)
        else reply
    },
    "a lost connection": {"change": lambda reply: None if 5_000 < reply.age < 9_000 else reply},
    "a limit": {"change": for_a_while(429, "Slow down")},
    "an error": {"change": for_a_while(500, "Internal error")},
    "an outage": {"change": for_a_while(502, None)},
    "no credits left": {
        "change": envelope("generateTask", lambda reply: replace(reply, status=400, body=NO_CREDITS))
    },
}  # fmt: skip
"""What differs from one day to the next in a service that has not changed."""


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", SAME)
def test_there_is_no_drift_where_nothing_changed(name: str) -> None:
    given = dict(SAME[name])
    dialects = given.pop("dialects", ())
    other = recorded(*dialects, **given)
    for old, new in ((usual(), other), (other, usual())):
        report = drift_between(folder(old, "old"), folder(new, "new"))
        assert [each.title for each in deviations(report)] == []
        assert report.ok


@pytest.mark.sample
@pytest.mark.parametrize("seed", range(20))
def test_any_two_days_of_an_unchanged_service_show_no_drift(seed: int) -> None:
    """Clients ask for other things, in another order and at another rhythm."""
    rng = random.Random(seed)
    days = [
        recorded(bodies=rng.sample(USUAL, rng.randint(3, 15)), seed=seed + day, rhythm=rng.uniform(1, 20))
        for day in (100, 200)
    ]
    report = drift_between(folder(days[0], "old"), folder(days[1], "new"))
    assert [each.title for each in deviations(report)] == []


def test_a_document_that_was_broken_before_is_no_change() -> None:
    broken = on("statusTask", "success", lambda data: data.pop("costTime"))
    old, new = (
        folder(recorded(change=broken, bodies=USUAL[:3], seed=seed), name) for seed, name in ((1, "old"), (2, "new"))
    )
    assert drift_of(new).broken == ("TASK-3",)
    assert deviations(drift_between(old, new)) == []


def test_a_document_that_is_kept_again_is_a_note() -> None:
    broken = on("statusTask", "success", lambda data: data.pop("costTime"))
    old, new = recorded(change=broken, bodies=USUAL[:3]), recorded(bodies=USUAL[:3], seed=1)
    report = drift_between(folder(old, "old"), folder(new, "new"))
    assert report.ok
    assert [note for note in report.notes if "any more" in note] == [
        "TASK-3 is not seen any more: statusTask: data.costTime is missing; it must be a whole number of milliseconds"
    ]


@pytest.mark.sample
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_dialect_has_drifted_from_itself(dialect: str) -> None:
    old, new = recorded(dialect), recorded(dialect, seed=7, rhythm=3.0)
    assert deviations(drift_between(folder(old, "old"), folder(new, "new"))) == []


@pytest.mark.sample
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_dialect_breaks_a_document(dialect: str) -> None:
    assert drift_of(folder(recorded(dialect))).broken == ()
