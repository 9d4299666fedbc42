"""Follow a task to its end, as the documents advise or, where time can be moved, at every edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.notes import RANK, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.conformance.exam import Exam
    from ltx_mock_contracts.conformance.world import World
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["follow", "lived"]

_FIRST_POLL: Final = 60
_POLL: Final = 5
_PATIENCE: Final = 60
_AFTERWARDS: Final = {"server": (0, 1, 3600), "observer": (_POLL,)}
_EARLY: Final = (0, 1, 9, 20)
_MOMENT: Final = 0.001


def lived(exam: Exam, body: dict[str, Any]) -> Exchange:
    """Have a task made, follow it, and return the first answer that tells its end; see `follow`.

    Nothing is submitted where there is no time to wait for it.
    """
    exam.world.clock.allow(_FIRST_POLL)
    return follow(exam, exam.submit(body), body)


def follow(exam: Exam, task_id: str, body: dict[str, Any], *, world: World | None = None) -> Exchange:
    """Poll a task until it has ended, and a few times more, and return the first answer that tells its end.

    Where the server's time can be moved, polls are made at once, just before it can succeed, and when it must have
    ended; elsewhere after a minute and then each five seconds (CLI-2).

    Raises:
        CheckStoppedError: It does not end, or cannot be seen.
    """
    world = world or exam.world
    waits = _edges(body) if world.clock.whose == "server" else _advised(body)
    end = None
    for wait in waits:
        world.wait(wait)
        look = world.status(task_id)
        if look.status == 200 and RANK.get(look.data.get("state", ""), 0) == 2:
            end = look
            break
    if end is None:
        longest = GenerateRequest.from_body(body).generation_ms[1]
        if look.status == 200 and look.clock == "observer" and look.data.get("state") in RANK:
            title = "a task does not end"
            expected = f"success or failed after at most {seconds(longest)}"
            actual = f"{look.data['state']} a minute later"
            exam.depart("TASK-8", title, look, expected=expected, actual=actual)
        raise CheckStoppedError("the end of the task was not seen")
    for wait in _AFTERWARDS[world.clock.whose]:
        world.wait(wait)
        world.status(task_id)
    return end


def _edges(body: dict[str, Any]) -> Iterator[float]:
    """Give the waits that lead to where a task may change, and to the moments just before."""
    shortest, longest = GenerateRequest.from_body(body).generation_ms
    yield from _EARLY
    yield (shortest - 1) / 1000 - sum(_EARLY)
    yield _MOMENT
    yield (longest - shortest) / 2000
    yield (longest - shortest) / 2000 + _MOMENT


def _advised(body: dict[str, Any]) -> Iterator[float]:
    longest = GenerateRequest.from_body(body).generation_ms[1] / 1000
    yield _FIRST_POLL
    waited: float = _FIRST_POLL
    while waited < longest + _PATIENCE:
        yield _POLL
        waited += _POLL
