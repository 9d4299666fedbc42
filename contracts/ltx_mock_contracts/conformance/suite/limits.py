"""Checks of limits: requests per minute, and concurrent tasks (LIM)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import MAX_REQUESTS_PER_MINUTE, MAX_UNFINISHED_TASKS, UNKNOWN_TASK_ID
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.expectations import codes_of, judge_refusal, submit
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.suite.bodies import plain, varied
from ltx_mock_contracts.conformance.suite.follow_task import follow
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.tenant import TenantClient
    from ltx_mock_contracts.trace.exchange import Exchange

SMALL_RATE, SMALL_CONCURRENCY = 5, 2
"""The limits of tenants of the checks: requests in a minute, and unfinished tasks."""
THREADS: Final = 16
MINUTE: Final = 60


@check("LIM-1", "LIM-3", needs=["tenant"])
def request_limit(context: CheckContext) -> None:
    """A tenant with a small request limit."""
    limited, other = context.tenants.open(rate_limit=f"{SMALL_RATE}/minute"), context.tenants.other()
    for number in range(SMALL_RATE):
        exchange = limited.status(UNKNOWN_TASK_ID)
        if 429 in codes_of(exchange):
            title, expected = "the rate limit is reached too early", f"{SMALL_RATE} requests a minute"
            context.add_deviation("LIM-1", title, exchange, expected=expected, actual=f"429 at request {number + 1}")
            return
    refused = limited.status(UNKNOWN_TASK_ID)
    title = f"request {SMALL_RATE + 1} of {SMALL_RATE} a minute is not refused with 429"
    judge_refusal(context, refused, 429, "LIM-1", title)
    if 429 in codes_of(refused):
        context.checked("LIM-3")
        if 429 in codes_of(other.status(UNKNOWN_TASK_ID)):
            title = "the limit of one key applies to another"
            context.add_deviation("LIM-3", title, refused, expected="each key has its own", actual="429 for both")
        expect_end_of_limit(context, limited, refused)


def expect_end_of_limit(context: CheckContext, limited: TenantClient, refused: Exchange) -> None:
    """Check that requests are accepted again after `Retry-After`."""
    wait = (refused.headers or {}).get("retry-after", "")
    limited.wait(min(int(wait), MINUTE) if wait.isascii() and wait.isdigit() else MINUTE)
    later = limited.status(UNKNOWN_TASK_ID)
    if 429 in codes_of(later):  # a server that also counts refused requests needs a minute without requests
        limited.wait(MINUTE)
        later = limited.status(UNKNOWN_TASK_ID)
    if 429 in codes_of(later):
        title = "the rate limit does not end"
        context.add_deviation("LIM-1", title, later, expected="no 429 a minute later", actual=describe_response(later))


@check("LIM-2", "LIM-3", tasks=SMALL_CONCURRENCY + 1, needs=["tenant"])
def task_limit(context: CheckContext) -> None:
    """A tenant with a small limit of tasks."""
    limited, body = context.tenants.open(max_concurrent=SMALL_CONCURRENCY), varied(context)
    made: list[Exchange] = []
    for _ in range(SMALL_CONCURRENCY):
        exchange = limited.generate(body)
        if 429 in codes_of(exchange):
            title = "a task is refused below the limit of unfinished tasks"
            expected, actual = f"{SMALL_CONCURRENCY} unfinished tasks", f"429 with {len(made)} unfinished"
            context.add_deviation("LIM-2", title, exchange, expected=expected, actual=actual)
            return
        made.append(exchange)
    refused = limited.generate(body, free=True)
    title = f"a task is accepted though {SMALL_CONCURRENCY} of {SMALL_CONCURRENCY} are unfinished"
    judge_refusal(context, refused, 429, "LIM-2", title)
    ids = [each.data.get("taskId") for each in made]
    task_id = ids[0]
    if not isinstance(task_id, str):
        raise CheckStoppedError("a valid request created no task")
    if len(ids) != len(dict.fromkeys(map(str, ids))):
        raise CheckStoppedError("two tasks have the same taskId, so it is unknown which of them has ended")
    follow(context, task_id, body, tenant=limited)
    later = limited.generate(body)
    if 429 in codes_of(later):
        title = "a task is refused though others have finished"
        context.add_deviation("LIM-2", title, later, expected="a taskId", actual=describe_response(later))


@check("LIM-1", "LIM-3", rank=80, needs=["limits"])
def documented_request_limit(context: CheckContext) -> None:
    """The documented limit of requests."""
    tenant = (
        context.tenants.open(rate_limit=f"{MAX_REQUESTS_PER_MINUTE}/minute")
        if context.target.control
        else context.tenant
    )
    start = context.target.pace.now()
    with ThreadPoolExecutor(THREADS) as threads:
        codes = list(threads.map(lambda _: codes_of(tenant.status(UNKNOWN_TASK_ID)), range(MAX_REQUESTS_PER_MINUTE)))
    seconds = context.target.pace.now() - start
    refused = sum(429 in each for each in codes)
    if refused:
        title = "the rate limit is reached too early"
        actual = f"429 for {refused} of {MAX_REQUESTS_PER_MINUTE}"
        context.add_deviation("LIM-1", title, context.recorded[-1], expected="none in this minute", actual=actual)
        return
    if context.target.control is None and seconds > MINUTE:
        raise CheckStoppedError(f"{MAX_REQUESTS_PER_MINUTE} requests took {seconds:.0f} s; the limit is for a minute")
    last = tenant.status(UNKNOWN_TASK_ID)
    title = f"request {MAX_REQUESTS_PER_MINUTE + 1} in a minute is not refused with 429"
    judge_refusal(context, last, 429, "LIM-1", title)


@check("LIM-2", tasks=MAX_UNFINISHED_TASKS + 1, rank=80, needs=["limits"])
def documented_task_limit(context: CheckContext) -> None:
    """The documented limit of tasks."""
    for _ in range(MAX_UNFINISHED_TASKS):
        submit(context, varied(context))
    last = context.tenant.generate(plain(), free=True)
    title = f"task {MAX_UNFINISHED_TASKS + 1} is accepted while all others are unfinished"
    judge_refusal(context, last, 429, "LIM-2", title)


CHECKS: Final[tuple[Check, ...]] = (
    documented_request_limit,
    documented_task_limit,
    request_limit,
    task_limit,
)
