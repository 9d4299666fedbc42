"""Scenarios: what can be made to happen to the next request, by name or piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltx_mock.errors import SettingsError, suggestion
from ltx_mock.failures import FAIL_CODES
from ltx_mock.records import AnswerError, FailTask, Operation, Scenario

# The documented statuses, and the passing server errors that a client must live with (CLI-6).
MESSAGES = {
    400: "Invalid request parameters",
    401: "API key is not accepted",
    404: "Not found",
    405: "Method is not allowed here",
    413: "The request body is too large",
    429: "Rate limit exceeded. Try again later",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}
ENDPOINTS: tuple[Operation, ...] = ("generateTask", "statusTask")
RETRY_AFTER_SECONDS = 1
MAX_TIMES = 1_000_000

_NAMED = (
    *(Scenario(code.lower().replace("_", "-"), FailTask(code), "generateTask") for code in FAIL_CODES),
    Scenario("insufficient-credits", AnswerError(400, "Insufficient credits"), "generateTask"),
    Scenario("rate-limited", AnswerError(429, MESSAGES[429], RETRY_AFTER_SECONDS)),
    Scenario("concurrency-limited", AnswerError(429, "Too many concurrent tasks", RETRY_AFTER_SECONDS), "generateTask"),
    Scenario("server-error", AnswerError(500, MESSAGES[500])),
)
NAMED: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _NAMED}
"""The scenarios that have a name."""


def named(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises:
        SettingsError: there is none of this name.
    """
    if name not in NAMED:
        raise SettingsError(f"unknown scenario {name!r}{suggestion(name, NAMED)}; known are {', '.join(NAMED)}")
    return NAMED[name]


def fail_task(code: str) -> Scenario:
    """Return the scenario in which the task that is made fails with a code (TASK-7).

    Raises:
        SettingsError: the code is not one of the documented ones.
    """
    if code not in FAIL_CODES:
        raise SettingsError(
            f"unknown fail code {code!r}{suggestion(code, FAIL_CODES)}; known are {', '.join(FAIL_CODES)}"
        )
    return Scenario(f"fail with {code}", FailTask(code), "generateTask")


def answer_error(
    status: int, message: str | None = None, *, operation: str | None = None, retry_after: int | None = None
) -> Scenario:
    """Return the scenario in which a request is answered with an error.

    Args:
        status: one of `MESSAGES`.
        message: what the envelope says; by default something that fits.
        operation: `generateTask` or `statusTask`; None for either.
        retry_after: seconds; a 429 says 1 unless told otherwise (LIM-3).

    Raises:
        SettingsError: status or operation is not one of those.
    """
    if status not in [*MESSAGES]:
        raise SettingsError(f"status must be one of {', '.join(map(str, MESSAGES))}, not {status!r}")
    if operation is not None and operation not in ENDPOINTS:
        known = " or ".join(ENDPOINTS)
        raise SettingsError(f"operation must be {known}, not {operation!r}{suggestion(operation, ENDPOINTS)}")
    if retry_after is None and status == 429:
        retry_after = RETRY_AFTER_SECONDS
    outcome = AnswerError(status, message or MESSAGES[status], retry_after)
    return Scenario(f"respond with {status}", outcome, operation)


def from_dict(given: Mapping[str, Any]) -> Scenario:
    """Read a scenario as the control plane takes it: a `name`, a `failCode`, or a `status` with what belongs to it.

    Raises:
        SettingsError: a value is not allowed, or there is none or more than one of the three.
    """
    if len({"name", "failCode", "status"} & set(given)) != 1:
        raise SettingsError("give one of name, failCode and status")
    times = given.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_TIMES:
        raise SettingsError(f"times must be a whole number from 1 to {MAX_TIMES}, not {times!r}")
    return _of(given)._replace(times=times)


def _of(given: Mapping[str, Any]) -> Scenario:
    if "name" in given:
        return named(str(given["name"]))
    if "failCode" in given:
        return fail_task(str(given["failCode"]))
    message, operation, wait = given.get("message"), given.get("operation"), given.get("retryAfter")
    for name, value, kind in (("message", message, str), ("operation", operation, str), ("retryAfter", wait, int)):
        if value is not None and not isinstance(value, kind):
            raise SettingsError(f"{name} must be a {kind.__name__}, not {value!r}")
    return answer_error(given["status"], message, operation=operation, retry_after=wait)


def as_dict(scenario: Scenario) -> dict[str, object]:
    """Return a scenario as the control plane shows it."""
    outcome = scenario.outcome
    shown: dict[str, object] = {"name": scenario.name, "operation": scenario.operation, "times": scenario.times}
    if isinstance(outcome, FailTask):
        return shown | {"failCode": outcome.code}
    return shown | {"status": outcome.status, "message": outcome.message, "retryAfter": outcome.retry_after}
