"""Recordings in which one thing is wrong: each is caught by the rule it breaks, and by no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from ltx_mock_contracts import check_trace
from ltx_mock_contracts.model import FAIL_CODES
from support.bodies import IMAGE, TEXT, TEXT_LORA, request_body
from support.traces import BASE, Entry, call, changed, error, generate, poll, success, told, trace

CALLBACK = {"request_type": "callback", "callback_url": "https://client.example/callback"}
LOCAL = CALLBACK | {"callback_url": "http://localhost/"}
URL = "https://example.com/a.safetensors?download=true"
STATUS = "/api/v1/statusTask/ltx-2-19b"

GOOD = [
    generate(0, "task_1"),
    generate(0, "task_2", request_body(TEXT) | CALLBACK),
    generate(0, "task_3"),
    poll(1, "task_1"),
    poll(1, "task_2"),
    poll(1, "task_3"),
    poll(20, "task_1", "processing"),
    call(45, "task_2", status=500),
    call(75, "task_2", status=None),
    call(135, "task_2"),
    poll(140, "task_1", "success"),
    poll(140, "task_2", "success"),
    poll(140, "task_3", "failed"),
    poll(150, "task_1", "success"),
    generate(151, "", request_body(TEXT, duration=21), status=400, answer=error(400)),
    generate(152, "", status=429, answer=error(429), headers={"retry-after": "7"}),
    generate(152, "", status=400, answer=error(400, "Insufficient credits")),
    poll(153, "", target=STATUS, status=400, answer=error(400)),
    poll(154, "nobodys", status=404, answer=error(404)),
    poll(155, "task_1", key="…other", status=404, answer=error(404)),
    {**poll(156, ""), "operation": "other", "target": "/api/v1/x", "status": 404, "answer": error(404)},
]
SUBMIT, PENDING, PROCESSING, DONE, AGAIN = 0, 3, 6, 10, 13
FAILED, WRONG, BUSY, BROKE, NOTHING, NOBODY, FOREIGN, NOWHERE = 12, 14, 15, 16, 17, 18, 19, 20
CALLS = (7, 8, 9)

Change = Callable[[list[Entry]], object]


class Mutant(NamedTuple):
    name: str
    rule: str
    change: Change


def answer(index: int, **changes: Any) -> Change:
    return lambda entries: entries[index]["answer"].update(changes)


def data(index: int, **changes: Any) -> Change:
    def change(entries: list[Entry]) -> None:
        told = entries[index]["answer"]["data"]
        told.update(changes)
        for name in [name for name, value in changes.items() if value is ...]:
            del told[name]

    return change


def at(index: int, **changes: Any) -> Change:
    return lambda entries: entries[index].update(changes)


def both(*parts: Change) -> Change:
    return lambda entries: [part(entries) for part in parts]


def accepts(source: dict[str, Any], /, body: dict[str, Any] | None = None, **changes: Any) -> Change:
    def change(entries: list[Entry]) -> None:
        entries.append(generate(160, "task_9", request_body(source, **changes) | (body or {})))

    return change


def refuses(body: dict[str, Any], message: str = "No") -> Change:
    return lambda entries: entries.append(generate(160, "", body, status=400, answer=error(400, message)))


def signed(index: int, signature: int, path: str = "/a.mp4") -> Change:
    url = f"https://r2.example{path}?X-Amz-Signature={signature}"
    return data(index, resultJson=json.dumps({"resultUrls": [url]}))


def forgotten(at: int) -> Entry:
    return poll(at, "task_3", status=404, answer=error(404))


def calls(index: int, **changes: Any) -> Change:
    return lambda entries: entries[CALLS[index]].update(changes)


def called(**changes: Any) -> Change:
    return lambda entries: [entries[index]["request"]["data"].update(changes) for index in CALLS]


def add(*more: Entry) -> Change:
    return lambda entries: entries.extend(more)


def later(seconds: int) -> int:
    return BASE + seconds * 1000


BROKEN = [
    Mutant("the envelope has a fourth field", "ENV-1", answer(DONE, requestId="x")),
    Mutant("the envelope lacks data", "ENV-1", lambda entries: entries[NOBODY]["answer"].pop("data")),
    Mutant("the answer is no JSON", "ENV-1", at(NOBODY, answer="<h1>Not Found</h1>")),
    Mutant("the answer is an array", "ENV-1", at(DONE, answer=[])),
    Mutant("code is a string", "ENV-1", answer(NOBODY, code="404")),
    Mutant("a success has another message", "ENV-2", answer(PENDING, message="ok")),
    Mutant("an error has data", "ENV-3", answer(NOBODY, data={})),
    Mutant("an error has no message", "ENV-3", answer(NOBODY, message="")),
    Mutant("an error is sent with HTTP 200", "ENV-4", at(NOBODY, status=200)),
    Mutant("code is another error than the status", "ENV-4", answer(NOBODY, code=400)),
    Mutant("no taskId is given", "GEN-17", answer(SUBMIT, data={})),
    Mutant("taskId is a number", "GEN-17", data(SUBMIT, taskId=1)),
    Mutant("an id is given twice", "GEN-17", data(2, taskId="task_1")),
    Mutant("a good request is refused", "GEN-17", refuses(request_body(IMAGE))),
    Mutant("a text is refused for an image", "GEN-17", refuses(request_body(TEXT), "Failed to download the image")),
    Mutant("an image is refused for a length", "GEN-17", refuses(request_body(IMAGE), "duration must be at most 3")),
    Mutant("an unknown request_type is accepted", "GEN-2", accepts(TEXT, {"request_type": "sync"})),
    Mutant("a callback without URL is accepted", "GEN-3", accepts(TEXT, {"request_type": "callback"})),
    Mutant("a callback_url that is none is accepted", "GEN-4", accepts(TEXT, CALLBACK | {"callback_url": "x"})),
    Mutant("an unknown provider is accepted", "GEN-5", accepts(TEXT, {"provider": "cheap"})),
    Mutant("a body that is an array is accepted", "GEN-1", add(generate(160, "task_9", []))),
    Mutant("a body without input is accepted", "GEN-6", add(generate(160, "task_9", {}))),
    Mutant("a mode in capitals is accepted", "GEN-7", accepts(TEXT, mode="TEXT-TO-VIDEO")),
    Mutant("a request without prompt is accepted", "GEN-8", accepts(TEXT, prompt=...)),
    Mutant("4k is accepted", "GEN-9", accepts(TEXT, resolution="4k")),
    Mutant("20.5 seconds are accepted", "GEN-10", accepts(TEXT, duration=20.5)),
    Mutant("an aspect ratio with an image is accepted", "GEN-11", accepts(IMAGE, aspect_ratio="16:9")),
    Mutant("two images are accepted", "GEN-12", accepts(IMAGE, image_urls=IMAGE["image_urls"] * 2)),
    Mutant("seed 0 is accepted", "GEN-13", accepts(TEXT, seed=0)),
    Mutant("four LoRAs are accepted", "GEN-14", accepts(TEXT_LORA, loras=[{"path": URL, "scale": 1.0}] * 4)),
    Mutant("an invalid request is refused with 422", "GEN-10", at(WRONG, status=422, answer=error(422))),
    Mutant("want of credits has another text", "GEN-15", answer(BROKE, message="Insufficient balance")),
    Mutant("a path changes", "TASK-1", both(signed(DONE, 1), signed(AGAIN, 1, path="/b.mp4"))),
    Mutant("a task is forgotten after some hours", "TASK-11", add(forgotten(23 * 60 * 60))),
    Mutant("a state goes back", "TASK-1", add(poll(30, "task_1", "pending"))),
    Mutant("a finished task goes on", "TASK-1", add(poll(145, "task_1", "processing"))),
    Mutant("a success becomes a failure", "TASK-1", add(poll(160, "task_1", "failed"))),
    Mutant("a result changes", "TASK-1", data(AGAIN, resultJson='{"resultUrls":["https://r2.example/other.mp4"]}')),
    Mutant("a state has another name", "TASK-1", data(PROCESSING, state="running")),
    Mutant("a state is missing", "TASK-1", data(PROCESSING, state=...)),
    Mutant("pending has a result", "TASK-2", data(PENDING, resultJson="{}")),
    Mutant("a success has a failCode", "TASK-3", data(DONE, failCode="CONTENT_VIOLATION")),
    Mutant("a success has no costTime", "TASK-3", data(DONE, costTime=...)),
    Mutant("the response is about another task", "TASK-3", data(DONE, taskId="task_7")),
    Mutant("resultJson is no JSON", "TASK-4", data(DONE, resultJson="https://r2.example/video.mp4")),
    Mutant("there are no resultUrls", "TASK-4", data(DONE, resultJson='{"resultUrls":[]}')),
    Mutant("costTime is off by one", "TASK-5", data(DONE, costTime=45_001)),
    Mutant("createTime is in seconds", "TASK-5", data(PENDING, createTime=BASE // 1000)),
    Mutant("createTime is a text", "TASK-5", data(PENDING, createTime=str(BASE))),
    Mutant("createTime changes", "TASK-5", data(PROCESSING, createTime=BASE + 1)),
    Mutant("createTime is after the first sight", "TASK-5", data(5, createTime=later(2))),
    Mutant("createTime is before the request", "TASK-5", data(5, createTime=later(-1))),
    Mutant("createTime is after the making", "TASK-5", both(at(2, ended=later(0)), data(5, createTime=later(1)))),
    Mutant(
        "completeTime is after the end was seen",
        "TASK-5",
        both(*(data(index, completeTime=later(141), createTime=later(96)) for index in (DONE, AGAIN))),
    ),
    Mutant("a failure has no failMsg", "TASK-6", data(FAILED, failMsg=...)),
    Mutant("a failCode is empty", "TASK-7", data(FAILED, failCode="")),
    Mutant("a failCode is a number", "TASK-7", data(FAILED, failCode=7)),
    Mutant(
        "a task succeeds after 20 s",
        "TASK-8",
        both(
            at(10, at=later(21)),
            *(data(index, completeTime=later(20), costTime=20_000) for index in (DONE, AGAIN)),
        ),
    ),
    Mutant(
        "a task takes 61 s",
        "TASK-8",
        both(*(data(index, completeTime=later(61), costTime=61_000) for index in (DONE, AGAIN))),
    ),
    Mutant(
        "a task is processed for ever",
        "TASK-8",
        both(*(at(index, **poll(140 + index, "task_1", "processing")) for index in (DONE, AGAIN))),
    ),
    Mutant("a task that was made is unknown", "TASK-11", at(DONE, status=404, answer=error(404))),
    Mutant("no taskId is a 404", "TASK-11", at(NOTHING, status=404, answer=error(404))),
    Mutant("the callback is of another result", "CB-1", called(resultJson='{"resultUrls":["https://r2.example/o"]}')),
    Mutant("the callback tells of a failure", "CB-1", calls(1, request=success(**told("task_2", "failed")))),
    Mutant("the callback comes before the end", "CB-1", called(state="processing")),
    Mutant("a callback comes again after 200", "CB-2", calls(0, status=200)),
    Mutant("the first retry comes at once", "CB-2", calls(0, at=later(74), ended=later(74))),
    Mutant("the retries come ever faster", "CB-2", calls(2, at=later(95), ended=later(95))),
    Mutant("a callback is tried five times", "CB-2", add(*(call(140 + 130 * n, "task_2", status=500) for n in (1, 3)))),
    Mutant("an async task calls back", "CB-3", add(call(45, "task_1"))),
]  # fmt: skip

OBSERVED = [
    Mutant("a wrong path is a 400", "ENV-5", at(NOWHERE, status=400, answer=error(400))),
    Mutant("a wrong method is a 404", "ENV-5", at(NOBODY, method="DELETE")),
    Mutant("a task is seen with another key", "AUTH-4", at(FOREIGN, **poll(155, "task_1", "success", key="…other"))),
    Mutant("an unknown field is refused", "GEN-16", refuses(request_body(TEXT, steps=50))),
    Mutant("a prompt is refused at once", "FAIL-1", refuses(request_body(TEXT), "Prompt violates our content policy")),
    Mutant(
        "a prompt is refused at once with the message of a failure",
        "FAIL-1",
        refuses(request_body(TEXT), "Content does not meet safety guidelines"),
    ),
    Mutant("a prompt is refused in Chinese", "FAIL-1", refuses(request_body(TEXT), "提示词包含敏感内容")),
    Mutant("an image is refused at once", "FAIL-2", refuses(request_body(IMAGE), "Failed to download image_urls[0]")),
    Mutant("an image is too large", "FAIL-2", refuses(request_body(IMAGE), "The image is too large: 40 MB")),
    Mutant("a LoRA is refused at once", "FAIL-3", refuses(request_body(TEXT_LORA), "Cannot access the LoRA file")),
    Mutant("a receiver without https is refused", "GEN-4", refuses(request_body(TEXT) | LOCAL)),
    Mutant("a 429 does not say when to come back", "LIM-3", at(BUSY, headers={})),
    Mutant("a 429 gives a date", "LIM-3", at(BUSY, headers={"retry-after": "Fri, 09 Jan 2026 13:33:30 GMT"})),
    Mutant("want of credits is a 402", "GEN-15", at(BROKE, status=402, answer=error(402, "Insufficient credits"))),
    Mutant("want of credits is a 402 in other words", "GEN-15", at(BROKE, status=402, answer=error(402, "Pay first"))),
    Mutant("want of credits says more", "GEN-15", answer(BROKE, message="Insufficient credits: 3 required, 0 left")),
    Mutant("pending has no createTime", "TASK-2", data(PENDING, createTime=...)),
    Mutant("processing has no createTime", "TASK-2", data(PROCESSING, createTime=...)),
    Mutant("a task that is processing has a result of null", "TASK-2", data(PROCESSING, resultJson=None)),
    Mutant("a success has null for a failure, once", "TASK-3", data(DONE, failCode=None, failMsg=None)),
    Mutant("a callback has null for a failure", "TASK-3", called(failCode=None, failMsg=None)),
    Mutant("pending has a createTime of null", "TASK-5", data(PENDING, createTime=None)),
    Mutant("a failure has times of null", "TASK-5", data(FAILED, completeTime=None, costTime=None)),
    Mutant("a failure has a result of null", "TASK-6", data(FAILED, resultJson=None)),
    Mutant("a failure has zero values", "TASK-6", data(FAILED, resultJson="")),
    Mutant("a failure has zero times", "TASK-5", data(FAILED, completeTime=0, costTime=0)),
    Mutant("processing has zero values", "TASK-2", data(PROCESSING, resultJson="", costTime=0, failCode="")),
    Mutant("a URL is signed anew", "TASK-1", both(signed(DONE, 1), signed(AGAIN, 2))),
    Mutant("a task is forgotten after a day", "TASK-11", add(forgotten(24 * 60 * 60 + 1))),
    Mutant("a failCode is new", "TASK-7", data(FAILED, failCode="OUT_OF_MEMORY")),
    Mutant("a failCode is a provider's", "TASK-7", data(FAILED, failCode="SensitiveContentDetected")),
    Mutant("an error says more than is documented", "CLI-9", answer(NOBODY, data={"error": "x", "requestId": "y"})),
    Mutant("an answer has an unknown field", "CLI-9", both(*(data(index, progress=100) for index in (DONE, AGAIN)))),
]  # fmt: skip


def test_the_recording_that_is_changed_is_clean() -> None:
    report = check_trace(trace(GOOD))
    assert [deviation for verdict in report.verdicts for deviation in verdict.deviations] == []
    assert {mutant.rule for mutant in BROKEN + OBSERVED} - set(report.having("kept")) <= {
        *("GEN-5", "GEN-11", "GEN-12", "GEN-13", "GEN-14", "GEN-16", "CLI-9", "FAIL-1", "FAIL-2", "FAIL-3")
    }


@pytest.mark.parametrize("mutant", BROKEN, ids=lambda mutant: mutant.name)
def test_what_breaks_a_rule_is_caught_by_it_and_by_no_other(mutant: Mutant) -> None:
    report = check_trace(trace(changed(GOOD, mutant.change)))
    assert report.broken == (mutant.rule,)
    assert report.having("observed") == ()
    assert not report.ok
    for deviation in report.of(mutant.rule).deviations:
        assert deviation.exchanges
        assert deviation.expected != deviation.actual
        assert deviation.curl is not None
        assert deviation.curl.startswith("curl ")


@pytest.mark.parametrize("mutant", OBSERVED, ids=lambda mutant: mutant.name)
def test_another_choice_is_observed_and_breaks_nothing(mutant: Mutant) -> None:
    report = check_trace(trace(changed(GOOD, mutant.change)))
    assert report.ok
    assert report.having("observed") == (mutant.rule,)


@pytest.mark.parametrize("code", FAIL_CODES)
def test_every_fail_code_that_the_vendor_documents_is_kept(code: str) -> None:
    report = check_trace(trace(changed(GOOD, data(FAILED, failCode=code))))
    assert report.ok
    assert report.having("observed") == ()
    assert report.of("TASK-7").outcome == "kept"


def test_an_error_may_say_more_in_its_data_as_the_vendor_shows() -> None:
    report = check_trace(trace(changed(GOOD, answer(NOBODY, data={"error": "Missing required field: input.prompt"}))))
    assert report.ok
    assert report.of("ENV-3").outcome == "kept"


def test_rules_of_the_vendor_can_be_set_aside() -> None:
    wrong = trace(changed(GOOD, at(NOBODY, status=200)))
    assert check_trace(wrong).broken == ("ENV-4",)
    report = check_trace(wrong, sources=("spec",))
    assert report.ok
    assert report.having("observed") == ("ENV-4",)


def test_the_same_deviation_is_told_once_and_counted() -> None:
    entries = [*GOOD, *(generate(200 + n, f"more_{n}", request_body(TEXT, duration=30 + n)) for n in range(25))]
    (deviation,) = check_trace(trace(entries)).of("GEN-10").deviations
    assert deviation.times == 25
    assert deviation.exchanges == tuple(range(len(GOOD) + 1, len(GOOD) + 21))
    assert deviation.task == "more_0"
    assert "30" in deviation.title


def test_the_exchange_before_and_the_one_that_is_wrong_are_named() -> None:
    report = check_trace(trace(changed(GOOD, add(poll(145, "task_1", "processing")))))
    (deviation,) = report.of("TASK-1").deviations
    assert deviation.exchanges == (DONE + 1, len(GOOD) + 1)
    assert (deviation.expected, deviation.actual) == ("success", "processing")
    assert deviation.curl == f'curl "$BASE_URL"\'{STATUS}?taskId=task_1\' -H "Authorization: Bearer $API_KEY"'


def test_where_two_long_answers_differ_is_shown() -> None:
    urls = [json.dumps({"resultUrls": [f"https://r2.example/{'x' * 200}{end}.mp4"]}) for end in ("one", "two")]
    first, second = (poll(140, "t", "success") for _ in urls)
    callback = call(141, "t")
    for told_of, url in zip((first["answer"], second["answer"], callback["request"]), [*urls, urls[1]], strict=True):
        told_of["data"]["resultJson"] = url
    report = check_trace(trace([first, second, callback]))
    for rule in ("TASK-1", "CB-1"):
        (deviation,) = report.of(rule).deviations
        assert deviation.expected == f'resultJson "…{"x" * 20}one.mp4\\"]}}"'
        assert deviation.actual == f'resultJson "…{"x" * 20}two.mp4\\"]}}"'


def test_answers_that_were_under_way_together_may_come_in_any_order() -> None:
    slow = poll(10, "task_1", ended=later(30))
    assert check_trace(trace([*GOOD, slow])).ok
    assert not check_trace(trace([*GOOD, slow | {"at": later(21)}])).ok


def test_times_of_an_observer_are_not_held_against_those_of_the_server() -> None:
    observed = [entry | {"clock": "observer", "at": entry["at"] - 10**9} for entry in GOOD]
    report = check_trace(trace([{**entry, "ended": entry["at"]} for entry in observed]))
    assert report.ok
    assert report.of("TASK-8").outcome == "kept"


def test_a_report_fits_a_rule_that_nothing_showed() -> None:
    report = check_trace([])
    assert report.ok
    assert set(report.counts) == {"kept", "broken", "observed", "not checked"}
    assert report.counts["not checked"] == len(report.verdicts)
    assert all(verdict.why for verdict in report.verdicts)


JSON = "application/json"


@pytest.mark.parametrize(
    ("headers", "observed"),
    [
        (None, False),
        ({"content-type": JSON}, False),
        ({"content-type": f"{JSON.upper()}; charset=utf-8", "content-encoding": "identity"}, False),
        ({"content-type": "text/plain;charset=UTF-8"}, True),
        ({"content-type": "application/x-www-form-urlencoded"}, True),
        ({"accept": "*/*"}, True),
        ({"content-type": JSON, "content-encoding": "gzip"}, True),
    ],
)
@pytest.mark.parametrize("status", [400, 415])
def test_a_refusal_that_the_headers_of_the_request_may_explain_is_observed(
    headers: dict[str, str] | None, status: int, *, observed: bool
) -> None:
    refused = generate(0, "", status=status, answer=error(status), requestHeaders=headers)
    report = check_trace(trace([refused]))
    assert (report.having("broken"), report.having("observed")) == (((), ("GEN-1",)) if observed else (("GEN-17",), ()))


@pytest.mark.parametrize("status", [407, 511])
def test_the_answer_of_a_proxy_before_the_server_is_not_judged(status: int) -> None:
    page = "<html>Log in to this network</html>"
    report = check_trace(trace([generate(0, "", status=status, answer=page), poll(1, "t", status=status, answer=page)]))
    assert (report.having("broken"), report.having("observed")) == ((), ())


def test_a_callback_whose_url_is_signed_otherwise_than_the_status_is_observed() -> None:
    anew = json.dumps({"resultUrls": ["https://r2.example/a.mp4?sig=2"]})
    calls_anew = success(**told("task_2", "success") | {"resultJson": anew})
    changes = both(
        data(11, resultJson=anew.replace("=2", "=1")), *(calls(index, request=calls_anew) for index in range(3))
    )
    report = check_trace(trace(changed(GOOD, changes)))
    assert (report.having("broken"), report.having("observed")) == ((), ("CB-1",))
