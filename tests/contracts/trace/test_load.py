"""Recordings are read from whatever wrote them, and what cannot be read is told in one sentence."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ltx_mock_contracts import (
    Exchange,
    Trace,
    TraceError,
    check_trace,
    read_har,
    read_ndjson,
    read_trace,
    validate_request,
    write_ndjson,
)
from ltx_mock_contracts.trace import parse_trace
from ltx_mock_contracts.trace.curl import curl_line
from support.bodies import TEXT, request_body
from support.traces import BASE, call, error, generate, lines, poll, success

HOST = "https://api.example.com"
SECRET = "sk-live-0123456789abcdef"


def har_entry(url: str, *, method: str = "GET", body: Any = None, status: int = 200, answer: Any = None) -> Any:
    """Return an entry as a browser writes it."""
    request: dict[str, Any] = {"method": method, "url": url, "bodySize": 0, "headers": []}
    request["headers"].append({"name": "Authorization", "value": f"Bearer {SECRET}"})
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"size": 9, "mimeType": "application/json", "text": json.dumps(answer)}
    response = {"status": status, "headers": [{"name": "Retry-After", "value": "3"}], "content": content}
    return {"startedDateTime": "2026-01-09T13:33:30.929Z", "time": 12.5, "request": request, "response": response}


def har(*entries: Any) -> str:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": entries}})


def spoiled(**changes: Any) -> str:
    return lines([poll(0, "t"), poll(1, "t") | changes])


KNOWN = "generateTask, statusTask, balance, callback, other"
MADE = har_entry(
    f"{HOST}/api/v1/generateTask/ltx-2-19b", method="POST", body=request_body(TEXT), answer=success(taskId="t")
)


def test_a_har_entry_is_read_with_all_that_counts() -> None:
    (exchange,) = read_har(har(MADE))
    assert exchange == Exchange(
        at=BASE,
        ended=BASE + 13,
        operation="generateTask",
        method="POST",
        target=f"{HOST}/api/v1/generateTask/ltx-2-19b",
        status=200,
        request=request_body(TEXT),
        answer=success(taskId="t"),
        key="…cdef",
        headers={"retry-after": "3"},
        clock="observer",
    )
    assert check_trace([exchange]).ok


@pytest.mark.parametrize(
    ("headers", "mime_type", "read"),
    [
        ({"Content-Type": "text/plain"}, "application/json", {"content-type": "text/plain"}),
        ({"Accept": "*/*"}, "application/json", {"content-type": "application/json"}),
        ({"Content-Encoding": "gzip"}, "", {"content-encoding": "gzip"}),
        ({"Accept": "*/*"}, "", {}),
        ({}, "", None),
    ],
)
def test_the_kind_of_a_body_is_read_if_it_was_recorded(
    headers: dict[str, str], mime_type: str, read: dict[str, str] | None
) -> None:
    entry = copy.deepcopy(MADE)
    entry["request"]["headers"] = [{"name": name, "value": value} for name, value in headers.items()]
    entry["request"]["postData"]["mimeType"] = mime_type
    assert read_har(har(entry))[0].content_headers == read
    assert read_ndjson(lines([generate(0, "t") | {"requestHeaders": read}]))[0].content_headers == (read or None)


def test_only_the_exchanges_of_the_api_are_read() -> None:
    others = [
        har_entry("https://fonts.example.com/a.woff"),
        har_entry(f"{HOST}/index.html"),
        har_entry(f"{HOST}/api/v1/generateTask/ltx-2-19b", method="OPTIONS", status=204),
        har_entry("https://other.example/api/v1/users"),
        har_entry(f"{HOST}/api/v1/generateTask/another-model", method="POST", status=400, answer=error(400)),
        har_entry("data:text/plain,x"),
        har_entry("http://[", answer="x"),
        har_entry("https://log.example/", method="POST", body={"code": 1}),
    ]
    wrong = har_entry(f"{HOST}/api/v1/generateTasks", status=404, answer=error(404))
    trace = read_har(har(*others, MADE, wrong))
    assert [(each.operation, each.number) for each in trace] == [("generateTask", 9), ("other", 10)]
    assert trace.counted_in == "entry"


def test_callbacks_that_a_proxy_recorded_are_known_by_their_bodies() -> None:
    done = call(45, "t")["request"]
    entry = har_entry("https://client.example/hook", method="POST", body=done)
    (exchange,) = read_har(har(entry))
    assert (exchange.operation, exchange.request) == ("callback", done)


def test_base64_bodies_are_decoded() -> None:
    entry = har_entry(f"{HOST}/statusTask/ltx-2-19b?taskId=t")
    text = json.dumps(success(taskId="t", state="pending", createTime=BASE))
    entry["response"]["content"] |= {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
    (exchange,) = read_har(har(entry))
    assert exchange.answer == json.loads(text)
    entry["response"]["content"]["text"] = "%%%"
    (exchange,) = read_har(har(entry))
    assert exchange.gaps == {"answer"}


def test_what_a_recording_left_out_is_not_judged() -> None:
    made, polled = json.loads(har(MADE, har_entry(f"{HOST}/statusTask/ltx-2-19b?taskId=t")))["log"]["entries"]
    del made["request"]["postData"], polled["response"]["content"]["text"]
    made["request"]["bodySize"] = 99
    first, second = read_har(har(made, polled))
    assert (first.gaps, second.gaps) == (frozenset({"request"}), frozenset({"answer"}))
    assert check_trace([first, second]).ok
    assert check_trace([first, second]).of("GEN-10").outcome == "not checked"


@pytest.mark.parametrize("status", [0, -1])
def test_a_request_that_nobody_answered_is_not_judged(status: int) -> None:
    (exchange,) = read_har(har(har_entry(f"{HOST}/statusTask/ltx-2-19b?taskId=t", status=status)))
    assert exchange.status is None
    assert check_trace([exchange]).having("kept") == ()


def test_keys_are_told_apart_and_never_shown() -> None:
    entries = [json.loads(json.dumps(MADE)) for _ in range(3)]
    entries[1]["request"]["headers"][0]["value"] = "bearer another-key-that-ends-in-cdef"
    entries[2]["request"]["url"] += f"?key={SECRET}"
    entries[2]["request"]["postData"]["text"] = json.dumps(request_body(TEXT, prompt=SECRET))
    trace = read_har(har(*entries))
    assert [each.key for each in trace] == ["…cdef", "…cdef (2)", "…cdef"]
    assert SECRET not in repr([*trace]) + write_ndjson(trace) + curl_line(trace[2])


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("request", None, "request must be an object, but is null"),
        ("response", [], "response must be an object, but is an empty array"),
        ("response", None, "response must be an object, but is null"),
        ("response", {"status": "200"}, 'response.status must be an HTTP status, but is "200"'),
        ("startedDateTime", "yesterday", 'startedDateTime must be an ISO 8601 time, but is "yesterday"'),
        ("startedDateTime", 5, "startedDateTime must be a string, but is 5"),
    ],
)
def test_a_har_entry_that_cannot_be_used_is_skipped_and_named(field: str, value: Any, problem: str) -> None:
    trace = read_har(har(har_entry("https://elsewhere.example/"), MADE | {field: value}, MADE))
    assert [each.number for each in trace] == [3]
    assert trace.skipped == (f"entry 2: {problem}",)
    report = check_trace(trace)
    assert (report.exchanges, report.skipped) == (1, 1)
    assert report.notes == (f"skipped entry 2: {problem}",)


@pytest.mark.parametrize("text", ["{}", '{"log": 1}', '{"log": {"entries": {}}}', "[]", "1"])
def test_json_that_is_no_har_is_refused(text: str) -> None:
    with pytest.raises(TraceError, match=r"it is not a HAR: log\.entries is missing"):
        read_har(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "line 1: it is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("nonsense", "line 1: it is not JSON: Expecting value at column 1"),
        ('{"log": {\n"entries": [\n', "line 3: it is not JSON: Expecting value at column 1"),
        ("[1]", "entry 1: an exchange is an object, not 1"),
        ("3", "line 1: an exchange is an object, not 3"),
        ('"' + "x" * 10**6, "line 1: it is not JSON: Unterminated string starting at column 1"),
        ("[" * 200_000, "line 1: it is not readable JSON: it is nested deeper than 100 levels"),
        ("NaN", "line 1: it is not readable JSON: it has NaN, which is not JSON"),
        ('{"at": 1}', "line 1: method must be an HTTP method, but is missing"),
        ('{"at": 1e3}', "line 1: method must be an HTTP method, but is missing"),
        ('{"at": 1, "method": "\x1b[2J"}', "line 1: it is not JSON: Invalid control character at column 22"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_text_without_any_exchange_is_refused_for_its_first_line(text: str, problem: str) -> None:
    with pytest.raises(TraceError) as caught:
        parse_trace(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (spoiled(status="200"), 'line 2: status must be an HTTP status or null, but is "200"'),
        (spoiled(operation="x"), f'line 2: operation must be one of {KNOWN}, but is "x"'),
        (spoiled(headers=[1]), "line 2: headers must be an object of strings or null, but is an array of 1 item"),
        (spoiled(at=None), "line 2: at must be a time in Unix milliseconds, but is null"),
        (spoiled() + "\n\n!", "line 5: it is not JSON: Expecting value at column 1"),
        (spoiled() + '{"at": "5', "line 3: it is not JSON: Unterminated string starting at column 8"),
        ('{"at": 1\n' + spoiled(), "line 1: it is not JSON: Expecting ',' delimiter at column 9"),
        (spoiled(answer=float("nan")), "line 2: it is not readable JSON: it has NaN, which is not JSON"),
    ],
    ids=range(8),
)  # fmt: skip
def test_a_line_that_is_no_exchange_is_skipped_and_named(text: str, problem: str) -> None:
    trace = parse_trace(text)
    assert trace.skipped == (problem,)
    assert len(trace) in {1, 2}
    assert {each.requested_task_id for each in trace} == {"t"}


def test_of_many_lines_that_are_skipped_the_first_five_are_named() -> None:
    report = check_trace(parse_trace(lines([poll(0, "t")]) + "!\n" * 1000))
    assert (report.exchanges, report.skipped, report.ok) == (1, 1000, True)
    assert report.notes == (
        *(f"skipped line {line}: it is not JSON: Expecting value at column 1" for line in range(2, 7)),
        "skipped 995 more lines",
    )


def test_bodies_that_a_line_does_not_name_were_not_recorded() -> None:
    made, polled = generate(0, "t"), poll(1, "t")
    del made["request"], polled["answer"]
    trace = parse_trace(lines([made, polled, generate(2, "u") | {"request": None}]))
    assert [each.gaps for each in trace] == [{"request"}, {"answer"}, frozenset()]
    report = check_trace(trace)
    assert report.broken == ("GEN-1",)
    assert report.of("GEN-1").deviations[0].exchanges == (3,)
    assert report.notes == (
        "not recorded: the body of the request in line 1",
        "not recorded: the body of the response in line 2",
    )


def test_numbers_of_a_million_digits_are_refused() -> None:
    with pytest.raises(TraceError):
        parse_trace('{"at": ' + "9" * 10**6 + "}")


@pytest.mark.parametrize("text", ["", "\n \n", "[]", '{"requests": []}', har()])
def test_an_empty_recording_is_a_recording(text: str) -> None:
    assert len(parse_trace(text)) == 0


def test_files_are_read_as_shells_write_them(tmp_path: Path) -> None:
    text, path = lines([poll(0, "t")]).replace("\n", "\r\n"), tmp_path / "recording"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        assert read_trace(path) == read_ndjson(text)


def test_files_that_are_none_are_told_so(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\n\n\xff\xfe\x00")
    cases: list[tuple[str | Path, str]] = [
        (binary, "line 3: it is not text: byte 2 is 0xff"),
        (tmp_path / "none", "it cannot be read: No such file or directory"),
        (tmp_path, "it cannot be read: Is a directory"),
    ]
    for path, problem in cases:
        with pytest.raises(TraceError) as caught:
            read_trace(path)
        assert str(caught.value) == problem
    with pytest.raises(TraceError, match=r"it cannot be read: .*embedded null"):  # each Python has its own words
        read_trace("\0")


def test_an_exchange_that_names_no_operation_is_known_by_its_path() -> None:
    entry = {name: value for name, value in generate(0, "t").items() if name != "operation"}
    assert [each.operation for each in read_ndjson(lines([entry, entry | {"target": "/x"}]))] == [
        "generateTask",
        "other",
    ]


def test_a_trace_is_a_sequence() -> None:
    trace = read_ndjson(lines([poll(0, "t"), poll(1, "t")]))
    assert trace[0].at == BASE
    assert trace[-1:] == (trace[1],)
    assert trace == Trace(list(trace)) != Trace([])
    assert repr(trace) == "<Trace of 2 exchanges>"


def test_the_curl_line_of_a_request_can_be_pasted_safely() -> None:
    entry = generate(0, "t", request_body(TEXT, prompt="it's $(rm -rf /) \x1b[2J é `x`"))
    (exchange,) = read_ndjson(lines([entry | {"target": "http://user:pass@h.example/a b'\x1b?x=$(id)#f"}]))
    line = curl_line(exchange)
    assert line.isascii()
    assert line.isprintable()
    assert "pass" not in line
    import shlex

    words = shlex.split(line)
    assert words[:4] == ["curl", "-X", "POST", "http://h.example/a%20b'%1B?x=$(id)#f"]
    assert json.loads(words[-1]) == entry["request"]


def test_the_findings_of_a_request_are_looked_for_once() -> None:
    body = request_body(duration=21)
    exchange = Exchange(at=0, operation="generateTask", method="POST", target="/", status=400, request=body)
    assert exchange.findings == tuple(validate_request(body))
    assert [finding.rule for finding in exchange.findings] == ["GEN-10"]
    assert exchange.findings is exchange.findings
    assert replace(exchange, request=request_body()).findings == ()
    assert Exchange(**asdict(exchange)) == pickle.loads(pickle.dumps(exchange)) == exchange
