"""Judge what the API answers: envelopes, tasks in every state, and callbacks."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal, TypeGuard

from ltx_mock_contracts.validation.explain import arranged, explainer, near
from ltx_mock_contracts.validation.findings import Finding, missing, unknown, within, wrong
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body
from ltx_mock_schemas import schema

__all__ = ["Operation", "validate_callback", "validate_response"]

Operation = Literal["generateTask", "statusTask", "balance"]
"""The two operations of the model, and the one that tells the credits that are left."""

_SCHEMAS: Final[dict[Operation, str]] = {
    "generateTask": "generate-response",
    "statusTask": "status-response",
    "balance": "balance-response",
}
_RESULT: Final = ("data", "resultJson")
_TIMES: Final = ("createTime", "completeTime", "costTime")


def validate_response(operation: Operation, status: int, body: object) -> list[Finding]:
    """Return everything that is wrong with an answer of the API, worst first.

    With HTTP status 200 and no other number in `code` the answer is judged as a success, else as an error. What no
    document forbids is an advisory: fields of `data` that nobody knows (CLI-9), a fail code that nobody lists
    (TASK-7), an unfinished task without `createTime` (TASK-2).

    Args:
        operation: What was asked.
        status: The HTTP status of the answer.
        body: The decoded body.
    """
    code = body.get("code") if isinstance(body, dict) else None
    usable = _is_number(code)
    success = status == 200 and (code == 200 or not usable)
    findings = explainer(_SCHEMAS[operation] if success else "error").findings(body)
    if usable and code != status:
        findings = [finding for finding in findings if finding.pointer != "/code"]
        findings.append(wrong("ENV-4", "violation", ("code",), code, f"the HTTP status, {status}"))
    return arranged(findings + (_about_data(operation, body, findings) if success else _about_error(body)))


def validate_callback(body: object) -> list[Finding]:
    """Return everything that is wrong with the body of a callback, worst first.

    Args:
        body: The decoded body that was POSTed to `callback_url`.
    """
    findings = explainer("callback").findings(body)
    return arranged(findings + _about_data("statusTask", body, findings))


def _about_data(operation: Operation, body: object, known: list[Finding]) -> list[Finding]:
    """Find what no schema can say, sums, text within text and what is new, where nothing is known to be wrong."""
    data: object = body.get("data") if isinstance(body, dict) else None
    if operation == "balance" or not isinstance(data, dict):
        return []
    wrong_fields = {finding.pointer.removeprefix("/data/") for finding in known}
    findings = _strangers(data, _known(operation))
    if operation == "statusTask":
        findings += [*_absent(data), *_unlisted(data)]
    if operation == "statusTask" and wrong_fields.isdisjoint(_TIMES):
        findings += _cost(data)
    if operation == "statusTask" and "resultJson" not in wrong_fields:
        findings += _result(data.get("resultJson"))
    return findings


def _about_error(body: object) -> list[Finding]:
    data: object = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or "error" not in data:
        return []  # it is no error's data at all, which the schema says
    return _strangers(data, list(schema("error")["properties"]["data"]["properties"]))


def _absent(data: dict[object, object]) -> list[Finding]:
    """Find what a task in its state should carry by a document, and what no client can rely on."""
    task = _task(data.get("state"))
    return [
        missing(task["x-rule-required"], "advisory", ("data", name), task["properties"][name]["x-allowed"])
        for name in task.get("x-expected", ())
        if name not in data
    ]


def _unlisted(data: dict[object, object]) -> list[Finding]:
    """Find values of open lists that no document has (TASK-7)."""
    fields = _task(data.get("state")).get("properties", {})
    return [
        wrong(
            field["x-rule"], "advisory", ("data", name), value, "one of the documented codes", hint=near(value, known)
        )
        for name, field in fields.items()
        if (known := field.get("x-extensible-enum"))
        and isinstance(value := data.get(name), str)
        and value not in ("", *known)
    ]


def _task(state: object) -> dict[str, Any]:
    return _tasks().get(state, {}) if isinstance(state, str) else {}


@cache
def _tasks() -> dict[str, dict[str, Any]]:
    """Return the definition of a task in each state."""
    definitions = schema("status-response")["$defs"]
    return {name.removesuffix("Task"): node for name, node in definitions.items() if name.endswith("Task")}


def _strangers(data: dict[object, object], known: list[str]) -> list[Finding]:
    return [
        unknown("CLI-9", "advisory", ("data", field), value, known, hint=near(field, known))
        for field, value in data.items()
        if isinstance(field, str) and field not in known
    ]


@cache
def _known(operation: Operation) -> list[str]:
    definition = "newTask" if operation == "generateTask" else "successTask"
    return list(schema(_SCHEMAS[operation])["$defs"][definition]["properties"])


def _cost(data: dict[object, object]) -> list[Finding]:
    created, completed, cost = (data.get(name) for name in _TIMES)
    if not (_is_number(created) and _is_number(completed) and _is_number(cost)) or completed - created == cost:
        return []
    allowed = f"completeTime minus createTime, {completed - created}"
    return [wrong("TASK-5", "violation", ("data", "costTime"), cost, allowed)]


def _result(text: object) -> list[Finding]:
    if not isinstance(text, str):
        return []
    try:
        decoded = parse_body(text.encode(errors="surrogatepass"))
    except MalformedBody:
        return [wrong("TASK-4", "violation", _RESULT, text, "a string of JSON with resultUrls")]
    return [within(finding, _RESULT) for finding in explainer("result-json").findings(decoded)]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
