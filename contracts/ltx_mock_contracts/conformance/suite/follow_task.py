"""Poll a task until its end: as the documents advise or, if the clock can be advanced, around each possible change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.expectations import submit
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.recorder import seconds
from ltx_mock_contracts.trace.states import RANK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.tenant import TenantClient
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["follow", "run_task"]

_EXTRA_SECONDS: Final = 60
"""How long polls go on after the longest generation time."""
_WAITS_AFTER_END: Final = (0, 1, 3600)
_FIRST_WAITS: Final = (0, 1, 9, 20)
_MILLISECOND: Final = 0.001


def run_task(context: CheckContext, body: dict[str, Any]) -> Exchange:
    """Submit a task, poll it, and return the first poll after its end; see `follow`.

    If the time budget does not allow the wait, nothing is submitted.
    """
    context.tenant.clock.require_time(context.target.options.first_poll)
    return follow(context, submit(context, body), body)


def follow(
    context: CheckContext, task_id: str, body: dict[str, Any], *, tenant: TenantClient | None = None
) -> Exchange:
    """Poll a task until it has ended, then a few times more, and return the first poll after its end.

    The first poll is sent at once, when the task is unfinished. If the clock can be advanced, the others are sent just
    before and at each time at which the task may end; otherwise after a minute and then every five seconds (CLI-2).

    Raises:
        CheckStoppedError: The task does not end, or cannot be polled.
    """
    tenant = tenant or context.tenant
    options = context.target.options
    advances = tenant.clock.owner == "server"
    waits = _waits_around_changes(body) if advances else _advised_waits(body, options.first_poll, options.poll_every)
    end = None
    for wait in waits:
        tenant.wait(wait, f"task {task_id}")
        poll = tenant.status(task_id)
        if _has_ended(poll):
            end = poll
            break
    if end is None:
        longest = GenerateRequest.from_body(body).generation_ms[1]
        if poll.status == 200 and poll.clock == "observer" and poll.data.get("state") in list(RANK):
            title = "a task does not end"
            expected = f"success or failed after at most {seconds(longest)}"
            actual = f"{poll.data['state']} a minute later"
            context.add_deviation("TASK-8", title, poll, expected=expected, actual=actual)
        raise CheckStoppedError("the task was not seen to end")
    for wait in _WAITS_AFTER_END if advances else (options.poll_every,):
        tenant.wait(wait, f"task {task_id}")
        tenant.status(task_id)
    return end


def _has_ended(poll: Exchange) -> bool:
    state = poll.data.get("state")
    return poll.status == 200 and isinstance(state, str) and RANK.get(state, 0) == 2


def _waits_around_changes(body: dict[str, Any]) -> Iterator[float]:
    """Yield the waits until just before and until each time at which the task may end."""
    shortest, longest = GenerateRequest.from_body(body).generation_ms
    yield from _FIRST_WAITS
    yield (shortest - 1) / 1000 - sum(_FIRST_WAITS)
    yield _MILLISECOND
    yield (longest - shortest) / 2000
    yield (longest - shortest) / 2000 + _MILLISECOND


def _advised_waits(body: dict[str, Any], first: float, every: float) -> Iterator[float]:
    longest = GenerateRequest.from_body(body).generation_ms[1] / 1000
    yield 0
    yield first
    waited = first
    while waited < longest + _EXTRA_SECONDS:
        yield every
        waited += max(every, _MILLISECOND)
