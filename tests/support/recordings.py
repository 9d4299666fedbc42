"""Recordings for tests."""

from __future__ import annotations

import json
from typing import Any

from ltx_mock_contracts.recordings import Recording
from support.bodies import TEXT, request_body

CREATED = 1_767_965_610_929
TASK_ID = "task_recorded_1"


def envelope(**data: Any) -> dict[str, Any]:
    """Return the body of a successful response."""
    return {"code": 200, "message": "success", "data": data}


def answer(after: int, until: int, state: str, **fields: Any) -> dict[str, Any]:
    """Return an answer of statusTask."""
    data = {"taskId": TASK_ID, "state": state, "createTime": CREATED, **fields}
    return {
        "after": after,
        "until": until,
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": envelope(**data),
    }


def success(after: int = 61_120, cost: int = 60_871) -> dict[str, Any]:
    """Return the answer of a task that has succeeded."""
    result = json.dumps({"resultUrls": ["https://file.apixo.ai/video.mp4"]})
    times = {"completeTime": CREATED + cost, "costTime": cost}
    return answer(after, after, "success", resultJson=result, **times)


def document(**changes: Any) -> dict[str, Any]:
    """Return the JSON of a recording of a task that has succeeded, with some fields changed; `...` removes one."""
    entry = {
        "format": "ltx-mock-recording",
        "version": 1,
        "upstream": "https://api.apixo.ai",
        "model": "ltx-2-19b",
        "recorded": "2026-01-31T12:00:00.000Z",
        "taskId": TASK_ID,
        "request": {"headers": {"content-type": "application/json"}, "body": request_body(TEXT)},
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json"},
            "body": envelope(taskId=TASK_ID),
            "latency": 312,
        },
        "answers": [answer(0, 10_000, "pending"), answer(15_000, 55_000, "processing"), success()],
        "end": {"state": "success", "after": 60_871},
        "callbacks": [],
        "results": [{"url": "https://file.apixo.ai/video.mp4"}],
        "redaction": {"fields": [], "keepPrompts": True, "salt": ""},
        **changes,
    }
    return {name: value for name, value in entry.items() if value is not ...}


def recording(**changes: Any) -> Recording:
    """Return a recording of a task that has succeeded, with some fields of its JSON changed."""
    return Recording.from_json(document(**changes))
