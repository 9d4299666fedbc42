"""Checks of limits: requests per minute, and concurrent tasks (LIM)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.context import codes_of
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.suite.bodies import plain, varied
from ltx_mock_contracts.conformance.suite.follow_task import follow
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.tenant import TenantClient
    from ltx_mock_contracts.trace.exchange import Exchange

NOBODYS: Final = "task_12345678"
FEW, SLOTS = 5, 2
DOCUMENTED_RATE, DOCUMENTED_SLOTS = 10_000, 1000
THREADS: Final = 16
MINUTE: Final = 60


@check("LIM-1", "LIM-3", needs=["tenant"])
def requests_a_minute(context: CheckContext) -> None:
    """A tenant with a small request limit."""
    limited, other = context.open_tenant(rate_limit=f"{FEW}/minute"), context.other_tenant()
    for number in range(FEW):
        asked = limited.status(NOBODYS)
        if 429 in codes_of(asked):
            title, expected = "the rate limit is reached too early", f"{FEW} requests a minute"
            context.add_deviation("LIM-1", title, asked, expected=expected, actual=f"429 at request {number + 1}")
            return
    refused = limited.status(NOBODYS)
    context.judge_refusal(refused, 429, "LIM-1", f"request {FEW + 1} of {FEW} a minute is not refused with 429")
    if 429 in codes_of(refused):
        context.checked("LIM-3")
        if 429 in codes_of(other.status(NOBODYS)):
            title = "the limit of one key applies to another"
            context.add_deviation("LIM-3", title, refused, expected="each key has its own", actual="429 for both")
        again(context, limited, refused)


def again(context: CheckContext, limited: TenantClient, refused: Exchange) -> None:
    """Check that requests are accepted again after `Retry-After`."""
    wait = (refused.headers or {}).get("retry-after", "")
    limited.wait(min(int(wait), MINUTE) if wait.isascii() and wait.isdigit() else MINUTE)
    later = limited.status(NOBODYS)
    if 429 in codes_of(later):  # a server that also counts refused requests needs a minute without requests
        limited.wait(MINUTE)
        later = limited.status(NOBODYS)
    if 429 in codes_of(later):
        title = "the rate limit does not end"
        context.add_deviation("LIM-1", title, later, expected="no 429 a minute later", actual=describe_response(later))


@check("LIM-2", "LIM-3", tasks=SLOTS + 1, needs=["tenant"])
def tasks_at_once(context: CheckContext) -> None:
    """A tenant with a small limit of tasks."""
    limited, body = context.open_tenant(max_concurrent=SLOTS), varied(context)
    made: list[Exchange] = []
    for _ in range(SLOTS):
        exchange = limited.generate(body)
        if 429 in codes_of(exchange):
            title, expected = "a task is refused below the limit of unfinished tasks", f"{SLOTS} unfinished tasks"
            context.add_deviation(
                "LIM-2", title, exchange, expected=expected, actual=f"429 with {len(made)} unfinished"
            )
            return
        made.append(exchange)
    refused = limited.generate(body, free=True)
    context.judge_refusal(refused, 429, "LIM-2", f"a task is accepted though {SLOTS} of {SLOTS} are unfinished")
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
def documented_requests_a_minute(context: CheckContext) -> None:
    """The documented limit of requests."""
    tenant = context.open_tenant(rate_limit=f"{DOCUMENTED_RATE}/minute") if context.target.control else context.tenant
    start = context.target.pace.now()
    with ThreadPoolExecutor(THREADS) as threads:
        codes = list(threads.map(lambda _: codes_of(tenant.status(NOBODYS)), range(DOCUMENTED_RATE)))
    took = context.target.pace.now() - start
    refused = sum(429 in each for each in codes)
    if refused:
        title = "the rate limit is reached too early"
        actual = f"429 for {refused} of {DOCUMENTED_RATE}"
        context.add_deviation("LIM-1", title, context.recorded[-1], expected="none in this minute", actual=actual)
        return
    if context.target.control is None and took > MINUTE:
        raise CheckStoppedError(f"{DOCUMENTED_RATE} requests took {took:.0f} s; the limit is for a minute")
    last = tenant.status(NOBODYS)
    context.judge_refusal(last, 429, "LIM-1", f"request {DOCUMENTED_RATE + 1} in a minute is not refused with 429")


@check("LIM-2", tasks=DOCUMENTED_SLOTS + 1, rank=80, needs=["limits"])
def documented_tasks_at_once(context: CheckContext) -> None:
    """The documented limit of tasks."""
    for _ in range(DOCUMENTED_SLOTS):
        context.submit(varied(context))
    last = context.tenant.generate(plain(), free=True)
    context.judge_refusal(
        last, 429, "LIM-2", f"task {DOCUMENTED_SLOTS + 1} is accepted while all others are unfinished"
    )


CHECKS: Final[tuple[Check, ...]] = (
    documented_requests_a_minute,
    documented_tasks_at_once,
    requests_a_minute,
    tasks_at_once,
)
