"""Validate responses of the API: envelopes, tasks in every state, and callbacks."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal, TypeGuard

from ltx_mock_contracts.validation.explain import closest_word, explainer, sort_findings
from ltx_mock_contracts.validation.findings import Finding, forbidden, missing, relocate, unknown, wrong
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body
from ltx_mock_schemas import schema

__all__ = ["Operation", "validate_callback", "validate_response"]

Operation = Literal["generateTask", "statusTask", "balance"]
"""The two operations of the model, and the credit balance."""

_SCHEMAS: Final[dict[Operation, str]] = {
    "generateTask": "generate-response",
    "statusTask": "status-response",
    "balance": "balance-response",
}
_RESULT: Final = ("data", "resultJson")
_TIMES: Final = ("createTime", "completeTime", "costTime")


def validate_response(operation: Operation, status: int, body: object) -> list[Finding]:
    """Return the findings for a response of the API, worst first.

    With HTTP status 200 and no other number in `code` the response is validated as a success, else as an error. Things
    that no document forbids are advisories: unknown fields of `data` (CLI-9), an undocumented fail code (TASK-7), an
    unfinished task without `createTime` (TASK-2), and null, "" or 0 in a field that the state does not need.

    Args:
        operation: The operation of the request.
        status: The HTTP status of the response.
        body: The decoded body.
    """
    code = body.get("code") if isinstance(body, dict) else None
    usable = _is_number(code)
    success = status == 200 and (code == 200 or not usable)
    plain = _without_zero_values(body) if success and operation == "statusTask" else body
    findings = explainer(_SCHEMAS[operation] if success else "error").findings(plain)
    if usable and code != status:
        findings = [finding for finding in findings if finding.pointer != "/code"]
        findings.append(wrong("ENV-4", "violation", ("code",), code, f"the HTTP status, {status}"))
    more = [*_data_findings(operation, plain, findings), *_zero_values(body)] if success else _error_findings(body)
    return sort_findings(findings + more)


def validate_callback(body: object) -> list[Finding]:
    """Return the findings for the body of a callback, worst first.

    Args:
        body: The decoded body that was POSTed to `callback_url`.
    """
    plain = _without_zero_values(body)
    findings = explainer("callback").findings(plain)
    return sort_findings(findings + _data_findings("statusTask", plain, findings) + _zero_values(body))


def _data_findings(operation: Operation, body: object, known: list[Finding]) -> list[Finding]:
    """Check what the schema cannot express, in fields without findings: sums, JSON in strings, unknown values."""
    data: object = body.get("data") if isinstance(body, dict) else None
    if operation == "balance" or not isinstance(data, dict):
        return []
    wrong_fields = {finding.pointer.removeprefix("/data/") for finding in known}
    findings = _unknown_fields(data, _known_fields(operation))
    if operation == "statusTask":
        findings += [*_missing_expected(data), *_undocumented_values(data)]
    if operation == "statusTask" and wrong_fields.isdisjoint(_TIMES):
        findings += _cost_findings(data)
    if operation == "statusTask" and "resultJson" not in wrong_fields:
        findings += _result_findings(data.get("resultJson"))
    return findings


def _error_findings(body: object) -> list[Finding]:
    data: object = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or "error" not in data:
        return []  # not the data of an error; the schema reports that
    return _unknown_fields(data, list(schema("error")["properties"]["data"]["properties"]))


def _missing_expected(data: dict[object, object]) -> list[Finding]:
    """Return an advisory for each missing field that a document shows but clients cannot rely on."""
    task = _task_schema(data.get("state"))
    return [
        missing(task["x-rule-required"], "advisory", ("data", name), task["properties"][name]["x-allowed"])
        for name in task.get("x-expected", ())
        if name not in data
    ]


def _zero_values(body: object) -> list[Finding]:
    """Return an advisory for each null, "" or 0 in a field that a task in this state does not need.

    No document shows or forbids it, and a server that has one class for all states writes it.
    """
    data: object = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return []
    fields = _task_schema(data.get("state")).get("properties", {})
    return [
        (forbidden if field["type"] == "null" else wrong)(
            field["x-rule"], "advisory", ("data", name), data[name], field["x-allowed"]
        )
        for name in _zero_fields(data)
        for field in (fields[name],)
    ]


def _without_zero_values(body: object) -> object:
    """Return a body with null for the zero values of fields that the state does not need."""
    data: object = body.get("data") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(data, dict):
        return body
    return body | {"data": data | dict.fromkeys(_zero_fields(data))}


def _zero_fields(data: dict[object, object]) -> list[str]:
    """Return the fields with null, "" or 0 that the state does not need. A duration of 0 may be meant."""
    task = _task_schema(data.get("state"))
    unneeded = (name for name in task.get("properties", {}) if name in data and name not in task["required"])
    zero = [name for name in unneeded if data[name] in (None, "", 0) and data[name] is not False]
    return [name for name in zero if name != "costTime" or data[name] != 0 or not data.get("completeTime")]


def _undocumented_values(data: dict[object, object]) -> list[Finding]:
    """Return an advisory for each undocumented value of an extensible enum (TASK-7)."""
    fields = _task_schema(data.get("state")).get("properties", {})
    return [
        wrong(
            field["x-rule"],
            "advisory",
            ("data", name),
            value,
            "one of the documented codes",
            hint=closest_word(value, known),
        )
        for name, field in fields.items()
        if (known := field.get("x-extensible-enum"))
        and isinstance(value := data.get(name), str)
        and value not in ("", *known)
    ]


def _task_schema(state: object) -> dict[str, Any]:
    return _task_schemas().get(state, {}) if isinstance(state, str) else {}


@cache
def _task_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of a task, by state."""
    definitions = schema("status-response")["$defs"]
    return {name.removesuffix("Task"): node for name, node in definitions.items() if name.endswith("Task")}


def _unknown_fields(data: dict[object, object], known: list[str]) -> list[Finding]:
    return [
        unknown("CLI-9", "advisory", ("data", field), value, known, hint=closest_word(field, known))
        for field, value in data.items()
        if isinstance(field, str) and field not in known
    ]


@cache
def _known_fields(operation: Operation) -> list[str]:
    definition = "newTask" if operation == "generateTask" else "successTask"
    return list(schema(_SCHEMAS[operation])["$defs"][definition]["properties"])


def _cost_findings(data: dict[object, object]) -> list[Finding]:
    created, completed, cost = (data.get(name) for name in _TIMES)
    if not (_is_number(created) and _is_number(completed) and _is_number(cost)) or completed - created == cost:
        return []
    allowed = f"completeTime minus createTime, {completed - created}"
    return [wrong("TASK-5", "violation", ("data", "costTime"), cost, allowed)]


def _result_findings(text: object) -> list[Finding]:
    if not isinstance(text, str):
        return []
    try:
        decoded = parse_body(text.encode(errors="surrogatepass"))
    except MalformedBody:
        return [wrong("TASK-4", "violation", _RESULT, text, "a string of JSON with resultUrls")]
    return [relocate(finding, _RESULT) for finding in explainer("result-json").findings(decoded)]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
