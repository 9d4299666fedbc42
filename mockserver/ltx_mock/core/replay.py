"""Replay a recording: a new task lives the life of a recorded one. Pure.

Times are milliseconds since the creation of a task. At each time the task gives the recorded answer whose turn it is;
what names the recorded task in it names the new one, see `ltx_mock.core.renewal`.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure
from ltx_mock.core.renewal import place_of
from ltx_mock.core.timeline import NEVER, PENDING_MS, Timeline
from ltx_mock_contracts.api import ENDED, result_urls

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import (
        Body,
        RecordedAnswer,
        RecordedCallback,
        RecordedResponse,
        RecordedResult,
        Recording,
    )

MAX_CALLBACKS = 10
"""So many callbacks of a recording are sent, each with its retries."""


class Replay:
    """The life of a recorded task.

    Attributes:
        recording: The recording.
        begins: When the turn of each answer begins.
        callbacks: Its callbacks without the retries, which depend on the receiver.
        results: Its results, also those that only an answer has the URLs of.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.begins = _begins(recording)
        self.callbacks = _first_attempts(recording.callbacks)[:MAX_CALLBACKS]
        self.results = _results(recording)

    @property
    def cause(self) -> Cause:
        """The cause of everything that it does."""
        return Cause("recording", f"recording {self.recording.name}")

    def answer(self, age: int) -> RecordedAnswer | None:
        """Return the answer at a time; None before the turn of the first."""
        turn = bisect_right(self.begins, age)
        return self.recording.answers[turn - 1] if turn else None

    def next_change(self, age: int) -> int | None:
        """Return when the next answer begins, or None."""
        turn = bisect_right(self.begins, age)
        return self.begins[turn] if turn < len(self.begins) else None

    def timeline(self, created: int) -> Timeline:
        """Return the timeline of a new task, which is endless if the recording has no end.

        Args:
            created: when it is created, in Unix milliseconds.
        """
        states = [(begin, state_of(each)) for begin, each in self._turns() if each.status == 200]
        end = next((begin for begin, state in states if state in ENDED), None)
        if end is None and self.recording.end is not None:
            end = max(0, self.recording.end.after)
        ended = NEVER if end is None else created + end
        seen = () if states and states[0][1] in ENDED else states
        begun = next((begin for begin, state in seen if state != "pending"), PENDING_MS[0])
        return Timeline(created, min(created + begun, ended), ended, self._failure())

    def final_answer(self) -> RecordedAnswer | None:
        """Return the answer with the end of the task, or None."""
        return next((each for each in self.recording.answers if each.status == 200 and state_of(each) in ENDED), None)

    def results_from(self) -> int | None:
        """Return when an answer has the URL of a result for the first time, or None."""
        urls = [place_of(each.url) for each in self.results]
        for begin, each in self._turns():
            text = each.body.raw.decode(errors="replace").replace("\\", "")
            if any(url in text for url in urls):
                return begin
        return None

    def _turns(self) -> Iterator[tuple[int, RecordedAnswer]]:
        return zip(self.begins, self.recording.answers, strict=True)

    def _failure(self) -> Failure | None:
        end, final = self.recording.end, self.final_answer()
        state = end.state if end else state_of(final) if final else None
        if state != "failed":
            return None
        data = final.body.data if final else {}
        return Failure(str(data.get("failCode", "")), str(data.get("failMsg", "")), self.cause)


def state_of(answer: RecordedAnswer | RecordedResponse) -> str | None:
    """Return the state in an answer, also an undocumented one; None if it has none."""
    state = answer.body.data.get("state")
    return state if isinstance(state, str) else None


def to_bytes(recording: Recording) -> bytes:
    """Write a recording with its name; `replay_of` reads it."""
    return json.dumps([recording.name, recording.to_json()], separators=(",", ":")).encode()


@lru_cache(maxsize=512)
def replay_of(written: bytes) -> Replay:
    """Read what `to_bytes` wrote."""
    from ltx_mock_contracts.recordings import Recording  # noqa: PLC0415 - most servers have no recordings

    name, recording = json.loads(written)
    return Replay(Recording.from_json(recording, name))


def _begins(recording: Recording) -> list[int]:
    """Return when each answer begins: when it was seen first, but the end when the task ended, if no answer denies it.

    The first one was true from the start, unless it is the end.
    """
    begins: list[int] = []
    before, end = -1, recording.end
    for each in recording.answers:
        is_end = each.status == 200 and state_of(each) in ENDED
        if end is not None and is_end and before < end.after < each.after:
            begin = end.after
        else:
            begin = each.after if begins or is_end else 0
        begins.append(max(begin, begins[-1] if begins else 0))
        before = each.until
    return begins


def _first_attempts(callbacks: Sequence[RecordedCallback]) -> list[RecordedCallback]:
    """Return the callbacks without those that repeat one that was not received."""
    found: list[RecordedCallback] = []
    missed: list[Body] = []
    for each in callbacks:
        if each.body not in missed:
            found.append(each)
        else:
            missed.remove(each.body)
        if each.status != 200:
            missed.append(each.body)
    return found


def _results(recording: Recording) -> tuple[RecordedResult, ...]:
    from ltx_mock_contracts.recordings import RecordedResult  # noqa: PLC0415 - most servers have no recordings

    known = {place_of(each.url) for each in recording.results}
    urls = dict.fromkeys(url for each in recording.answers for url in result_urls(each.body.data))
    return (*recording.results, *(RecordedResult(url=url) for url in urls if place_of(url) not in known))
