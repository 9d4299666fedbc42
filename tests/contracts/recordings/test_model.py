"""A recording is read and written without loss, and what is wrong with one is one line that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock_contracts.recordings import Body, Recording, RecordingError
from support.recordings import answer, document, recording, success


def test_a_recording_is_written_as_it_was_read() -> None:
    full = document(
        callbacks=[{"after": 60_990, "headers": {"content-type": "a/b"}, "bodyText": "hello", "status": None}],
        results=[{"url": "https://h/v.mp4", "file": "t.mp4", "bytes": 9, "mediaType": "video/mp4", "seconds": 5.0}],
        answers=[
            {"after": -3, "until": 5, "status": None, "problem": "no connection", "headers": {}},
            {"after": 5, "until": 5, "status": 500, "headers": {}, "bodyBase64": "/w=="},
            answer(9, 9, "processing_r2", odd=[1, None, 2.5]),
            success(),
        ],
        redaction={"fields": ["/input/seed"], "keepPrompts": False, "salt": "ab"},
    )
    assert Recording.from_json(full).to_json() == full


def test_a_refused_request_is_a_recording_too() -> None:
    refused = document(taskId=None, answers=[], end=None, response={"status": 400, "body": {"code": 400}})
    told = Recording.from_json(refused)
    assert (told.task_id, told.response.status, told.response.latency, told.answers) == (None, 400, 0, ())


def test_what_may_be_missing_may_be_missing_and_what_is_unknown_is_ignored() -> None:
    told = Recording.from_json(document(end=..., callbacks=..., results=..., redaction=..., more=1), "name")
    assert told == recording(end=None, results=[])
    assert told.name == "name"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": "other"}, 'format must be "ltx-mock-recording", but is "other"'),
        (
            {"version": 2, "answers": ...},
            "version must be 1, the newest that this ltx-mock reads, but is 2",
        ),
        ({"version": "1"}, 'version must be 1, but is "1"'),
        ({"answers": ...}, "answers must be an array, but is missing"),
        ({"taskId": 7}, "taskId must be a string or null, but is 7"),
        ({"recorded": "today"}, 'recorded must be a time such as 2026-01-31T12:00:00.000Z, but is "today"'),
        ({"recorded": "2026-02-30T12:00:00Z"}, 'recorded must be a time that exists, but is "2026-02-30T12:00:00Z"'),
        ({"response": {}}, "response.status must be an HTTP status from 100 to 599, or null, but is missing"),
        ({"response": {"status": 600}}, "response.status must be an HTTP status from 100 to 599, or null, but is 600"),
        (
            {"answers": [{"after": 1, "until": 1, "status": 999}]},
            "answers[0].status must be an HTTP status from 100 to 599, or null, but is 999",
        ),
        ({"request": {"headers": {"a": 1}}}, "request.headers.a must be a string, but is 1"),
        (
            {"answers": [{"after": "1", "until": 1, "status": 200}]},
            'answers[0].after must be a whole number of milliseconds, but is "1"',
        ),
        ({"answers": [answer(5, 4, "pending")]}, "answers[0].until must be 5 or later, but is 4"),
        ({"answers": [answer(5, 9, "a"), answer(4, 9, "b")]}, "answers[1].after must be 5 or later, but is 4"),
        ({"end": {"after": 1}}, "end.state must be a string, but is missing"),
        ({"request": {"bodyBase64": "ab"}}, "bodyBase64 must be Base64"),
        ({"request": {"bodyBase64": "é"}}, 'request.bodyBase64 must be Base64, but is "é"'),
        (
            {"results": [{"url": "https://h/", "file": "../../etc/passwd"}]},
            'results[0].file must be the name of a file in the same folder, but is "../../etc/passwd"',
        ),
        (
            {"results": [{"url": "https://h/", "bytes": -1}]},
            "results[0].bytes must be a number of bytes, but is -1",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_field(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RecordingError) as caught:
        Recording.from_json(document(**changes))
    assert str(caught.value) == problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@given(st.data())
def test_nonsense_anywhere_is_read_or_is_one_line(data: st.DataObject) -> None:
    entry: Any = document(callbacks=[{"after": 1, "status": 200}])
    node, name = entry, data.draw(st.sampled_from(sorted(entry)))
    while isinstance(node[name], (dict, list)) and node[name] and data.draw(st.booleans()):
        node = node[name]
        name = data.draw(st.sampled_from(sorted(node)) if isinstance(node, dict) else st.integers(0, len(node) - 1))
    node[name] = data.draw(JSON)
    problem = ""
    try:
        told = Recording.from_json(json.loads(json.dumps(entry)))
        assert Recording.from_json(told.to_json()) == told
    except RecordingError as error:
        problem = str(error)
    assert "\n" not in problem


@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_loses_anything(raw: bytes) -> None:
    body = Body.of(raw)
    again = Body.from_json(json.loads(json.dumps(body.to_json())))
    assert again == body
    assert again.raw == raw or (body.form == "json" and json.loads(again.raw) == json.loads(raw))
