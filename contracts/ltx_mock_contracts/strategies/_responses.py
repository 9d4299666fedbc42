"""Responses of the API: tasks in every state, callbacks, errors."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.api import ENDED, STATES
from ltx_mock_contracts.model import FAIL_CODES, MODEL
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._values import TASK_IDS, TEXT, URLS, objects

__all__ = ["CREATED", "Envelope", "callbacks", "error_envelopes", "finished", "status_envelopes", "success"]

Envelope = dict[str, Any]
"""A decoded response: code, message and data."""

_FIRST: Final = 100_000_000_000
_LAST: Final = 99_999_999_999_999
_SAMPLE: Final = 1_767_965_610_929
_LONGEST: Final = 24 * 60 * 60 * 1000

CREATED: Final = st.integers(_SAMPLE, 4_102_444_800_000) | st.sampled_from([_FIRST, _LAST - _LONGEST])
_COSTS: Final = st.integers(*MODEL.any_generation_ms()) | st.sampled_from([0, 1, 41_388, _LONGEST])
_CODES: Final = st.sampled_from(FAIL_CODES)
_FAIL_MESSAGES: Final = st.sampled_from(
    ["Content does not meet safety guidelines", "x", "内容违反安全准则", "😀"]
) | TEXT.map("Failed: {}".format)
_FILES: Final = st.lists(URLS, min_size=1, max_size=2)
_RESULTS: Final = objects(resultUrls=_FILES) | objects(resultUrls=_FILES, cover=st.none())
_JSON_STYLES: Final[st.SearchStrategy[dict[str, Any]]] = st.sampled_from(
    [{"separators": (",", ":")}, {}, {"indent": 1}, {"ensure_ascii": False}]
)
_ERRORS: Final = (400, 401, 403, 404, 405, 413, 429, 500, 502, 503)
_DETAILS: Final = st.none() | objects(error=st.sampled_from(["Missing required field: input.prompt", "x"]) | TEXT)
_MESSAGES: Final = st.sampled_from(["Insufficient credits", "x", "超过速率限制", "\u00a0", "😀"]) | TEXT.map(
    "No: {}".format
)


def status_envelopes(*, state: str | None = None) -> st.SearchStrategy[Envelope]:
    """Generate statusTask responses for an existing task.

    Args:
        state: One of the four states; any of them by default.

    Raises:
        ValueError: There is no such state.
    """
    return _tasks(choose("state", state, STATES))


@st.composite
def _tasks(draw: st.DrawFn, states: tuple[str, ...]) -> Envelope:
    current = draw(st.sampled_from(states))
    task: dict[str, Any] = {"taskId": draw(TASK_IDS), "state": current}
    created = draw(CREATED)
    if current in ENDED:
        return success(draw(finished(task, created, created + draw(_COSTS))))
    return success(task | {"createTime": created})


def callbacks(*, state: str | None = None) -> st.SearchStrategy[Envelope]:
    """Generate bodies of callbacks.

    Args:
        state: How the task ended, `success` or `failed`; either by default.

    Raises:
        ValueError: Not a final state.
    """
    return _tasks(choose("state", state, ENDED))


def error_envelopes(*, status: int | None = None) -> st.SearchStrategy[Envelope]:
    """Generate error envelopes.

    Args:
        status: The HTTP status and `code`; by default any documented or likely one.

    Raises:
        ValueError: Not a known error status.
    """
    if status is not None and status not in range(400, 600):
        raise ValueError(f"status must be from 400 to 599, not {status!r}")
    codes = st.sampled_from(_ERRORS) if status is None else st.just(status)
    return objects(code=codes, message=_MESSAGES, data=_DETAILS)


def success(data: dict[str, Any]) -> Envelope:
    """Wrap data in a success envelope."""
    return {"code": 200, "message": "success", "data": data}


@st.composite
def finished(draw: st.DrawFn, task: dict[str, Any], created: int, completed: int) -> dict[str, Any]:
    """Add the fields of a finished task to `task`, which has its id and state."""
    times = {"createTime": created, "completeTime": completed, "costTime": completed - created}
    if task["state"] == "success":
        return task | {"resultJson": json.dumps(draw(_RESULTS), **draw(_JSON_STYLES))} | times
    kept = draw(st.sampled_from([(), tuple(times), ("createTime",), ("createTime", "completeTime")]))
    return task | {"failCode": draw(_CODES), "failMsg": draw(_FAIL_MESSAGES)} | {name: times[name] for name in kept}
