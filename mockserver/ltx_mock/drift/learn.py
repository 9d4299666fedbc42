"""Timings of a service, learned from recordings of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from ltx_mock.core.timings import LONGEST, Life, Timings
from ltx_mock.drift.lives import lives_of
from ltx_mock_contracts.api import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltx_mock.drift.lives import Interval
    from ltx_mock.drift.lives import Life as LifeSeen
    from ltx_mock_contracts.recordings import Recording

__all__ = ["learn_timings", "left_out"]

_MOST: Final = 101
"""So many times of each kind are kept: the percentiles."""
_WIDEST_MS: Final = 15_000
"""A time that polls leave open by more is not learned."""


def learn_timings(recordings: Sequence[Recording]) -> Timings:
    """Return the times of the tasks of recordings, by resolution and mode, and by fail code.

    A time between two polls is taken to be in the middle, unless the polls are too far apart. The times that the
    service itself tells are preferred, if the polls agree with them.
    """
    successes: dict[tuple[str, str], list[tuple[Interval, Interval | None]]] = defaultdict(list)
    failures: dict[str, list[tuple[Interval, Interval | None]]] = defaultdict(list)
    for life in lives_of(recordings):
        if life.state == "success":
            successes[life.request.resolution, life.request.mode].append((life.ended, life.started))
        elif life.fail_code is not None and _is_code(life.fail_code):
            failures[life.fail_code].append((life.ended, life.started))
    lives = [
        Life(resolution=resolution, mode=mode, ends=ends, starts=_learned(started for _, started in times))
        for (resolution, mode), times in sorted(successes.items())
        if (ends := _learned(ended for ended, _ in times))
    ]
    failed = [
        Life(fail_code=code, ends=ends)
        for code, times in sorted(failures.items())
        if (ends := _learned(t for t, _ in times))
    ]
    return Timings.of((*lives, *failed))


def left_out(recordings: Sequence[Recording]) -> Counter[str]:
    """Return how many tasks that have ended `learn_timings` leaves out, by the reason: what they have."""
    reasons = (_why_left_out(life) for life in lives_of(recordings) if life.state in ENDED)
    return Counter(reason for reason in reasons if reason is not None)


def _why_left_out(life: LifeSeen) -> str | None:
    if life.state == "failed" and not _is_code(life.fail_code):
        return "no failCode"
    if _known(life.ended) is not None:
        return None
    if life.contradicts:
        return "a costTime that the polls contradict, as that of a clock that runs faster"
    if life.ended.high is not None and life.ended.high - life.ended.low > _WIDEST_MS:
        return f"an end that the polls leave open by more than {_WIDEST_MS / 1000:g} s"
    return "an end that is negative or later than a week"


def _is_code(code: object) -> bool:
    return isinstance(code, str) and code.isprintable() and code != ""


def _known(interval: Interval | None) -> int | None:
    """Return a time in milliseconds if it is known well enough."""
    if interval is None or interval.high is None or interval.high - interval.low > _WIDEST_MS:
        return None
    middle = interval.middle
    return middle if middle is not None and 0 <= middle <= LONGEST else None


def _learned(intervals: Iterable[Interval | None]) -> tuple[int, ...]:
    """Return the times that are known well enough, sorted; percentiles of them if there are many."""
    times = sorted(time for each in intervals if (time := _known(each)) is not None)
    if len(times) <= _MOST:
        return tuple(times)
    return tuple(times[round(place * (len(times) - 1) / (_MOST - 1))] for place in range(_MOST))
