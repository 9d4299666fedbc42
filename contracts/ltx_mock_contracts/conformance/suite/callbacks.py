"""Checks of callbacks: delivery, content, and retries (CB)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.harness.checks import Check, Need, check
from ltx_mock_contracts.conformance.suite.bodies import varied
from ltx_mock_contracts.conformance.suite.follow_task import run_task
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.expected import judge_missing_callback

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.receiver import Inbox
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["CHECKS", "expect_callback", "expect_no_more", "well_formed"]

DAY: Final = 24 * 3600
COME_SECONDS: Final = 40
STEP: Final = 1.0
"""The longest step of waiting for an attempt, and so the precision of its time, in seconds."""
UNTIL_THE_NEXT: Final = ((28.9, *(0.3,) * 10, *(STEP,) * 300), (30.9, *(STEP,) * 600))
"""Steps of waiting for the second and for each later attempt, in seconds: small around 30 s, the earliest retry."""
LATE: Final = 300
ABOUT: Final = 60
"""How many seconds a callback takes on most servers, for progress messages."""


@check("CB-1", "CB-4", tasks=1, rank=4, needs=["callbacks", "violating prompt"], seconds=75)
def failure_calls_back(context: CheckContext) -> None:
    """A failing task with a callback."""
    inbox = context.inbox()
    body = varied(context, prompt=context.target.violating_prompt)
    end = run_task(context, body | {"request_type": "callback", "callback_url": inbox.url})
    expect_callback(context, inbox, end)
    expect_no_more(context, inbox)


@check("CB-3", tasks=1, rank=42, needs=["callbacks"], seconds=75)
def async_calls_nobody(context: CheckContext) -> None:
    """An async task with a `callback_url`."""
    inbox = context.inbox()
    run_task(context, varied(context) | {"request_type": "async", "callback_url": inbox.url})
    context.tenant.wait(1)
    context.tenant.read(inbox)
    context.checked("CB-3")


def comes_again(context: CheckContext, answers: tuple[int, ...]) -> None:
    """Refuse callbacks and check that they are retried."""
    inbox = context.inbox(*answers)
    body = varied(context) | {"request_type": "callback", "callback_url": inbox.url}
    context.submit(body)
    came = await_first(context, inbox, body)
    for _ in answers[len(came) :] if came else ():
        came += await_attempt(context, inbox, UNTIL_THE_NEXT[min(len(came) - 1, 1)], "the next attempt of a callback")
    expect_no_more(context, inbox)
    if not came:
        context.stop("no callback came; other checks report that")
    context.checked("CB-2")
    if len(came) < len(answers):
        title = "a callback that was refused has too few retries"
        expected, actual, binding = f"{len(answers)} attempts", str(len(came)), len(came) < 2
        context.add_deviation("CB-2", title, came[-1], expected=expected, actual=actual, binding=binding)


def await_first(context: CheckContext, inbox: Inbox, body: dict[str, object]) -> list[Exchange]:
    """Wait for the first attempt of a callback. Its time is a matter of TASK-8, not of CB-2."""
    longest = GenerateRequest.from_body(body).generation_ms[1] / 1000
    return await_attempt(context, inbox, (STEP,) * int(longest + LATE), "a callback")


def await_attempt(context: CheckContext, inbox: Inbox, steps: tuple[float, ...], what: str) -> list[Exchange]:
    """Wait in these steps until a callback arrives, and return it."""
    if context.tenant.clock.whose == "observer":
        context.target.waiting(ABOUT, what)
    for wait in steps:
        context.tenant.wait(wait, what)
        came = well_formed(context, inbox)
        if came:
            return came
    return []


def expect_callback(context: CheckContext, inbox: Inbox, end: Exchange) -> None:
    """Check that the end of a task is delivered."""
    came = well_formed(context, inbox)
    if not came:
        context.tenant.wait(COME_SECONDS, "a callback")
        came = well_formed(context, inbox)
    context.checked("CB-1")
    if not came:
        judge_missing_callback(context.recorder, end)


def expect_no_more(context: CheckContext, inbox: Inbox) -> None:
    """Check that no further callback comes. In real time, the inbox is read after all checks instead of waiting."""
    if context.target.control is not None:
        context.tenant.wait(DAY)
        well_formed(context, inbox)


def well_formed(context: CheckContext, inbox: Inbox) -> list[Exchange]:
    """Read the new callbacks, and check that they are POSTs of JSON."""
    new = context.tenant.read(inbox)
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


_ANSWERS: Final[tuple[tuple[tuple[int, ...], tuple[Need, ...]], ...]] = (
    ((500, 500, 200), ("callbacks",)),
    ((404, 503, 200), ("callbacks", "tenant")),
    ((204, 202, 201, 200), ("callbacks", "tenant")),
    ((500, 500, 500, 500), ("callbacks", "tenant")),
)

CHECKS: Final[tuple[Check, ...]] = (
    failure_calls_back,
    async_calls_nobody,
    *(
        Check(
            f"comes again {answers}",
            ("CB-2",),
            partial(comes_again, answers=answers),
            tasks=1,
            rank=9,
            needs=needs,
            seconds=75 + 45 * len(answers),
        )
        for answers, needs in _ANSWERS
    ),
)
