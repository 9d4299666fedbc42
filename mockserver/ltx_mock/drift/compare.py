"""Who moved: a report on recordings against the documents and the fake, or against earlier recordings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ltx_mock.drift.changes import changes_of, only_in_one
from ltx_mock.drift.exchanges import exchanges_of
from ltx_mock.drift.fake import exchanges_of_fake
from ltx_mock.drift.lives import lives_of
from ltx_mock.drift.profile import profile_of
from ltx_mock.drift.times import GENERATION, judge_times, moved_times
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.trace.check import judge_all
from ltx_mock_contracts.verdicts import BINDING, Deviation, Report, VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ltx_mock.drift.changes import Change
    from ltx_mock.drift.lives import Life
    from ltx_mock.drift.profile import Profile
    from ltx_mock_contracts.recordings import Recording, Recordings
    from ltx_mock_contracts.rules import Source
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["drift_between", "drift_of"]

Moved = Literal["service", "fake", "document", "open"]
"""Who differs from the two others; `open` means that no document says anything."""

_RULES: Final = tuple(rule.id for rule in RULES.values() if rule.group != "CLI")
_NOT_SEEN: Final = "no recording shows it"
_SHOWN: Final = 5


class Side(NamedTuple):
    """Everything that is known from one set of recordings."""

    recordings: tuple[Recording, ...]
    exchanges: list[Exchange]
    collector: VerdictCollector
    profile: Profile
    lives: list[Life]

    @property
    def deviations(self) -> dict[tuple[str, str, bool], Deviation]:
        """The deviations from the documents by their keys."""
        return {each.key: each for each in self.collector.deviations}


def drift_of(recordings: Recordings, *, sources: Sequence[Source] = BINDING) -> Report:
    """Return what a service does otherwise than the documents and the fake.

    Args:
        recordings: What the service said.
        sources: The rules of these sources have to be kept; deviations from others are observed.

    Returns:
        A report whose deviations have sides: what the documents, the fake and the service say, and who moved. What no
        document settles is observed.
    """
    service, notes = _side(recordings)
    fake = _exchanges_of_fake(service)
    result = VerdictCollector(seen=service.collector.seen)
    for each in service.deviations.values():
        result.add_deviation(_with_sides(each, fake, sources))
    for each in fake.deviations.values():
        if each.key not in service.deviations and service.collector.seen[each.rule]:
            result.add_deviation(_of_fake(each))
    covered = {each.kind for each in service.deviations.values()}
    for change in changes_of(fake.profile, service.profile):
        if change.what == "new" and not change.is_covered(covered):
            result.add_deviation(_observed(change, fake=change.before, before=None))
    return _report(result, service, sources, notes)


def drift_between(old: Recordings, new: Recordings, *, sources: Sequence[Source] = BINDING) -> Report:
    """Return what a service does otherwise than it did.

    Args:
        old: What it said.
        new: What it says now.
        sources: As in `drift_of`.

    Returns:
        A report with only what has changed. A change that no document settles is observed; one to another behaviour
        that the documents allow is none.
    """
    (before, old_notes), (after, new_notes) = _side(old), _side(new)
    fake = _exchanges_of_fake(after)
    result = VerdictCollector(seen=after.collector.seen)
    added = []
    for key, each in after.deviations.items():
        if key not in before.deviations and each.breaks(sources):
            added.append(each)
            earlier = "as documented" if before.collector.seen[each.rule] else "was not seen"
            result.add_deviation(_with_sides(each, fake, sources, before=earlier))
    covered, rules = {each.kind for each in added}, {each.rule for each in added}
    for change in changes_of(before.profile, after.profile):
        if not change.is_covered(covered) and not (change.is_status and change.rule in rules):
            result.add_deviation(_observed(change, fake=change.in_profile(fake.profile), before=change.before))
    for each in _other_times(before, after):
        result.add_deviation(each)
    gone = (
        f"{each.rule} is not seen any more: {each.title}"
        for key, each in before.deviations.items()
        if key not in after.deviations and each.breaks(sources) and after.collector.seen[each.rule]
    )
    notes = (
        *(f"{old.folder}: {note}" for note in old_notes),
        *(f"{new.folder}: {note}" for note in new_notes),
        *gone,
        *_not_compared(before.profile, after.profile),
    )
    return _report(result, after, sources, notes)


def _side(recordings: Recordings) -> tuple[Side, list[str]]:
    """Return what recordings show, and notes on those that cannot be used."""
    ours = [each for each in recordings.recordings if each.model == MODEL.id]
    others = len(recordings.recordings) - len(ours)
    # A copy of a file is no second task with the same id.
    used = tuple({(each.task_id or number, each.recorded): each for number, each in enumerate(ours)}.values())
    notes = list(recordings.problems[:_SHOWN])
    if len(recordings.problems) > _SHOWN:
        notes.append(f"{len(recordings.problems) - _SHOWN} more files cannot be read")
    if others:
        notes.append(f"{others} of another model than {MODEL.id}")
    return _judged(used, exchanges_of(used)), notes


def _judged(recordings: tuple[Recording, ...], exchanges: list[Exchange]) -> Side:
    """Judge exchanges by the documents; times are judged as distributions."""
    noted, collector = VerdictCollector(), VerdictCollector()
    judge_all(exchanges, noted)
    collector.seen = noted.seen
    collector.seen[GENERATION] = 0
    for each in noted.deviations:
        if each.rule != GENERATION:
            collector.add_deviation(each)
    lives = lives_of(recordings)
    judge_times(lives, collector)
    return Side(recordings, exchanges, collector, profile_of(exchanges, recordings), lives)


def _exchanges_of_fake(service: Side) -> Side:
    return _judged((), exchanges_of_fake(service.exchanges))


def _with_sides(deviation: Deviation, fake: Side, sources: Sequence[Source], before: str | None = None) -> Deviation:
    """Return a deviation of the service with what the documents and the fake say."""
    breaks = deviation.breaks(sources)
    alike = deviation.key in fake.deviations
    moved: Moved = "open" if not breaks else "document" if alike else "service"
    return replace(
        deviation,
        sides=_sides(
            document=deviation.expected if breaks else "leaves it open",
            fake="as the service" if alike else "as documented" if breaks else "does not",
            before=before,
            service=deviation.actual,
            moved=moved,
        ),
    )


def _of_fake(deviation: Deviation) -> Deviation:
    """Return a deviation that only the fake has."""
    sides = _sides(
        document=deviation.expected, fake=deviation.actual, before=None, service="as documented", moved="fake"
    )
    title = f"only the fake: {deviation.title}"
    return replace(deviation, title=title, binding=False, kind=f"fake {deviation.kind or deviation.title}", sides=sides)


def _observed(change: Change, *, fake: str, before: str | None) -> Deviation:
    return Deviation(
        rule=change.rule,
        title=change.title("the fake" if before is None else ""),
        expected=change.before,
        actual=change.after,
        exchanges=change.evidence.numbers,
        task=change.evidence.first.task_id or None,
        times=change.evidence.times,
        kind=change.kind,
        binding=False,
        sides=_sides(
            document="leaves it open",
            fake=fake,
            before=before,
            service=change.after,
            moved="open" if before is None else "service",
        ),
    )


def _sides(*, document: str, fake: str, before: str | None, service: str, moved: Moved) -> dict[str, str]:
    told = {"document": document, "fake": fake, "before": before, "service": service, "moved": moved}
    return {name: text for name, text in told.items() if text is not None}


def _other_times(before: Side, after: Side) -> Iterator[Deviation]:
    """Yield a deviation for each kind of task that is out of range as before, but takes another time now."""
    for each in moved_times(before.lives, after.lives):
        sides = _sides(
            document="another range", fake="as documented", before=each.expected, service=each.actual, moved="service"
        )
        yield replace(each, sides=sides)


def _not_compared(before: Profile, after: Profile) -> Iterator[str]:
    for which, places in zip(("first", "second"), only_in_one(before, after), strict=True):
        if places:
            yield f"not compared, since only the {which} set has it: {', '.join(places)}"


def _report(collector: VerdictCollector, side: Side, sources: Sequence[Source], notes: Iterable[str]) -> Report:
    why = dict.fromkeys(_RULES, _NOT_SEEN)
    return Report(
        verdicts=collector.verdicts(_RULES, sources, why),
        sources=tuple(sources),
        exchanges=len(side.exchanges),
        counted_in="recording",
        notes=tuple(notes),
    )
