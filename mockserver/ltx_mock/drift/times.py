"""Judge times as distributions: against the documents (TASK-8), and what the service says of them (TASK-5)."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from ltx_mock.drift.lives import are_too_many, differ
from ltx_mock_contracts.trace.recorder import seconds
from ltx_mock_contracts.verdicts import Deviation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ltx_mock.drift.lives import Life
    from ltx_mock_contracts.verdicts import VerdictCollector

__all__ = ["GENERATION", "judge_times", "moved_times"]

GENERATION: Final = "TASK-8"
"""The rule on how long tasks take."""
_MOMENTS: Final = "TASK-5"


class Kind(NamedTuple):
    """The tasks whose times the documents give one range for."""

    resolution: str
    lora: bool

    def __str__(self) -> str:
        return f"{self.resolution}{' with LoRAs' if self.lora else ''}"


def judge_times(lives: Sequence[Life], collector: VerdictCollector) -> None:
    """Judge the generation times of all tasks, and add the results to a collector."""
    for kind, same in _by_kind(lives).items():
        collector.seen[GENERATION] += len(same)
        deviation = _outside(kind, same)
        if deviation is not None:
            collector.add_deviation(deviation)
    told = [life for life in lives if life.cost_time is not None]
    wrong = [life for life in told if life.contradicts]
    if are_too_many(len(wrong), len(told)):
        collector.add_deviation(_contradiction(wrong))


def _contradiction(lives: Sequence[Life]) -> Deviation:
    """Return the deviation of costTime from the polls. The service may have another clock, so it is only observed."""
    first = lives[0]
    return Deviation(
        rule=_MOMENTS,
        title="costTime is not how long tasks take",
        expected=f"from {seconds(first.polled.low)} to {seconds(first.polled.high or 0)}, as polls show",
        actual=f"{first.cost_time} ms",
        exchanges=tuple(life.number for life in lives[:20]),
        task=first.task_id,
        times=len(lives),
        kind="costTime",
        binding=False,
    )


def moved_times(before: Iterable[Life], after: Iterable[Life]) -> Iterator[Deviation]:
    """Yield a deviation for each kind of task that is out of range as before, but takes another time now."""
    then = _by_kind(before)
    for kind, same in _by_kind(after).items():
        earlier, now = _outside(kind, then.get(kind, [])), _outside(kind, same)
        if earlier is None or now is None or earlier.kind != now.kind:
            continue
        if differ(_times(then[kind]), _times(same)):
            yield Deviation(
                rule=GENERATION,
                title=f"{kind}: tasks are out of range as before, but take another time",
                expected=earlier.actual,
                actual=now.actual,
                exchanges=now.exchanges,
                task=now.task,
                times=now.times,
                kind=f"{now.kind} moved",
                binding=False,
            )


def _by_kind(lives: Iterable[Life]) -> dict[Kind, list[Life]]:
    """Return the tasks that succeeded, and those that are not finished after the longest time."""
    found: dict[Kind, list[Life]] = defaultdict(list)
    for life in lives:
        is_late = life.state != "failed" and life.ended.low > life.request.generation_ms.high
        if life.state == "success" or is_late:
            found[Kind(life.request.resolution, life.request.is_lora)].append(life)
    return found


def _outside(kind: Kind, lives: Sequence[Life]) -> Deviation | None:
    """Return the deviation if these tasks are out of range; a time that may be in range is taken to be."""
    if not lives:
        return None
    low, high = lives[0].request.generation_ms
    longer = [life for life in lives if life.ended.low > high]
    shorter = [life for life in lives if life.ended.high is not None and life.ended.high < low]
    outside = longer + shorter
    if not are_too_many(len(outside), len(lives)):
        return None
    words = "longer" if len(longer) >= len(shorter) else "shorter"
    return Deviation(
        rule=GENERATION,
        title=f"{kind}: tasks take {words} than documented",
        expected=f"{seconds(low)} to {seconds(high)}",
        actual=f"{len(outside)} of {len(lives)} outside; {_distribution(lives)}",
        exchanges=tuple(life.number for life in outside[:20]),
        task=outside[0].task_id,
        times=len(outside),
        kind=f"{kind} {words}",
    )


def _times(lives: Iterable[Life]) -> list[int]:
    return [life.ended.low if life.ended.middle is None else life.ended.middle for life in lives]


def _distribution(lives: Sequence[Life]) -> str:
    times = _times(lives)
    endless = sum(life.ended.high is None for life in lives)
    told = f"shortest {_short(min(times))}, median {_short(median(times))}, longest {_short(max(times))}"
    return told + (f"; {endless} without an end" if endless else "")


def _short(milliseconds: float) -> str:
    return seconds(round(milliseconds, -2 if milliseconds >= 1000 else None))  # type: ignore[arg-type]
