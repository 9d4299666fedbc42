"""What all models of the API share: paths, states of a task (TASK-1), limits, ids that no task has, and envelopes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

__all__ = [
    "BALANCE_PATH",
    "BASE_PATH",
    "ENDED",
    "MAX_REQUESTS_PER_MINUTE",
    "MAX_UNFINISHED_TASKS",
    "REPLAYED",
    "RUNNING",
    "STATES",
    "UNKNOWN_TASK_ID",
    "UNKNOWN_TASK_IDS",
    "State",
    "data_of",
    "result_urls",
]

BASE_PATH: Final = "/api/v1"
"""The prefix of all paths of the API."""

BALANCE_PATH: Final = "/apikeys/current-balance"

State = Literal["pending", "processing", "success", "failed"]

STATES: Final[tuple[State, ...]] = get_args(State)
RUNNING: Final[tuple[State, ...]] = STATES[:2]
ENDED: Final[tuple[State, ...]] = STATES[2:]

REPLAYED: Final = "idempotent-replayed"
"""A header of some servers: the response is that of an earlier request with this `Idempotency-Key`. Undocumented."""

MAX_REQUESTS_PER_MINUTE: Final = 10_000
"""The documented limit for one key (LIM-1)."""

MAX_UNFINISHED_TASKS: Final = 1000
"""The documented limit for one key (LIM-2)."""

UNKNOWN_TASK_ID: Final = "task_12345678"
"""The sample id of the documents, which no server creates."""

UNKNOWN_TASK_IDS: Final = (
    UNKNOWN_TASK_ID,
    "task_abc123xyz789",
    "task_",
    "0",
    "../task",
    "é",
    "task_" + "0" * 200,
    "null",
)
"""Ids of tasks that no server has (TASK-11)."""


def data_of(envelope: object) -> dict[str, Any]:
    """Return the `data` of a decoded body; empty if it is no envelope, or its `data` is no object."""
    data = envelope.get("data") if isinstance(envelope, dict) else None
    return data if isinstance(data, dict) else {}


def result_urls(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs in the `resultJson` of a task (TASK-4); none if it cannot be read."""
    try:
        urls = json.loads(data["resultJson"])["resultUrls"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()
