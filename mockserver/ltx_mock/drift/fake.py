"""What the fake says to the requests of recordings: one task, or one refusal, for each kind of request and outcome."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ltx_mock.scenarios.model import MESSAGES
from ltx_mock.testing.mock_server import MockServer
from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.model import FAIL_CODES, MODEL
from ltx_mock_contracts.trace.exchange import Exchange, Operation, decode_body
from ltx_mock_contracts.validation import validate_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

__all__ = ["exchanges_of_fake"]

_MOST: Final = 200
"""The number of kinds of requests that the fake is asked."""
_PROMPT: Final = "a calm sea at dawn"
_URL: Final = "https://files.example.com/file"
_PROCESSING: Final = 20
_LONGEST: Final = 300
"""Seconds after creation by which every task is processed, and finished."""
_GENERATE: Final = BASE_PATH + MODEL.generate_path
_STATUS: Final = BASE_PATH + MODEL.status_path


def exchanges_of_fake(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return what a fake says to the requests in these exchanges; the numbers are those of the recordings.

    It is asked within this process. No callback is sent, and no file fetched.
    """
    recordings: dict[int, list[Exchange]] = {}
    for each in exchanges:
        recordings.setdefault(each.number, []).append(each)
    kinds: dict[object, list[Exchange]] = {}
    for told in recordings.values():
        kinds.setdefault(_kind(told), told)
    with MockServer(clock="manual", rate_limit="1000000/second") as mock, mock.client(base_url=mock.url) as http:
        fake = _Fake(mock, http)
        return [each for told in list(kinds.values())[:_MOST] for each in fake.live(told)]


def _kind(told: list[Exchange]) -> object:
    """Return what the responses of the fake depend on."""
    made = told[0]
    findings = tuple((each.rule, each.pointer) for each in validate_request(made.request))
    body = made.request if isinstance(made.request, dict) else {}
    given = body.get("input")
    mode = given.get("mode") if isinstance(given, dict) else None
    return findings, str(mode), str(body.get("request_type")), made.status, _fail_code(told), _errors(told)


def _fail_code(told: Iterable[Exchange]) -> str | None:
    """Return the documented code with which the task failed, or one for an undocumented one."""
    codes = [each.data.get("failCode") for each in told if each.data.get("state") == "failed"]
    return next((code if code in FAIL_CODES else FAIL_CODES[0] for code in codes), None)


def _errors(told: Iterable[Exchange]) -> tuple[int, ...]:
    """Return the errors of statusTask that the fake has too."""
    return tuple(sorted({each.status for each in told if each.operation == "statusTask" and each.status in MESSAGES}))


class _Fake:
    """Asks the fake."""

    def __init__(self, mock: MockServer, http: httpx.Client) -> None:
        self._mock, self._http = mock, http
        self._moments = count(1)

    def live(self, told: list[Exchange]) -> list[Exchange]:
        """Return the exchanges that one recording has with the fake."""
        made, number = told[0], told[0].number
        if "request" in made.gaps:
            return []
        body = _harmless(made.request)
        found = [self._generate(number, body)]
        task_id = found[0].task_id
        if made.status in MESSAGES and made.status != found[0].status:
            found.append(self._generate(number, body, made.status))
        if not task_id:
            return found
        found.append(self._poll(number, task_id))
        self._mock.clock.advance(_PROCESSING)
        found.append(self._poll(number, task_id))
        fail_code = _fail_code(told)
        if fail_code is not None:
            self._mock.finish(task_id, fail_code=fail_code)
        else:
            self._mock.clock.advance(_LONGEST)
        found.append(self._poll(number, task_id))
        return found + [self._poll(number, task_id, status) for status in _errors(told)]

    def _generate(self, number: int, body: Any, status: int | None = None) -> Exchange:
        response = self._http.post(_GENERATE, json=body, headers=_preferred(status))
        return self._exchange(number, "generateTask", _GENERATE, response, body, status)

    def _poll(self, number: int, task_id: str, status: int | None = None) -> Exchange:
        target = f"{_STATUS}?taskId={task_id}"
        return self._exchange(
            number, "statusTask", target, self._http.get(target, headers=_preferred(status)), None, status
        )

    def _exchange(
        self, number: int, operation: Operation, target: str, response: httpx.Response, body: Any, status: int | None
    ) -> Exchange:
        return Exchange(
            at=next(self._moments),
            operation=operation,
            method=response.request.method,
            target=target,
            status=response.status_code,
            request=body,
            answer=decode_body(response.content),
            headers=dict(response.headers),
            clock="observer",
            cause=None if status is None else f"Prefer: code={status}",
            number=number,
        )


def _preferred(status: int | None) -> dict[str, str]:
    return {} if status is None else {"Prefer": f"code={status}"}


def _harmless(request: Any) -> Any:
    """Return a valid request with another prompt and other URLs, so that the fake fetches and calls nothing."""
    if any(each.severity == "violation" for each in validate_request(request)):
        return request
    body = deepcopy(request)
    given = body["input"]
    given["prompt"] = _PROMPT
    if body.get("request_type") == "callback":
        body["callback_url"] = _URL
    if given.get("image_urls"):
        given["image_urls"] = [_URL]
    for lora in given.get("loras") or ():
        lora["path"] = _URL
    return body
