"""Recordings that nobody should trust: they end in a report or in one sentence, never in a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.trace.test_load import HOST, MADE, har, har_entry
from ltx_mock_contracts import Trace, TraceError, check_trace, read_har, read_ndjson, write_ndjson
from ltx_mock_contracts.trace import parse_trace
from ltx_mock_contracts.trace.load import _text
from support.bodies import TEXT, request_body
from support.traces import BASE, generate, success, told

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

MANY = settings(max_examples=2 * settings().max_examples)


def some_of(names: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=names)


DATA = some_of(
    {
        "taskId": st.sampled_from(["t", "u", "", 5]) | JSON,
        "state": st.sampled_from(["pending", "processing", "success", "failed", "x"]) | JSON,
        **dict.fromkeys(("createTime", "completeTime", "costTime"), st.sampled_from([BASE, 45_000]) | JSON),
        "resultJson": st.just('{"resultUrls":["https://x.example/"]}') | JSON,
        "failCode": st.just("CONTENT_VIOLATION") | JSON,
        "failMsg": JSON,
    }
)
ENVELOPE = some_of({"code": st.sampled_from([200, 400]) | JSON, "message": JSON, "data": DATA | JSON})
ENTRY = some_of(
    {
        "at": st.integers(0, 10**14),
        "method": st.sampled_from(["GET", "POST"]),
        "target": st.sampled_from(
            ["/generateTask/ltx-2-19b", "/statusTask/ltx-2-19b?taskId=t", "/x", "/statusTask/ltx-2-19b"]
        ),
        "operation": st.sampled_from(["generateTask", "statusTask", "callback", "other"]),
        "status": st.sampled_from([200, 400, 404, 429, None]),
        "request": ENVELOPE | JSON | st.just(request_body(TEXT)),
        "answer": ENVELOPE | JSON,
        "ended": st.none() | st.integers(0, 10**14),
        "key": st.sampled_from(["a", "b", None]),
        "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    }
)
SPOILED = st.tuples(
    ENTRY, st.dictionaries(st.sampled_from(["at", "method", "target", "gaps", "clock"]), JSON, max_size=1)
)


def judged(read: Callable[[], Trace]) -> Trace:
    """Read and judge; a recording that cannot be read is told in one line, and counts as an empty one."""
    try:
        trace = read()
    except TraceError as problem:
        text = str(problem)
    else:
        json.dumps(check_trace(trace).as_dict())
        return trace
    assert text.isprintable()
    return Trace([])


@MANY
@given(st.lists(SPOILED.map(lambda both: both[0] | both[1]) | JSON, max_size=5))
@example([generate(0, "t", request={"input": {"mode": "text-to-video"}})])
def test_whatever_the_lines_say_there_is_an_error_or_a_report(entries: list[Any]) -> None:
    trace = judged(lambda: parse_trace("\n".join(map(json.dumps, entries))))
    assert read_ndjson(write_ndjson(trace)) == trace


@MANY
@given(st.lists(ENTRY, max_size=8))
def test_whatever_exchanges_say_there_is_a_report(entries: list[Any]) -> None:
    whole = [{"at": 0, "method": "GET", "target": "/", **each} for each in entries]
    assert len(judged(lambda: read_ndjson("\n".join(map(json.dumps, whole))))) == len(entries)


@MANY
@given(st.data())
def test_whatever_a_har_says_there_is_an_error_or_a_report(data: st.DataObject) -> None:
    entries = json.loads(har(MADE, har_entry(f"{HOST}/statusTask/ltx-2-19b?taskId=t")))["log"]["entries"]
    for _ in range(data.draw(st.integers(1, 3))):
        node: Any = data.draw(st.sampled_from(entries))
        while isinstance(node, dict) and node:
            name = data.draw(st.sampled_from(sorted(node)))
            if not isinstance(node[name], dict) or data.draw(st.booleans()):
                node[name] = data.draw(JSON)
                break
            node = node[name]
    judged(lambda: read_har(har(*entries)))


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_there_is_an_error_or_a_trace(raw: bytes) -> None:
    judged(lambda: parse_trace(_text(raw)))


@pytest.mark.slow
def test_twenty_thousand_polls_are_judged_in_a_moment() -> None:
    line = '{"at": %d, "method": "GET", "target": "/statusTask/ltx-2-19b?taskId=t", "status": 200, "answer": %s}'
    answer = json.dumps(success(**told("t", "pending")))
    trace = read_ndjson("\n".join(line % (BASE + n, answer) for n in range(20_000)))
    assert check_trace(trace).of("TASK-1").seen == len(trace)
