"""Judging what the API answers: envelopes, tasks in every state, callbacks."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock_contracts import RULES, validate_callback, validate_response
from ltx_mock_contracts.model import FAIL_CODES
from ltx_mock_schemas import schema

CREATED, COMPLETED = 1767965610929, 1767965652317
RUNNING = {"taskId": "task_1", "state": "pending", "createTime": CREATED}
SUCCESS = {
    "taskId": "task_1",
    "state": "success",
    "resultJson": '{"resultUrls":["https://r2.apixo.ai/video.mp4"]}',
    "createTime": CREATED,
    "completeTime": COMPLETED,
    "costTime": 41388,
}
FAILED = {"taskId": "task_1", "state": "failed", "failCode": "CONTENT_VIOLATION", "failMsg": "Not allowed"}
EXCHANGES = sorted((files("ltx_mock_fixtures") / "exchanges").iterdir(), key=lambda file: file.name)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


def ok(data: object, **changes: object) -> dict[str, object]:
    return {"code": 200, "message": "success", "data": data, **changes}


def without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def status(data: object) -> list[tuple[str, str]]:
    return [(finding.rule, finding.pointer) for finding in validate_response("statusTask", 200, ok(data))]


def answer(http: int, body: object) -> list[tuple[str, str]]:
    return [(finding.rule, finding.pointer) for finding in validate_response("generateTask", http, body)]


@pytest.mark.parametrize("file", EXCHANGES, ids=lambda file: file.name)
def test_the_answers_of_the_documents_have_no_finding(file: Any) -> None:
    exchange = json.loads(file.read_text("utf-8"))
    response = exchange["response"]
    assert validate_response(exchange["operation"], response["status"], response["body"]) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], [("ENV-1", "")]),
        ("text", [("ENV-1", "")]),
        ({}, [("ENV-1", "/code"), ("ENV-1", "/message"), ("ENV-1", "/data")]),
        (ok({"taskId": "t"}, extra=1), [("ENV-1", "/extra")]),
        (ok({"taskId": "t"}, message="ok"), [("ENV-2", "/message")]),
        (ok({"taskId": "t"}, code="200"), [("ENV-2", "/code")]),
        (ok({"taskId": "t"}, code=True), [("ENV-2", "/code")]),
        (ok({"taskId": "t"}, code=201), [("ENV-3", "/data/error"), ("ENV-4", "/code")]),
        (ok(None), [("GEN-17", "/data")]),
        (ok({}), [("GEN-17", "/data/taskId")]),
        (ok({"taskId": ""}), [("GEN-17", "/data/taskId")]),
        (ok({"taskId": 5}), [("GEN-17", "/data/taskId")]),
        (ok({"taskId": "t", "eta": 60}), [("CLI-9", "/data/eta")]),
        (ok({"taskId": float("nan")}), [("ENV-1", "/data/taskId")]),
    ],
)
def test_a_success_of_generate_task(body: object, expected: list[tuple[str, str]]) -> None:
    assert sorted(answer(200, body)) == sorted(expected)


@pytest.mark.parametrize("http", [400, 401, 402, 403, 404, 405, 413, 429, 500, 503])
def test_an_error_is_an_envelope_with_its_status(http: int) -> None:
    assert answer(http, {"code": http, "message": "No", "data": None}) == []
    assert answer(http, {"code": http + 1, "message": "No", "data": None}) == [("ENV-4", "/code")]
    assert answer(200, {"code": http, "message": "No", "data": None}) == [("ENV-4", "/code")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"message": ""}, [("ENV-3", "/message")]),
        ({"message": " \n"}, [("ENV-3", "/message")]),
        ({"message": None}, [("ENV-3", "/message")]),
        ({"data": {}}, [("ENV-3", "/data/error")]),
        ({"data": {"error": None}}, [("ENV-3", "/data/error")]),
        ({"data": []}, [("ENV-3", "/data")]),
        ({"data": {"error": "Missing required field: input.prompt"}}, []),
        ({"data": {"error": "x", "field": "y"}}, [("CLI-9", "/data/field")]),
        ({"code": "400"}, [("ENV-1", "/code")]),
        ({"code": None}, [("ENV-1", "/code")]),
        ({"code": 200}, [("ENV-4", "/code")]),
        ({"code": 10**5000}, [("ENV-4", "/code")]),
        ({"detail": 1}, [("ENV-1", "/detail")]),
    ],
)
def test_what_can_be_wrong_with_an_error(change: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert answer(400, {"code": 400, "message": "No", "data": None} | change) == expected


@pytest.mark.parametrize("state", ["pending", "processing"])
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"resultJson": None}, "TASK-2"),
        ({"completeTime": COMPLETED}, "TASK-2"),
        ({"costTime": 5}, "TASK-2"),
        ({"failCode": "CONTENT_VIOLATION"}, "TASK-2"),
        ({"failMsg": ""}, "TASK-2"),
        ({"createTime": CREATED // 1000}, "TASK-5"),
        ({"createTime": str(CREATED)}, "TASK-5"),
        ({"progress": 5}, "CLI-9"),
    ],
)
def test_task_2_a_task_that_is_not_finished(state: str, change: dict[str, object], rule: str) -> None:
    running = RUNNING | {"state": state}
    assert status(running) == []
    assert status(running | change) == [(rule, f"/data/{next(iter(change))}")]


@pytest.mark.parametrize("name", list(RUNNING))
def test_task_2_has_its_three_fields(name: str) -> None:
    assert status(without(RUNNING, name)) == [("TASK-1" if name == "state" else "TASK-2", f"/data/{name}")]


@pytest.mark.parametrize("name", list(without(SUCCESS, "state")))
def test_task_3_a_success_has_its_fields(name: str) -> None:
    assert status(without(SUCCESS, name)) == [("TASK-3", f"/data/{name}")]


@pytest.mark.parametrize("name", ["failCode", "failMsg"])
def test_task_3_a_success_has_no_failure(name: str) -> None:
    assert status(SUCCESS | {name: "CONTENT_VIOLATION"}) == [("TASK-3", f"/data/{name}")]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            "{}",
            '{"resultUrls": []}',
            '{"resultUrls": ["video.mp4"]}',
            '{"resultUrls": "https://a/"}',
        ),
        *('{"resultUrls": ["https://a/"], "resultUrls": []}', "\ud800", None, {"resultUrls": ["https://a/"]}),
    ],
    ids=repr,
)
def test_task_4_result_json_is_text_of_json(value: object) -> None:
    assert status(SUCCESS | {"resultJson": value}) == [("TASK-4", "/data/resultJson")]


def test_task_4_result_json_may_hold_more() -> None:
    text = '{"resultUrls": ["https://a/1.mp4", "http://b/2.mp4"], "cover": null}'
    assert status(SUCCESS | {"resultJson": text}) == []


@pytest.mark.parametrize(
    "base", [SUCCESS, FAILED | {"createTime": CREATED, "completeTime": COMPLETED, "costTime": 41388}]
)
def test_task_5_cost_is_a_difference(base: dict[str, object]) -> None:
    assert status(base) == []
    assert status(base | {"costTime": 41389}) == [("TASK-5", "/data/costTime")]
    assert status(base | {"costTime": -1}) == [("TASK-5", "/data/costTime")]
    assert status(base | {"costTime": 41.388}) == [("TASK-5", "/data/costTime")]
    assert status(base | {"createTime": CREATED // 1000}) == [("TASK-5", "/data/createTime")]


@pytest.mark.parametrize("name", ["taskId", "failCode", "failMsg"])
def test_task_6_a_failure_has_its_fields(name: str) -> None:
    assert status(FAILED) == []
    assert status(without(FAILED, name)) == [("TASK-6", f"/data/{name}")]


def test_task_6_a_failure_has_a_reason_and_no_result() -> None:
    assert status(FAILED | {"failMsg": ""}) == [("TASK-6", "/data/failMsg")]
    assert status(FAILED | {"resultJson": "{}"}) == [("TASK-6", "/data/resultJson")]
    assert status(FAILED | {"createTime": CREATED}) == []


@pytest.mark.parametrize("code", FAIL_CODES)
def test_task_7_the_fail_codes_that_are_documented(code: str) -> None:
    assert status(FAILED | {"failCode": code}) == []


@pytest.mark.parametrize("code", ["invalid_lora_url", "SensitiveContentDetected", "E1"])
def test_task_7_a_code_that_nobody_documents_is_an_advisory(code: str) -> None:
    [finding] = validate_response("statusTask", 200, ok(FAILED | {"failCode": code}))
    assert (finding.rule, finding.pointer, finding.severity) == ("TASK-7", "/data/failCode", "advisory")


@pytest.mark.parametrize("code", ["", None, 7, ["CONTENT_VIOLATION"]])
def test_task_7_a_code_is_a_non_empty_string(code: object) -> None:
    [finding] = validate_response("statusTask", 200, ok(FAILED | {"failCode": code}))
    assert (finding.rule, finding.pointer, finding.severity) == ("TASK-7", "/data/failCode", "violation")


def test_task_7_the_schema_lists_every_documented_code() -> None:
    failed = schema("status-response")["$defs"]["failedTask"]["properties"]
    assert failed["failCode"]["x-extensible-enum"] == list(FAIL_CODES)


@pytest.mark.parametrize(
    ("data", "rule", "empty"),
    [
        (RUNNING, "TASK-2", ("resultJson", "completeTime", "costTime", "failCode", "failMsg")),
        (RUNNING, "TASK-5", ("createTime",)),
        (SUCCESS, "TASK-3", ("failCode", "failMsg")),
        (FAILED, "TASK-6", ("resultJson",)),
        (FAILED, "TASK-5", ("createTime", "completeTime", "costTime")),
    ],
)
def test_a_zero_value_in_a_field_that_the_state_does_not_need_is_an_advisory_and_nothing_else_is(
    data: dict[str, object], rule: str, empty: tuple[str, ...]
) -> None:
    for name in empty:
        values: tuple[object, ...] = (None, "", 0, {}, False, " ")
        for value in values:
            (finding,) = validate_response("statusTask", 200, ok(data | {name: value}))
            severity = "advisory" if value in (None, "", 0) and value is not False else "violation"
            assert (finding.rule, finding.pointer, finding.severity) == (rule, f"/data/{name}", severity)


@pytest.mark.parametrize("state", ["pending", "processing"])
def test_task_2_an_unfinished_task_without_its_time_is_an_advisory(state: str) -> None:
    [finding] = validate_response("statusTask", 200, ok({"taskId": "t", "state": state}))
    assert (finding.rule, finding.pointer, finding.severity) == ("TASK-2", "/data/createTime", "advisory")


@pytest.mark.parametrize("state", ["processing_r2", "SUCCESS", "", None, 1, ["success"]])
def test_task_1_an_unknown_state_is_the_only_thing_said_about_the_state(state: object) -> None:
    assert status(SUCCESS | {"state": state}) == [("TASK-1", "/data/state")]


@pytest.mark.parametrize("data", [None, [], "task_1", 1])
def test_task_1_data_is_an_object(data: object) -> None:
    assert status(data) == [("TASK-1", "/data")]


@pytest.mark.parametrize("data", [SUCCESS, FAILED])
def test_cb_1_a_callback_is_the_final_answer(data: dict[str, object]) -> None:
    assert validate_callback(ok(data)) == []
    assert [finding.rule for finding in validate_callback(ok(data, extra=1))] == ["ENV-1"]
    assert [finding.rule for finding in validate_callback(ok(data | {"extra": 1}))] == ["CLI-9"]
    assert [finding.rule for finding in validate_callback({"code": 500, "message": "x", "data": None})] == [
        "ENV-2",
        "ENV-2",
        "TASK-1",
    ]


@pytest.mark.parametrize("state", ["pending", "processing"])
def test_cb_1_nothing_is_announced_before_the_end(state: str) -> None:
    [finding] = validate_callback(ok(RUNNING | {"state": state}))
    assert (finding.rule, finding.pointer) == ("CB-1", "/data/state")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SUCCESS | {"costTime": 5}, "data.costTime must be completeTime minus createTime, 41388, but is 5"),
        (
            SUCCESS | {"resultJson": '{"resultUrls": ["x"]}'},
            'data.resultJson, decoded: resultUrls[0] must be an absolute http or https URL, but is "x"',
        ),
        (
            SUCCESS | {"resultJson": '{"resultUrl": "https://a/"}'},
            "data.resultJson, decoded: resultUrls is missing; it must be a non-empty array of absolute URLs",
        ),
        (SUCCESS | {"resultJson": "{"}, 'data.resultJson must be a string of JSON with resultUrls, but is "{"'),
        (RUNNING | {"failCode": "X"}, 'data.failCode is allowed only in the state "failed"'),
        (SUCCESS | {"resultjson": 1}, 'data.resultjson is not a field that the API knows; did you mean "resultJson"?'),
        (
            FAILED | {"failCode": "INVALID_LORA"},
            (
                'data.failCode should be one of the documented codes, but is "INVALID_LORA";'
                ' did you mean "INVALID_LORA_URL"?'
            ),
        ),
        (FAILED | {"failMsg": None}, "data.failMsg must be a readable, non-empty string, but is null"),
    ],
    ids=range(8),
)
def test_the_words_of_a_finding(data: object, message: str) -> None:
    assert [finding.message for finding in validate_response("statusTask", 200, ok(data))] == [message]


@given(JSON, JSON, st.sampled_from([200, 400, 500]))
def test_any_answer_is_judged_and_never_breaks_the_judge(body: object, data: object, http: int) -> None:
    for judged in (body, ok(data), ok(SUCCESS | {"resultJson": data, "costTime": data}), ok(None, code=data)):
        findings = validate_response("statusTask", http, judged) + validate_callback(judged)
        assert all(finding.rule in RULES and finding.message for finding in findings)
