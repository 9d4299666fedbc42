"""Requests, and answers in an envelope that is as it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from ltx_mock_contracts.validation import MalformedBody, Operation, parse_body, validate_response
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from ltx_mock_contracts.stateful.log import Story

__all__ = ["Exchange", "Span", "Wire", "quoted"]

_GENERATE: Final = "/generateTask/ltx-2-19b"
_STATUS: Final = "/statusTask/ltx-2-19b"
_QUOTED: Final = 400


@dataclass(frozen=True, slots=True)
class Span:
    """The moments before and after a request, Unix milliseconds. They are the same when the clock stands."""

    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An answer in a good envelope.

    Attributes:
        status: The HTTP status, which is also the code.
        raw: The bytes of the body.
        body: The decoded body.
        headers: The headers of the answer.
        span: When it was asked for; None without a clock.
    """

    status: int
    raw: bytes
    body: dict[str, Any]
    headers: Mapping[str, str]
    span: Span | None

    @property
    def quoted(self) -> str:
        """Status and body, for people."""
        return f"{self.status} {quoted(self.raw)}"


class Wire:
    """Asks, tells the story of it, and lets no answer pass that is wrong in itself."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def generate(self, client: httpx.Client, raw: bytes, what: str) -> Exchange:
        """Ask for a video. `what` says in the story what is asked for."""
        before = self._story.now()
        response = client.post(_GENERATE, content=raw, headers={"content-type": "application/json"})
        return self._judged("generateTask", f"generateTask ({what})", response, before, None)

    def status(self, client: httpx.Client, task_id: str | None, *, who: str = "") -> Exchange:
        """Ask how a task does, or ask without `taskId`. `who` is for the story."""
        before = self._story.now()
        response = client.get(_STATUS, params=None if task_id is None else {"taskId": task_id})
        return self._judged("statusTask", f"statusTask{who}", response, before, task_id)

    def _judged(
        self, operation: Operation, asked: str, response: httpx.Response, before: int | None, about: str | None
    ) -> Exchange:
        after, status, raw = self._story.now(), response.status_code, response.content
        try:
            body = parse_body(raw)
        except MalformedBody as problem:
            self._story.tell(f"{asked} answers {status} with no JSON", about)
            title, wish = f"{operation} answers no JSON: {problem}", "an object with code, message and data"
            raise self._story.failure("ENV-1", title, expected=wish, actual=quoted(raw), about=about) from None
        about = about or _made(body)
        self._story.tell(f"{asked} answers {status} {_short(body)}", about)
        for finding in validate_response(operation, status, body):
            if finding.severity == "violation":
                title, wish = f"{operation} answers what it must not: {finding.message}", finding.allowed
                raise self._story.failure(finding.rule, title, expected=wish, actual=quoted(raw), about=about)
        span = None if before is None or after is None else Span(before, after)
        good = cast("dict[str, Any]", body)  # else there would be a finding
        return Exchange(status=status, raw=raw, body=good, headers=response.headers, span=span)


def quoted(raw: bytes) -> str:
    """Return the bytes of an answer for people: whole, unless they are very long."""
    text = raw.decode(errors="backslashreplace")
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}… ({len(text)} characters)"


def _data(body: object) -> dict[str, Any]:
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else {}


def _made(body: object) -> str | None:
    """Return the id of the task that an answer speaks of."""
    task_id = _data(body).get("taskId")
    return task_id if isinstance(task_id, str) else None


def _short(body: object) -> str:
    """Return what an answer says, in a word or two: a state, an id, or a message."""
    data = _data(body)
    word = data.get("state") or data.get("taskId") or (body.get("message") if isinstance(body, dict) else body)
    return word if isinstance(word, str) and len(word) <= 20 else show(word)
