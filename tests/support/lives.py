"""Recordings for tests: made by hand, or by watching a task of a fake at each virtual second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ltx_mock_contracts.recordings import (
    Body,
    RecordedAnswer,
    RecordedCallback,
    RecordedEnd,
    RecordedRequest,
    RecordedResponse,
    RecordedResult,
    Recording,
)
from support.bodies import TEXT, request_body

TASK = "task_recorded1"
URL = "https://cdn.example.com/videos/abc.mp4"
CREATED = 1_790_000_000_000
JSON = {"content-type": "application/json"}
SIGNIFICANT = ("content-type", "retry-after", "www-authenticate", "allow")


def body_of(value: Any) -> Body:
    """Return the body that a value is sent as: bytes as they are, everything else as JSON."""
    return Body.of(value if isinstance(value, bytes) else json.dumps(value).encode())


def envelope(**data: Any) -> dict[str, Any]:
    return {"code": 200, "message": "success", "data": data}


def state(name: str, **more: Any) -> dict[str, Any]:
    """Return the body of a status of the recorded task."""
    return envelope(taskId=TASK, state=name, createTime=CREATED, **more)


def success(after: int, *urls: str) -> dict[str, Any]:
    """Return the body of its success, so many milliseconds after its creation."""
    results = json.dumps({"resultUrls": list(urls or (URL,))})
    return state("success", resultJson=results, completeTime=CREATED + after, costTime=after)


def answer(
    after: int, body: Any, *, until: int | None = None, status: int | None = 200, **headers: str
) -> RecordedAnswer:
    """Return an answer of statusTask; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RecordedAnswer(
        after=after, until=after if until is None else until, status=status, headers=JSON | named, body=body_of(body)
    )


def recording(
    *answers: RecordedAnswer,
    request: Any = None,
    response: Any = None,
    status: int = 200,
    task_id: str | None = TASK,
    end: tuple[str, int] | None = None,
    callbacks: Sequence[RecordedCallback] = (),
    results: Sequence[RecordedResult] = (),
    name: str = "life",
    **headers: str,
) -> Recording:
    """Return a recording; by default of the smallest request."""
    named = JSON | {each.replace("_", "-"): value for each, value in headers.items()}
    return Recording(
        upstream="https://api.example.com",
        model="ltx-2-19b",
        recorded="2026-11-26T14:40:00.000Z",
        task_id=task_id,
        request=RecordedRequest(headers=JSON, body=body_of(request_body(TEXT) if request is None else request)),
        response=RecordedResponse(
            status=status, headers=named, body=body_of(response or envelope(taskId=task_id)), latency=12
        ),
        answers=answers,
        end=end and RecordedEnd(state=end[0], after=end[1]),
        callbacks=tuple(callbacks),
        results=tuple(results),
        name=name,
    )


LIFE = recording(
    answer(1000, state("pending"), until=2000),
    answer(3000, state("processing"), until=50_000),
    answer(60_000, success(55_500)),
    end=("success", 55_500),
    results=[RecordedResult(url=URL, bytes=300_000, seconds=5.0)],
)
"""A usual life."""


def save(folder: Path, *recordings: Recording) -> Path:
    """Write recordings into a folder, and return it."""
    for each in recordings:
        (folder / f"{each.name}.json").write_text(json.dumps(each.to_json(), indent=2), encoding="utf-8")
    return folder
