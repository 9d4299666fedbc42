"""What browsers and proxies do to a recording is not held against the client or the server that they recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts.trace.test_load import HOST, MADE, SECRET, har, har_entry
from ltx_mock_contracts import Report, check_trace, read_har
from ltx_mock_contracts.trace import parse_trace
from support.bodies import TEXT, request_body
from support.traces import BASE, generate, poll, success, told, trace

Entry = dict[str, Any]
Change = Callable[[Entry], object]

GOOD = json.dumps(request_body(TEXT))
CHINESE = json.dumps(request_body(TEXT, prompt="日落時的海浪ê" * 300), ensure_ascii=False)
ENCODED = base64.b64encode(GOOD.encode()).decode()
MANGLED = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in CHINESE.encode())
PENDING = {"taskId": "t", "state": "pending", "createTime": BASE}
RESULT = {
    "resultJson": '{"resultUrls":["https://r2.example/v.mp4"]}',
    "completeTime": BASE + 45_000,
    "costTime": 45_000,
}
POLL = har_entry(f"{HOST}/api/v1/statusTask/ltx-2-19b?taskId=t", answer=success(**PENDING))
DONE = success(**PENDING | {"state": "success"} | RESULT)


def changed(entry: Entry, *changes: Change) -> Entry:
    copied: Entry = json.loads(json.dumps(entry))
    for change in changes:
        change(copied)
    return copied


def posted(size: object = 200, **post: Any) -> Change:
    """Return a change of what was sent: `postData` with a type and these fields, and its size."""

    def change(entry: Entry) -> None:
        entry["request"]["postData"] = {"mimeType": "application/json", **post}
        entry["request"]["bodySize"] = size

    return change


def sized(size: int) -> Change:
    return lambda entry: entry["request"].update(bodySize=size)


def header(name: str, value: str) -> Change:
    return lambda entry: entry["request"]["headers"].append({"name": name, "value": value})


def came(**response: Any) -> Change:
    return lambda entry: entry["response"].update(response)


def own(**fields: Any) -> Change:
    return lambda entry: entry.update(fields)


def without_body(entry: Entry) -> None:
    del entry["request"]["postData"]


def judged(*entries: Entry) -> Report:
    """Judge a recording and say that nothing is held against anybody."""
    report = check_trace(read_har(har(*entries)))
    assert [each for verdict in report.verdicts for each in verdict.deviations] == []
    return report


WHOLE: dict[str, tuple[Change, ...]] = {
    "plain": (posted(text=GOOD, size=len(GOOD)),),
    "plain, no size": (posted(text=GOOD, size=-1),),
    "encoding base64": (posted(text=ENCODED, encoding="base64"),),
    "_encoding base64": (posted(text=ENCODED, _encoding="base64", size=-1),),
    "base64 in lines": (posted(text=ENCODED[:60] + "\r\n" + ENCODED[60:], encoding="BASE64"),),
    "base64 that is none": (posted(text=GOOD, encoding="base64"),),
    "base64 that nobody says is base64": (posted(text=ENCODED, size=-1),),
    "postData is the text": (lambda entry: entry["request"].update(postData=GOOD),),
    "byte order mark": (posted(text="\ufeff" + GOOD),),
    "byte order mark in base64": (posted(text="77u/" + ENCODED, encoding="base64"),),
    "a comment beside the whole text": (posted(text=GOOD, comment="sent by the page"),),
    "a size that counts the head too": (posted(text=GOOD, size=900),),
    "UTF-8 read as Latin-1": (posted(text=CHINESE.encode().decode("latin-1")),),
    "UTF-8 read as Windows-1252": (posted(text=MANGLED),),
    "UTF-8 as it was": (posted(text=CHINESE, size=len(CHINESE.encode())),),
    "headers by name": (lambda entry: entry["request"].update(headers={"Authorization": f"Bearer {SECRET}"}),),
}  # fmt: skip


@pytest.mark.parametrize("changes", WHOLE.values(), ids=WHOLE)
def test_a_body_that_is_there_is_judged_however_it_was_written(changes: tuple[Change, ...]) -> None:
    report = judged(changed(MADE, *changes))
    assert {"GEN-1", "GEN-6", "GEN-8", "GEN-10", "GEN-17"} <= set(report.having("kept"))
    assert report.notes == ()


LOST: dict[str, tuple[Change, ...]] = {
    "empty": (posted(text=""),),
    "null": (posted(text=None, size=0),),
    "comment only (Firefox)": (posted(text="", comment="Request bodies are not included", size=0),),
    "no text": (posted(),),
    "no postData": (without_body, sized(187)),
    "no postData, unknown size": (without_body, sized(-1)),
    "no postData, length in a header (Chrome, a Blob)": (without_body, header("Content-Length", "187")),
    "no postData, sent in chunks": (without_body, header("transfer-encoding", "chunked")),
    "no postData, accepted": (without_body,),
    "postData null": (lambda entry: entry["request"].update(postData=None, bodySize=187),),
    "in a file of its own (Playwright)": (posted(_file="f3a.json", size=0),),
    "only params": (posted(params=[{"name": "input", "value": "x"}]),),
    "cut": (posted(text=GOOD[:60], size=len(GOOD)),),
    "cut, with no size": (posted(text=GOOD[:60], size=-1),),
    "cut, with a comment": (posted(text="(too long)", size=10, comment="cut after 0 bytes"),),
    "cut base64": (posted(text=ENCODED[:61], encoding="base64"),),
    "compressed": (posted(text="\x1f\x8b\x08\x00\ufffd\ufffd", size=6), header("Content-Encoding", "gzip")),
}


@pytest.mark.parametrize("changes", LOST.values(), ids=LOST)
def test_a_body_that_is_not_there_is_not_recorded_and_said_so(changes: tuple[Change, ...]) -> None:
    report = judged(changed(MADE, *changes))
    assert [rule for rule in report.having("kept") if rule.startswith("GEN")] == ["GEN-17"]
    assert report.of("GEN-1").why == "there is no generateTask with its body in the recording"
    assert report.notes == ("not recorded: the body of the request in entry 1",)


def test_a_refusal_of_a_body_that_is_not_there_is_not_held_against_the_server() -> None:
    refused = {"code": 400, "message": "input.mode is required", "data": None}
    entry = har_entry(f"{HOST}/api/v1/generateTask/ltx-2-19b", method="POST", body={}, status=400, answer=refused)
    judged(changed(entry, posted(text="")), changed(entry, without_body, sized(9)))


NOTHING_SENT = (posted(text="", size=0), header("Content-Length", "0"))


@pytest.mark.parametrize("changes", [NOTHING_SENT, (posted(text="{", size=1),), (posted(text="nope", size=-1),)])
def test_a_client_that_sent_nothing_or_nonsense_is_still_judged(changes: tuple[Change, ...]) -> None:
    report = check_trace(read_har(har(changed(MADE, *changes))))
    assert report.broken == ("GEN-1",)  # the server took it


NO_ANSWER: dict[str, tuple[Change, ...]] = {
    "aborted": (came(status=0, content={"size": 0, "mimeType": "x-unknown"}, _error="net::ERR_ABORTED"),),
    "aborted (Playwright)": (came(status=-1, _failureText="net::ERR_ABORTED"),),
    "status null": (came(status=None),),
    "not modified": (came(status=304, content={"size": 0}),),
    "moved": (came(status=301, redirectURL=f"{HOST}/x", content={"size": 0, "text": ""}, bodySize=0),),
    "sent to https by the browser": (came(status=307, statusText="Internal Redirect", content={"size": 0}),),
    "from the browser's memory": (own(_fromCache="memory"),),
    "from the disk (Safari)": (own(_fetchType="Disk Cache"),),
    "by a service worker": (came(_fetchedViaServiceWorker=True),),
}


@pytest.mark.parametrize("changes", NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_the_server_did_not_answer_is_not_judged(changes: tuple[Change, ...]) -> None:
    finished = changed(POLL, lambda entry: entry["response"]["content"].update(text=json.dumps(DONE)))
    report = judged(finished, changed(POLL, *changes, own(startedDateTime="2026-01-09T13:40:00Z")))
    assert (report.exchanges, report.of("TASK-1").seen, report.skipped) == (2, 1, 0)
    judged(MADE, changed(MADE, *changes))  # which else would be a task id given twice


LENGTH = [{"name": "Content-Length", "value": "170"}]
CUT = '{"code": 200, "mess'
LOST_ANSWERS: dict[str, tuple[Change, ...]] = {
    "left out": (came(content={"size": 170, "mimeType": "application/json"}),),
    "left out, with no size": (came(content={"size": 0, "mimeType": "application/json"}, bodySize=-1),),
    "left out, with a comment": (came(content={"size": 0, "text": "", "comment": "too large"}, bodySize=0),),
    "streamed past the proxy": (came(content={"size": 0, "text": ""}, bodySize=0, headers=LENGTH),),
    "no content": (came(content=None),),
    "cut": (came(content={"size": 900, "text": CUT, "mimeType": "application/json"}),),
    "cut, by the connection": (came(content={"size": 19, "text": CUT}, _error="net::ERR_CONNECTION_RESET"),),
    "base64 that is none": (came(content={"size": 170, "text": "%%%", "encoding": "base64"}),),
    "in a file of its own": (came(content={"size": 0, "_file": "a.json"}, bodySize=0),),
}  # fmt: skip


@pytest.mark.parametrize("changes", LOST_ANSWERS.values(), ids=LOST_ANSWERS)
def test_an_answer_that_is_not_there_is_not_recorded_and_said_so(changes: tuple[Change, ...]) -> None:
    report = judged(changed(POLL, *changes), POLL)
    assert report.of("TASK-1").seen == 1
    assert report.notes == ("not recorded: the body of the response in entry 1",)


@pytest.mark.parametrize(
    "content",
    [
        {"size": 170, "_transferSize": 90, "compression": 80},
        {"size": 40},  # of what was compressed
        {"size": -1},
        {"comment": "decoded"},
    ],
)
def test_an_answer_that_is_there_is_judged_whatever_its_size_is_said_to_be(content: Entry) -> None:
    report = judged(changed(POLL, lambda entry: entry["response"]["content"].update(content)))
    assert report.of("TASK-2").outcome == "kept"


def test_an_empty_answer_is_a_fault_where_it_is_sure_that_it_was_empty() -> None:
    empty = changed(POLL, came(content={"size": 0, "text": ""}, bodySize=0))
    assert check_trace(read_har(har(empty))).broken == ("ENV-1",)


def test_who_asks_without_a_key_shows_nothing_of_the_other_rules() -> None:
    def refused(entry: Entry, status: int) -> Entry:
        answer = {"code": status, "message": "no", "data": None}
        content = {"size": 9, "text": json.dumps(answer)}
        return changed(entry, came(status=status, content=content), lambda each: each["request"].update(headers=[]))

    bad = har_entry(f"{HOST}/api/v1/generateTask/ltx-2-19b", method="POST", body=[])
    no_id = har_entry(f"{HOST}/api/v1/statusTask/ltx-2-19b")
    entries = [MADE, POLL, *(refused(each, status) for each in (MADE, bad, no_id, POLL) for status in (401, 403))]
    report = check_trace(read_har(har(*entries, refused(POLL, 404))))
    assert report.broken == ()
    assert report.having("observed") in {(), ("AUTH-1",)}
    assert report.of("TASK-11").deviations == ()
    assert report.of("GEN-17").deviations == ()


COOKIES = "last=success; mode=text-to-video; Path=/; processing"


def test_a_word_in_a_cookie_or_a_state_in_a_header_is_no_secret_that_is_taken_out_of_a_body() -> None:
    done = har_entry(f"{HOST}/api/v1/statusTask/ltx-2-19b?taskId=t", answer=success(**told("t", "success")))
    with_cookies = [changed(each, header("Cookie", COOKIES)) for each in (MADE, done)]
    assert judged(*with_cookies) == judged(MADE, done)
    entries = [generate(0, "t"), poll(1, "t", "success")]
    with_states = [changed(each, header("X-Session-State", "success")) for each in (MADE, done)]
    assert judged(*with_states) == judged(MADE, done)
    headers = {"cookie": COOKIES, "x-auth-result": "success", "x-token": "Token success"}
    assert check_trace(trace([each | {"requestHeaders": headers} for each in entries])) == check_trace(trace(entries))


def test_preflights_are_left_out() -> None:
    url = f"{HOST}/api/v1/generateTask/ltx-2-19b"
    preflight = har_entry(url, method="OPTIONS", status=204)
    failed = changed(preflight, came(status=0))
    assert judged(preflight, failed, MADE).exchanges == 1


def test_one_number_that_is_none_does_not_refuse_the_file() -> None:
    other = har_entry("https://elsewhere.example/")
    for bad in ("NaN", "-Infinity", "1e999", "9" * 5000):
        text = har(changed(other, own(time="BAD")), MADE).replace('"BAD"', bad)
        trace = parse_trace(text)
        assert [each.number for each in trace] == [2]
        assert trace.skipped == ()


@pytest.mark.parametrize("entry", [None, 5, "x", [], {}, {"request": {}}, {"request": {"url": 1}}])
def test_one_entry_that_is_none_is_skipped_and_counted(entry: Any) -> None:
    trace = read_har(har(entry, MADE))
    assert [each.number for each in trace] == [2]
    assert len(trace.skipped) == 1
    assert trace.skipped[0].startswith("entry 1: ")
    assert len(read_har(har(entry))) == 0


def test_what_is_said_of_a_skipped_entry_has_no_key_in_it() -> None:
    trace = read_har(har(MADE, changed(MADE, own(startedDateTime=f"at {SECRET}"))))
    assert trace.skipped == ('entry 2: startedDateTime must be an ISO 8601 time, but is "at …cdef"',)
