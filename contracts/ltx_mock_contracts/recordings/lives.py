"""Put a recording together, one exchange after the other. Times are milliseconds since the task was created."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.api import ENDED, result_urls
from ltx_mock_contracts.recordings.model import RecordedAnswer, RecordedEnd, RecordedResult, Recording
from ltx_mock_contracts.recordings.placeholders import without_numbers
from ltx_mock_contracts.trace.states import RANK

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings.body import Body
    from ltx_mock_contracts.recordings.model import RecordedCallback

__all__ = ["LATEST", "answered_at", "created_at", "timestamp", "with_answer", "with_callback"]

MOST_ANSWERS: Final = 1000
"""How many distinct answers of a task are kept. If each response differs, the last of them stands for the rest."""

MOST_CALLBACKS: Final = 100
LATEST: Final = 10**13
"""Times from here on, in the year 2286, are no times."""

LONGEST: Final = 10**12
"""The largest duration that a recording may have, in milliseconds."""


def timestamp(unix_ms: int) -> str:
    """Return Unix milliseconds as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{unix_ms % 1000:03}Z"


def created_at(recording: Recording) -> int:
    """Return when its time is 0, in Unix milliseconds: when the response to generateTask came."""
    return recording.sent_at + recording.response.latency


def answered_at(recording: Recording, body: Body, began: int, ended: int) -> int:
    """Return when an answer of statusTask was seen, in milliseconds since creation: when its request was sent.

    If another request was answered meanwhile with an earlier state of the task, it is when the answer came.

    Args:
        recording: The recording so far, with what was answered before.
        body: The body of the answer.
        began: When its request was sent, in Unix milliseconds.
        ended: When the answer came.
    """
    created = created_at(recording)
    rank, began, ended = _rank(body), max(0, began - created), max(0, ended - created)
    meanwhile = (_rank(each.body) for each in recording.answers if began < each.until <= ended)
    is_later = rank is not None and any(other is not None and other < rank for other in meanwhile)
    return ended if is_later else began


def with_answer(recording: Recording, answer: RecordedAnswer) -> Recording:
    """Return a recording with another answer of statusTask, seen once at `answer.after`.

    It lengthens the span of an equal answer beside it. Responses may come in another order than their requests.
    """
    answers = [*recording.answers]
    at = sum(each.after <= answer.after for each in answers)
    before, following = answers[:at], answers[at:]
    if before and _same(before[-1], answer):
        before[-1] = replace(before[-1], until=max(before[-1].until, answer.after))
    elif before and before[-1].until > answer.after:
        before = _split(before, answer)
    elif following and _same(following[0], answer):
        following[0] = replace(following[0], after=answer.after)
    else:
        before.append(answer)
    kept = [*before, *following]
    if len(kept) > MOST_ANSWERS:
        kept = [*kept[: MOST_ANSWERS - 1], kept[-1]]
    state = answer.body.data.get("state")
    changed = replace(recording, answers=tuple(kept))
    if recording.end is not None or state not in ENDED:
        return changed
    results = tuple(RecordedResult(url=url) for url in result_urls(answer.body.data))
    return replace(changed, end=RecordedEnd(state=state, after=_ended(answer)), results=results)


def with_callback(recording: Recording, callback: RecordedCallback) -> Recording:
    """Return a recording with another attempt to deliver the callback."""
    kept = sorted([*recording.callbacks, callback], key=lambda each: each.after)[:MOST_CALLBACKS]
    return replace(recording, callbacks=tuple(kept))


def _split(before: list[RecordedAnswer], answer: RecordedAnswer) -> list[RecordedAnswer]:
    """Put an answer into the span of another one."""
    around = before[-1]
    rest = replace(around, after=around.until)
    return [*before[:-1], replace(around, until=answer.after), answer, rest]


def _ended(answer: RecordedAnswer) -> int:
    """Return when the task ended: by the times of the API, or else when that was first seen."""
    data = answer.body.data
    cost, created, completed = (_time(data.get(name)) for name in ("costTime", "createTime", "completeTime"))
    if cost is None and created is not None and completed is not None:
        cost = completed - created
    return answer.after if cost is None or not 0 <= cost <= LONGEST else cost


def _time(value: Any) -> int | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LATEST
    return int(value) if is_time else None


def _rank(body: Body) -> int | None:
    state = body.data.get("state")
    return RANK.get(state) if isinstance(state, str) else None


def _same(one: RecordedAnswer, other: RecordedAnswer) -> bool:
    return _comparable(one) == _comparable(other)


def _comparable(answer: RecordedAnswer) -> tuple[Any, ...]:
    body = without_numbers(json.dumps(answer.body.value, sort_keys=True))
    return answer.status, answer.problem, answer.headers, answer.body.form, body
