"""A recording: the life of one task, or one refused generateTask, as the API told it."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ltx_mock_contracts.recordings.body import Body
from ltx_mock_contracts.validation.documents import document_schema
from ltx_mock_contracts.validation.findings import show

__all__ = [
    "FORMAT",
    "VERSION",
    "RecordedAnswer",
    "RecordedCallback",
    "RecordedEnd",
    "RecordedRequest",
    "RecordedResponse",
    "RecordedResult",
    "Recording",
    "RecordingError",
    "Redaction",
    "is_media",
]

FORMAT: Final = "ltx-mock-recording"
VERSION: Final = 1


class RecordingError(ValueError):
    """A recording cannot be read; the text names the field and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """The generateTask request: its significant headers and its body, both redacted."""

    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """The response to generateTask.

    Attributes:
        status: The HTTP status; None without a response.
        headers: Its significant headers by lower-case name.
        body: Its body.
        latency: How long it took, in milliseconds.
        problem: Why there is no response; None if there is one.
    """

    status: int | None
    headers: Mapping[str, str]
    body: Body
    latency: int
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswer:
    """One answer of statusTask. Times are milliseconds since the task was created.

    Attributes:
        after: When the first request that got it was sent.
        until: When the last request that got it was sent.
        status: The HTTP status; None without a response.
        headers: Its significant headers by lower-case name.
        body: Its body.
        problem: Why there is no response; None if there is one.
    """

    after: int
    until: int
    status: int | None
    headers: Mapping[str, str]
    body: Body
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEnd:
    """The end of the task: its state, and when it ended in milliseconds since creation, by the API's own times."""

    state: str
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCallback:
    """One attempt to deliver the callback: when, in milliseconds since creation, and the status of the receiver."""

    after: int
    headers: Mapping[str, str]
    body: Body
    status: int | None


_MEDIA: Final = re.compile(r"(?:image|video)/[\w.-]{1,80}", re.ASCII)


def is_media(media_type: str) -> bool:
    """Tell whether a media type is that of a video, or of an image that cannot contain scripts."""
    return _MEDIA.fullmatch(media_type) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResult:
    """A video of the result.

    Attributes:
        url: Its URL, redacted.
        file: The name of the kept file beside the recording; None if it was not kept.
        bytes: Its size.
        media_type: Its media type.
        seconds: Its length.
        width: Its width in pixels.
        height: Its height in pixels.
    """

    url: str
    file: str | None = None
    bytes: int | None = None
    media_type: str | None = None
    seconds: float | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """How a recording was redacted beyond what is always redacted, so that requests can be redacted alike.

    Attributes:
        fields: The fields of bodies whose values were replaced, as JSON pointers or dotted names.
        keep_prompts: Whether the prompt is in the file; else a digest of it with `salt`.
        salt: Random text of this recording.
    """

    fields: tuple[str, ...] = ()
    keep_prompts: bool = True
    salt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The life of one task, or one refused generateTask.

    Attributes:
        upstream: The root URL of the API.
        model: The id of the model.
        recorded: When, as ISO 8601 in UTC.
        task_id: The id of the task; None if the request was refused or not answered.
        request: The request.
        response: The response to it. It came at time 0 of the task.
        answers: The distinct answers of statusTask, in order.
        end: The end; None if it was not seen.
        callbacks: The attempts to deliver the callback, in order.
        results: The videos.
        redaction: How it was redacted.
        name: The name of its file without `.json`; empty if it has none.
    """

    upstream: str
    model: str
    recorded: str
    task_id: str | None
    request: RecordedRequest
    response: RecordedResponse
    answers: tuple[RecordedAnswer, ...] = ()
    end: RecordedEnd | None = None
    callbacks: tuple[RecordedCallback, ...] = ()
    results: tuple[RecordedResult, ...] = ()
    redaction: Redaction = Redaction()
    name: str = field(default="", compare=False)

    @property
    def sent_at(self) -> int:
        """When the request was sent, in Unix milliseconds."""
        return round(datetime.fromisoformat(self.recorded).timestamp() * 1000)

    def to_json(self) -> dict[str, Any]:
        """Return the recording as a JSON object, as `schema("recording")` describes it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "upstream": self.upstream,
            "model": self.model,
            "recorded": self.recorded,
            "taskId": self.task_id,
            "request": {"headers": dict(self.request.headers), **self.request.body.to_json()},
            "response": {**_reply(self.response), "latency": self.response.latency},
            "answers": [{"after": each.after, "until": each.until, **_reply(each)} for each in self.answers],
            "end": self.end and {"state": self.end.state, "after": self.end.after},
            "callbacks": [
                {"after": each.after, "headers": dict(each.headers), **each.body.to_json(), "status": each.status}
                for each in self.callbacks
            ],
            "results": [_result(each) for each in self.results],
            "redaction": {
                "fields": list(self.redaction.fields),
                "keepPrompts": self.redaction.keep_prompts,
                "salt": self.redaction.salt,
            },
        }

    @classmethod
    def from_json(cls, document: object, name: str = "") -> Recording:
        """Read a recording.

        Args:
            document: The decoded JSON; unknown fields are ignored.
            name: The name of its file without `.json`.

        Raises:
            RecordingError: It is no recording, or one of a newer version; the text names the field.
        """
        _require_format(document)
        if (problem := document_schema("recording").problem(document)) is not None:
            raise RecordingError(problem)
        entry: dict[str, Any] = document  # type: ignore[assignment] # the schema says so
        _require_order(entry)
        try:
            recording = _recording(entry, name)
        except Base64Error:
            raise RecordingError("bodyBase64 must be Base64") from None
        try:
            _ = recording.sent_at
        except ValueError:
            raise RecordingError(f"recorded must be a time that exists, but is {show(recording.recorded)}") from None
        return recording


