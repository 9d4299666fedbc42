"""The responses, callbacks and results of tasks that live the life of a recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ltx_mock.asgi.messages import BODYLESS
from ltx_mock.core.records import Delivery, Task, delivery_id
from ltx_mock.core.renewal import Renewal, first_creation
from ltx_mock.core.replay import Replay, replay_of, state_of, to_bytes
from ltx_mock.engine import responses
from ltx_mock.engine.responses import ApiResponse, Effect, result_url
from ltx_mock.scenarios.model import CONNECTION_RESET_BY_PEER
from ltx_mock_contracts.api import STATES
from ltx_mock_contracts.validation.findings import Finding

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import Body, RecordedAnswer, RecordedResponse, RecordedResult, Recording

JSON = "application/json"
OF_A_BODY = frozenset({"content-type", "content-encoding"})
"""The significant headers that are not replayed as they are: recorded bodies have no content coding."""
OK = 200


class PlannedCallback(NamedTuple):
    """A callback of a recording: milliseconds after the end of its task (its creation if it has no end), and type."""

    wait: int = 0
    content_type: str = JSON


def replaying(task: Task, recording: Recording) -> Task:
    """Return a new task that lives the life of a recording."""
    replay = Replay(recording)
    timeline = replay.timeline(task.timeline.created)
    return task._replace(timeline=timeline, recording=to_bytes(recording), cause=replay.cause)


def created(task: Task, recording: Recording, findings: Sequence[Finding]) -> ApiResponse:
    """Return the recorded response to a generateTask, as that to a new task."""
    return response_of(Replay(recording), recording.response, task)._replace(findings=findings)


def refused(recording: Recording, findings: Sequence[Finding]) -> ApiResponse:
    """Return the recorded response to a generateTask that made no task."""
    return response_of(Replay(recording), recording.response, None)._replace(findings=findings)


def status(task: Task, now: int) -> ApiResponse:
    """Return the recorded response to statusTask at a moment in Unix milliseconds."""
    replay = replay_of(task.recording)
    answer = replay.answer(now - task.timeline.created)
    if answer is None:  # the recording begins later; so the task waits as the fake's own do
        return responses.status(task, now)._replace(cause=replay.cause)
    return response_of(replay, answer, task)


def response_of(replay: Replay, recorded: RecordedAnswer | RecordedResponse, task: Task | None) -> ApiResponse:
    """Return a recorded response as that of a new task; None if the request was refused."""
    if recorded.status is None or recorded.status < OK:
        broken = Effect(fault=CONNECTION_RESET_BY_PEER)
        return ApiResponse(0, b"", (), task and task.id, cause=replay.cause, effect=broken)
    from ltx_mock_contracts.trace.exchange import SIGNIFICANT_HEADERS  # noqa: PLC0415 - most servers have none

    state, media_type = state_of(recorded), _media_type(recorded.headers)
    headers = tuple(
        (name.encode(), recorded.headers[name].encode("latin-1", "replace"))
        for name in sorted((SIGNIFICANT_HEADERS - OF_A_BODY) & recorded.headers.keys())
        if recorded.headers[name].isprintable()
    )
    return ApiResponse(
        recorded.status,
        b"" if recorded.status in BODYLESS else _written(recorded.body, replay, task),
        headers,
        task and task.id,
        state if state in STATES else None,
        cause=replay.cause,
        effect=None if media_type == JSON else Effect(media_type=media_type.encode()),
    )


def next_transition(task: Task, now: int) -> int | None:
    """Return when the task tells something else, or None."""
    change = replay_of(task.recording).next_change(now - task.timeline.created)
    moments = task.timeline.next_transition(now), None if change is None else task.timeline.created + change
    return min((each for each in moments if each is not None), default=None)


def planned_callbacks(task: Task) -> list[PlannedCallback]:
    """Return the callbacks to send; the documented one (CB-1) if the recording has none, since few can see them."""
    recorded, line = replay_of(task.recording).callbacks, task.timeline
    if not recorded:
        return [PlannedCallback()]
    start = 0 if line.endless else line.cost_time
    return [PlannedCallback(each.after - start, _media_type(each.headers)) for each in recorded]


def callback_body(task: Task, delivery: Delivery, at: int) -> bytes:
    """Return the body of a callback that is sent at a moment in Unix milliseconds."""
    replay = replay_of(task.recording)
    for copy, each in enumerate(replay.callbacks):
        if delivery.id == delivery_id(task.id, copy):
            return _written(each.body, replay, task)
    if replay.callbacks:  # a further copy, by a scenario
        return _written(replay.callbacks[-1].body, replay, task)
    final = replay.final_answer()
    return responses.status(task, at).body if final is None else _written(final.body, replay, task)


def result_of(task: Task, number: int) -> RecordedResult | None:
    """Return a result by its number in the URL, counted from 1; None if the recording has no such result."""
    results = replay_of(task.recording).results
    return results[number - 1] if 0 < number <= len(results) else None


def has_results(task: Task, now: int) -> bool:
    """Tell whether the results of a task are there at a moment."""
    begin = replay_of(task.recording).results_from()
    return begin is not None and now >= task.timeline.created + begin


def _media_type(headers: Mapping[str, str]) -> str:
    given = headers.get("content-type", "")
    return given if given and given.isprintable() and given.isascii() else JSON


def _written(body: Body, replay: Replay, task: Task | None) -> bytes:
    return (body if task is None else _renewal(replay, task)(body)).raw


def _renewal(replay: Replay, task: Task) -> Renewal:
    recording = replay.recording
    bodies = [each.body for each in recording.answers] + [each.body for each in recording.callbacks]
    created = first_creation(bodies)
    if created is None:
        created = recording.sent_at
    return Renewal((recording.task_id or "", task.id), (created, task.timeline.created), dict(_urls(replay, task)))


def _urls(replay: Replay, task: Task) -> Iterator[tuple[str, str]]:
    for number, each in enumerate(replay.results, 1):
        yield each.url, result_url(task) + (f"?result={number}" if number > 1 else "")
