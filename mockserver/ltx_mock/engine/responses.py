"""Build the responses of the API: envelopes (rules ENV-1 to ENV-4) and their data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

from ltx_mock.asgi.content_encoding import EncodingError, known_codings
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import SECOND
from ltx_mock.core.journal_entry import Headers
from ltx_mock.core.records import Refusal, Task
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.model import Outcome
from ltx_mock_contracts.api import BALANCE_PATH, BASE_PATH, State
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.validation.findings import Finding

MAX_VIOLATIONS_SHOWN = 5
CREDITS_WITHOUT_END = 1_000_000


class Effect(NamedTuple):
    """The effects of a scenario on the delivery of a response, with random choices already made.

    `wait_ms` is its delay; `fault` breaks the connection instead, and sends `noise`. A download is cut off after the
    share `cut`, and sent with `pace` bytes per second. `close_after_ms` is the longest silence in real milliseconds.
    With `restart_ms` the server then restarts; see `ltx_mock.scenarios.model.Outcome`. `media_type` is another
    `Content-Type` than that of JSON.
    """

    wait_ms: int = 0
    fault: str | None = None
    noise: bytes = b""
    cut: float | None = None
    pace: int | None = None
    close_after_ms: int | None = None
    restart_ms: int | None = None
    media_type: bytes | None = None


class ApiResponse(NamedTuple):
    """A response, with facts for the journal."""

    status: int
    body: bytes
    headers: Headers = ()
    task_id: str | None = None
    state: State | None = None
    findings: Sequence[Finding] = ()
    cause: Cause | None = None
    effect: Effect | None = None


def error(status: int, message: str, *, headers: Headers = (), **known: object) -> ApiResponse:
    """Return an error in the envelope (ENV-3)."""
    envelope = {"code": status, "message": message, "data": None}
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return ApiResponse(status, body, headers, **known)  # type: ignore[arg-type]


def created(task: Task, findings: Sequence[Finding]) -> ApiResponse:
    """Return the response to an accepted generateTask (GEN-17)."""
    body = b'{"code":200,"message":"success","data":{"taskId":"%b"}}' % task.id.encode()
    return ApiResponse(200, body, (), task.id, "pending", findings)


def status(task: Task, now: int) -> ApiResponse:
    """Return the response to statusTask at a moment in Unix milliseconds (TASK-1 to TASK-7)."""
    state = task.timeline.state(now)
    body = b'{"code":200,"message":"success","data":%b}' % _status_data(task, state).encode()
    failure = task.timeline.failure
    return ApiResponse(200, body, (), task.id, state, (), failure.cause if failure and state == "failed" else None)


def balance(left: int | None) -> ApiResponse:
    """Return the response with the remaining credits (BAL-1); None means unlimited."""
    return ApiResponse(
        200, b'{"code":200,"message":"success","data":%d}' % (CREDITS_WITHOUT_END if left is None else left)
    )


def result_url(task: Task) -> str:
    """Return the absolute URL of a task's video."""
    return task.results[0] if task.results else f"{task.root}/files/results/{task.id}{MODEL.result.suffix}"


@lru_cache(maxsize=256)
def _result_json(url: str) -> str:
    """Return the text of `resultJson`, which is JSON in JSON: polls repeat it."""
    return json.dumps(f'{{"resultUrls":[{json.dumps(url)}]}}')


def _status_data(task: Task, state: State) -> str:
    line = task.timeline
    if state == "success":
        return (
            f'{{"taskId":"{task.id}","state":"success","resultJson":{_result_json(result_url(task))},'
            f'"createTime":{line.created},"completeTime":{line.ended},"costTime":{line.cost_time}}}'
        )
    if state == "failed" and line.failure is not None:
        code, message, _ = line.failure
        why = f'"failCode":{json.dumps(code)},"failMsg":{json.dumps(message)}'
        return f'{{"taskId":"{task.id}","state":"failed",{why}}}'
    return f'{{"taskId":"{task.id}","state":"{state}","createTime":{line.created}}}'


def invalid(findings: Sequence[Finding]) -> ApiResponse:
    """Return the 400 with the first few violations."""
    messages = [finding.message for finding in findings[:MAX_VIOLATIONS_SHOWN]]
    if len(findings) > MAX_VIOLATIONS_SHOWN:
        messages.append(f"and {len(findings) - MAX_VIOLATIONS_SHOWN} more")
    return error(400, "; ".join(messages), findings=findings)


def too_many_requests(settings: Settings, wait_ms: int) -> ApiResponse:
    """Return the 429 of the request limit (LIM-1)."""
    seconds = _whole_seconds(wait_ms)
    message = f"Rate limit exceeded: {settings.rate_limit} for each API key. Try again in {seconds} s"
    return error(429, message, headers=_retry_after(seconds), cause=Cause("limit", "rate limit (LIM-1)"))


def no_slot(settings: Settings, refusal: Refusal, now: int) -> ApiResponse:
    """Return the 429 of the task limit (LIM-2), the 400 of missing credits (GEN-15), or the 503 of our memory limit."""
    if refusal.reason == "credits":
        return error(400, "Insufficient credits", cause=Cause("limit", "credits spent (GEN-15)"))
    if refusal.reason == "memory":
        message = "The tasks of this API key use all the memory for one key; reset its tenant"
        return error(503, message, cause=Cause("limit", "memory for the requests of one key (choice)"))
    seconds = _whole_seconds((refusal.retry_at or now) - now)
    message = f"Too many concurrent tasks: {settings.max_concurrent} are unfinished. Wait for one to finish"
    message += f"; the next finishes in {seconds} s" if refusal.retry_at else ""
    return error(429, message, headers=_retry_after(seconds), cause=Cause("limit", "concurrency limit (LIM-2)"))


