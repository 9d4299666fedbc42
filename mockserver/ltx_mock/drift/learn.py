"""Timings of a service, learned from recordings of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from ltx_mock.core.timings import LONGEST, Life, Timings
from ltx_mock.drift.lives import lives_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltx_mock.drift.lives import Interval
    from ltx_mock_contracts.recordings import Recording

__all__ = ["learn_timings"]

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
        elif isinstance(life.fail_code, str) and life.fail_code.isprintable() and life.fail_code:
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


def _learned(intervals: Iterable[Interval | None]) -> tuple[int, ...]:
    """Return the times that are known well enough, sorted; percentiles of them if there are many."""
    times = sorted(
        middle
        for each in intervals
        if each is not None
        and each.high is not None
        and each.high - each.low <= _WIDEST_MS
        and (middle := each.middle) is not None
        and 0 <= middle <= LONGEST
    )
    if len(times) <= _MOST:
        return tuple(times)
    return tuple(times[round(place * (len(times) - 1) / (_MOST - 1))] for place in range(_MOST))
