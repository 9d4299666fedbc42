"""Checks of callbacks: delivery, content, and retries (CB)."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.harness.checks import Check, Need, check
from ltx_mock_contracts.conformance.harness.expectations import submit
from ltx_mock_contracts.conformance.suite.bodies import varied
from ltx_mock_contracts.conformance.suite.follow_task import run_task
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.expected import judge_missing_callback

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.receiver import Inbox
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["CHECKS", "expect_callback", "expect_no_more"]

DAY: Final = 24 * 3600
DELIVERY_SECONDS: Final = 40
"""How long a callback may take after the end of its task."""
STEP: Final = 1.0
"""The longest wait between two reads of an inbox if the time of an attempt matters, in seconds."""
WAITS_FOR_RETRY: Final = ((28.9, *(0.3,) * 10, *(STEP,) * 300), (30.9, *(STEP,) * 600))
"""The waits for the second and for each later attempt, in seconds: short around 30 s, the earliest time of a retry."""
WAITS_FOR_LAST: Final = (*WAITS_FOR_RETRY[1][:2], *(10 * STEP,) * 60)
"""The waits for the last attempt if it matters only whether it comes as early as a first retry may."""
LATE: Final = 300
"""How many seconds after the longest generation time a first attempt may come."""
USUAL_SECONDS: Final = 60
"""How long a callback takes on most servers, for progress messages."""


@check("CB-1", "CB-4", tasks=1, rank=4, needs=["callbacks", "violating prompt"], seconds=75)
def callback_of_failed_task(context: CheckContext) -> None:
    """A failing task with a callback."""
    inbox = context.tenants.inbox()
    body = varied(context, prompt=context.target.violating_prompt)
    end = run_task(context, body | {"request_type": "callback", "callback_url": inbox.url})
    expect_callback(context, inbox, end)
    expect_no_more(context, inbox)


@check("CB-3", tasks=1, rank=42, needs=["callbacks"], seconds=75)
def async_task_sends_no_callback(context: CheckContext) -> None:
    """An async task with a `callback_url`."""
    inbox = context.tenants.inbox()
    run_task(context, varied(context) | {"request_type": "async", "callback_url": inbox.url})
    context.tenant.wait(1)
    context.tenant.read_callbacks(inbox)
    context.checked("CB-3")


def retries_callbacks(context: CheckContext, statuses: tuple[int, ...]) -> None:
    """An inbox that refuses callbacks, which must be retried."""
    inbox, attempts = first_attempt(context, statuses)
    for _ in statuses[len(attempts) :] if attempts else ():
        waits = waits_for_next(attempts, is_last=len(attempts) == len(statuses) - 1)
        attempts += await_attempt(context, inbox, waits, "the next attempt of a callback")
    expect_no_more(context, inbox)
    if not attempts:
        context.stop("no callback arrived; other checks report that")
    context.checked("CB-2")
    if len(attempts) < len(statuses):
        title = "a callback that was refused has too few retries"
        expected, actual, binding = f"{len(statuses)} attempts", str(len(attempts)), len(attempts) < 2
        context.add_deviation("CB-2", title, attempts[-1], expected=expected, actual=actual, binding=binding)


def first_attempt(context: CheckContext, statuses: tuple[int, ...]) -> tuple[Inbox, list[Exchange]]:
    """Submit a task with a callback, and wait for its first attempt. Its time is a matter of TASK-8, not of CB-2.

    Where time can be advanced, the time until the task may end passes at once. If the callback is there by then, nobody
    knows when it came, so another task is waited for in steps.
    """
    body = varied(context)
    shortest, longest = GenerateRequest.from_body(body).generation_ms
    inbox = submit_with_callback(context, body, statuses)
    if context.tenant.clock.owner == "server":
        context.tenant.wait((shortest - 1) / 1000)
        if read_callbacks(context, inbox, time_known=False):
            inbox = submit_with_callback(context, body, statuses)
    return inbox, await_attempt(context, inbox, (STEP,) * (longest // 1000 + LATE), "a callback")


def submit_with_callback(context: CheckContext, body: dict[str, object], statuses: tuple[int, ...]) -> Inbox:
    """Submit a task whose callback goes to a new inbox, and return that."""
    inbox = context.tenants.inbox(*statuses)
    submit(context, body | {"request_type": "callback", "callback_url": inbox.url})
    return inbox


def waits_for_next(attempts: list[Exchange], *, is_last: bool) -> tuple[float, ...]:
    """Return the waits for the next attempt of a callback.

    The time of the last attempt decides whether three delays are equal, unless the two before it differ already.
    """
    if len(attempts) == 1:
        return WAITS_FOR_RETRY[0]
    delays = [second.at - first.at for first, second in pairwise(attempts)]
    may_be_equal = len(delays) > 1 and max(delays) - min(delays) <= 2 * STEP * 1000
    return WAITS_FOR_LAST if is_last and not may_be_equal else WAITS_FOR_RETRY[1]


def await_attempt(context: CheckContext, inbox: Inbox, waits: tuple[float, ...], what: str) -> list[Exchange]:
    """Read the inbox after each of these waits until a callback has arrived, and return it."""
    if context.tenant.clock.owner == "observer":
        context.target.notify_waiting(USUAL_SECONDS, what)
    for wait in waits:
        context.tenant.wait(wait, what)
        attempts = read_callbacks(context, inbox)
        if attempts:
            return attempts
    return []


def expect_callback(context: CheckContext, inbox: Inbox, end: Exchange) -> None:
    """Check that the end of a task is delivered."""
    attempts = read_callbacks(context, inbox)
    if not attempts:
        context.tenant.wait(DELIVERY_SECONDS, "a callback")
        attempts = read_callbacks(context, inbox)
    context.checked("CB-1")
    if not attempts:
        judge_missing_callback(context.recorder, end)


def expect_no_more(context: CheckContext, inbox: Inbox) -> None:
    """Check that no further callback arrives. In real time, the inbox is read after all checks instead of waiting."""
    if context.target.control is not None:
        context.tenant.wait(DAY)
        read_callbacks(context, inbox)


def read_callbacks(context: CheckContext, inbox: Inbox, *, time_known: bool = True) -> list[Exchange]:
    """Read the new callbacks, and check that they are POSTs of JSON."""
    new = context.tenant.read_callbacks(inbox, time_known=time_known)
    for call in new:
        if call.method != "POST":
            context.ignore_request(call)
            context.add_deviation("CB-1", "a callback is not a POST", call, expected="POST", actual=call.method)
            continue
        content_type = (call.headers or {})["content-type"]
        if not content_type.partition(";")[0].strip().endswith("json"):
            title, actual = "the Content-Type of a callback is not JSON", content_type or "none"
            context.add_deviation("CB-1", title, call, expected="application/json", actual=actual)
    return new


_STATUSES: Final[tuple[tuple[tuple[int, ...], tuple[Need, ...]], ...]] = (
    ((500, 500, 200), ("callbacks",)),
    ((404, 503, 200), ("callbacks", "tenant")),
    ((204, 202, 201, 200), ("callbacks", "tenant")),
    ((500, 500, 500, 500), ("callbacks", "tenant")),
)

CHECKS: Final[tuple[Check, ...]] = (
    callback_of_failed_task,
    async_task_sends_no_callback,
    *(
        Check(
            f"retries callbacks {statuses}",
            ("CB-2",),
            partial(retries_callbacks, statuses=statuses),
            tasks=1,
            rank=9,
            needs=needs,
            seconds=75 + 45 * len(statuses),
        )
        for statuses, needs in _STATUSES
    ),
)