def _require_format(document: object) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        got = show(document.get("format")) if isinstance(document, dict) else show(document)
        raise RecordingError(f'format must be "{FORMAT}", but is {got}')
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise RecordingError(f"version must be {VERSION}, the newest that this ltx-mock reads, but is {version}")


def _require_order(entry: dict[str, Any]) -> None:
    """Check what a schema cannot say: the answers are in order of time."""
    last = None
    for index, answer in enumerate(entry["answers"]):
        if last is not None and answer["after"] < last:
            raise RecordingError(f"answers[{index}].after must be {last} or later, but is {answer['after']}")
        if answer["until"] < answer["after"]:
            raise RecordingError(f"answers[{index}].until must be {answer['after']} or later, but is {answer['until']}")
        last = answer["after"]


def _recording(entry: dict[str, Any], name: str) -> Recording:
    request, end, redaction = entry["request"], entry.get("end"), entry.get("redaction") or {}
    return Recording(
        upstream=entry["upstream"],
        model=entry["model"],
        recorded=entry["recorded"],
        task_id=entry["taskId"],
        request=RecordedRequest(headers=_headers(request), body=_body(request)),
        response=RecordedResponse(**_reply_of(entry["response"]), latency=int(entry["response"].get("latency", 0))),
        answers=tuple(
            RecordedAnswer(**_reply_of(each), after=int(each["after"]), until=int(each["until"]))
            for each in entry["answers"]
        ),
        end=RecordedEnd(state=end["state"], after=int(end["after"])) if end else None,
        callbacks=tuple(
            RecordedCallback(
                after=int(each["after"]), headers=_headers(each), body=_body(each), status=_whole(each.get("status"))
            )
            for each in entry.get("callbacks", ())
        ),
        results=tuple(_result_of(each) for each in entry.get("results", ())),
        redaction=Redaction(
            fields=tuple(redaction.get("fields", ())),
            keep_prompts=redaction.get("keepPrompts", True),
            salt=redaction.get("salt", ""),
        ),
        name=name,
    )


def _reply(reply: RecordedResponse | RecordedAnswer) -> dict[str, Any]:
    problem = {} if reply.problem is None else {"problem": reply.problem}
    return {"status": reply.status, **problem, "headers": dict(reply.headers), **reply.body.to_json()}


def _reply_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": _whole(entry["status"]),
        "headers": _headers(entry),
        "body": _body(entry),
        "problem": entry.get("problem"),
    }


def _headers(entry: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in entry.get("headers", {}).items()}


def _body(entry: dict[str, Any]) -> Body:
    body = Body.from_json(entry)
    _ = body.raw
    return body


def _result(result: RecordedResult) -> dict[str, Any]:
    optional = {
        "file": result.file,
        "bytes": result.bytes,
        "mediaType": result.media_type,
        "seconds": result.seconds,
        "width": result.width,
        "height": result.height,
    }
    return {"url": result.url, **{name: value for name, value in optional.items() if value is not None}}


def _result_of(entry: dict[str, Any]) -> RecordedResult:
    return RecordedResult(
        url=entry["url"],
        file=entry.get("file"),
        bytes=_whole(entry.get("bytes")),
        media_type=entry.get("mediaType"),
        seconds=entry.get("seconds"),
        width=_whole(entry.get("width")),
        height=_whole(entry.get("height")),
    )


def _whole(number: float | None) -> int | None:
    """Return a whole number as an int: JSON Schema also accepts 200.0 as an integer."""
    return None if number is None else int(number)