def unknown_task(task_id: str) -> ApiResponse:
    """Return the 404 for a task that this key did not make (TASK-11, AUTH-4)."""
    shown = task_id if len(task_id) <= 80 else task_id[:80] + "…"
    return error(404, f"Task not found: {shown!r} was not created with this API key")


def missing_task_id() -> ApiResponse:
    """Return the 400 for a statusTask without `taskId` (TASK-11)."""
    return error(400, "taskId is missing; call statusTask with ?taskId=<the taskId that generateTask returned>")


def unauthorized(message: str) -> ApiResponse:
    """Return a 401 (AUTH-1, AUTH-2)."""
    return error(401, message, headers=((b"www-authenticate", b"Bearer"),))


def method_not_allowed(method: str, allowed: str) -> ApiResponse:
    """Return a 405 with `Allow` (ENV-5)."""
    return error(
        405, f"Method {method[:20]} is not allowed here; use {allowed}", headers=((b"allow", allowed.encode()),)
    )


def wrong_content_type(content_type: str) -> ApiResponse:
    """Return the 400 for a `Content-Type` other than JSON (GEN-1)."""
    message = f"Content-Type must be application/json, but is {content_type[:80]!r}"
    return error(400, message, cause=Cause("request", "content type (GEN-1)"))


def wrong_encoding(problem: EncodingError) -> ApiResponse:
    """Return the 415 for an unknown content coding, or the 400 for a body that cannot be decoded."""
    if not problem.unknown:
        return error(400, str(problem), cause=Cause("request", "content encoding (GEN-1)"))
    accepted = ((b"accept-encoding", known_codings().encode()),)
    return error(415, str(problem), headers=accepted, cause=Cause("request", "content encoding (GEN-1)"))


def too_large(limit: int) -> ApiResponse:
    """Return a 413 (ENV-5)."""
    return error(413, f"The request body is larger than {limit} bytes")


def purse_is_empty(reason: str) -> ApiResponse:
    """Return the 429 of our proxy when nothing more may be spent. It has no `Retry-After`: waiting does not help."""
    message = f"ltx-mock proxy: {reason}; the request was not sent to the API"
    return error(429, message, cause=Cause("limit", f"{reason} (ltx-mock proxy)"))


def no_upstream(host: str, reason: str) -> ApiResponse:
    """Return the 502 of our proxy when the API behind it does not respond."""
    return error(502, f"ltx-mock proxy: {host} did not respond: {reason}", cause=Cause("upstream", f"{host}: {reason}"))


def leads_back(host: str) -> ApiResponse:
    """Return the 508 of our proxy when the API behind it is the proxy itself."""
    message = f"ltx-mock proxy: {host} leads back to this proxy; give it the URL of the API"
    return error(508, message, cause=Cause("upstream", f"{host} leads back here"))


def not_found(path: str) -> ApiResponse:
    """Return the 404 for an unknown path (ENV-5)."""
    return error(404, f"Nothing at {_shown(path)}; the API has {_ENDPOINTS}")


def not_forwarded(method: str, path: str) -> ApiResponse:
    """Return the 404 of our proxy for a request that it does not forward."""
    return error(
        404, f"ltx-mock proxy: {method[:20]} {_shown(path)} is not sent on; {_ENDPOINTS} are; so is a plain GET"
    )


def _shown(path: str) -> str:
    return repr(path if len(path) <= 120 else path[:120] + "…")


_ENDPOINTS = (
    f"POST {BASE_PATH}{MODEL.generate_path}, GET {BASE_PATH}{MODEL.status_path} and GET {BASE_PATH}{BALANCE_PATH}"
)


def forced(outcome: Outcome, now: int) -> ApiResponse:
    """Return the error of a scenario; an empty response if it breaks the connection instead."""
    if outcome.status is None:
        return ApiResponse(0, b"")
    headers = () if outcome.retry_after is None else _retry_after(outcome.retry_after)
    if outcome.retry_after_date:
        seconds = _whole_seconds(now) + (outcome.retry_after or 0)
        headers = ((b"retry-after", formatdate(seconds, usegmt=True).encode()),)
    return error(outcome.status, outcome.message or "", headers=headers)


def no_scenario(problem: str, header: str) -> ApiResponse:
    """Return the 400 for a header with an unknown scenario."""
    return error(400, problem, cause=Cause("request", f"header {header}"))


def unavailable(reason: str) -> ApiResponse:
    """Return the response while the store of the state cannot be reached. It is our choice."""
    headers = ((b"retry-after", b"1"),)
    return error(503, f"the state of the fake cannot be reached: {reason}", headers=headers)


def crashed(problem: str) -> ApiResponse:
    """Return the 500 for an internal error of the fake."""
    return error(
        500, "this is a bug in ltx-mock; please report it", cause=Cause("crash", f"bug in the fake: {problem}")
    )


def _whole_seconds(ms: int) -> int:
    return max(1, -(-ms // SECOND))


def _retry_after(seconds: int) -> Headers:
    return ((b"retry-after", str(seconds).encode()),)
