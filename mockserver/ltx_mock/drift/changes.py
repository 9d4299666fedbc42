"""The differences between two profiles, by kinds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ltx_mock.drift.profile import REDACTED, Evidence, Group, rule_of_place
from ltx_mock_contracts.reporting.text import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ltx_mock.drift.profile import Context, Fields, Profile

__all__ = ["Change", "changes_of", "only_in_one"]

_ANY: Final = frozenset({"null", REDACTED})
_UNKNOWN_FIELD: Final = "CLI-9"
_SHOWN: Final = 200
_NO_FIELD: Final = "no such field"
_NOT_ASKED: Final = "was not asked"
_NAMES: Final = {
    "state": "state",
    "failCode": "fail code",
    "failMsg": "fail message",
    "message": "error message",
    "status": "status",
    "content-type": "Content-Type",
    "media type": "media type of a result",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes:
        rule: The rule that it is about.
        kind: Differences of one kind are one.
        what: `new`, `missing` or `other type of`.
        noun: What it is about.
        detail: Which one, and where.
        before: What the first profile has, in a few words.
        after: What the second one has.
        evidence: Where the second one has it.
        subject: Operation and JSON pointer of the field that it is about, as in the kind of a deviation.
        place: The context of a field, or the group of a value.
    """

    rule: str
    kind: str
    what: str
    noun: str
    detail: str
    before: str
    after: str
    evidence: Evidence
    subject: str
    place: Context | Group

    @property
    def is_status(self) -> bool:
        """Whether it is about the status that a kind of request gets."""
        return isinstance(self.place, Group) and self.place.what == "status"

    def in_profile(self, profile: Profile) -> str:
        """Return what another profile has in the same place, in a few words."""
        if isinstance(self.place, Group):
            return _words(profile.values[self.place]) if self.place in profile.values else _NOT_ASKED
        if self.place not in profile.fields:
            return _NOT_ASKED
        return _words(profile.fields[self.place].types.get(self.subject.partition(" ")[2], ())) or _NO_FIELD

    def title(self, than: str = "") -> str:
        """Return it in one sentence; `than` names who has what the change is from, if it is not the same service."""
        if not than:
            return f"{self.what} {self.noun}: {self.detail}"
        return f"{self.noun} that {than} does not have: {self.detail}"

    def is_covered(self, subjects: Collection[str]) -> bool:
        """Tell whether there is a deviation about its field, or about one that contains it."""
        operation, _, pointer = self.subject.partition(" ")
        parts = pointer.split("/")
        return any(f"{operation} {'/'.join(parts[:length])}" in subjects for length in range(2, len(parts) + 1))


def changes_of(before: Profile, after: Profile) -> list[Change]:
    """Return what the second profile has and the first has not, and the fields that it never has and the first always.

    Only contexts and groups that both have are compared. Nothing that the documents settle is a change.
    """
    found: dict[str, Change] = {}
    for change in (*_fields(before, after), *_values(before, after)):
        first = found.get(change.kind)
        found[change.kind] = change if first is None else _joined(first, change)
    return list(found.values())


def only_in_one(before: Profile, after: Profile) -> tuple[list[str], list[str]]:
    """Return the places that only one of two profiles has, so that their fields cannot be compared."""
    one, other = ({context.place for context in profile.fields} for profile in (before, after))
    return sorted(one - other), sorted(other - one)


def _fields(before: Profile, after: Profile) -> Iterator[Change]:
    for context, now in after.fields.items():
        then = before.fields.get(context)
        if then is not None:
            yield from _present(context, then, now)
            yield from _missing(context, then, now)


def _present(context: Context, then: Fields, now: Fields) -> Iterator[Change]:
    """Yield the fields that are new, or have another type; null may stand for any, and so may a redacted value."""
    for pointer, types in now.types.items():
        if pointer in now.settled or _is_in_redacted(pointer, then.types):
            continue
        known, evidence = then.types.get(pointer), next(iter(types.values()))
        kinds, earlier = set(types) - _ANY, set(known or ()) - _ANY
        if known is None:
            yield _field(context, pointer, "new", _NO_FIELD, _words(types), evidence)
        elif kinds and earlier and kinds - earlier:
            yield _field(context, pointer, "other type of", _words(earlier), _words(kinds), evidence)


def _missing(context: Context, then: Fields, now: Fields) -> Iterator[Change]:
    """Yield the fields that each response had and none has, unless a document makes them optional."""
    for pointer, types in then.types.items():
        always_there = then.count(pointer) >= then.responses
        optional = pointer in then.settled and pointer not in now.lacking
        if now.sample is None or pointer in now.types or pointer in now.settled or optional or not always_there:
            continue
        if not _has_lost_parent(pointer, then.types, now.types) and not _is_in_redacted(pointer, now.types):
            yield _field(context, pointer, "missing", _words(types), _NO_FIELD, now.sample)


def _has_lost_parent(pointer: str, then: Collection[str], now: Collection[str]) -> bool:
    """Tell whether a field is gone with the object that it was in."""
    parent = pointer.rpartition("/")[0]
    return bool(parent) and parent in then and parent not in now


def _is_in_redacted(pointer: str, types: Mapping[str, Collection[str]]) -> bool:
    """Tell whether a field may be in an object that was replaced."""
    parts = pointer.split("/")
    return any(REDACTED in types.get("/".join(parts[:length]), ()) for length in range(2, len(parts)))


def _field(context: Context, pointer: str, what: str, before: str, after: str, evidence: Evidence) -> Change:
    operation, _, place = context.place.partition(" ")
    name = pointer.removeprefix("header ").lstrip("/").replace("/", ".")
    rule = _UNKNOWN_FIELD if what == "new" and not pointer.startswith("header ") else rule_of_place(context.place)
    if pointer == "header retry-after":
        rule = "LIM-3"
    return Change(
        rule=rule,
        kind=f"{operation} {pointer} {what}",
        what=what,
        noun="header" if pointer.startswith("header ") else "field",
        detail=f"{name} of {operation} ({place})",
        before=before,
        after=after,
        evidence=evidence,
        subject=f"{operation} {pointer}",
        place=context,
    )


def _values(before: Profile, after: Profile) -> Iterator[Change]:
    for group, values in after.values.items():
        known = before.values.get(group)
        if known is None:
            continue
        for value, evidence in values.items():
            if value not in known and (group, value) not in after.settled:
                yield _value(group, value, list(known), after.rules[group], evidence)


def _value(group: Group, value: str, known: list[str], rule: str, evidence: Evidence) -> Change:
    pointers = {"state": "/data/state", "failCode": "/data/failCode"}
    return Change(
        rule=rule,
        kind=f"{group.what} {group.where}: {value}",
        what="new",
        noun=_NAMES[group.what],
        detail=f"{_words([value])} ({group.where})",
        before=_words(known),
        after=_words([value]),
        evidence=evidence,
        subject=f"{evidence.first.operation} {pointers[group.what]}" if group.what in pointers else "",
        place=group,
    )


def _words(values: Iterable[str]) -> str:
    return shortened(" or ".join(sorted(values)), _SHOWN)


def _joined(first: Change, again: Change) -> Change:
    """Return a change of several places as one."""
    head, _, known = first.detail.removesuffix(")").rpartition(" (")
    place = again.detail.removesuffix(")").rpartition(" (")[2]
    places = ", ".join(dict.fromkeys([*known.split(", "), place]))
    return replace(first, detail=f"{head} ({places})", evidence=first.evidence.with_(again.evidence))
