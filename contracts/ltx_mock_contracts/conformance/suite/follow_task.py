"""Poll a task until its end: as the documents advise or, with a clock that can be advanced, at every edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

_PATIENCE: Final = 60
_AFTERWARDS: Final = (0, 1, 3600)
_EARLY: Final = (0, 1, 9, 20)
_MOMENT: Final = 0.001


def run_task(context: CheckContext, body: dict[str, Any]) -> Exchange:
    """Submit a task, poll it, and return the first response with its end; see `follow`.

    If there is no time to wait for the task, none is submitted.
    """
    context.tenant.clock.allow(context.target.options.first_poll)
    return follow(context, context.submit(body), body)


def follow(
    context: CheckContext, task_id: str, body: dict[str, Any], *, tenant: TenantClient | None = None
) -> Exchange:
    """Poll a task until it has ended, then a few times more, and return the first response with its end.

    If the clock can be advanced, polls are sent at once, just before the earliest success, and at the latest end;
    otherwise at once, to see it unfinished, and then after a minute and every five seconds (CLI-2).

    Raises:
        CheckStoppedError: It does not end, or cannot be polled.
    """
    tenant = tenant or context.tenant
    options = context.target.options
    moved = tenant.clock.whose == "server"
    waits = _edges(body) if moved else _advised(body, options.first_poll, options.poll_every)
    end = None
    for wait in waits:
        tenant.wait(wait, f"task {task_id}")
        look = tenant.status(task_id)
        if _has_ended(look):
            end = look
            break
    if end is None:
        longest = GenerateRequest.from_body(body).generation_ms[1]
        if look.status == 200 and look.clock == "observer" and look.data.get("state") in list(RANK):
            title = "a task does not end"
            expected = f"success or failed after at most {seconds(longest)}"
            actual = f"{look.data['state']} a minute later"
            context.add_deviation("TASK-8", title, look, expected=expected, actual=actual)
        raise CheckStoppedError("the end of the task was not seen")
    for wait in _AFTERWARDS if moved else (options.poll_every,):
        tenant.wait(wait, f"task {task_id}")
        tenant.status(task_id)
    return end


def _has_ended(look: Exchange) -> bool:
    state = look.data.get("state")
    return look.status == 200 and isinstance(state, str) and RANK.get(state, 0) == 2


def _edges(body: dict[str, Any]) -> Iterator[float]:
    """Yield the waits to the moments at which a task may change, and to just before them."""
    shortest, longest = GenerateRequest.from_body(body).generation_ms
    yield from _EARLY
    yield (shortest - 1) / 1000 - sum(_EARLY)
    yield _MOMENT
    yield (longest - shortest) / 2000
    yield (longest - shortest) / 2000 + _MOMENT


def _advised(body: dict[str, Any], first: float, every: float) -> Iterator[float]:
    longest = GenerateRequest.from_body(body).generation_ms[1] / 1000
    yield 0
    yield first
    waited = first
    while waited < longest + _PATIENCE:
        yield every
        waited += max(every, _MOMENT)
