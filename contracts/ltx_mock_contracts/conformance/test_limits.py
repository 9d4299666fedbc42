"""How much a key may do: requests a minute, and tasks at once (LIM)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.bodies import plain
from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.exam import codes_of
from ltx_mock_contracts.conformance.following import follow
from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.trace.notes import told

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam
    from ltx_mock_contracts.conformance.world import World
    from ltx_mock_contracts.trace.exchange import Exchange

NOBODYS: Final = "task_12345678"
FEW, SLOTS = 5, 2
DOCUMENTED_RATE, DOCUMENTED_SLOTS = 10_000, 1000
THREADS: Final = 16
MINUTE: Final = 60


@check("LIM-1", "LIM-3", needs=["world"])
def test_requests_a_minute(exam: Exam) -> None:
    limited, other = exam.open(rate_limit=f"{FEW}/minute"), exam.another()
    for number in range(FEW):
        asked = limited.status(NOBODYS)
        if 429 in codes_of(asked):
            title, expected = "the rate limit is reached too early", f"{FEW} requests a minute"
            exam.depart("LIM-1", title, asked, expected=expected, actual=f"429 at request {number + 1}")
            return
    refused = limited.status(NOBODYS)
    exam.refused(refused, 429, "LIM-1", f"request {FEW + 1} of {FEW} a minute is not refused with 429")
    if 429 in codes_of(refused):
        exam.saw("LIM-3")
        if 429 in codes_of(other.status(NOBODYS)):
            title = "the limit of one key holds for another"
            exam.depart("LIM-3", title, refused, expected="each key has its own", actual="429 for both")
        again(exam, limited, refused)


def again(exam: Exam, limited: World, refused: Exchange) -> None:
    """See that a key may ask again when it was told to."""
    wait = (refused.headers or {}).get("retry-after", "")
    limited.wait(min(int(wait), MINUTE) if wait.isascii() and wait.isdigit() else MINUTE)
    later = limited.status(NOBODYS)
    if 429 in codes_of(later):
        title = "the rate limit does not end"
        exam.depart("LIM-1", title, later, expected="no 429 a minute later", actual=told(later))


@check("LIM-2", "LIM-3", tasks=SLOTS + 1, needs=["world"])
def test_tasks_at_once(exam: Exam) -> None:
    limited, body = exam.open(max_concurrent=SLOTS), plain()
    made: list[Exchange] = []
    for _ in range(SLOTS):
        exchange = limited.generate(body)
        if 429 in codes_of(exchange):
            title, expected = "a task is refused though there is room", f"{SLOTS} unfinished tasks"
            exam.depart("LIM-2", title, exchange, expected=expected, actual=f"429 with {len(made)} unfinished")
            return
        made.append(exchange)
    refused = limited.generate(body, free=True)
    exam.refused(refused, 429, "LIM-2", f"a task is accepted though {SLOTS} of {SLOTS} are unfinished")
    task_id = made[0].data.get("taskId")
    if not isinstance(task_id, str):
        raise CheckStoppedError("a good request made no task")
    follow(exam, task_id, body, world=limited)
    later = limited.generate(body)
    if 429 in codes_of(later):
        title = "a task is refused though others have finished"
        exam.depart("LIM-2", title, later, expected="a taskId", actual=told(later))


@check("LIM-1", "LIM-3", rank=9, needs=["limits"])
def test_documented_requests_a_minute(exam: Exam) -> None:
    world = exam.open(rate_limit=f"{DOCUMENTED_RATE}/minute") if exam.target.control else exam.world
    start = exam.target.pace.now()
    with ThreadPoolExecutor(THREADS) as threads:
        codes = list(threads.map(lambda _: codes_of(world.status(NOBODYS)), range(DOCUMENTED_RATE)))
    took = exam.target.pace.now() - start
    refused = sum(429 in each for each in codes)
    if refused:
        title = "the rate limit is reached too early"
        actual = f"429 for {refused} of {DOCUMENTED_RATE}"
        exam.depart("LIM-1", title, exam.recorded[-1], expected="none in this minute", actual=actual)
        return
    if exam.target.control is None and took > MINUTE:
        raise CheckStoppedError(f"{DOCUMENTED_RATE} requests took {took:.0f} s; the limit is for a minute")
    last = world.status(NOBODYS)
    exam.refused(last, 429, "LIM-1", f"request {DOCUMENTED_RATE + 1} in a minute is not refused with 429")


@check("LIM-2", tasks=DOCUMENTED_SLOTS + 1, rank=9, needs=["limits"])
def test_documented_tasks_at_once(exam: Exam) -> None:
    for _ in range(DOCUMENTED_SLOTS):
        exam.submit(plain())
    last = exam.world.generate(plain(), free=True)
    exam.refused(last, 429, "LIM-2", f"task {DOCUMENTED_SLOTS + 1} is accepted while all others are unfinished")
