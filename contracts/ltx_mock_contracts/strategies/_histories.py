"""Histories of one task as one client polls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from ltx_mock_contracts.api import ENDED
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._responses import CREATED, Envelope, finished, success
from ltx_mock_contracts.strategies._values import TASK_IDS

__all__ = ["Observation", "task_stories"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One poll of a task.

    Attributes:
        at: The time in Unix milliseconds.
        state: Its state.
        body: The response of statusTask.
    """

    at: int
    state: str
    body: Envelope


_WAITS: Final = st.integers(1, 3_000)
_GENERATION: Final = st.integers(*MODEL.any_generation_ms())
_FIFTEEN_DAYS: Final = 15 * 24 * 60 * 60 * 1000


def task_stories(*, end: str | None = None) -> st.SearchStrategy[list[Observation]]:
    """Generate the observations of one task: states that move forward and may be skipped, at non-decreasing times.

    A finished task never changes, and its times agree with those of the observations. A history may stop before the
    end.

    Args:
        end: How the task ends, `success` or `failed`; either by default. If given, the history contains the end.

    Raises:
        ValueError: Not a final state.
    """
    return _stories(choose("end", end, ENDED), to_the_end=end is not None)


@st.composite
def _stories(draw: st.DrawFn, endings: tuple[str, ...], *, to_the_end: bool) -> list[Observation]:
    ending = draw(st.sampled_from(endings))
    created = draw(CREATED)
    started = created + draw(_WAITS)
    completed = started + draw(_GENERATION)
    task_id = draw(TASK_IDS)
    last = success(draw(finished({"taskId": task_id, "state": ending}, created, completed)))
    times_of_polls = (
        st.integers(created, started - 1)
        | st.integers(started, completed - 1)
        | st.integers(completed, completed + _FIFTEEN_DAYS)
    )
    times = sorted(draw(st.lists(times_of_polls, min_size=1, max_size=8)))
    if to_the_end and times[-1] < completed:
        times.append(completed)

    def observe(at: int) -> Observation:
        if at >= completed:
            return Observation(at=at, state=ending, body=success(dict(last["data"])))
        state = "processing" if at >= started else "pending"
        return Observation(at=at, state=state, body=success({"taskId": task_id, "state": state, "createTime": created}))

    return [observe(at) for at in times]
